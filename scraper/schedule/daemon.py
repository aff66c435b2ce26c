"""The daemon: a desk for each job of the file, a clockwork that wakes them, and who may ask for what.

Its own loop does nothing that one job could hold up. What the clockwork rings for, and that it rings, is
looked at again every few seconds: by then a clock that was set or a machine that slept has shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING, Final

from scraper.errors import UsageError
from scraper.observe.figures import counted
from scraper.schedule.clockwork import Clockwork
from scraper.schedule.control_socket import Answer, Asked
from scraper.schedule.desks import Desks
from scraper.schedule.durations import shown_duration
from scraper.schedule.jobs_file import JobsFile, read_jobs
from scraper.schedule.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.schedule.listener import Listener
    from scraper.schedule.model import JobRow, LiveRun, RunRow
    from scraper.schedule.sd_notify import ServiceManager

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
        """Take what it needs; ``attend`` begins.

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
        self._desks = Desks(
            clock=clock,
            clockwork=self._clockwork,
            say=say,
            changed=self._watchers.note,
            listener=listener,
            answer=self._answer,
        )
        self._ending = asyncio.Event()
        self._reload_wanted = False
        self._wake = asyncio.Event()
        self._stamp: object = None
        self._problem: str | None = None
        self._drains = 0

    # --- its life ---------------------------------------------------------------------------------

    async def attend(self) -> None:
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
        if self._listener is not None:
            self._listener.set_jobs(found.jobs)
        opened = await self._desks.open(found.jobs)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._desks.seat(opened, tasks)
                if self._ending.is_set():  # told so while they were opened
                    self.drain()
                else:
                    self._clockwork.start()
                    self._service.ready()
                    self._say(f"ready: {self._counted()}")
                await self._beat_on()
                self._service.stopping()
                self._clockwork.stop()
        finally:
            self._clockwork.stop()
            self._watchers.close()
        self._say("ended")

    def _counted(self) -> str:
        return f"{counted(len(self._desks), one='job', many='jobs')} of {self._path}"

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
                    await self._desks.admit()
            except Exception as error:  # noqa: BLE001 - the loop may not end by a bug in looking around
                traceback.print_exception(error)
                self._say(f"a bug: {type(error).__name__}: {error}")
            self._service.alive()

    def _look_at_clocks(self, now: datetime, jump_s: float) -> None:
        if abs(jump_s) >= _JUMP_FROM_S:
            way = "ahead" if jump_s > 0 else "back"
            self._say(f"the clock has jumped {way} by {shown_duration(abs(jump_s))}")
        self._desks.look(now)
        self._clockwork.wind()

    async def _look_at_file(self) -> None:
        stamp = await asyncio.to_thread(_stamp, self._path)
        if stamp == self._stamp and not self._reload_wanted:
            return
        self._stamp, self._reload_wanted = stamp, False
        self._service.reloading()
        found = await asyncio.to_thread(read_jobs, self._path, environment=self._environment)
        if not found.problems and self._listener is not None:
            try:
                self._listener.set_jobs(found.jobs)
            except UsageError as error:
                found = JobsFile((), (str(error),))
        if found.problems:
            for problem in found.problems:
                self._say(problem)
            more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
            self._problem = f"{found.problems[0]}{more}"
            self._say(f"{self._path} is bad: the jobs stay as they were")
        else:
            self._problem = None
            await self._desks.adopt(found.jobs)
            self._say(f"reloaded: {self._counted()}")
        self._service.ready()
        self._watchers.note()

    # --- what is asked of it ----------------------------------------------------------------------

    def jobs(self) -> Sequence[JobRow]:
        """Return all jobs, in the order of the file."""
        return self._desks.rows(problem=self._problem)

    def live(self, job: str) -> LiveRun | None:
        """Return how far the job's run is, ``None`` when none goes on."""
        return self._desks[job].live()

    async def history(self, job: str, *, limit: int = 50, before: datetime | None = None) -> Sequence[RunRow]:
        """Return the job's runs that were due before a time, newest first."""
        return await self._desks[job].history(limit=limit, before=before)

    async def run(self, job: str, run: str) -> RunRow | None:
        """Return one of the job's runs by its id, ``None`` when its history has none such."""
        return await self._desks[job].run(run)

    async def trigger(self, job: str) -> RunRow:
        """Begin a run now, also of a paused job.

        Raises:
            UsageError: One goes on already, or the daemon is ending.
        """
        return await self._desks[job].trigger()

    async def pause(self, job: str) -> None:
        """Begin none of the job's runs until it is resumed; one that goes on is not stopped."""
        await self._desks[job].pause()

    async def resume(self, job: str) -> None:
        """Begin the job's runs again when they are due."""
        await self._desks[job].resume()

    async def stop_run(self, job: str) -> None:
        """Drain the job's run: what is under way is finished; it counts as ``STOPPED``.

        Raises:
            UsageError: None goes on.
        """
        if not self._desks[job].stop_run("somebody said so", goes_on=False):
            raise UsageError(f"no run of {job} goes on")

    def drain(self, reason: str = "it was told to end") -> None:
        """End the daemon: begin nothing, drain the runs that go on; its next start goes on with them."""
        self._drains += 1
        if self._drains == 1:
            self._say(f"ending: {reason}")
            self._ending.set()
            self._wake.set()
        for desk in self._desks:
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


def _stamp(path: Path) -> object:
    """Return what is another when the file is another."""
    try:
        status = path.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino
