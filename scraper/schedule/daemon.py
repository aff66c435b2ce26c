"""The daemon: a desk for each job of the file, a clockwork that wakes them, and who may ask for what.

Its own loop does nothing that one job could hold up. What the clockwork rings for, and that it rings, is
looked at again every few seconds: by then a clock that was set or a machine that slept has shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING, Final, TypeAlias

from scraper.errors import OutputLocked, ScraperError, UsageError
from scraper.redaction import redact
from scraper.schedule.clockwork import Clockwork
from scraper.schedule.control_socket import Answer, Asked, listening
from scraper.schedule.desk import Desk
from scraper.schedule.durations import shown_duration
from scraper.schedule.jobs_file import read_jobs
from scraper.schedule.model import JobRow, JobState
from scraper.schedule.run_history import FILE_NAME
from scraper.schedule.watchers import Watchers
from scraper.sinks.claim import claimed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.schedule.desk import Listener
    from scraper.schedule.job import Job
    from scraper.schedule.model import LiveRun, RunRow
    from scraper.schedule.sd_notify import ServiceManager

_Opened: TypeAlias = tuple[Desk, contextlib.ExitStack]
BEAT_S: Final = 5.0
_JUMP_FROM_S: Final = 2.0
"""By so much the clocks may disagree between two looks without being said to have been set."""


class Daemon:
    """Runs the jobs of a file until it is told to end. It is the ``Control`` that others ask."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        say: Callable[[str], None],
        service: ServiceManager,
        environment: Mapping[str, str] | None = None,
        listener: Listener | None = None,
        beat_s: float = BEAT_S,
    ) -> None:
        """Take what it needs; ``run`` begins.

        Args:
            path: The file of jobs.
            clock: The time.
            say: Is given each line for the log. Must not raise.
            service: The service manager that is told how it goes.
            environment: Variables whose settings come above those of the jobs.
            listener: Is told of the ends of runs, and of silence.
            beat_s: How often clocks, file and service manager are seen to.
        """
        self._path = path
        self._clock = clock
        self._say = say
        self._service = service
        self._environment = environment or {}
        self._listener = listener
        self._beat_s = min(beat_s, service.watchdog_s / 2) if service.watchdog_s else beat_s
        self._clockwork = Clockwork()
        self._watchers = Watchers()
        self._order: tuple[str, ...] = ()
        self._desks: dict[str, Desk] = {}
        self._retired: list[Desk] = []
        self._barred: dict[str, tuple[Job, str]] = {}
        """Jobs whose folder can't be used, and why; tried again from time to time."""
        self._tasks: asyncio.TaskGroup | None = None
        self._ending = asyncio.Event()
        self._reload_wanted = False
        self._wake = asyncio.Event()
        self._stamp: object = None
        self._problem: str | None = None
        self._drains = 0

    # --- its life ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run the jobs until it is told to end, and their runs have ended.

        Raises:
            UsageError: The file of jobs is bad, another daemon has one of the folders, or none of them can
                be used; nothing was begun.
        """
        self._stamp = await asyncio.to_thread(_stamp, self._path)
        found = await asyncio.to_thread(read_jobs, self._path, environment=self._environment)
        if found.problems:
            for problem in found.problems[1:]:
                self._say(problem)
            raise UsageError(found.problems[0])
        try:
            opened = await self._open_all(found.jobs)
            if not opened:
                raise UsageError(next(why for _, why in self._barred.values()))
            async with asyncio.TaskGroup() as self._tasks:
                for desk, claim in opened:
                    self._seat(desk, claim)
                if not self._ending.is_set():
                    self._clockwork.start()
                    self._service.ready()
                    self._say(f"ready: {len(self._order)} jobs of {self._path}")
                await self._beat_on()
                self._service.stopping()
                self._clockwork.stop()
        finally:
            self._clockwork.stop()
            self._tasks = None
            self._watchers.close()
        self._say("ended")

    async def _open_all(self, jobs: Sequence[Job]) -> list[_Opened]:
        """Open all desks before the first run begins, so that a daemon that is refused has begun nothing."""
        self._order = tuple(job.name for job in jobs)
        opened: list[_Opened] = []
        try:
            for job in jobs:
                try:
                    opened.append(await self._open(job))
                except OutputLocked:
                    raise
                except UsageError as error:
                    self._bar(job, error)
        except BaseException:
            for desk, claim in opened:
                with claim:
                    await desk.close()
            raise
        return opened

    async def _open(self, job: Job) -> _Opened:
        """Claim a job's folder and open its desk.

        Raises:
            OutputLocked: Another daemon has the folder.
            UsageError: It can't be used.
        """
        claim = contextlib.ExitStack()
        try:
            await asyncio.to_thread(job.output.mkdir, parents=True, exist_ok=True)
            await asyncio.to_thread(claim.enter_context, claimed([job.output / FILE_NAME]))
            desk = await Desk.open(
                job, clock=self._clock, say=self._say, changed=self._watchers.note, listener=self._listener
            )
        except OutputLocked as error:
            raise OutputLocked(
                f"{job.output} (job {job.name}) is in use: another daemon runs there; stop that one first"
            ) from error
        except OSError as error:
            raise UsageError(f"{job.output} (job {job.name}) can't be used: {error.strerror}") from error
        except BaseException:
            claim.close()
            raise
        return desk, claim

    def _bar(self, job: Job, error: ScraperError) -> None:
        if self._barred.get(job.name, (job, ""))[1] != str(error):
            self._say(f"{job.name}: {error}")
        self._barred[job.name] = (job, str(error))

    def _seat(self, desk: Desk, claim: contextlib.ExitStack) -> None:
        assert self._tasks is not None  # noqa: S101 - only while it runs
        self._desks[desk.job.name] = desk
        self._barred.pop(desk.job.name, None)
        self._clockwork.set(desk.job.name, desk.course, desk.ring)
        self._tasks.create_task(self._keep(desk, claim), name=f"job {desk.job.name}")

    async def _keep(self, desk: Desk, claim: contextlib.ExitStack) -> None:
        """See a desk to its end."""
        with claim:
            try:
                async with contextlib.AsyncExitStack() as reachable:
                    try:
                        await reachable.enter_async_context(listening(desk.job.output, self._answer))
                    except OSError as error:
                        self._say(f"{desk.job.name}: can't be asked by other processes: {error.strerror}")
                    await desk.attend()
            finally:
                await desk.close()
                if desk in self._retired:
                    self._retired.remove(desk)

    # --- from time to time ------------------------------------------------------------------------

    async def _beat_on(self) -> None:
        utc, monotonic_s = self._clock.utc(), self._clock.monotonic()
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._beat_s):
                    await self._wake.wait()
            self._wake.clear()
            now, now_s = self._clock.utc(), self._clock.monotonic()
            jump_s = (now - utc).total_seconds() - (now_s - monotonic_s)
            utc, monotonic_s = now, now_s
            try:
                self._look_at_clocks(now, jump_s)
                if not self._ending.is_set():
                    await self._look_at_file()
                    await self._admit_barred()
            except Exception as error:  # noqa: BLE001 - the loop may not end by a bug in looking around
                traceback.print_exception(error)
                self._say(f"a bug: {type(error).__name__}: {error}")
            self._service.alive()

    def _look_at_clocks(self, now: datetime, jump_s: float) -> None:
        if abs(jump_s) >= _JUMP_FROM_S:
            way = "ahead" if jump_s > 0 else "back"
            self._say(f"the clock has jumped {way} by {shown_duration(abs(jump_s))}")
        for name, desk in self._desks.items():
            if desk.clock_set_back(now):
                self._clockwork.set(name, desk.course, desk.ring)
            desk.ring()
        self._clockwork.wind()

    async def _look_at_file(self) -> None:
        stamp = await asyncio.to_thread(_stamp, self._path)
        if stamp == self._stamp and not self._reload_wanted:
            return
        self._stamp, self._reload_wanted = stamp, False
        self._service.reloading()
        found = await asyncio.to_thread(read_jobs, self._path, environment=self._environment)
        if found.problems:
            for problem in found.problems:
                self._say(problem)
            more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
            self._problem = f"{found.problems[0]}{more}"
            self._say(f"{self._path} is bad: the jobs stay as they were")
        else:
            self._problem = None
            await self._adopt(found.jobs)
            self._say(f"reloaded: {len(self._order)} jobs of {self._path}")
        self._service.ready()
        self._watchers.note()

    async def _adopt(self, jobs: Sequence[Job]) -> None:
        """Go by another file: jobs that are gone end with their runs, new ones begin."""
        new = {job.name: job for job in jobs}
        self._order = tuple(new)
        for name, desk in list(self._desks.items()):
            job = new.get(name)
            if job is None or job.output != desk.job.output:
                self._retire(name)
            elif job != desk.job:
                try:
                    await desk.take_up(job)
                except ScraperError as error:
                    self._say(f"{name}: {error}")
                self._clockwork.set(name, desk.course, desk.ring)
        self._barred = {name: (new[name], why) for name, (_, why) in self._barred.items() if name in new}
        for name in new.keys() - self._desks.keys():
            self._barred.setdefault(name, (new[name], ""))
        await self._admit_barred()

    def _retire(self, name: str) -> None:
        desk = self._desks.pop(name)
        self._retired.append(desk)
        self._clockwork.unset(name)
        desk.end()

    async def _admit_barred(self) -> None:
        for job, _ in list(self._barred.values()):
            try:
                desk, claim = await self._open(job)
            except UsageError as error:
                self._bar(job, error)
            else:
                self._seat(desk, claim)

    # --- what is asked of it ----------------------------------------------------------------------

    def jobs(self) -> Sequence[JobRow]:
        """Return all jobs, in the order of the file."""
        rows = []
        for name in self._order:
            if (desk := self._desks.get(name)) is not None:
                rows.append(desk.row(problem=self._problem))
            elif (barred := self._barred.get(name)) is not None:
                rows.append(_barred_row(*barred))
        return rows

    def live(self, job: str) -> LiveRun | None:
        """Return how far the job's run is, ``None`` when none goes on."""
        return self._desk(job).live()

    async def history(self, job: str, *, limit: int = 50, before: datetime | None = None) -> Sequence[RunRow]:
        """Return the job's runs that were due before a time, newest first."""
        return await self._desk(job).history(limit=limit, before=before)

    async def trigger(self, job: str) -> RunRow:
        """Begin a run now, also of a paused job.

        Raises:
            UsageError: One goes on already, or the daemon is ending.
        """
        return await self._desk(job).trigger()

    async def pause(self, job: str) -> None:
        """Begin none of the job's runs until it is resumed; one that goes on is not stopped."""
        await self._desk(job).pause()

    async def resume(self, job: str) -> None:
        """Begin the job's runs again when they are due."""
        await self._desk(job).resume()

    async def stop_run(self, job: str) -> None:
        """Drain the job's run: what is under way is finished; it counts as ``STOPPED``.

        Raises:
            UsageError: None goes on.
        """
        if not self._desk(job).stop_run("somebody said so", goes_on=False):
            raise UsageError(f"no run of {job} goes on")

    def drain(self, reason: str = "it was told to end") -> None:
        """End the daemon: begin nothing, drain the runs that go on; its next start goes on with them."""
        self._drains += 1
        if self._drains == 1:
            self._say(f"ending: {reason}")
            self._ending.set()
            self._wake.set()
        for desk in (*self._desks.values(), *self._retired):
            desk.end()
            desk.stop_run(f"the daemon ends ({reason})", goes_on=True)

    def abort(self, reason: str) -> None:
        """End the daemon sooner: what its runs are at is given up."""
        self._say(f"ending at once: {reason}")
        self.drain(reason)

    def reload(self) -> None:
        """Read the file of jobs again, soon."""
        self._reload_wanted = True
        self._wake.set()

    def changed(self) -> AbstractContextManager[AsyncIterator[None]]:
        """Give a stream with an item whenever a job, a run or a ``LiveRun`` has changed."""
        return self._watchers.watching()

    def _desk(self, job: str) -> Desk:
        if (desk := self._desks.get(job)) is not None:
            return desk
        if (barred := self._barred.get(job)) is not None:
            raise UsageError(barred[1] or f"{job} is about to begin")
        raise UsageError(f"no job is called {job}; there are {', '.join(self._order)}")

    async def _answer(self, asked: Asked) -> Answer:
        match asked.do:
            case "trigger":
                return Answer(run=await self.trigger(asked.job))
            case "pause":
                await self.pause(asked.job)
            case "resume":
                await self.resume(asked.job)
            case "health":
                return Answer(error=self._ill())
        return Answer()

    def _ill(self) -> str | None:
        rows = self.jobs()
        silent = [row.name for row in rows if row.silent_since is not None]
        return f"no success for too long: {', '.join(silent)}" if silent else None


def _barred_row(job: Job, why: str) -> JobRow:
    return JobRow(
        name=job.name,
        state=JobState.WAITING,
        schedule=job.schedule,
        zone=job.zone,
        sources=tuple(map(redact, job.sources)),
        output=job.output,
        problem=why or None,
    )


def _stamp(path: Path) -> object:
    """Return what is another when the file is another."""
    try:
        status = path.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino
