"""How much faster a list is in two parts than in one, where pages and not hosts are what takes time.

    python tests/benchmarks/shards.py [--lines 3000] [--rounds 3] [--shards 1,2] [--size 40000]

The sample server answers, on 200 hosts without delay, so that a processor is what is short; it takes one
itself while it is asked. Each round crawls the list once with each number of parts, in processes of this
machine. Taken is the time of the whole command, starts included, and the processor time of the crawl.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.processes import clean_environment, lines_in, serving, write_list

say = functools.partial(print, flush=True)  # the table is the program's output
HOSTS = 200


def crawled(sources: Path, output: Path, shards: int) -> tuple[float, float]:
    """Crawl, and return the seconds that took and the processor's seconds."""
    words = ("-m", "scraper", "crawl", sources, "-o", output, "--shards", str(shards), "--quiet")
    fast = ("--delay", "0", "--robots", "ignore", "--set", f"cluster.workers={shards}")
    began_s, before = time.monotonic(), os.times()
    subprocess.run([sys.executable, *map(str, words), *fast], check=True, env=clean_environment())
    after = os.times()
    spent_s = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - began_s, spent_s


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", default="1,2")
    parser.add_argument("--size", type=int, default=40_000, help="bytes of a page")
    options = parser.parse_args()
    numbers = [int(number) for number in options.shards.split(",")]
    took: dict[int, list[tuple[float, float]]] = {number: [] for number in numbers}
    with tempfile.TemporaryDirectory(prefix="shards-") as folder, serving() as server:
        urls = server.bulk(options.lines, tag="shards", hosts=HOSTS, size_bytes=options.size)
        sources = write_list(Path(folder, "urls.txt"), urls)
        for turn in range(options.rounds):
            for number in numbers:
                output = Path(folder, f"{turn}-{number}.jsonl")
                took[number].append(crawled(sources, output, number))
                if lines_in(output) != options.lines:
                    say(f"{output.name} has {lines_in(output)} records")
                    return 1
    say(f"{options.lines} lines, {options.size} bytes a page, median of {options.rounds}")
    say("| parts | seconds | lines a second | processor seconds |")
    say("| --- | --- | --- | --- |")
    for number in numbers:
        seconds = statistics.median(one for one, _ in took[number])
        spent = statistics.median(one for _, one in took[number])
        say(f"| {number} | {seconds:.1f} | {options.lines / seconds:.0f} | {spent:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
