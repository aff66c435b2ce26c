"""The run's side of its child processes: orders go down, news come up, and the dead are replaced.

A worker of the pipeline waits here for its visit as it would wait for the visitor itself. What a child
leaves unfinished when it dies goes back to the frontier, so that nobody is asked sooner than is polite;
all but the page that it died of, which gets its record.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import zlib
from functools import partial
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from scraper import record_line
from scraper.errors import FetchError, RunError, SettingsError
from scraper.messages import NO_IMPRESSION, Again, Hop, Request, Response
from scraper.observe.events import ChildDied
from scraper.processes.frames import Archived, Cancel, Conclude, Failed, Ping, Start, Visit
from scraper.processes.place import Pending, Place
from scraper.processes.process import ChildProcess
from scraper.record import Failure, Outcome
from scraper.verdict.page import Done
from scraper.verdict.retries import RunBudget
from scraper.verdict.robots import RobotsDecider
from scraper.visit.assembly import decider_for, retries_for
from scraper.visit.visit import Answered, Settler, partial_of, read_robots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime

    from scraper.clock import Clock
    from scraper.exchange import Put
    from scraper.messages import Errand, Visited
    from scraper.observe.events import Observer
    from scraper.processes.frames import Came, Exchanged
    from scraper.processes.process import Death
    from scraper.settings.model import Settings
    from scraper.visit.visit import Memory

_UNEVEN = 8
"""So many more visits than the least busy child may have the one that keeps a host's connections."""
_TOGETHER = 2
"""After so many deaths of children a visit goes on alone. One death is often somebody else's, and to go
again at once costs nobody anything; without an end a site could have others asked over and over."""
_ALONE = 2
"""So many children that were killed from outside while they were at nothing else are no accident."""
_FATAL_HOSTS = 4096
"""Hosts of whose pages children have died: as many as are remembered."""
_ANSWERS_WITHIN_S = 10.0
"""A child whose loop turns answers sooner, also on a busy machine. Besides it may be at a page."""
_STILLBORN = 8
"""So many children in a row that have died before they finished anything are no accident."""


