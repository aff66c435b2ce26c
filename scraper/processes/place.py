"""A place for a child process, and the visits that it is at. No I/O of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scraper.errors import RunError
from scraper.processes.frames import Broke, Came, Departed, Exchanged, Pong, Waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.messages import Errand
    from scraper.processes.frames import News
    from scraper.processes.process import ChildProcess
    from scraper.visit.visit import Answered


class Pending:
    """A visit that a child is at."""

    def __init__(
        self,
        errand: Errand,
        *,
        departs: Callable[[], None] | None = None,
        waits: Callable[[bool], None] | None = None,
    ) -> None:
        """Begin; ``departs`` and ``waits`` are as of ``pipeline.Visitor``."""
        self.errand = errand
        self.end: asyncio.Future[Came | Answered] = asyncio.get_running_loop().create_future()
        """What came of it, or what becomes of it since its child has died."""
        self._departs = departs
        self._waits = waits

    def depart(self) -> None:
        """Tell, once, that its request is on its way."""
        if self._departs is not None:
            departs, self._departs = self._departs, None
            departs()

    def wait(self, *, is_kept: bool) -> None:
        """Tell that its host keeps it waiting, or does so no more."""
        if self._waits is not None:
            self._waits(is_kept)


class Place:
    """A place in the pool: a child, and after its death another."""

    def __init__(self, name: str, *, archive: Callable[[ChildProcess, Exchanged], None]) -> None:
        """Take what is given each exchange, with the child that waits for it to be in the archive."""
        self.name = name
        self._archive = archive
        self.child: ChildProcess | None = None
        self.news = asyncio.Event()
        """There is a child, or the pool has broken."""
        self.pending: dict[int, Pending] = {}
        self.has_finished_any = False
        """The child has, or the last one had."""
        self.is_kept = False
        """Somebody sees to it that there is a child."""
        self.is_heard = False
        """Something came from the child since this was set to false."""

    def take(self, child: ChildProcess) -> None:
        """Give the place to a child."""
        self.child, self.has_finished_any = child, False
        self.news.set()

    def leave(self) -> None:
        """Have no child here any more."""
        self.child = None
        self.news.clear()

    def receive(self, news: News) -> None:
        """Take in what the child says; of visits that were left nothing is wanted any more."""
        self.is_heard = True
        if isinstance(news, Exchanged):
            if self.child is not None:
                self._archive(self.child, news)
            return
        if isinstance(news, Pong) or (pending := self.pending.get(news.number)) is None:
            return
        if isinstance(news, Departed):
            pending.depart()
        elif isinstance(news, Waits):
            pending.wait(is_kept=news.is_kept_waiting)
        elif pending.end.done():
            pass
        elif isinstance(news, Broke):
            pending.end.set_exception(RunError(news.message))
        else:
            self.has_finished_any = True
            pending.end.set_result(news)

    def fail(self, error: Exception) -> None:
        """End all visits here, and whoever waits for a child."""
        for pending in self.pending.values():
            if not pending.end.done():
                pending.end.set_exception(error)
        self.news.set()
