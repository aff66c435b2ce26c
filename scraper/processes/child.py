"""A child process: it visits what the run's process sends until that closes the line.

``process`` starts it, with the numbers of two inherited file descriptors, a socket and a black box, and with
SIGINT and SIGTERM ignored. An exception that is no page's ends it with a traceback and exit code 1.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper import loop
from scraper.clock import SystemClock
from scraper.errors import RunError
from scraper.fetch.http import HttpFetcher
from scraper.messages import Again, Hop, Request
from scraper.parse.page import PageParser
from scraper.processes.black_box import BlackBox
from scraper.processes.frames import (
    Broke,
    Came,
    Cancel,
    Departed,
    Line,
    News,
    Order,
    Ping,
    Pong,
    Start,
    Visit,
    decode_order,
    encode_news,
)
from scraper.robots.access import RobotsFile
from scraper.visiting import remembering, visitor_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import Errand, Finished, Impression
    from scraper.parse.page import Parsed
    from scraper.settings.model import ParseSettings
    from scraper.visit import Visitor

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
    # Bounded by the workers of the run: each has one order here at the most, and its cancellation.
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
    clock, budget = SystemClock(), LentBudget()
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
        )
        await _obey(orders, visitor=visitor, line=line, budget=budget)
    line.close()


async def _obey(
    orders: asyncio.Queue[Order | None], *, visitor: Visitor, line: Line[News, Order], budget: LentBudget
) -> None:
    """Begin and leave visits as ordered, until there are no more orders."""
    under_way: dict[int, asyncio.Task[None]] = {}

    async def visit(number: int, errand: Errand) -> None:
        _number.set(number)
        try:
            verdict, impression = await visitor.ask(errand, departs=partial(line.send, Departed(number)))
        except RunError as error:
            line.send(Broke(number, str(error)))
            return
        finally:
            del under_way[number]
        line.send(_told(number, verdict, impression, tries_taken=budget.told()))

    async with asyncio.TaskGroup() as visits:
        while (order := await orders.get()) is not None:
            if isinstance(order, Visit):
                budget.is_open = order.may_retry
                under_way[order.number] = visits.create_task(
                    visit(order.number, order.errand), name=f"visit-{order.number}"
                )
            elif isinstance(order, Cancel) and order.number in under_way:
                under_way[order.number].cancel()
            elif isinstance(order, Ping):
                line.send(Pong())
        for task in under_way.values():
            task.cancel()


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