class ProcessPool:
    """Visits in child processes; ``open`` gives a pool and ends its children.

    Each has connections and a cache of names of its own, so a host goes to the same one as far as that
    keeps them evenly busy. Any number of tasks may visit at the same time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        token: str,
        run: str,
        clock: Clock,
        observer: Observer,
        memory: Memory | None = None,
        put: Put | None = None,
    ) -> None:
        self._start = Start(settings, token, run, put is not None)
        self._put = put
        self._clock = clock
        self._observer = observer
        self._budget = RunBudget(settings.retry)
        retries = retries_for(settings, budget=self._budget)
        decider = decider_for(settings, retries=retries)
        self._settler = Settler(decider=decider, run=run, clock=clock, memory=memory)
        self._robots = RobotsDecider(settings.robots, retries=retries)
        numbers = range(settings.run.processes)
        self._places = [Place(f"process-{number}", archive=self._archive) for number in numbers]
        self._apart = [Place(f"process-apart-{number}", archive=self._archive) for number in numbers]
        """For suspects, each alone; a child is started when there is one."""
        self._free = asyncio.Queue[Place](len(self._apart))
        for place in self._apart:
            self._free.put_nowait(place)
        self._fatal_hosts: dict[str, None] = {}
        """What comes from there is visited alone, so that it costs nobody else a visit."""
        self._numbers = itertools.count(1)
        self._whereabouts: dict[str, Place] = {}
        """Of the tasks that visit, by their names."""
        self._stillborn = 0
        self._broken: Exception | None = None
        self._tasks = asyncio.TaskGroup()
        self._is_closing = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        token: str,
        run: str,
        clock: Clock,
        observer: Observer,
        memory: Memory | None = None,
        put: Put | None = None,
    ) -> AsyncIterator[Self]:
        """Start ``run.processes`` children.

        ``memory`` is of the runs before, for lines that ask nobody. What was on the wire goes to ``put``,
        where there is one.

        Raises:
            SettingsError: The system has no processes that inherit sockets (Windows).
            RunError: None can be started.
        """
        if os.name != "posix":
            raise SettingsError("run.processes: this system can't do it; leave it at 0")
        pool = cls(settings, token=token, run=run, clock=clock, observer=observer, memory=memory, put=put)
        try:
            async with pool._tasks:
                for place in pool._places:
                    pool._tasks.create_task(pool._keep_taken(place), name=place.name)
                try:
                    yield pool
                finally:
                    pool._close()
        except BaseExceptionGroup as group:
            if len(group.exceptions) > 1:
                raise
            # The error of the block itself: whoever waits for it knows nothing of our tasks.
            raise group.exceptions[0] from group.exceptions[0].__cause__

    async def visit(
        self, errand: Errand, *, departs: Callable[[], None], waits: Callable[[bool], None] | None = None
    ) -> Visited:
        """Return what came of visiting the errand once; as ``Visitor.visit``.

        Raises:
            RunError: The run can't go on.
            RuntimeError: A child broke by a bug.
        """
        if isinstance(errand, Request) and errand.settled is not None:
            departs()
            return await self._settler.settle(errand, errand.settled)
        pending = Pending(errand, departs=departs, waits=waits)
        answered = await self._answered(
            pending, self._place_for, lambda number: Visit(number, errand, self._budget.is_open)
        )
        return await read_robots(answered, token=self._start.token)

    async def conclude(
        self,
        request: Request,
        result: Response | FetchError,
        *,
        at: datetime,
        started_s: float,  # noqa: ARG002 - the child has a clock of its own
    ) -> Answered:
        """Return what comes of an answer; as ``Visitor.conclude``.

        Raises:
            RunError: The run can't go on.
            RuntimeError: A child broke by a bug.
        """
        response = result if isinstance(result, Response) else partial_of(result)
        failure = None
        if isinstance(result, FetchError):
            failure = Failed(result.outcome, result.kind, str(result), result.phase)
        while True:
            order = partial(Conclude, request=request, response=response, failure=failure, at=at)
            answered = await self._answered(Pending(request), self._idle_place, order)
            match answered.verdict:
                case Again(Request() as errand):  # its child has died of another page
                    request = errand
                case _:
                    return answered

    async def _answered(
        self, pending: Pending, place_for: Callable[[str], Place], order: Callable[[int], Visit | Conclude]
    ) -> Answered:
        errand = pending.errand
        if errand.deaths < _TOGETHER and errand.host not in self._fatal_hosts:
            return await self._visit_at(place_for(errand.host), pending, order)
        place = await self._free.get()
        try:
            if not place.is_kept:
                place.is_kept = True
                self._tasks.create_task(self._keep_taken(place), name=place.name)
            return await self._visit_at(place, pending, order)
        finally:
            self._free.put_nowait(place)

    def phase_of(self, task: str) -> str | None:
        """Return what the task of this name waits for here, ``None`` when it is not here."""
        place = self._whereabouts.get(task)
        return place.name if place else None

    def _archive(self, child: ChildProcess, exchanged: Exchanged) -> None:
        """Put what a child has sent into the archive, and tell it so; in the order that it came."""

        async def put(records: bytes) -> None:
            assert self._put is not None  # noqa: S101 - else the child would send none
            try:
                await self._put(lambda: records)
            except RunError as error:
                self._break(error)
                return
            child.order(Archived(exchanged.number))

        if not self._is_closing:  # then nobody waits for it any more
            self._tasks.create_task(put(exchanged.records), name=f"archive-{exchanged.number}")

    def _place_for(self, host: str) -> Place:
        """Return where to visit a host: its own place, unless that is down or much busier than another."""
        own = self._places[zlib.crc32(host.encode("utf-8", "surrogatepass")) % len(self._places)]
        up = [place for place in self._places if place.child is not None] or [own]
        idle = min(up, key=lambda place: len(place.pending))
        return own if own in up and len(own.pending) <= len(idle.pending) + _UNEVEN else idle

    def _idle_place(self, host: str) -> Place:  # noqa: ARG002 - no connection is to be kept
        """Return the place with the least to do."""
        up = [place for place in self._places if place.child is not None] or self._places
        return min(up, key=lambda place: len(place.pending))

    async def _visit_at(
        self, place: Place, pending: Pending, order: Callable[[int], Visit | Conclude]
    ) -> Answered:
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        number = next(self._numbers)
        self._whereabouts[name] = place
        try:
            child = await self._child_at(place)
            place.pending[number] = pending
            child.order(order(number))
            try:
                end = await pending.end
            except asyncio.CancelledError:
                child.order(Cancel(number))
                raise
            finally:
                del place.pending[number]
        finally:
            pending.depart()  # it never came to be sent
            self._whereabouts.pop(name, None)
        return end if isinstance(end, Answered) else self._taken_in(pending.errand, end)

    async def _child_at(self, place: Place) -> ChildProcess:
        """Wait for a place to be taken."""
        while place.child is None:
            if self._broken is not None:
                raise self._broken
            await place.news.wait()
        return place.child

    def _taken_in(self, errand: Errand, came: Came) -> Answered:
        """Return what a child says of a visit, with what was kept back here."""
        self._budget.note_request()
        for _ in range(came.tries_taken):
            self._budget.take()
        verdict = came.robots or came.verdict
        assert verdict is not None  # noqa: S101 - it is one or the other
        if isinstance(verdict, Again | Hop) and isinstance(errand, Request):
            onward = verdict.errand
            if isinstance(onward, Request):
                verdict = replace(verdict, errand=replace(onward, extra=errand.extra))
        return Answered(verdict, came.impression)

    # --- the life of a place ----------------------------------------------------------------------

    async def _keep_taken(self, place: Place) -> None:
        """Keep a child at a place until the pool closes."""
        try:
            while not self._is_closing and self._broken is None:
                async with ChildProcess.open(self._start, receive=place.receive) as child:
                    place.take(child)
                    death = await self._death_of(child, place)
                    place.leave()
                    if not self._is_closing:
                        self._bury(place, death, parsing=child.parsing)
        except RunError as error:
            self._break(error)
        finally:
            place.leave()

    async def _death_of(self, child: ChildProcess, place: Place) -> Death:
        """Wait for a child's end; one that says nothing for too long is brought to it.

        Its own alarm ends a parser that works on and on; this is for what does nothing at all, or hangs
        elsewhere. Two silences in a row: of a run that was stopped for long the first is the run's own.
        """
        silence_s = self._start.settings.parse.deadline_s + _ANSWERS_WITHIN_S
        was_heard = True
        while True:
            place.is_heard = False
            child.order(Ping())
            try:
                async with asyncio.timeout(silence_s):
                    return await child.died()
            except TimeoutError:
                if not place.is_heard and not was_heard:
                    child.give_up()
                was_heard = place.is_heard

    def _break(self, error: Exception) -> None:
        """End all visits, and let no further one begin: the run can't go on."""
        self._broken = self._broken or error
        for place in (*self._places, *self._apart):
            place.fail(error)

    def _close(self) -> None:
        self._is_closing = True
        for place in (*self._places, *self._apart):
            if place.child is not None:
                place.child.leave()

    def _bury(self, place: Place, death: Death, *, parsing: int) -> None:
        """Say what becomes of the visits of a child that has died."""
        if death.is_bug:
            self._break(RuntimeError(f"{place.name} broke; its own traceback is above"))
            return
        pending = {number: one for number, one in place.pending.items() if not one.end.done()}
        culprit = self._culprit(pending, place, death, parsing=parsing)
        for number, one in pending.items():
            if number == culprit:
                one.end.set_result(self._condemned(one.errand, death, parsing=number == parsing))
            else:
                deaths = max(one.errand.deaths + 1, _TOGETHER if number == parsing else 0)
                again = Again(replace(one.errand, deaths=deaths), 0.0)
                one.end.set_result(Answered(again, NO_IMPRESSION))
        self._observer.notice(
            ChildDied(
                name=place.name,
                cause=str(death),
                culprit=None if culprit is None else pending[culprit].errand,
                others=len(pending) - (culprit is not None),
                stalled=death.is_stall,
            )
        )
        self._stillborn = 0 if culprit is not None or place.has_finished_any else self._stillborn + 1
        if self._stillborn >= _STILLBORN:
            last = f"the last one {death}"
            self._break(RunError(f"child processes die before they do anything, {last}: try --processes 0"))

    def _culprit(
        self, pending: Mapping[int, Pending], place: Place, death: Death, *, parsing: int
    ) -> int | None:
        """Return which visit a child has died of, ``None`` when that can't be told.

        What was being parsed, if the child died of what it was doing, or what was visited alone. A signal
        from outside may be the system's, short of memory, or anybody's: it proves nothing, until it
        has come again and again.
        """
        most = _TOGETHER + _ALONE - 1
        if death.is_its_own and parsing in pending:
            return parsing
        if place not in self._apart:
            return None
        return next((n for n, one in pending.items() if death.is_its_own or one.errand.deaths >= most), None)

    def _condemned(self, errand: Errand, death: Death, *, parsing: bool) -> Answered:
        """Return the end of an errand that a child has died of."""
        self._fatal_hosts[errand.host] = None
        if len(self._fatal_hosts) > _FATAL_HOSTS:
            del self._fatal_hosts[next(iter(self._fatal_hosts))]
        kind, phase = ("ParserCrashed", "parse") if parsing else ("ProcessDied", "visit")
        message = f"the process that {'parsed' if parsing else 'visited'} it {death}"
        if death.is_stall and parsing:
            kind, message = "ParserStalled", f"not parsed within {self._start.settings.parse.deadline_s:g} s"
        if isinstance(errand, Request):
            failure = Failure(type=kind, message=message, phase=phase)
            done = Done(outcome=Outcome.PARSE_ERROR, failure=failure)
            record = record_line.record_of(errand, done, run=self._start.run)
            return Answered(record_line.finished(errand, done, record), NO_IMPRESSION)
        error = FetchError(message, outcome=Outcome.PROTOCOL_ERROR, kind=kind, phase=phase)
        return Answered(self._robots.decide(errand, error, at=self._clock.utc()), NO_IMPRESSION)
