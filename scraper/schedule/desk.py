"""A job's desk: what is owed to it is begun here, skipped, or made up for.

What goes wrong here, a full disk or a bug, is this job's alone.
"""

from __future__ import annotations

import asyncio
import traceback
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from scraper.errors import ScraperError, UsageError
from scraper.redaction import redact
from scraper.schedule.carrying_out import CarryingOut
from scraper.schedule.course import Course
from scraper.schedule.durations import shown_duration
from scraper.schedule.keeping import prune
from scraper.schedule.ledger import Begun, Ledger
from scraper.schedule.model import Cause, JobRow, JobState, RunRow, RunState
from scraper.schedule.run_history import RUNS
from scraper.schedule.silence import is_silent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.schedule.job import Job
    from scraper.schedule.listener import Listener
    from scraper.schedule.model import LiveRun

_LATE_FROM_S: Final = 1.0


class Desk:
    """One job, in the event loop; ``open`` makes one, and ``attend`` is its task."""

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        *,
        clock: Clock,
        say: Callable[[str], None],
        changed: Callable[[], None],
        listener: Listener | None,
    ) -> None:
        self.job = job
        self._ledger = ledger
        self._clock = clock
        self._say = say
        self._changed = changed
        self._listener = listener
        self._look = asyncio.Event()
        self._lock = asyncio.Lock()
        self._is_ending = False
        self._running: CarryingOut | None = None
        self._began_at = clock.utc()
        self._silent_since: datetime | None = ledger.silent_since if job.alarm_after else None
        self._seen: object = None
        self._tasks: asyncio.TaskGroup | None = None
        self._has_begun = asyncio.Event()
        self.course = self._course_from(ledger.accounted)

    @classmethod
    async def open(
        cls,
        job: Job,
        *,
        clock: Clock,
        say: Callable[[str], None],
        changed: Callable[[], None],
        listener: Listener | None = None,
    ) -> Desk:
        """Read a job's history; to be closed, by ``close``, when ``attend`` and its run have ended.

        Raises:
            UsageError: There is no reading it.
        """

        def say_of_job(text: str) -> None:
            say(f"{job.name}: {text}")

        ledger = await Ledger.open(job, now=clock.utc(), say=say_of_job)
        return cls(job, ledger, clock=clock, say=say_of_job, changed=changed, listener=listener)

    async def close(self) -> None:
        """Let go of its history."""
        await self._ledger.close()

    def _course_from(self, accounted: datetime) -> Course:
        return Course(self.job.name, self.job.timetable(), jitter=self.job.jitter, accounted=accounted)

    async def take_up(self, job: Job) -> None:
        """Go by another text of the job; a run that goes on ends by the old one.

        Raises:
            StateError: The history can't be written.
        """
        async with self._lock:
            await self._ledger.take_up(job, self._clock.utc())
            self.job = job
            self.course = self._course_from(max(self.course.accounted, self._ledger.remembered.counts_from))
        self.ring()

    async def attend(self) -> None:
        """Go on with what an earlier daemon has left, then begin what is owed, until it is to end.

        Returns when its run, too, has ended.
        """
        async with asyncio.TaskGroup() as self._tasks:
            await self._guarded(self._go_on())
            self._has_begun.set()
            self._look.set()
            while not self._is_ending:
                await self._look.wait()
                self._look.clear()
                await self._guarded(self._begin_owed())
                await self._guarded(self._beat())
        self._tasks = None

    async def _guarded(self, step: Coroutine[Any, Any, None]) -> None:
        """Let a step fail: it is this job's trouble, and the job's next due time comes."""
        try:
            await step
        except ScraperError as error:
            self._say(str(error))
        except Exception as error:  # noqa: BLE001 - a bug of ours may not silence the job for good
            traceback.print_exception(error)
            self._say(f"a bug: {type(error).__name__}: {error}")
        self._changed()

    def ring(self) -> None:
        """Have it looked at what is owed; as often as one likes."""
        self._look.set()

    def end(self) -> None:
        """Begin nothing any more."""
        self._is_ending = True
        self._look.set()

    # --- what is owed -----------------------------------------------------------------------------

    async def _go_on(self) -> None:
        """Go on with the newest unfinished run; what else is unfinished is abandoned."""
        resumed = self._ledger.unfinished[-1:] if self.job.unfinished == "resume" else []
        for row in self._ledger.unfinished:
            if row in resumed:
                continue
            gone = replace(row, state=RunState.ABANDONED, goes_on=False, ended=self._clock.utc())
            gone = replace(gone, error="its daemon ended before it was complete")
            await self._ledger.put(gone)
            self._say(f"run {row.id} is abandoned: {gone.error}")
            await self._tell(gone)
        for row in resumed:
            again = replace(row, state=RunState.RUNNING, goes_on=False, resumed=row.resumed + 1)
            again = replace(again, ended=None, error=None, folder=row.folder or self._folder_of(row.id))
            if await self._ledger.put(again):
                self._say(f"run {row.id} is gone on with")
                self._start(again)

    async def _begin_owed(self) -> None:
        async with self._lock:
            if self._ledger.remembered.is_paused or self._is_ending:
                return
            now = self._clock.utc()
            if not self.course.may_owe(now):
                return
            # Counting what was missed in a year takes its time.
            owed = await asyncio.to_thread(self.course.owed, now)
            if owed is None:
                return
            was_down = owed.due <= self._began_at
            if was_down and self._running is not None and self._running.row.resumed:
                return  # one that is gone on with comes first; it is looked again when that has ended
            self.course.settle(owed.due)
            row = RunRow(
                id=f"{owed.due.astimezone(UTC):%Y%m%dT%H%M%SZ}",
                job=self.job.name,
                cause=Cause.CATCH_UP if was_down else Cause.SCHEDULE,
                state=RunState.RUNNING,
                due=owed.due,
                late_s=round(owed.late_s, 3),
                missed=owed.missed,
            )
            if self._running is not None:
                await self._skip(row)
            else:
                await self._begin(replace(row, started=now))

    async def _skip(self, row: RunRow) -> None:
        row = replace(row, state=RunState.SKIPPED_OVERLAP, error="the run before was still going on")
        if await self._ledger.begin(row) is not Begun.TAKEN:
            self._say(f"{row.id} is skipped: {row.error}")
            await self._tell(row)

    async def _begin(self, row: RunRow) -> RunRow | None:
        """Write a run down and start it; return it, or ``None`` when its due time has had one."""
        row = replace(row, folder=self._folder_of(row.id))
        begun = await self._ledger.begin(row)
        if begun is Begun.TAKEN:
            return None
        if begun is Begun.UNWRITTEN:  # what nobody could find again is not begun
            row = replace(row, state=RunState.FAILED, ended=self._clock.utc(), folder=None)
            row = replace(row, error=self._ledger.problem)
            await self._ledger.put(row)
            await self._tell(row)
            return row
        notes = [f", {row.missed} missed before it"] * bool(row.missed)
        notes += [f", {shown_duration(row.late_s)} late"] * (row.late_s >= _LATE_FROM_S)
        self._say(f"run {row.id} begins ({row.cause}{''.join(notes)})")
        self._start(row)
        return row

    def _folder_of(self, run: str) -> Path:
        return self.job.output / RUNS / run

    def _start(self, row: RunRow) -> None:
        running = self._running = CarryingOut(
            self.job, row, note=lambda _live: self._changed(), say=self._say
        )
        assert self._tasks is not None  # noqa: S101 - whoever begins a run has seen to it
        self._tasks.create_task(self._guarded(self._carry_out(running)), name=f"run {self.job.name} {row.id}")
        self._changed()

    async def _carry_out(self, running: CarryingOut) -> None:
        job, row = running.job, running.row
        try:
            row = await running.to_its_end()
        except Exception as error:  # a bug of ours: history is to say that the run has ended
            row = replace(row, state=RunState.FAILED, error=f"a bug: {type(error).__name__}: {error}")
            raise
        finally:
            row = replace(row, ended=self._clock.utc())
            if row.state is not RunState.RUNNING:  # else we are cancelled, and it is found at the next start
                await self._ledger.put(row)
            silent_since = self._silent_since
            if row.state is RunState.COMPLETE:  # before anybody looks whether the job is silent
                self._ledger.succeeded, self._silent_since = max(self._ledger.succeeded, row.came), None
            self._running = None
            self._look.set()
        what = f"{row.lines} lines, {row.failed} failed" if row.error is None else row.error
        took = f" after {shown_duration(row.ended - row.started)}" if row.ended and row.started else ""
        self._say(f"run {row.id} is {row.state}{took}: {what}")
        await self._guarded(self._tell(row, silent_since=silent_since))
        await prune(self._ledger, keep=job.keep, say=self._say)

    async def _tell(self, row: RunRow, *, silent_since: datetime | None = None) -> None:
        if self._listener is not None:
            before = [one for one in self._ledger.recent if one.due < row.due]
            await self._listener.run_ended(self.job, row, before=before, silent_since=silent_since)

    # --- what is asked of it ----------------------------------------------------------------------

    def row(self, *, problem: str | None = None) -> JobRow:
        """Return the job as it stands; ``problem`` is one of the file as a whole."""
        is_paused = self._ledger.remembered.is_paused
        state = JobState.RUNNING if self._running else JobState.PAUSED if is_paused else JobState.WAITING
        return JobRow(
            name=self.job.name,
            state=state,
            schedule=self.job.schedule,
            zone=self.job.zone,
            sources=tuple(map(redact, self.job.sources)),
            output=self.job.output,
            next_due=None if is_paused else self._next_due(),
            recent=self._ledger.recent,
            silent_since=self._silent_since,
            problem=problem or self._ledger.problem,
        )

    def _next_due(self) -> datetime | None:
        try:
            return self.course.next_start(self._clock.utc())[0]
        except OverflowError:
            return None

    def live(self) -> LiveRun | None:
        """Return how far its run is, ``None`` when none goes on or it has not told yet."""
        return self._running.live if self._running else None

    async def history(self, *, limit: int, before: datetime | None) -> list[RunRow]:
        """Return its runs, newest first.

        Raises:
            StateError: The history can't be read.
        """
        return await self._ledger.latest(limit, before)

    async def run(self, run: str) -> RunRow | None:
        """Return one of its runs by its id.

        Raises:
            StateError: The history can't be read.
        """
        return await self._ledger.run(run)

    async def trigger(self) -> RunRow:
        """Begin a run now; see ``Control.trigger``."""
        await self._has_begun.wait()
        async with self._lock:
            if self._is_ending:
                raise UsageError("the daemon is ending")
            if self._running is not None:
                raise UsageError(f"a run of {self.job.name} goes on already: {self._running.row.id}")
            now = self._clock.utc()
            row = RunRow(
                id=f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z",
                job=self.job.name,
                cause=Cause.MANUAL,
                state=RunState.RUNNING,
                due=now,
                started=now,
            )
            if (begun := await self._begin(row)) is None:
                raise UsageError(f"a run of {self.job.name} was begun in this very moment")
            return begun

    async def pause(self) -> None:
        """Begin nothing until it is resumed.

        Raises:
            StateError: It can't be written down.
        """
        async with self._lock:
            is_new = await self._ledger.pause(is_paused=True, now=self._clock.utc())
            self._silent_since = None
        if is_new:
            self._say("is paused")
        self._changed()

    async def resume(self) -> None:
        """Begin what is due from now on.

        Raises:
            StateError: It can't be written down.
        """
        async with self._lock:
            now = self._clock.utc()
            if is_new := await self._ledger.pause(is_paused=False, now=now):
                self.course.settle(now)
        if is_new:
            self._say("is resumed")
        self._changed()

    def stop_run(self, reason: str, *, goes_on: bool) -> bool:
        """Drain its run; return whether there is one."""
        if self._running is not None:
            self._running.stop(reason, goes_on=goes_on and self.job.unfinished == "resume")
        return self._running is not None

    def clock_set_back(self, now: datetime) -> bool:
        """Reckon again after the clock was set back; return whether its next start is another now."""
        return self.course.set_back(now)

    async def _beat(self) -> None:
        """See to what could not be written, and whether the job has been silent for too long."""
        if self._ledger.problem:
            await self._ledger.write_again()
        remembered, since = self._ledger.remembered, self._ledger.succeeded
        seen = (self.job, self.course.accounted, since, remembered, self._running is None)
        if seen == self._seen:  # nothing has happened that could make it silent
            return
        self._seen = seen
        silent = not remembered.is_paused and is_silent(
            self.course,
            last_success=since,
            counts_from=remembered.counts_from,
            alarm_after=self.job.alarm_after,
            is_running=self._running is not None,
        )
        if silent and self._silent_since is None:
            self._silent_since = since
            passed = f"{self.job.alarm_after} due times or more have passed"
            self._say(f"no success since {since:%Y-%m-%dT%H:%MZ}: {passed}")
            if self._listener is not None:
                self._listener.silence(self.job, since, missed=self.job.alarm_after)
            self._changed()
            await self._ledger.note_silence(since)  # after it was told: rather twice than never
