"""One visit: fetch, decide, parse, and put the record together.

The pipeline's workers call it and pass on what comes of it. It keeps nothing between two visits, so
that it runs in another process as well.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from scraper import record_line
from scraper.errors import FetchError
from scraper.messages import (
    NO_IMPRESSION,
    Again,
    Errand,
    Finished,
    Hop,
    Impression,
    Request,
    Response,
    RobotsRead,
    RobotsRequest,
    Visited,
)
from scraper.record import Outcome
from scraper.robots.access import Access, RobotsFile, origin_of
from scraper.robots.reading import MAX_BYTES
from scraper.verdict.conditions import conditions_of, unconditional
from scraper.verdict.impression import impression_of
from scraper.verdict.page import Done
from scraper.visit.extractor import extended
from scraper.visit.reading import Read

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from scraper.clock import Clock
    from scraper.exchange import Keep
    from scraper.messages import Settled, Validators
    from scraper.record import Record
    from scraper.verdict.page import Decision
    from scraper.verdict.robots import RobotsDecision
    from scraper.visit.archiving import Archivist
    from scraper.visit.extractor import Extractor
    from scraper.visit.reading import Reader

_PARSED_AT_ONCE_BYTES = 32 * 1024
"""A larger robots.txt is parsed in a thread: the worst takes 0.25 s."""


class Fetcher(Protocol):
    """Asks for one URL once: no redirect is followed, nothing is tried again."""

    async def fetch(
        self,
        url: str,
        *,
        departs: Callable[[], None],
        credentials: bool = False,
        is_last: bool = False,
        is_listed: bool = False,
        cap_bytes: int | None = None,
        validators: Validators | None = None,
        keep: Keep | None = None,
        waits: Callable[[bool], None] | None = None,
        is_doubtful: bool = False,
    ) -> Response:
        """Return what the URL answers, whatever its status.

        Args:
            url: What to ask for.
            departs: Called once, when the request is sent or can't be.
            credentials: The user's credentials may go with it.
            is_last: The connection need not be kept.
            is_listed: The host stands in the user's own list.
            cap_bytes: The most bytes of a body, in place of the settings'.
            validators: What a 304 is asked for by.
            keep: Takes what was on the wire, before this returns.
            waits: Called with ``True`` when the host keeps us waiting, and with ``False`` when no more.
            is_doubtful: The host is not likely to answer: ``waits`` is called at once.

        Raises:
            FetchError: There was no whole response: its ``outcome`` says why.
        """
        ...


class Decider(Protocol):
    """Says what follows from an attempt at a line."""

    def settle(self, request: Request, settled: Settled, *, at: datetime) -> Decision:
        """Return what follows for a line that nobody is asked for."""
        ...

    def decide(self, request: Request, result: Response | FetchError, *, at: datetime) -> Decision:
        """Return what follows from an attempt that began at ``at``, a time with a zone."""
        ...


class RobotsDecider(Protocol):
    """Says what an answer to robots.txt means."""

    def decide(self, errand: RobotsRequest, result: Response | FetchError, *, at: datetime) -> RobotsDecision:
        """Return what follows from asking for it at ``at``, a time with a zone."""
        ...


class Memory(Protocol):
    """Knows pages from the runs before."""

    async def carried(
        self, request: Request, done: Done, response: Response | None, *, started_s: float
    ) -> Record | None:
        """Return the record of a page that is as it was; ``None`` when what it was is not known any more."""
        ...

    async def judged(self, request: Request, record: Record) -> Record:
        """Return a record with what has become of its page."""
        ...


class Settler:
    """Puts the records of lines together that nobody is asked for."""

    def __init__(self, *, decider: Decider, run: str, clock: Clock, memory: Memory | None = None) -> None:
        self._memory = memory
        self._decider = decider
        self._run = run
        self._clock = clock

    async def settle(self, request: Request, settled: Settled) -> Visited:
        """Return what comes of a line of which it is known already."""
        decision = self._decider.settle(request, settled, at=self._clock.utc())
        if isinstance(decision, Done):
            record: Record | None
            if self._memory is not None and decision.outcome is Outcome.NOT_MODIFIED:
                record = await self._memory.carried(request, decision, None, started_s=0.0)
                if record is None:
                    return Visited(Again(unconditional(request), 0.0), NO_IMPRESSION)
            else:
                record = record_line.record_of(request, decision, run=self._run)
            return Visited(record_line.finished(request, decision, record), NO_IMPRESSION)
        return Visited(decision, NO_IMPRESSION)


class Answered(NamedTuple):
    """What came of asking, before a robots.txt is read."""

    verdict: Finished | Again | Hop | RobotsFile
    impression: Impression


async def read_robots(answered: Answered, *, token: str) -> Visited:
    """Return a visit's end: what a robots.txt says to whom it may call by this token, all else as it is."""
    file, impression = answered
    if not isinstance(file, RobotsFile):
        return Visited(file, impression)
    if len(file.body) > _PARSED_AT_ONCE_BYTES:
        access = await asyncio.to_thread(Access.of, file, token=token)
    else:
        access = Access.of(file, token=token)
    return Visited(RobotsRead(access), impression)


