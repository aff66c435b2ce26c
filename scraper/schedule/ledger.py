"""What the daemon knows of a job's runs: the history on disk, and what the disk would not take.

A full disk loses nothing that is known: rows wait in memory until they can be written.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from scraper.errors import StateError, UsageError
from scraper.schedule.history_thread import HistoryThread
from scraper.schedule.run_history import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from scraper.schedule.job import Job
    from scraper.schedule.model import RunRow

_RECENT: Final = 30
_MOST_UNWRITTEN: Final = 1000
"""Of a disk that stays full only so many runs are kept in memory."""


class Begun(enum.Enum):
    """What came of noting a new run."""

    NOTED = enum.auto()
    TAKEN = enum.auto()
    """Its due time has had a run: the clock was set back."""
    UNWRITTEN = enum.auto()
    """It could not be written."""


class Ledger:
    """A job's rows. ``open`` makes one; to be closed in the end."""

    def __init__(self, thread: HistoryThread, *, say: Callable[[str], None]) -> None:
        self._thread = thread
        self._history = thread.history
        self._say = say
        self._recent: deque[RunRow] = deque(maxlen=_RECENT)
        self._unwritten: dict[str, RunRow] = {}
        self.problem: str | None = None
        """Why rows can't be written, in one line."""
        self.unfinished: list[RunRow] = []
        """The runs that an earlier daemon has left, the oldest first."""
        self.remembered: Remembered
        self.accounted: datetime
        """Up to here all due times have been seen to."""
        self.succeeded: datetime
        """When the last complete run was due; before the first, when the job was first known."""

    @classmethod
    async def open(cls, job: Job, *, now: datetime, say: Callable[[str], None]) -> Ledger:
        """Open and read a job's history, making it if need be.

        Raises:
            UsageError: It can't be opened, made or read.
        """
        thread = await HistoryThread.open(job)
        ledger = cls(thread, say=say)
        try:
            await ledger._read(job, now)
        except BaseException as error:
            await thread.close()
            if isinstance(error, StateError):
                raise UsageError(str(error)) from error
            raise
        return ledger

    async def _read(self, job: Job, now: datetime) -> None:
        call, history = self._thread.call, self._history
        self._recent.extend(await call(history.latest, _RECENT))
        self.unfinished = await call(history.unfinished)
        before = await call(history.remembered)
        self.remembered = _as_of(job, now, before)
        if self.remembered != before:
            await call(history.remember, self.remembered)
        accounted, success = await call(history.last_accounted, now), await call(history.last_success)
        self.accounted = max(filter(None, [accounted, self.remembered.counts_from]))
        self.succeeded = success.came if success else self.remembered.known_since

    async def close(self) -> None:
        """Let go of the history; what could not be written is tried once more."""
        await self.write_again()
        await self._thread.close()

    @property
    def recent(self) -> tuple[RunRow, ...]:
        """The last runs, newest first."""
        return tuple(self._recent)

    async def begin(self, row: RunRow) -> Begun:
        """Write a new row down."""
        try:
            if not await self._thread.call(self._history.begin, row):
                return Begun.TAKEN
        except StateError as error:
            self._keep(row, error)
            return Begun.UNWRITTEN
        self._show(row)
        return Begun.NOTED

    async def put(self, row: RunRow) -> bool:
        """Write down what has become of a run; return whether it could be."""
        self._show(row)
        try:
            await self._thread.call(self._history.put, row)
        except StateError as error:
            self._keep(row, error)
            return False
        self._unwritten.pop(row.id, None)
        return True

    async def write_again(self) -> None:
        """Write down what could not be before."""
        for row in list(self._unwritten.values()):
            try:
                await self._thread.call(self._history.put, row)
            except StateError:
                return
            del self._unwritten[row.id]
        self.problem = None

    async def take_up(self, job: Job, now: datetime) -> None:
        """Go by another text of the job: under another schedule nothing was missed.

        Raises:
            StateError: It can't be written.
        """
        await self._remember(_as_of(job, now, self.remembered))

    async def pause(self, *, is_paused: bool, now: datetime) -> bool:
        """Keep that the job pauses, or that it counts from now on; return whether that is new.

        Raises:
            StateError: It can't be written.
        """
        before = self.remembered
        if before.is_paused is is_paused:
            return False
        counts_from = before.counts_from if is_paused else now
        await self._remember(replace(before, is_paused=is_paused, counts_from=counts_from, silence_told=None))
        return True

    @property
    def silent_since(self) -> datetime | None:
        """Since when the job is known as silent, also by an earlier daemon; ``None`` when it is not."""
        told = self.remembered.silence_told
        return told if told == self.succeeded else None

    async def note_silence(self, since: datetime) -> None:
        """Keep that the job was reported as silent.

        Raises:
            StateError: It can't be written: the next daemon reports it again.
        """
        await self._remember(replace(self.remembered, silence_told=since))

    async def latest(self, limit: int, before: datetime | None) -> list[RunRow]:
        """Return runs that were due before a time, newest first.

        Raises:
            StateError: The history can't be read.
        """
        return await self._thread.call(self._history.latest, limit, before=before)

    async def run(self, run: str) -> RunRow | None:
        """Return a run by its id, ``None`` without such.

        Raises:
            StateError: The history can't be read.
        """
        return await self._thread.call(self._history.run, run)

    async def with_files(self) -> list[RunRow]:
        """Return the runs that have a folder, the newest first.

        Raises:
            StateError: The history can't be read.
        """
        return await self._thread.call(self._history.with_files)

    async def call(self, function: Callable[..., Any], *args: object) -> None:
        """Carry out something slow in the job's own thread."""
        await self._thread.call(function, *args)

    async def _remember(self, remembered: Remembered) -> None:
        if remembered != self.remembered:
            await self._thread.call(self._history.remember, remembered)
            self.remembered = remembered

    def _keep(self, row: RunRow, error: StateError) -> None:
        self.problem = f"the history can't be written: {error}"
        self._say(self.problem)
        if len(self._unwritten) < _MOST_UNWRITTEN:
            self._unwritten[row.id] = row

    def _show(self, row: RunRow) -> None:
        rows = [one for one in self._recent if one.id != row.id]
        rows = sorted([row, *rows], key=lambda one: (one.due, one.id), reverse=True)
        self._recent.clear()
        self._recent.extend(rows[:_RECENT])


def _as_of(job: Job, now: datetime, before: Remembered | None) -> Remembered:
    if before is None:
        return Remembered(known_since=now, schedule=job.schedule, zone=job.zone, counts_from=now)
    if (before.schedule, before.zone) == (job.schedule, job.zone):
        return before
    return replace(before, schedule=job.schedule, zone=job.zone, counts_from=now, silence_told=None)
