"""Whether hosts that never answer cost those that do anything.

    python tests/benchmarks/silent_hosts.py [--silent 64 200 500] [--dripping 64] [--first] [--set ...]

A list has pages of healthy hosts, and among them hosts that accept a connection and say nothing, or send an
answer by one byte a second. Taken is the time until the last healthy page has its record; then the run is
stopped. Lists with and without such hosts are crawled in turn in one run, so that the machine is the same for
both. ``--set run.waiting_visits=0`` shows what it costs when workers wait themselves. The exit code is 1 when
the median of a ratio is above ``--most``.

With more hosts than ``frontier.hosts_in_memory`` some have to wait for a place, silent or not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import random
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

import scraper
from scraper.cli.open_files import allow_many_open_files
from scraper.settings.load import load
from tests.support.processes import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

say = functools.partial(print, flush=True)  # the table is the program's output
SILENT, DRIPPING = "127.2.", "127.3."
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"


async def _keep_waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and say nothing or next to nothing until the other side is gone."""
    drips = writer.get_extra_info("sockname")[0].startswith(DRIPPING)
    with contextlib.suppress(OSError, EOFError):
        if drips:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_HEAD)
        while not reader.at_eof():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await reader.read(1024)
            if drips:
                writer.write(b"a")
                await writer.drain()
    writer.close()


@contextlib.contextmanager
def keeping_waiting() -> Iterator[int]:
    """Run such a server in a thread of its own; give its port."""
    loop, ports, over = asyncio.new_event_loop(), [], threading.Event()

    async def serve() -> None:
        # A range can't be bound.
        server = await asyncio.start_server(_keep_waiting, "0.0.0.0", 0, backlog=4096)  # noqa: S104
        ports.append(server.sockets[0].getsockname()[1])
        over.set()
        async with server:
            await server.serve_forever()

    def run() -> None:
        with contextlib.suppress(RuntimeError):  # stopped
            loop.run_until_complete(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    over.wait()
    yield ports[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def host(block: str, number: int) -> str:
    """Return the address of a host of a block."""
    return f"{block}{number // 250}.{number % 250 + 1}"


async def took_s(urls: Sequence[str], *, healthy: int, settings: scraper.Settings) -> float:
    """Crawl until all healthy pages have their record; return how long that took."""
    began_s = time.monotonic()
    async with scraper.crawl(urls, settings=settings) as records:
        async for record in records:
            if not record.input.startswith((f"http://{SILENT}", f"http://{DRIPPING}")):
                if record.outcome is not scraper.Outcome.OK:
                    raise SystemExit(f"{record.input}: {record.outcome}")
                healthy -= 1
            if not healthy:
                return time.monotonic() - began_s
    raise SystemExit("the crawl ended before the healthy pages did")


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--silent", type=int, nargs="+", default=[64, 200, 500], help="hosts")
    parser.add_argument("--dripping", type=int, nargs="+", default=[64], help="hosts")
    parser.add_argument("--silent-pages", type=int, default=4, help="lines of each of them")
    parser.add_argument("--hosts", type=int, default=1000, help="healthy ones")
    parser.add_argument("--pages", type=int, default=10, help="of each healthy host")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--first", action="store_true", help="the silent hosts stand first in the list")
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.OPTION=VALUE")
    parser.add_argument("--most", type=float, default=1.1)
    options = parser.parse_args()
    allow_many_open_files()
    settings = load(None, environment={}, assignments=options.set, flags=()).settings
    kinds = [(SILENT, count) for count in options.silent] + [(DRIPPING, count) for count in options.dripping]
    ratios: dict[str, list[float]] = {}
    with serving() as server, keeping_waiting() as port:
        pages = [
            f"http://{host('127.1.', n)}:{server.port}/bulk/{page}"
            for page in range(options.pages)
            for n in range(options.hosts)
        ]
        for number in range(options.rounds):
            alone_s = asyncio.run(took_s(pages, healthy=len(pages), settings=settings))
            parts = [f"alone {alone_s:.2f} s ({len(pages) / alone_s:.0f}/s)"]
            for block, count in kinds:
                waits = [
                    f"http://{host(block, n)}:{port}/{page}"
                    for page in range(options.silent_pages)
                    for n in range(count)
                ]
                urls = waits + pages
                if not options.first:
                    random.Random(1).shuffle(urls)  # noqa: S311
                with_s = asyncio.run(took_s(urls, healthy=len(pages), settings=settings))
                name = f"{count} {'silent' if block == SILENT else 'dripping'}"
                ratios.setdefault(name, []).append(with_s / alone_s)
                parts.append(f"{name} {with_s:.2f} s ({with_s / alone_s:.3f})")
            say(f"round {number + 1}: {', '.join(parts)}")
    medians = {name: statistics.median(found) for name, found in ratios.items()}
    say(", ".join(f"{name}: median ratio {median:.3f}" for name, median in medians.items()))
    return int(max(medians.values()) > options.most)


if __name__ == "__main__":
    sys.exit(main())
