"""A child process: it visits what the run's process sends until that closes the line.

``process`` starts it, with the numbers of two inherited file descriptors, a socket and a black box, and with
SIGINT and SIGTERM ignored. An exception that is no page's ends it with a traceback and exit code 1.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper import loop
from scraper.clock import SystemClock
from scraper.errors import FetchError, RunError
from scraper.fetch.http import HttpFetcher
from scraper.messages import Again, Hop, Request
from scraper.parse.page import PageParser
from scraper.processes.black_box import BlackBox
from scraper.processes.frames import (
    Archived,
    Broke,
    Came,
    Cancel,
    Conclude,
    Departed,
    Exchanged,
    Line,
    News,
    Order,
    Ping,
    Pong,
    Start,
    Visit,
    Waits,
    decode_order,
    encode_news,
)
from scraper.robots.access import RobotsFile
from scraper.visit.assembly import archivist_for, remembering, visitor_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from scraper.messages import Finished, Impression, Response
    from scraper.parse.page import Parsed
    from scraper.settings.model import ParseSettings
    from scraper.visit.visit import Answered, Visitor

_number: contextvars.ContextVar[int] = contextvars.ContextVar("visit")


class LentBudget:
    """What the run's budget was when the last order came, and how much of it was taken since."""

    def __init__(self) -> None:
        self.is_open = True
        self.taken = 0

    def note_request(self) -> None:
        """Do nothing: the run's process counts visits itself."""

    def take(self) -> bool:
        """Take one further try; return whether there was one to be had."""
        self.taken += self.is_open
        return self.is_open

    def told(self) -> int:
        """Return how many were taken, once."""
        taken, self.taken = self.taken, 0
        return taken


class Posting:
    """Sends exchanges to the run's process, which has the archive, and waits until they are there."""

    def __init__(self, line: Line[News, Order]) -> None:
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def put(self, make: Callable[[], bytes]) -> None:
        """Send the records that a function makes; return when they are in the archive.

        What is made is sent also if nobody waits for it any more: later records may refer to it.
        """
        number = next(self._numbers)
        there = self._waiting[number] = self._loop.create_future()
        self._thread.submit(make).add_done_callback(
            lambda made: self._loop.call_soon_threadsafe(self._send, number, made)
        )
        try:
            await there
        finally:
            del self._waiting[number]

    def _send(self, number: int, made: Future[bytes]) -> None:
        if (error := made.exception()) is None:
            self._line.send(Exchanged(number, made.result()))
        elif number in self._waiting and not self._waiting[number].done():
            self._waiting[number].set_exception(error)

    def note(self, archived: Archived) -> None:
        """Let go on who waits for an exchange to be in the archive."""
        there = self._waiting.get(archived.number)
        if there is not None and not there.done():
            there.set_result(None)


class WatchedParser:
    """Parses under the eye of the run's process: it can tell which page it was that killed us.

    The deadline is the kernel's. A parser in C may never come back to Python, so nothing that runs in
    Python could end it; an alarm that nobody handles ends the process. It counts processor time: a page is
    not to blame for a busy machine, or for a run that was stopped in between.
    """

    def __init__(self, settings: ParseSettings, *, token: str, box: BlackBox) -> None:
        self._parser = PageParser(settings, token=token)
        self._deadline_s = settings.deadline_s
        self._box = box

    def parse(
        self,
        *,
        body: bytes,
        url: str,
        content_type_charset: str | None,
        headers: Sequence[tuple[str, str]] = (),
        links: bool = False,
    ) -> Parsed:
        """Return what the page says; as ``PageParser.parse``."""
        self._box.number = _number.get()
        signal.setitimer(signal.ITIMER_PROF, self._deadline_s)
        try:
            return self._parser.parse(
                body=body,
                url=url,
                content_type_charset=content_type_charset,
                headers=headers,
                links=links,
            )
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._box.number = 0


