"""What the API answers, as it stands in its description. Times are zone-aware. This module does no I/O."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from scraper.dashboard.known_pages import PageEvent, PageRow
from scraper.observe.parts import Parts
from scraper.schedule.model import Cause, JobState, RunState

if TYPE_CHECKING:
    from scraper.schedule.model import JobRow, RunRow


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a job, also one that was not begun."""

    id: str
    """Unique in the job."""
    job: str
    cause: Cause
    state: RunState
    due: datetime
    """When it was to begin."""
    started: datetime | None
    """``null`` for one that was not begun."""
    ended: datetime | None
    late_s: float
    """How long after ``due`` it began, in seconds."""
    missed: int
    """How many due times before it had no run."""
    resumed: int
    """How often it was gone on with."""
    lines: int
    """How many records it has."""
    failed: int
    """How many of them tell of a failure."""
    outcomes: dict[str, int]
    """How many records have each outcome."""
    changes: dict[str, int]
    """How many pages are new, changed, unchanged, gone, recovered."""
    wire_bytes: int
    has_files: bool
    """Whether its records are still there, and so its report."""
    parts: Parts
    """What its parts came to, if it was asked for by itself: in lists of runs there are none."""
    error: str | None
    """Why it did not come to its end."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it stands."""

    name: str
    state: JobState
    schedule: str
    """As its file has it."""
    zone: str
    sources: tuple[str, ...]
    next_due: datetime | None
    """``null`` while it is paused."""
    silent_since: datetime | None
    """When it last succeeded, if that is longer ago than its alarm allows."""
    problem: str | None
    """Why the file's present text is not what it runs by."""
    recent: tuple[Run, ...]
    """Its last runs, newest first."""


class Jobs(msgspec.Struct, frozen=True):
    """All jobs, in the order of their file."""

    jobs: tuple[Job, ...]


class Runs(msgspec.Struct, frozen=True):
    """A part of a job's history."""

    runs: tuple[Run, ...]
    """The newest first."""
    next: datetime | None
    """What ``before`` is for the part after this; ``null`` at the end."""


class PageHistory(msgspec.Struct, frozen=True):
    """What is known of a page, and what its latest runs have found."""

    page: PageRow
    events: tuple[PageEvent, ...]
    """The newest first."""


class Session(msgspec.Struct, frozen=True):
    """Who asks."""

    proof: str
    """What the header ``X-CSRF-Token`` of a POST has to say, unless it comes with the token itself."""
    needs_token: bool
    """Whether a token has to be shown here."""


class Begun(msgspec.Struct, frozen=True):
    """Something was set going."""

    begun: bool = True


def run_of(row: RunRow, *, in_list: bool = True) -> Run:
    """Return what the API says of a run: all but where its files are."""
    return Run(
        id=row.id,
        job=row.job,
        cause=row.cause,
        state=row.state,
        due=row.due,
        started=row.started,
        ended=row.ended,
        late_s=row.late_s,
        missed=row.missed,
        resumed=row.resumed,
        lines=row.lines,
        failed=row.failed,
        outcomes=row.outcomes,
        changes=row.changes,
        wire_bytes=row.wire_bytes,
        has_files=row.folder is not None,
        parts=Parts() if in_list else row.parts,
        error=row.error,
    )


def job_of(row: JobRow) -> Job:
    """Return what the API says of a job."""
    return Job(
        name=row.name,
        state=row.state,
        schedule=row.schedule,
        zone=row.zone,
        sources=row.sources,
        next_due=row.next_due,
        silent_since=row.silent_since,
        problem=row.problem,
        recent=tuple(run_of(run) for run in row.recent),
    )
