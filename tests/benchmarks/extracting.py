"""What ``scraper extract`` takes for an archive of large pages: pages a second and peak memory.

    python -m tests.benchmarks.extracting [--pages 3000] [--processes 0 2]

The archive is compressed by record, and so are the pages in it, as a crawl gets them. The peak is compared
with that for a fifth of the pages; the program ends with 1 where it is more than 1.3 times as much.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.real_pages import COUNT, real_page
from tests.support.warcs import HTML, Archive

if TYPE_CHECKING:
    import resource

say = functools.partial(print, flush=True)  # the table is the program's output
_MIB = 1024 * 1024


def write_archive(path: Path, count: int) -> None:
    """Write an archive of so many pages, each on a host of its own now and then."""
    packed = [gzip.compress(real_page(number), 6) for number in range(COUNT)]
    with Archive(path) as archive:
        for number in range(count):
            url = f"https://www{number % 50}.example.com/{number}"
            archive.response(url, packed[number % COUNT], HTML, ("Content-Encoding", "gzip"))


def taken(archive: Path, *, processes: int) -> tuple[float, float, int]:
    """Extract in a process of its own; return its seconds, its processor seconds and its peak in bytes."""
    output = archive.with_name("pages.jsonl")
    words = ["extract", str(archive), "-o", str(output), "--fresh", "-q", "--processes", str(processes)]
    began_s = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "scraper", *words],
        {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"scraper ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began_s, used.ru_utime + used.ru_stime, _bytes(used)


def _bytes(used: resource.struct_rusage) -> int:
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=3_000)
    parser.add_argument("--most", type=float, default=1.3)
    parser.add_argument("--processes", type=int, nargs="*", default=[0, 2])
    asked = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="extracting-") as name:
        few, many = Path(name, "few.warc.gz"), Path(name, "many.warc.gz")
        write_archive(few, asked.pages // 5)
        write_archive(many, asked.pages)
        say(f"{asked.pages:,} pages in {many.stat().st_size / _MIB:.0f} MiB")
        say(f"{'processes':<10}{'s':>7}{'CPU s':>7}{'pages/s':>9}{'peak':>7} MiB{'of a fifth':>12}")
        for processes in asked.processes:
            _, _, small = taken(few, processes=processes)
            elapsed_s, cpu_s, large = taken(many, processes=processes)
            worst = max(worst, large / small)
            say(
                f"{processes:<10}{elapsed_s:>7.1f}{cpu_s:>7.1f}{asked.pages / elapsed_s:>9.0f}"
                f"{large / _MIB:>11.0f}{small / _MIB:>12.0f}"
            )
    return int(worst > asked.most)


if __name__ == "__main__":
    sys.exit(main())
