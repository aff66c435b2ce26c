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
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from scraper import record_line
from scraper.errors import FetchError, RunError, SettingsError
from scraper.messages import NO_IMPRESSION, Again, Hop, Request, Visited
from scraper.observe.events import ChildDied
from scraper.processes.frames import Broke, Came, Cancel, Departed, Start, Visit
from scraper.processes.process import ChildProcess
from scraper.record import Failure, Outcome
from scraper.robots.access import RobotsFile
from scraper.verdict.page import Done
from scraper.verdict.retries import RunBudget
from scraper.verdict.robots import RobotsDecider
from scraper.visit import Settler, read_robots
from scraper.visiting import decider_for, retries_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from scraper.clock import Clock
    from scraper.messages import Errand
    from scraper.observe.events import Observer
    from scraper.processes.frames import News
    from scraper.processes.process import Death
    from scraper.settings.model import Settings

_UNEVEN = 8
"""So many more visits than the least busy child may have the one that keeps a host's connections."""
_STILLBORN = 3
"""So many children in a row that have died before they finished anything are no accident."""


class _Pending:
    """A visit that a child is at."""

    def __init__(self, errand: Errand, departs: Callable[[], None]) -> None:
        self.errand = errand
        self.end: asyncio.Future[Came | Visited] = asyncio.get_running_loop().create_future()
        """What came of it, or what becomes of it since its child has died."""
        self._departs: Callable[[], None] | None = departs

    def depart(self) -> None:
        """Tell, once, that its request is on its way."""
        if self._departs is not None:
            departs, self._departs = self._departs, None
            departs()


