"""Whether anything wears out over a long run among hostile and honest hosts.

    python tests/benchmarks/soak.py [--minutes 20] [--processes 0] [--hostile 0.3]

One crawl of the library, whose list goes on until the time is up: everything that ``hostile_wire`` and
``hostile_pages`` know, mixed with honest pages. Each minute prints records, rate, memory, open files and
tasks. The exit code is 1 when a line has no record, an honest page failed, something is left open in the
end, or the memory at the end is more than ``--most`` times that after the warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

import scraper
from scraper import loop
from tests.support.crawling import settings
from tests.support.hostile_pages import PAGES
from tests.support.hostile_wire import SCENARIOS, SETTINGS, url_of
from tests.support.polite_site import NOT_FOUND, Answer, Ask, page, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

say = functools.partial(print, flush=True)  # the table is the program's output
_ROOT = Path(__file__).parents[2]
_PAGE_BYTES = 100_000
_HONEST_HOSTS = 200
_WARM_UP_S = 60.0
_PAGE_SERVER = "import asyncio; from tests.benchmarks.soak import serve_pages; asyncio.run(serve_pages())"


async def serve_pages() -> None:
    """Serve the hostile pages (``/hostile/N``) and honest ones until standard input ends."""
    bodies = [one.body(_PAGE_BYTES) for one in PAGES]

    def script(ask: Ask) -> Answer:
        _, kind, number = ask.target.partition("?")[0].split("/")
        if kind == "hostile":
            one = PAGES[int(number)]
            return Answer(bodies[int(number)], headers=(("Content-Type", one.content_type),))
        return page(title=f"Honest {number}") if kind == "honest" else NOT_FOUND

    async with serving(script) as site:
        say(site.port)
        await asyncio.to_thread(sys.stdin.read)


@contextlib.contextmanager
def server(*words: str) -> Iterator[int]:
    """Run a server that prints its port first; give the port."""
    command = [sys.executable, "-u", *words]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        try:
            yield int(running.stdout.readline())
        finally:
            running.terminate()


def lines(*, wire_port: int, pages_port: int, hostile: float, until_s: float) -> Iterator[str]:
    """Give URLs until a time; a share of them is hostile."""
    chance = random.Random(1)  # noqa: S311 - repeatable
    for number in itertools.count():
        if time.monotonic() > until_s:
            return
        if chance.random() >= hostile:
            host = f"127.20.0.{number % _HONEST_HOSTS + 1}"
            yield f"http://{host}:{pages_port}/honest/{number}"
        elif chance.random() < 0.5:
            at = chance.randrange(len(PAGES))
            yield f"http://127.21.0.{at + 1}:{pages_port}/hostile/{at}?{number}"
        else:
            yield f"{url_of(chance.choice(SCENARIOS), wire_port)}?{number}"


def rss_kib() -> int:
    """Return the memory that this process has now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise LookupError("VmRSS")


def open_files() -> Counter[str]:
    """Return how many files of each kind are open."""
    kinds: Counter[str] = Counter()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all that is wanted
        with contextlib.suppress(FileNotFoundError):
            kinds[os.readlink(f"/proc/self/fd/{number}").partition(":")[0]] += 1  # noqa: PTH115
    return kinds


async def soak(options: argparse.Namespace, *, wire_port: int, pages_port: int) -> int:
    """Crawl until the time is up; print what was seen, and return the exit code."""
    sections = {
        **SETTINGS,
        "run": {"workers": 64, "processes": options.processes},
        "politeness": {"per_host": 2, "delay_s": 0.0, "circuit_failures": 0, "adaptive": False},
        "frontier": {"lookahead": 2_000},
    }
    before_files, before_tasks = open_files(), len(asyncio.all_tasks())
    began_s = time.monotonic()
    until_s = began_s + options.minutes * 60
    given = lines(wire_port=wire_port, pages_port=pages_port, hostile=options.hostile, until_s=until_s)
    counted = 0

    def counting() -> Iterator[str]:
        nonlocal counted
        for line in given:
            counted += 1
            yield line

    outcomes: Counter[str] = Counter()
    failed_honest = records = told = 0
    warm_kib, next_s = 0, began_s
    async with scraper.crawl(counting(), settings=settings(**sections)) as found:
        async for record in found:
            records += 1
            outcomes[str(record.outcome)] += 1
            failed_honest += "/honest/" in record.input and record.outcome != "ok"
            now_s = time.monotonic()
            if not warm_kib and now_s - began_s > min(_WARM_UP_S, options.minutes * 12):
                warm_kib = rss_kib()
            if now_s >= next_s:
                rate, told, next_s = (records - told) / 60, records, now_s + 60
                say(
                    f"{(now_s - began_s) / 60:5.1f} min {records:>8,} records {rate:6.1f}/s "
                    f"{rss_kib() / 1024:6.1f} MiB {sum(open_files().values()):>5} files "
                    f"{len(asyncio.all_tasks()):>4} tasks"
                )
    end_kib = rss_kib()
    gc.collect()
    left = open_files() - before_files
    left.pop("/dev/null", None)  # libuv keeps one for when a process may open no more files
    left_tasks = len(asyncio.all_tasks()) - before_tasks
    say(f"{counted:,} lines, {records:,} records, {records / (time.monotonic() - began_s):.1f}/s on average")
    say(", ".join(f"{name} {count:,}" for name, count in outcomes.most_common()))
    say(f"memory after the warm-up {warm_kib / 1024:.1f} MiB, at the end {end_kib / 1024:.1f} MiB")
    say(f"honest pages that failed: {failed_honest}; left open: {dict(left)}, tasks: {left_tasks}")
    is_good = counted == records and not failed_honest and not left["socket"] and not left_tasks
    return 0 if is_good and end_kib <= options.most * warm_kib else 1


def main() -> int:
    """Read the command line and soak."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    reader.add_argument("--minutes", type=float, default=20.0)
    reader.add_argument("--processes", type=int, default=0)
    reader.add_argument("--hostile", type=float, default=0.3, help="the share of hostile lines")
    reader.add_argument("--most", type=float, default=1.3)
    options = reader.parse_args()
    with server("-m", "tests.support.raw_server") as wire_port, server("-c", _PAGE_SERVER) as pages_port:
        return loop.run(soak(options, wire_port=wire_port, pages_port=pages_port))


if __name__ == "__main__":
    sys.exit(main())
