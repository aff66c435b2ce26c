"""What each format costs: time and peak memory for so many records, those of the corpus of pages.

    python -m tests.benchmarks.exporting [--records 100000]

Each format is made by a process of its own. Its peak is compared with that for a fifth of the records: it
must not grow with their number, so the program ends with 1 where it is more than 1.3 times as much.
"""

from __future__ import annotations

import argparse
import functools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from scraper.run.results import raw_records
from scraper.sinks.formats import FORMATS, finalise
from tests.fidelity import ours
from tests.fidelity.corpus import pages
from tests.support.memory import peak_bytes

say = functools.partial(print, flush=True)  # the table is the program's output
_MIB = 1024 * 1024
_STEP = 7919
"""A prime: the records stand in the journal in an order that is none, each number once."""


class Taken(NamedTuple):
    """What one format took."""

    elapsed_s: float
    cpu_s: float
    """Processor time, which other work on the machine touches least."""
    peak_bytes: int
    """Of the process, its modules included."""
    size_bytes: int


def write_journal(path: Path, count: int) -> None:
    """Write a journal of so many records, which is not in input order."""
    templates = ours.records(pages(), parser="fast")
    with path.open("wb") as journal:
        for number in range(count):
            seq = number * _STEP % count
            url = f"https://www.example.com/{seq}"
            record = templates[number % len(templates)] | {"seq": seq, "url": url, "key": url, "input": url}
            journal.write(msgspec.json.encode(record) + b"\n")


def make(journal: Path, target: Path, *, ordered: bool) -> None:
    """Make one output and print what it took, as the process of its own."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    finalise(journal, target, ending=target.suffix, ordered=ordered)
    elapsed_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    say(msgspec.json.encode(Taken(elapsed_s, cpu_s, peak_bytes(), target.stat().st_size)).decode())


def taken(journal: Path, target: Path, *, ordered: bool) -> Taken:
    """Have one output made, and return what it took; the output is removed."""
    words = [sys.executable, "-m", "tests.benchmarks.exporting", "--make", str(journal), str(target)]
    done = subprocess.run([*words, *(["--ordered"] if ordered else [])], check=True, stdout=subprocess.PIPE)
    target.unlink()
    return msgspec.json.decode(done.stdout, type=Taken)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--most", type=float, default=1.3)
    parser.add_argument("--make", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ordered", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(*asked.make, ordered=asked.ordered)
        return 0
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="exporting-") as name:
        few, many = Path(name, "few"), Path(name, "many")
        write_journal(few, asked.records // 5)
        write_journal(many, asked.records)
        began_s = time.perf_counter()
        lines = sum(1 for _ in raw_records(many))
        say(
            f"{lines:,} records, {many.stat().st_size / _MIB:.0f} MiB; "
            f"reading them as lines takes {time.perf_counter() - began_s:.1f} s"
        )
        say(f"{'format':<10}{'order':<9}{'s':>7}{'CPU s':>7}{'peak':>7} MiB{'of a fifth':>12}{'file':>7} MiB")
        for ending in FORMATS:
            if ending == ".ndjson":
                continue
            for ordered in (False, True):
                small, large = (
                    taken(journal, Path(name, f"pages{ending}"), ordered=ordered) for journal in (few, many)
                )
                worst = max(worst, large.peak_bytes / small.peak_bytes)
                say(
                    f"{ending:<10}{'input' if ordered else 'written':<9}"
                    f"{large.elapsed_s:>7.1f}{large.cpu_s:>7.1f}"
                    f"{large.peak_bytes / _MIB:>11.0f}{small.peak_bytes / _MIB:>12.0f}"
                    f"{large.size_bytes / _MIB:>11.0f}"
                )
    return int(worst > asked.most)


if __name__ == "__main__":
    sys.exit(main())