async def serve(end: socket.socket, box: BlackBox) -> None:
    """Visit what is ordered over the socket until its other end is closed; then close it.

    Raises:
        ExceptionGroup: A visit broke by a bug.
    """
    # Bounded by the run's workers, those that wait aside included: each has one order here at the most, and
    # its cancellation.
    orders: asyncio.Queue[Order | None] = asyncio.Queue()
    line = Line[News, Order](
        encode=encode_news,
        decode=decode_order,
        receive=orders.put_nowait,
        lost=lambda: orders.put_nowait(None),
    )
    await asyncio.get_running_loop().create_unix_connection(lambda: line, sock=end)
    start = await orders.get()
    if not isinstance(start, Start):
        return
    clock, budget, posting = SystemClock(), LentBudget(), Posting(line)
    known = remembering(start.settings, run=start.run, token=start.token, clock=clock)
    async with known as memory, HttpFetcher.open(start.settings.fetch, clock=clock) as fetcher:
        visitor = visitor_for(
            start.settings,
            fetcher,
            token=start.token,
            run=start.run,
            clock=clock,
            budget=budget,
            parser=WatchedParser(start.settings.parse, token=start.token, box=box),
            memory=memory,
            archivist=archivist_for(posting.put, run=start.run) if start.archives else None,
        )
        await _obey(orders, visitor=visitor, line=line, budget=budget, posting=posting)
    line.close()


async def _obey(
    orders: asyncio.Queue[Order | None],
    *,
    visitor: Visitor,
    line: Line[News, Order],
    budget: LentBudget,
    posting: Posting,
) -> None:
    """Begin and leave visits as ordered, until there are no more orders."""
    under_way: dict[int, asyncio.Task[None]] = {}

    async def obey(order: Visit | Conclude) -> None:
        number = order.number
        _number.set(number)
        try:
            if isinstance(order, Conclude):
                verdict, impression = await _concluded(order, visitor)
            else:
                departs = partial(line.send, Departed(number))
                verdict, impression = await visitor.ask(
                    order.errand, departs=departs, waits=lambda is_kept: line.send(Waits(number, is_kept))
                )
        except RunError as error:
            line.send(Broke(number, str(error)))
            return
        finally:
            del under_way[number]
        line.send(_told(number, verdict, impression, tries_taken=budget.told()))

    async with asyncio.TaskGroup() as visits:
        while (order := await orders.get()) is not None:
            if isinstance(order, Visit | Conclude):
                budget.is_open = isinstance(order, Visit) and order.may_retry
                under_way[order.number] = visits.create_task(obey(order), name=f"visit-{order.number}")
            elif isinstance(order, Cancel) and order.number in under_way:
                under_way[order.number].cancel()
            elif isinstance(order, Archived):
                posting.note(order)
            elif isinstance(order, Ping):
                line.send(Pong())
        for task in under_way.values():
            task.cancel()


async def _concluded(order: Conclude, visitor: Visitor) -> Answered:
    result: Response | FetchError | None = order.response
    if (failure := order.failure) is not None:
        result = FetchError(
            failure.message,
            outcome=failure.outcome,
            kind=failure.kind,
            phase=failure.phase,
            partial=order.response,
        )
    assert result is not None  # noqa: S101 - it is one or the other
    return await visitor.conclude(order.request, result, at=order.at, started_s=SystemClock().monotonic())


def _told(
    number: int, verdict: Finished | Again | Hop | RobotsFile, impression: Impression, *, tries_taken: int
) -> Came:
    if isinstance(verdict, RobotsFile):
        return Came(number, None, verdict, impression, tries_taken)
    if isinstance(verdict, Again | Hop) and isinstance(verdict.errand, Request):
        verdict = replace(verdict, errand=replace(verdict.errand, extra=None))
    return Came(number, verdict, None, impression, tries_taken)


def main() -> None:
    """Serve the socket and the box that are named on the command line."""
    end, box = socket.socket(fileno=int(sys.argv[1])), BlackBox(int(sys.argv[2]))
    loop.run(serve(end, box))
