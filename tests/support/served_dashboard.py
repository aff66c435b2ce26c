"""A dashboard in a thread with a loop of its own, for clients that are not async: browsers, schemathesis."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scraper.dashboard.access import access_of
from scraper.dashboard.server import dashboard
from tests.support.fake_daemon import SIZE, FakeDaemon, FakePages, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LONGEST_S = 60.0


class ServedDashboard:
    """A dashboard under way. ``daemon`` is to be touched by ``do`` alone."""

    def __init__(self, url: str, daemon: FakeDaemon, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url.rstrip("/")
        self.daemon = daemon
        self._loop = loop

    def do(self, what: Callable[[FakeDaemon], Any]) -> Any:
        """Do something with the daemon, on its loop, and return what comes of it."""
        done: Future[Any] = Future()

        def call() -> None:
            try:
                done.set_result(what(self.daemon))
            except BaseException as error:
                done.set_exception(error)
                raise

        self._loop.call_soon_threadsafe(call)
        return done.result(_LONGEST_S)


@contextlib.contextmanager
def served_dashboard(
    folder: Path, *, token: str | None = None, size: int = SIZE
) -> Iterator[ServedDashboard]:
    """Serve the sample daemon until the block ends; ``folder`` is that of a run's files."""
    daemon, pages = sample(datetime.now(UTC), folder, size=size)
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=_serve, args=(daemon, pages, token, ready), name="dashboard")
    thread.start()
    url, loop, over = ready.result(_LONGEST_S)
    try:
        yield ServedDashboard(url, daemon, loop)
    finally:
        loop.call_soon_threadsafe(daemon.close)
        loop.call_soon_threadsafe(over.set)
        thread.join(_LONGEST_S)


def _serve(
    daemon: FakeDaemon,
    pages: FakePages,
    token: str | None,
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]],
) -> None:
    async def main() -> None:
        environment = {} if token is None else {"SCRAPER_WEB_TOKEN": token}
        over = asyncio.Event()
        async with dashboard(daemon, pages, access_of("127.0.0.1:0", environment)) as url:
            ready.set_result((url, asyncio.get_running_loop(), over))
            await over.wait()

    try:
        asyncio.run(main())
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
        raise
