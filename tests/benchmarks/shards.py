"""How much faster a list is in two parts than in one, where pages and not hosts are what takes time.

    python tests/benchmarks/shards.py [--scale 1] [--rounds 3] [--shards 1,2]

nginx serves pages as sites of today send them, on 50 hosts without delay, so that a processor is what is
short. Each round crawls the list once with each number of parts, in processes of this machine. Taken is the
time of the whole command, starts included, and the processor time of the crawl. Let nothing else run then.
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

from tests.benchmarks.corpus import KINDS, hosts, laid_out
from tests.benchmarks.web_server import web_server
from tests.support.processes import clean_environment, lines_in, write_list

say = functools.partial(print, flush=True)  # the table is the program's output
KIND = KINDS["real"]


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
    parser.add_argument("--scale", type=float, default=1.0, help="of the list")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", default="1,2")
    options = parser.parse_args()
    numbers = [int(number) for number in options.shards.split(",")]
    took: dict[int, list[tuple[float, float]]] = {number: [] for number in numbers}
    with tempfile.TemporaryDirectory(prefix="shards-") as name:
        folder = Path(name)
        (folder / "www").mkdir()
        corpus = laid_out(KIND, folder / "www")
        assert corpus is not None, "these pages are made here"
        with web_server(folder, addresses=hosts(KIND.hosts)) as port:
            urls = corpus.urls(port, scale=options.scale)
            sources = write_list(folder / "urls.txt", urls)
            for turn in range(options.rounds):
                for number in numbers:
                    output = folder / f"{turn}-{number}.jsonl"
                    took[number].append(crawled(sources, output, number))
                    if lines_in(output) != len(urls):
                        say(f"{output.name} has {lines_in(output)} records")
                        return 1
    say(f"{len(urls)} lines, {corpus.mean_bytes:,.0f} bytes a page, median of {options.rounds}")
    say("| parts | seconds | lines a second | processor seconds |")
    say("| --- | --- | --- | --- |")
    for number in numbers:
        seconds = statistics.median(one for one, _ in took[number])
        spent = statistics.median(one for _, one in took[number])
        say(f"| {number} | {seconds:.1f} | {len(urls) / seconds:.0f} | {spent:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
