"""The sample site, served by the test's own process while a program in another one crawls it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.demo.server import SampleServer


@contextmanager
def served(server: SampleServer) -> Iterator[SampleServer]:
    """Serve in a thread of its own, so that the test can wait for the program meanwhile."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield server
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(20)