class _Place:
    """A place in the pool: a child, and after its death another."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.child: ChildProcess | None = None
        self.news = asyncio.Event()
        """There is a child, or there will be none any more."""
        self.pending: dict[int, _Pending] = {}
        self.has_finished_any = False
        """The child has, or the last one had."""

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
        pending = self.pending.get(news.number)
        if pending is None:
            return
        if isinstance(news, Departed):
            pending.depart()
        elif pending.end.done():
            pass
        elif isinstance(news, Broke):
            pending.end.set_exception(RunError(news.message))
        else:
            self.has_finished_any = True
            pending.end.set_result(news)


class ProcessPool:
    """Visits in child processes; ``open`` gives a pool and ends its children.

    Each has connections and a cache of names of its own, so a host goes to the same one as far as that
    keeps them evenly busy. Any number of tasks may visit at the same time.
    """

    def __init__(self, settings: Settings, *, token: str, run: str, clock: Clock, observer: Observer) -> None:
        self._start = Start(settings, token, run)
        self._clock = clock
        self._observer = observer
        self._budget = RunBudget(settings.retry)
        retries = retries_for(settings, budget=self._budget)
        self._settler = Settler(decider=decider_for(settings, retries=retries), run=run, clock=clock)
        self._robots = RobotsDecider(settings.robots, retries=retries)
        self._places = [_Place(f"process-{number}") for number in range(settings.run.processes)]
        self._apart = _Place("process-apart")
        """For suspects, one at a time."""
        self._has_apart = False
        self._alone = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._whereabouts: dict[str, _Place] = {}
        """Of the tasks that visit, by their names."""
        self._stillborn = 0
        self._broken: Exception | None = None
        self._tasks = asyncio.TaskGroup()
        self._is_closing = False

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, settings: Settings, *, token: str, run: str, clock: Clock, observer: Observer
    ) -> AsyncIterator[Self]:
        """Start ``run.processes`` children.

        Raises:
            SettingsError: The system has no processes that inherit sockets (Windows).
            RunError: None can be started.
        """
        if os.name != "posix":
            raise SettingsError("run.processes: this system can't do it; leave it at 0")
        pool = cls(settings, token=token, run=run, clock=clock, observer=observer)
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

    async def visit(self, errand: Errand, *, departs: Callable[[], None]) -> Visited:
        """Return what came of visiting the errand once; as ``Visitor.visit``.

        Raises:
            RunError: The run can't go on.
            RuntimeError: A child broke by a bug.
        """
        if isinstance(errand, Request) and errand.settled is not None:
            departs()
            return self._settler.settle(errand, errand.settled)
        if not errand.is_suspect:
            return await self._visit_at(self._place_for(errand.host), errand, departs)
        async with self._alone:
            if not self._has_apart:
                self._has_apart = True
                self._tasks.create_task(self._keep_taken(self._apart), name=self._apart.name)
            return await self._visit_at(self._apart, errand, departs)

    def phase_of(self, task: str) -> str | None:
        """Return what the task of this name waits for here, ``None`` when it is not here."""
        place = self._whereabouts.get(task)
        return place.name if place else None

    def _place_for(self, host: str) -> _Place:
        """Return where to visit a host: its own place, unless that is down or much busier than another."""
        up = [place for place in self._places if place.child is not None] or self._places
        own = up[zlib.crc32(host.encode("utf-8", "surrogatepass")) % len(up)]
        idle = min(up, key=lambda place: len(place.pending))
        return own if len(own.pending) <= len(idle.pending) + _UNEVEN else idle

    async def _visit_at(self, place: _Place, errand: Errand, departs: Callable[[], None]) -> Visited:
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        number = next(self._numbers)
        self._whereabouts[name] = place
        try:
            child = await self._child_at(place)
            pending = place.pending[number] = _Pending(errand, departs)
            child.order(Visit(number, errand, self._budget.is_open))
            try:
                end = await pending.end
            except asyncio.CancelledError:
                child.order(Cancel(number))
                raise
            finally:
                pending.depart()  # it never came to be sent
                del place.pending[number]
        finally:
            self._whereabouts.pop(name, None)
        return end if isinstance(end, Visited) else await self._taken_in(errand, end)

    async def _child_at(self, place: _Place) -> ChildProcess:
        """Wait for a place to be taken."""
        while place.child is None:
            if self._broken is not None:
                raise self._broken
            await place.news.wait()
        return place.child

    async def _taken_in(self, errand: Errand, came: Came) -> Visited:
        """Return what a child says of a visit as the pipeline wants it."""
        self._budget.note_request()
        for _ in range(came.tries_taken):
            self._budget.take()
        if came.robots is not None:
            return Visited(await read_robots(came.robots, token=self._start.token), came.impression)
        verdict = came.verdict
        assert verdict is not None  # noqa: S101 - it is one or the other
        if isinstance(verdict, Again | Hop) and isinstance(errand, Request):
            onward = verdict.errand
            if isinstance(onward, Request):
                verdict = replace(verdict, errand=replace(onward, extra=errand.extra))
        return Visited(verdict, came.impression)

    # --- the life of a place ----------------------------------------------------------------------

    async def _keep_taken(self, place: _Place) -> None:
        """Keep a child at a place until the pool closes."""
        try:
            while not self._is_closing and self._broken is None:
                async with ChildProcess.open(self._start, receive=place.receive) as child:
                    place.take(child)
                    death = await child.died()
                    place.leave()
                    if not self._is_closing:
                        self._bury(place, death, parsing=child.parsing)
        except RunError as error:
            self._break(error)
        finally:
            place.leave()
            place.news.set()

    def _break(self, error: Exception) -> None:
        """End all visits, and let no further one begin: the run can't go on."""
        self._broken = self._broken or error
        for place in (*self._places, self._apart):
            for pending in place.pending.values():
                if not pending.end.done():
                    pending.end.set_exception(error)
            place.news.set()

    def _close(self) -> None:
        self._is_closing = True
        for place in (*self._places, self._apart):
            if place.child is not None:
                place.child.leave()

    def _bury(self, place: _Place, death: Death, *, parsing: int) -> None:
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
                # Nobody is asked twice in vain: they are visited anew, alone if it may have been them.
                suspect = culprit is None and parsing in {0, number}
                again = Again(replace(one.errand, is_suspect=suspect), 0.0)
                one.end.set_result(Visited(again, NO_IMPRESSION))
        self._observer.notice(
            ChildDied(
                name=place.name,
                cause=str(death),
                culprit=None if culprit is None else pending[culprit].errand,
                others=len(pending) - (culprit is not None),
            )
        )
        self._stillborn = 0 if culprit is not None or place.has_finished_any else self._stillborn + 1
        if self._stillborn >= _STILLBORN:
            last = f"the last one {death}"
            self._break(RunError(f"child processes die before they do anything, {last}: try --processes 0"))

    def _culprit(
        self, pending: Mapping[int, _Pending], place: _Place, death: Death, *, parsing: int
    ) -> int | None:
        """Return which visit a child has died of, ``None`` when that can't be told.

        What was being parsed, if the child died of what it was doing; what was visited alone, whatever it
        was. A signal from outside may be the system's, short of memory, or anybody's: it proves nothing.
        """
        if place is self._apart:
            return next(iter(pending), None)
        return parsing if death.is_its_own and parsing in pending else None

    def _condemned(self, errand: Errand, death: Death, *, parsing: bool) -> Came | Visited:
        """Return the end of an errand that a child has died of."""
        kind, phase = ("ParserCrashed", "parse") if parsing else ("ProcessDied", "visit")
        message = f"the process that {'parsed' if parsing else 'visited'} it {death}"
        if death.is_stall:
            kind, message = "ParserStalled", f"not parsed within {self._start.settings.parse.deadline_s:g} s"
        if isinstance(errand, Request):
            failure = Failure(type=kind, message=message, phase=phase)
            done = Done(outcome=Outcome.PARSE_ERROR, failure=failure)
            return Visited(record_line.finish(errand, done, run=self._start.run), NO_IMPRESSION)
        error = FetchError(message, outcome=Outcome.PROTOCOL_ERROR, kind=kind, phase=phase)
        decision = self._robots.decide(errand, error, at=self._clock.utc())
        if isinstance(decision, RobotsFile):
            return Came(0, None, decision, NO_IMPRESSION, 0)
        return Visited(decision, NO_IMPRESSION)