class Visitor:
    """Visits one errand at a time for each of its callers."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        decider: Decider,
        robots: RobotsDecider,
        reader: Reader,
        token: str,
        run: str,
        clock: Clock,
        extractor: Extractor | None = None,
        memory: Memory | None = None,
        archivist: Archivist | None = None,
    ) -> None:
        """Take the parts; ``token`` is what robots.txt may call us by, ``memory`` is of the runs before."""
        self._extractor = extractor
        self._memory = memory
        self._archivist = archivist
        self._fetcher = fetcher
        self._decider = decider
        self._settler = Settler(decider=decider, run=run, clock=clock, memory=memory)
        self._robots = robots
        self._reader = reader
        self._token = token
        self._run = run
        self._clock = clock

    async def visit(
        self, errand: Errand, *, departs: Callable[[], None], waits: Callable[[bool], None] | None = None
    ) -> Visited:
        """Return what came of visiting the errand once.

        ``departs`` is called when it goes on its way, also for one that asks nobody; ``waits`` with
        ``True`` when its host keeps it waiting, and with ``False`` when no more.
        """
        if isinstance(errand, Request) and errand.settled is not None:
            departs()
            return await self._settler.settle(errand, errand.settled)
        answered = await self.ask(errand, departs=departs, waits=waits)
        return await read_robots(answered, token=self._token)

    async def ask(
        self, errand: Errand, *, departs: Callable[[], None], waits: Callable[[bool], None] | None = None
    ) -> Answered:
        """Return what came of asking for the errand's target; a robots.txt is not read yet."""
        if isinstance(errand, RobotsRequest):
            return await self._ask_robots(errand, departs, waits)
        return await self._ask(errand, departs, waits)

    def _keeper(self, errand: Errand) -> Keep | None:
        return self._archivist.keeper(errand) if self._archivist else None

    async def _ask_robots(
        self, errand: RobotsRequest, departs: Callable[[], None], waits: Callable[[bool], None] | None
    ) -> Answered:
        at = self._clock.utc()
        result: Response | FetchError
        try:
            # One more byte than counts shows that there was more.
            result = await self._fetcher.fetch(
                errand.target,
                departs=departs,
                is_listed=errand.is_listed,
                cap_bytes=MAX_BYTES + 1,
                keep=self._keeper(errand),
                waits=waits,
                is_doubtful=errand.is_doubtful,
            )
        except FetchError as error:
            result = error
        return Answered(self._robots.decide(errand, result, at=at), impression_of(result, tries=errand.tries))

    async def _ask(
        self, request: Request, departs: Callable[[], None], waits: Callable[[bool], None] | None
    ) -> Answered:
        started_s = self._clock.monotonic()
        at = self._clock.utc()
        result: Response | FetchError
        try:
            result = await self._fetcher.fetch(
                request.target,
                departs=departs,
                credentials=_may_authenticate(request),
                is_last=request.is_last,
                is_listed=request.is_listed,
                cap_bytes=self._reader.cap_bytes(request),
                validators=conditions_of(request) if request.known else None,
                keep=self._keeper(request),
                waits=waits,
                is_doubtful=request.is_doubtful,
            )
        except FetchError as error:
            result = error
        return await self.conclude(request, result, at=at, started_s=started_s)

    async def conclude(
        self, request: Request, result: Response | FetchError, *, at: datetime, started_s: float
    ) -> Answered:
        """Return what comes of what a request was answered, by whomever.

        Args:
            request: What was asked for.
            result: The answer, or why there is none.
            at: When it was asked.
            started_s: Monotonic: when the visit began.
        """
        impression = impression_of(result, tries=request.tries)
        decision = self._decider.decide(request, result, at=at)
        if isinstance(decision, Done) and decision.outcome is Outcome.NOT_MODIFIED:
            return await self._carried(request, decision, result, impression, started_s=started_s)
        fetched_s = self._clock.monotonic()
        read = Read(decision)
        if isinstance(decision, Done) and isinstance(result, Response):
            read = await self._reader.read(request, result, decision)
            decision = read.decision
        parsed_s = self._clock.monotonic()
        if not isinstance(decision, Done):
            took_s = request.took_s + parsed_s - started_s
            return Answered(replace(decision, errand=replace(decision.errand, took_s=took_s)), impression)
        record = record_line.record_of(
            request,
            decision,
            result if isinstance(result, Response) else partial_of(result),
            read.page,
            run=self._run,
            directives=read.directives,
            started_s=started_s,
            parse_s=parsed_s - fetched_s,
            is_whole=isinstance(result, Response),
        )
        own = None
        if read.fields is not None and isinstance(result, Response):
            record, own = await extended(record, read.fields, extractor=self._extractor, response=result)
        if self._memory is not None:
            record = await self._memory.judged(request, record)
        took_s = self._clock.monotonic() - started_s
        finished = record_line.finished(request, decision, record, took_s=took_s, found=read.found, own=own)
        return Answered(finished, impression)

    async def _carried(
        self,
        request: Request,
        done: Done,
        result: Response | FetchError,
        impression: Impression,
        *,
        started_s: float,
    ) -> Answered:
        """Return the end of a line whose page is as it was, or have it fetched if that is not known."""
        response = result if isinstance(result, Response) else None
        record = None
        if self._memory is not None:
            record = await self._memory.carried(request, done, response, started_s=started_s)
        if record is None:
            return Answered(Again(unconditional(request), 0.0), impression)
        took_s = self._clock.monotonic() - started_s
        return Answered(record_line.finished(request, done, record, took_s=took_s), impression)


def partial_of(error: FetchError) -> Response | None:
    """Return the answer as far as it came."""
    return error.partial if isinstance(error.partial, Response) else None


def _may_authenticate(request: Request) -> bool:
    """Whether the user's credentials may go along: to where the line leads, not to where others do."""
    if not request.is_trusted or request.url is None:
        return False
    return not request.redirects or origin_of(request.target) == origin_of(request.url)
