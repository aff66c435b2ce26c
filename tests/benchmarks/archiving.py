"""What an archive beside the records costs a crawl: time, processor time, memory, and how large it becomes.

    python -m tests.benchmarks.archiving [--pages 1500] [--rounds 3]

Pages are as long as real ones, no two alike, and sent as they are, which is what costs an archive the most.
nginx serves them (``apt-get install nginx-light``). Runs with an archive and without take turns.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import sys
import tempfile
from pathlib import Path

from scraper.sinks.archive_files import files_there
from tests.benchmarks.corpus import hosts
from tests.benchmarks.measuring import Took, run
from tests.benchmarks.real_pages import real_page
from tests.benchmarks.web_server import web_server
from tests.support.processes import SCRAPER, write_list

say = functools.partial(print, flush=True)  # the table is the program's output
_HOSTS = 50


def crawl(urls: Path, folder: Path, *, processes: int, archives: bool) -> Took:
    """Crawl the list once."""
    outputs = [
        "-o",
        str(folder / "pages.jsonl"),
        *(["-o", str(folder / "pages.warc.gz")] if archives else []),
    ]
    words = [*SCRAPER, "crawl", str(urls), *outputs, "--fresh", "--quiet", "--delay", "0"]
    return run([*words, "--processes", str(processes)])


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archiving-") as name:
        folder = Path(name)
        root = folder / "www"
        root.mkdir()
        sizes = [(root / f"{n}.html").write_bytes(real_page(n)) for n in range(asked.pages)]
        names = hosts(_HOSTS)
        with web_server(folder, addresses=names) as port:
            urls = [f"http://{names[n % _HOSTS]}:{port}/{n}.html" for n in range(asked.pages)]
            source = write_list(folder / "urls.txt", urls)
            say(f"{asked.pages:,} pages, {sum(sizes) / len(sizes) / 1024:.0f} KiB on average; medians")
            say("processes  archive   pages/s  CPU ms a page  peak MiB   file MiB")
            for processes in (0, 2):
                took: dict[bool, list[Took]] = {False: [], True: []}
                for _ in range(asked.rounds):
                    for archives, runs in took.items():
                        runs.append(crawl(source, folder, processes=processes, archives=archives))
                made = sum(path.stat().st_size for path in files_there(folder / "pages.warc.gz"))
                for archives, runs in took.items():
                    elapsed_s = statistics.median(one.elapsed_s for one in runs)
                    cpu_s = statistics.median(one.processor_s for one in runs)
                    say(
                        f"{processes:<11}{'yes' if archives else 'no':<9}{asked.pages / elapsed_s:>8.0f}"
                        f"{1000 * cpu_s / asked.pages:>15.2f}{max(one.peak_mib for one in runs):>6.0f}"
                        f"{made / (1 << 20) if archives else 0:>11.1f}"
                    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
