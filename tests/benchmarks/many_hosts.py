"""Whether memory and open files grow with the number of hosts in a list.

    python tests/benchmarks/many_hosts.py [--few 1000] [--many 10000] [--pages 3] [--most 1.3]

Crawls a list of few hosts and one of many with as many pages each, by the real program with its default
delay, and samples the process: its peak memory and the most files it had open. The server's log says that
each host's robots.txt was its first request and the only one, and how close two requests came. The exit
code is 1 when the peak memory or the open files of the many are more than ``--most`` times those of the few.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import itertools

from tests.support.processes import Running, serving, started, write_list

say = functools.partial(print, flush=True)  # the table is the program's output
_SAMPLED_EVERY_S = 0.05


class Taken(NamedTuple):
    """What one run came to."""

    records: int
    elapsed_s: float
    peak_bytes: int
    open_files: int
    """The most that were seen at once."""
    odd_hosts: int
    """Hosts whose robots.txt was not the first request, or not the only one for it."""
    closest_s: float
    """The least time between two requests at one host."""


def sampled(running: Running) -> tuple[int, int]:
    """Watch a process to its end; return its peak memory in bytes and the most files it had open."""
    status, files = Path(f"/proc/{running.popen.pid}/status"), f"/proc/{running.popen.pid}/fd"
    peak_bytes = most_files = 0
    while not running.has_ended:
        try:
            most_files = max(most_files, len(os.listdir(files)))  # noqa: PTH208 - by far the quickest
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak_bytes = max(peak_bytes, int(line.split()[1]) * 1024)
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(_SAMPLED_EVERY_S)
    return peak_bytes, most_files


def crawled(hosts: int, pages: int, *, folder: Path) -> Taken:
    """Crawl so many hosts with so many pages each."""
    with serving() as server:
        names = [f"127.{1 + n // 60_000}.{n // 250 % 240}.{1 + n % 250}" for n in range(hosts)]
        urls = [f"http://{name}:{server.port}/bulk/{page}" for page in range(pages) for name in names]
        source, output = write_list(folder / f"{hosts}.txt", urls), folder / f"{hosts}.jsonl"
        began_s = time.monotonic()
        with started("crawl", source, "-o", output, "--quiet") as running:
            peak_bytes, most_files = sampled(running)
            running.wait()
        elapsed_s = time.monotonic() - began_s
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/-/requests") as answer:
            asked = [json.loads(line) for line in answer]
    by_host: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for entry in asked:
        by_host[entry["host"]].append((entry["at"], entry["path"]))
    odd, closest_s = hosts - len(by_host), float("inf")
    for found in by_host.values():
        found.sort()
        odd += [path for _, path in found].index("/robots.txt") != 0
        odd += [path for _, path in found].count("/robots.txt") != 1
        gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(found)]
        closest_s = min(closest_s, *gaps)
    records = sum(b'"outcome":"ok"' in line for line in output.open("rb"))
    return Taken(records, elapsed_s, peak_bytes, most_files, odd, closest_s)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=3)
    parser.add_argument("--most", type=float, default=1.3)
    options = parser.parse_args()
    found: list[Taken] = []
    with tempfile.TemporaryDirectory(prefix="many-hosts-") as folder:
        for hosts in (options.few, options.many):
            taken = crawled(hosts, options.pages, folder=Path(folder))
            found.append(taken)
            say(
                f"{hosts:,} hosts: {taken.records:,} good records in {taken.elapsed_s:.1f} s, "
                f"peak {taken.peak_bytes / 2**20:.1f} MiB, at most {taken.open_files} files open, "
                f"closest requests {taken.closest_s:.3f} s apart, {taken.odd_hosts} hosts with odd robots.txt"
            )
            if taken.records != hosts * options.pages or taken.odd_hosts:
                return 1
    few, many = found
    memory, files = many.peak_bytes / few.peak_bytes, many.open_files / few.open_files
    say(f"many over few: memory {memory:.2f}, open files {files:.2f}")
    return int(max(memory, files) > options.most)


if __name__ == "__main__":
    sys.exit(main())
