"""A year of a daemon in a minute: the real desks, histories and APScheduler, with a clock that is moved.

What is not real is the time, and the runs: a run is over when its time has passed. Whether all that was due
is accounted for is judged by due times that are found in another way: by looking at the clock of the zone in
each minute that passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from unittest.mock import patch
from zoneinfo import ZoneInfo

import apscheduler.schedulers.base
from msgspec.structs import replace

from scraper.schedule import desk as desk_module
from scraper.schedule.clockwork import Clockwork
from scraper.schedule.cron import parse_cron
from scraper.schedule.desk import Desk
from scraper.schedule.history_thread import HistoryThread
from scraper.schedule.model import Cause, RunState
from scraper.schedule.run_history import RunHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scraper.schedule.job import Job
    from scraper.schedule.model import RunRow

MINUTE: Final = timedelta(minutes=1)
_LATE_FROM_S: Final = 60.0


class Trouble(NamedTuple):
    """A time in which nothing happens."""

    begins: datetime
    lasts: timedelta
    kills: bool
    """The daemon is down; else the machine sleeps and the daemon with it."""


class Plan(NamedTuple):
    """What a simulated job is."""

    job: Job
    takes: Callable[[int], timedelta]
    """How long its run of a number takes."""


class Outcome(NamedTuple):
    """What became of a job's due times."""

    job: str
    zone: str
    due: int
    """Found by looking at each minute."""
    run: int
    skipped: int
    missed: int
    late: int
    """Of those that ran or were skipped, how many a minute or more."""
    resumed: int
    gaps: tuple[str, ...]
    """The runs at a change of the clock, by the zone's own."""

    @property
    def unaccounted(self) -> int:
        """How many due times have neither a run, nor a line that says why not."""
        return self.due - self.run - self.skipped - self.missed


