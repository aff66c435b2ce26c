"""The desks of all jobs: opened, seated, and retired with the file that names them.

A folder is claimed for as long as its desk is there, its last run included.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeAlias

from scraper.errors import OutputLocked, ScraperError, UsageError
from scraper.redaction import redact
from scraper.schedule.control_socket import listening
from scraper.schedule.desk import Desk
from scraper.schedule.model import JobRow, JobState
from scraper.schedule.run_history import FILE_NAME
from scraper.sinks.claim import claimed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import datetime

    from scraper.clock import Clock
    from scraper.schedule.clockwork import Clockwork
    from scraper.schedule.control_socket import Answer, Asked
    from scraper.schedule.job import Job
    from scraper.schedule.listener import Listener

_Opened: TypeAlias = tuple[Desk, contextlib.ExitStack]


class Desks:
    """A desk for each job whose folder can be used; the others are tried again by ``admit``."""

    def __init__(
        self,
        *,
        clock: Clock,
        clockwork: Clockwork,
        say: Callable[[str], None],
        changed: Callable[[], None],
        listener: Listener | None,
        answer: Callable[[Asked], Awaitable[Answer]],
    ) -> None:
        self._clock = clock
        self._clockwork = clockwork
        self._say = say
        self._changed = changed
        self._listener = listener
        self._answer = answer
        self._order: tuple[str, ...] = ()
        self._seated: dict[str, Desk] = {}
        self._retired: list[Desk] = []
        self._barred: dict[str, tuple[Job, str]] = {}
        """Jobs whose folder can't be used, and why."""
        self._tasks: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Desk]:
        """Yield all desks that are there, also those that only wait for the end of a run."""
        yield from (*self._seated.values(), *self._retired)

    def __getitem__(self, job: str) -> Desk:
        """Return a job's desk.

        Raises:
            UsageError: There is no such job, or its folder can't be used.
        """
        if (desk := self._seated.get(job)) is not None:
            return desk
        if (barred := self._barred.get(job)) is not None:
            raise UsageError(barred[1] or f"{job} is about to begin")
        raise UsageError(f"no job is called {job}; there are {', '.join(self._order)}")

    async def open(self, jobs: Sequence[Job]) -> list[_Opened]:
        """Open the desks of all jobs before any run begins, so that a daemon that is refused has begun none.

        Raises:
            OutputLocked: Another daemon has one of the folders.
            UsageError: None of them can be used.
        """
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
        if not opened:
            raise UsageError(next(why for _, why in self._barred.values()))
        return opened

    def seat(self, opened: Sequence[_Opened], tasks: asyncio.TaskGroup) -> None:
        """Let desks that were opened attend to their jobs, as tasks of a group."""
        self._tasks = tasks
        for desk, claim in opened:
            name = desk.job.name
            self._seated[name] = desk
            if self._barred.pop(name, (None, ""))[1]:
                self._say(f"{name}: its folder can be used now")
            self._clockwork.set(name, desk.course, desk.ring)
            tasks.create_task(self._keep(desk, claim), name=f"job {name}")

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
                job, clock=self._clock, say=self._say, changed=self._changed, listener=self._listener
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

    async def adopt(self, jobs: Sequence[Job]) -> None:
        """Go by another file: jobs that are gone end with their runs, new ones begin."""
        new = {job.name: job for job in jobs}
        self._order = tuple(new)
        for name, desk in list(self._seated.items()):
            job = new.get(name)
            if job is None or job.output != desk.job.output:
                self._retired.append(self._seated.pop(name))
                self._clockwork.unset(name)
                desk.end()
            elif job != desk.job:
                try:
                    await desk.take_up(job)
                except ScraperError as error:
                    self._say(f"{name}: {error}")
                self._clockwork.set(name, desk.course, desk.ring)
        self._barred = {name: (new[name], why) for name, (_, why) in self._barred.items() if name in new}
        for name in new.keys() - self._seated.keys():
            self._barred.setdefault(name, (new[name], ""))
        await self.admit()

    async def admit(self) -> None:
        """Try again to use the folders of those jobs that have no desk."""
        for job, _ in list(self._barred.values()):
            try:
                opened = await self._open(job)
            except UsageError as error:
                self._bar(job, error)
            else:
                assert self._tasks is not None  # noqa: S101 - ``seat`` came before
                self.seat([opened], self._tasks)

    def look(self, now: datetime) -> None:
        """Have all of them look at what is owed, by a clock that may have been set back."""
        for name, desk in self._seated.items():
            if desk.clock_set_back(now):
                self._clockwork.set(name, desk.course, desk.ring)
            desk.ring()

    def rows(self, *, problem: str | None) -> list[JobRow]:
        """Return how all jobs stand, in the order of the file; ``problem`` is one of the file as a whole."""
        rows = []
        for name in self._order:
            if (desk := self._seated.get(name)) is not None:
                rows.append(desk.row(problem=problem))
            elif (barred := self._barred.get(name)) is not None:
                rows.append(_barred_row(*barred))
        return rows


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
