"""What is said of jobs and their runs: by the daemon, to the command line, the dashboard and notifications.

Pure: no file, no clock. Times are zone-aware.
"""

from __future__ import annotations

import enum
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from scraper.observe.particulars import Failure, HostRow
from scraper.observe.parts import Parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractContextManager


class Cause(enum.StrEnum):
    """Why a run was begun, or would have been."""

    SCHEDULE = "schedule"
    """It was due."""
    CATCH_UP = "catch_up"
    """It was due while no daemon was there; one run makes up for all of those."""
    MANUAL = "manual"
    """Somebody asked for it."""


class RunState(enum.StrEnum):
    """What has become of a run."""

    RUNNING = "running"
    COMPLETE = "complete"
    """Every line has its record."""
    FAILED = "failed"
    """It broke or could not begin; ``RunRow.error`` says why."""
    OVERDUE = "overdue"
    """It was stopped at the job's deadline."""
    STOPPED = "stopped"
    """The daemon was asked to end while it went on; it is resumed, or not, by the job's setting."""
    ABANDONED = "abandoned"
    """Its daemon died, and the job's setting says not to resume."""
    SKIPPED_OVERLAP = "skipped_overlap"
    """It was due while the run before went on, and was not begun."""


class JobState(enum.StrEnum):
    """What a job is at."""

    WAITING = "waiting"
    """For the time when it is due."""
    RUNNING = "running"
    PAUSED = "paused"
    """Somebody said so: nothing is begun until it is resumed."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a job's history."""

    id: str
    """Unique in the job: its due time in UTC, so that one due time gives one run."""
    job: str
    cause: Cause
    state: RunState
    due: datetime
    """When it was to begin; of a manual run, when it was asked for."""
    started: datetime | None = None
    """``None`` for one that was not begun."""
    ended: datetime | None = None
    late_s: float = 0.0
    """How long after ``due`` it began, jitter not counted."""
    missed: int = 0
    """How many due times before this one had no run, for which this one makes up."""
    resumed: int = 0
    """How often it was gone on with, after its daemon had died or was stopped."""
    goes_on: bool = False
    """It is ``STOPPED``, and is gone on with when a daemon begins again."""
    folder: Path | None = None
    """Where its files are: records, changes; ``None`` when there are none, or they were removed by age."""
    lines: int = 0
    outcomes: dict[str, int] = {}
    """How many records have each outcome."""
    failed: int = 0
    """How many records tell of a failure."""
    changes: dict[str, int] = {}
    """How many pages have each change status: new, changed, unchanged, gone, recovered."""
    wire_bytes: int = 0
    took: tuple[int, ...] = ()
    """As ``LiveRun.took``, of what was asked since it was last gone on with."""
    took_s: float = 0.0
    parts: Parts = Parts()
    """What the parts of a run in parts came to."""
    error: str | None = None
    """Why it did not come to its end, in one line without secrets."""

    @property
    def came(self) -> datetime:
        """When what it has found was there: when it ended, not before it was due.

        A run that took long, or was gone on with after days, is as fresh as its end.
        """
        return max(self.due, self.ended or self.due)


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands."""

    name: str
    state: JobState
    schedule: str
    """As the file has it: ``every 6h``."""
    zone: str
    sources: tuple[str, ...]
    """As the file has them, without secrets."""
    output: Path
    next_due: datetime | None = None
    """``None`` while it is paused."""
    recent: tuple[RunRow, ...] = ()
    """Its last runs, newest first, thirty at the most."""
    silent_since: datetime | None = None
    """When it last succeeded, or was first known, if that is longer ago than its alarm allows."""
    problem: str | None = None
    """Why the file's present text is not what it runs by, in one line."""


class LiveRun(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is that goes on. Made anew about once a second."""

    run: str
    job: str
    done: int
    total: int | None
    """``None`` while the list is still read; ``known`` is what it has so far."""
    known: int
    failed: int
    rate: float
    """Pages a second, of late."""
    left_s: float | None
    """How long it still takes; ``None`` when that can't be told."""
    outcomes: dict[str, int]
    hosts_ready: int
    hosts_held: int
    hosts: tuple[HostRow, ...]
    """The hosts with the most left to do, or that back off; fifty at the most."""
    failures: tuple[Failure, ...]
    """The latest, newest first; fifty at the most."""
    took: tuple[int, ...] = ()
    """As ``Particulars.took``: how many answers took so long."""
    took_s: float = 0.0
    """All of their times together."""
    parts: Parts = Parts()
    """Of a run in parts; of another one there are none."""
    cluster_page: str | None = None
    """Where the cluster's own page is, by what its scheduler says: http or https, and not to be trusted."""


class Control(Protocol):
    """What can be asked of a daemon, and told to it, from the same event loop.

    Nothing here blocks the loop. Names that are unknown raise ``UsageError``.
    """

    def jobs(self) -> Sequence[JobRow]:
        """Return all jobs, in the order of the file."""
        ...

    def live(self, job: str) -> LiveRun | None:
        """Return how far the job's run is, ``None`` when none goes on."""
        ...

    async def history(self, job: str, *, limit: int = 50, before: datetime | None = None) -> Sequence[RunRow]:
        """Return the job's runs that were due before a time, newest first."""
        ...

    async def run(self, job: str, run: str) -> RunRow | None:
        """Return one of the job's runs by its id, ``None`` when its history has none such."""
        ...

    async def trigger(self, job: str) -> RunRow:
        """Begin a run now, also of a paused job.

        Raises:
            UsageError: One goes on already, or the daemon is ending.
        """
        ...

    async def pause(self, job: str) -> None:
        """Begin none of the job's runs until it is resumed; one that goes on is not stopped."""
        ...

    async def resume(self, job: str) -> None:
        """Begin the job's runs again when they are due."""
        ...

    async def stop_run(self, job: str) -> None:
        """Drain the job's run: what is under way is finished; it counts as ``STOPPED``."""
        ...

    def drain(self) -> None:
        """End the daemon: begin nothing, drain the runs that go on."""
        ...

    def changed(self) -> AbstractContextManager[AsyncIterator[None]]:
        """Give a stream with an item whenever a job, a run or a ``LiveRun`` has changed.

        Changes that come while nobody takes an item are one item. The stream ends with the daemon.
        """
        ...