class MovedClock:
    """The time of the simulation."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()


class SimulatedRun:
    """Stands for ``CarryingOut``: over when the simulation says so."""

    under_way: Final[list[SimulatedRun]] = []

    def __init__(self, job: Job, row: RunRow, **told: Any) -> None:  # noqa: ARG002 - it is done at once
        self.job = job
        self.row = row
        self.live = None
        self.over = asyncio.Event()
        self._goes_on: bool | None = None
        self.under_way.append(self)

    async def to_its_end(self) -> RunRow:
        try:
            await self.over.wait()
        finally:
            self.under_way.remove(self)
        return replace(self.row, state=RunState.COMPLETE)

    def stop(self, reason: str, *, goes_on: bool) -> None:
        raise AssertionError(f"a daemon that is killed stops nothing: {reason} {goes_on}")


async def simulate(
    plans: Sequence[Plan], *, begins: datetime, ends: datetime, troubles: Sequence[Trouble]
) -> list[Outcome]:
    """Live through a time, within a year, and return what became of each job's due times."""
    clock = MovedClock(begins)

    class Moved(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.now.astimezone(tz)

    with patch.object(apscheduler.schedulers.base, "datetime", Moved), _runs_simulated():
        at = begins
        downs = sorted(one for one in troubles if one.kills and begins < one.begins < ends)
        for down in [*downs, Trouble(ends, timedelta(), kills=True)]:
            clock.now = at
            naps = sorted(one for one in troubles if not one.kills and at <= one.begins < down.begins)
            await _live(plans, clock, until=down.begins, naps=naps)
            at = down.begins + down.lasts
    return [_outcome(plan, begins, ends) for plan in plans]


@contextlib.contextmanager
def _runs_simulated() -> Iterator[None]:
    """Have runs that are none, and no threads: whose turn it is would cost more than all they do."""
    with (
        patch.object(desk_module, "CarryingOut", SimulatedRun),
        patch.object(HistoryThread, "call", _at_once),
        patch.object(asyncio, "to_thread", functools.partial(_at_once, None)),
    ):
        yield


async def _at_once(_: object, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


async def _live(
    plans: Sequence[Plan], clock: MovedClock, *, until: datetime, naps: Sequence[Trouble]
) -> None:
    """Be a daemon from now on, until it is killed."""
    takes = {plan.job.name: plan.takes for plan in plans}
    clockwork = Clockwork()
    desks = [
        await Desk.open(plan.job, clock=clock, say=lambda _text: None, changed=lambda: None) for plan in plans
    ]
    for one in desks:
        clockwork.set(one.job.name, one.course, one.ring)
    clockwork.start()
    attending: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as tasks:
        attending += [tasks.create_task(one.attend(), name=one.job.name) for one in desks]
        await _settled(desks)
        sleeping = list(naps)
        begun: dict[SimulatedRun, datetime] = {}
        while clock.now < until:
            for run in SimulatedRun.under_way:
                number = int(run.row.due.timestamp() // 60)
                begun.setdefault(run, clock.now + takes[run.job.name](number))
            over = {run: at for run, at in begun.items() if run in SimulatedRun.under_way}
            wakes = clockwork._scheduler._lookup_jobstore("default").get_next_run_time()
            clock.now = min([until, wakes, *over.values()])
            if sleeping and clock.now >= sleeping[0].begins:
                nap = sleeping.pop(0)
                clock.now = max(clock.now, nap.begins + nap.lasts)
            if clock.now >= until:
                clock.now = until
                break
            for run, at in over.items():
                if at <= clock.now:
                    run.over.set()
            await _settled(desks)
            clockwork._scheduler._process_jobs()
            await _settled(desks)
        for task in attending:
            task.cancel()
    clockwork.stop()
    for one in desks:
        await one.close()
    SimulatedRun.under_way.clear()


async def _settled(desks: Sequence[Desk]) -> None:
    """Return when all desks have seen to what they were rung for."""
    while any(map(_is_busy, desks)):  # noqa: ASYNC110 - it is no event of theirs
        await asyncio.sleep(0)


def _is_busy(one: Desk) -> bool:
    """Whether a desk does anything but wait to be rung for, or for the end of its run."""
    runs = sum(run.job is one.job and not run.over.is_set() for run in SimulatedRun.under_way)
    waits: Any = one._look
    tasks: Any = one._tasks
    return (
        waits.is_set()
        or not waits._waiters
        or len(tasks._tasks) != runs
        or runs != (one._running is not None)
    )


def _outcome(plan: Plan, begins: datetime, ends: datetime) -> Outcome:
    with contextlib.closing(RunHistory(plan.job.output, plan.job.name)) as history:
        rows = [row for row in history.latest(1_000_000) if row.cause is not Cause.MANUAL]
    zone = ZoneInfo(plan.job.zone)
    changes = clock_changes(plan.job.zone, begins.year)
    skipped = [row for row in rows if row.state is RunState.SKIPPED_OVERLAP]
    gaps = sorted(
        f"{row.due.astimezone(zone):%m-%d %H:%M %z}"
        for row in rows
        if any(abs(row.due - change) <= timedelta(hours=12) for change in changes)
    )
    return Outcome(
        job=plan.job.name,
        zone=plan.job.zone,
        due=due_by_looking(plan.job.schedule, plan.job.zone, begins, ends),
        run=len(rows) - len(skipped),
        skipped=len(skipped),
        missed=sum(row.missed for row in rows),
        late=sum(row.late_s >= _LATE_FROM_S for row in rows),
        resumed=sum(row.resumed for row in rows),
        gaps=tuple(gaps),
    )


@functools.cache
def clock_changes(zone: str, year: int) -> tuple[datetime, ...]:
    """Return when a zone's clock is set in a year, to the minute after."""
    here, moment = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC)
    found = []
    while moment.year == year:
        later = moment + timedelta(minutes=30)
        if moment.astimezone(here).utcoffset() != later.astimezone(here).utcoffset():
            found.append(later)
        moment = later
    return tuple(found)


def due_by_looking(text: str, zone: str, begins: datetime, ends: datetime) -> int:
    """Count the due times after ``begins`` and before ``ends`` by the clock of each minute that passes."""
    if text.startswith("every "):
        hours = int(text.removeprefix("every ").removesuffix("h"))
        return int((ends - begins) / timedelta(hours=hours)) - 1
    cron, here = parse_cron(text), ZoneInfo(zone)
    count, moment = 0, begins
    before = moment.astimezone(here).replace(tzinfo=None)
    while (moment := moment + MINUTE) < ends:
        shown = moment.astimezone(here)
        wall = shown.replace(tzinfo=None)
        walls = [wall] if not shown.fold or cron.every_hour else []
        walls += [wall - MINUTE * number for number in range(1, (wall - before) // MINUTE)]
        # The sets alone: the simulated texts restrict one of the two days at the most.
        count += any(
            one.minute in cron.minutes
            and one.hour in cron.hours
            and one.month in cron.months
            and one.day in cron.days
            and one.isoweekday() % 7 in cron.weekdays
            for one in walls
        )
        before = wall
    return count
