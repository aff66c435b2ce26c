"""Whether a slow host costs the others anything.

    python tests/benchmarks/slow_host.py [--lines 4000] [--hosts 99] [--share 0.3] [--answer-s 30]

One host answers each request after ``--answer-s`` seconds and has ``--share`` of the list; the others are
fast. Crawled in turn: the fast lines alone, the whole list with the slow lines strewn in, and the whole list
sorted by host with the slow one first. Taken is the time until the last fast line has its record, then the
run is stopped. The exit code is 1 when the median of either ratio is above ``--most``.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import random
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import scraper
from tests.support.processes import serving

if TYPE_CHECKING:
    from collections.abc import Sequence

say = functools.partial(print, flush=True)  # the table is the program's output
SLOW = "127.0.9.9"


class Lists(NamedTuple):
    """The three lists; the same fast lines in each."""

    fast: list[str]
    strewn: list[str]
    sorted: list[str]


def lists(options: argparse.Namespace, port: int) -> Lists:
    """Return the lists."""
    fast_lines = round(options.lines * (1 - options.share))
    fast = [f"http://127.0.8.{1 + n % options.hosts}:{port}/bulk/{n}" for n in range(fast_lines)]
    slow = [
        f"http://{SLOW}:{port}/bulk/{n}?delay={options.answer_s}" for n in range(options.lines - fast_lines)
    ]
    random.Random(1).shuffle(strewn := fast + slow)  # noqa: S311
    return Lists(fast, strewn, slow + sorted(fast))


async def took_s(urls: Sequence[str], *, fast: int, options: argparse.Namespace) -> float:
    """Crawl until so many lines of fast hosts have their record; return how long that took."""
    settings = scraper.Settings(
        politeness=scraper.PolitenessSettings(per_host=2, delay_s=options.delay_s),
        fetch=scraper.FetchSettings(read_s=2 * options.answer_s, total_s=4 * options.answer_s),
    )
    began_s = time.monotonic()
    done = 0
    async with scraper.crawl(urls, settings=settings) as records:
        async for record in records:
            if SLOW not in record.input:
                done += 1
                if record.outcome is not scraper.Outcome.OK:
                    raise SystemExit(f"{record.input}: {record.outcome}")
            if done == fast:
                return time.monotonic() - began_s
    raise SystemExit("the crawl ended before the fast lines did")


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lines", type=int, default=4000)
    parser.add_argument("--hosts", type=int, default=99, help="fast ones")
    parser.add_argument("--share", type=float, default=0.3, help="of the list, at the slow host")
    parser.add_argument("--answer-s", type=float, default=30.0)
    parser.add_argument("--delay-s", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=float, default=1.15)
    options = parser.parse_args()
    ratios: dict[str, list[float]] = {"strewn": [], "sorted": []}
    with serving() as server:
        three = lists(options, server.port)
        least_s = options.delay_s * len(three.fast) / options.hosts
        say(f"{len(three.fast)} fast lines; politeness alone takes {least_s:.1f} s")
        for number in range(options.rounds):
            alone_s = asyncio.run(took_s(three.fast, fast=len(three.fast), options=options))
            parts = [f"alone {alone_s:.2f} s"]
            for name, urls in (("strewn", three.strewn), ("sorted", three.sorted)):
                with_s = asyncio.run(took_s(urls, fast=len(three.fast), options=options))
                ratios[name].append(with_s / alone_s)
                parts.append(f"{name} {with_s:.2f} s ({with_s / alone_s:.3f})")
            say(f"round {number + 1}: {', '.join(parts)}")
    medians = {name: statistics.median(found) for name, found in ratios.items()}
    say(", ".join(f"{name}: median ratio {median:.3f}" for name, median in medians.items()))
    return int(max(medians.values()) > options.most)


if __name__ == "__main__":
    sys.exit(main())
