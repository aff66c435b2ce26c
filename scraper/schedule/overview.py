"""What can be told of jobs without a daemon, from their file and their histories. Blocking."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from scraper.errors import OutputLocked, UsageError
from scraper.redaction import redact
from scraper.schedule.control_socket import Asked, ask, is_there
from scraper.schedule.course import Course
from scraper.schedule.model import JobRow, JobState, RunRow, RunState
from scraper.schedule.run_history import FILE_NAME, Remembered, RunHistory
from scraper.schedule.silence import is_silent
from scraper.sinks.claim import claimed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.schedule.job import Job

_RECENT: Final = 30


class DueTime(msgspec.Struct, frozen=True, kw_only=True):
    """When a job is due."""

    job: str
    due: datetime
    there: datetime
    """The same in the job's zone."""
    begins: datetime
    """With its jitter."""


def due_times(job: Job, now: datetime, count: int) -> list[DueTime]:
    """Return a job's next due times; fewer when there are no more in any calendar."""
    course = Course(job.name, job.timetable(), jitter=job.jitter, accounted=now)
    times, zone = [], ZoneInfo(job.zone)
    with contextlib.suppress(OverflowError):
        due, begins = course.next_start(now)
        for _ in range(count):
            times.append(DueTime(job=job.name, due=due, there=due.astimezone(zone), begins=begins))
            due = job.timetable().next_after(due)
            begins = course.start_of(due)
    return times


def runs_of(job: Job, limit: int) -> list[RunRow]:
    """Return a job's runs, newest first.

    Raises:
        UsageError: There is no history, or no reading it.
        StateError: It is damaged.
    """
    with contextlib.closing(RunHistory(job.output, job.name, make=False)) as history:
        return history.latest(limit)


def job_rows(jobs: Sequence[Job], *, now: datetime) -> list[JobRow]:
    """Return how the jobs stand by their histories.

    Raises:
        StateError: A history is damaged.
    """
    return [_job_row(job, now) for job in jobs]


def _job_row(job: Job, now: datetime) -> JobRow:
    next_due = due_times(job, now, 1)
    row = JobRow(
        name=job.name,
        state=JobState.WAITING,
        schedule=job.schedule,
        zone=job.zone,
        sources=tuple(map(redact, job.sources)),
        output=job.output,
        next_due=next_due[0].due if next_due else None,
    )
    if not (job.output / FILE_NAME).is_file():
        return row
    try:
        history = RunHistory(job.output, job.name, make=False)
    except UsageError as error:
        return replace(row, problem=str(error))
    with contextlib.closing(history):
        recent, remembered = history.latest(_RECENT), history.remembered()
        success, accounted = history.last_success(), history.last_accounted(now)
    row = replace(row, recent=tuple(recent))
    if remembered is None:
        return row
    going_on = next((run for run in recent if run.state is RunState.RUNNING), None)
    is_running = going_on is not None and is_there(job.output)
    if going_on is not None and not is_running:
        row = replace(row, problem=f"no daemon is there, and run {going_on.id} is unfinished")
    since = success.came if success else remembered.known_since
    course = Course(job.name, job.timetable(), jitter=job.jitter, accounted=accounted or since)
    silent = not remembered.is_paused and is_silent(
        course,
        last_success=since,
        counts_from=remembered.counts_from,
        alarm_after=job.alarm_after,
        is_running=is_running,
    )
    return replace(
        row,
        state=JobState.RUNNING if is_running else JobState.PAUSED if remembered.is_paused else row.state,
        next_due=None if remembered.is_paused else row.next_due,
        silent_since=since if silent else None,
    )


def set_paused(job: Job, *, is_paused: bool, now: datetime) -> None:
    """Have a job's daemon pause or resume it; without a daemon, note it for the next one.

    Raises:
        UsageError: It can't be done, or noted.
        StateError: The same.
    """
    asked = Asked(do="pause" if is_paused else "resume", job=job.name)
    answer = ask(job.output, asked) if job.output.is_dir() else None
    if answer is not None:
        if answer.error:
            raise UsageError(answer.error)
        return
    job.output.mkdir(parents=True, exist_ok=True)
    try:
        with (
            claimed([job.output / FILE_NAME]),
            contextlib.closing(RunHistory(job.output, job.name)) as history,
        ):
            before = history.remembered() or Remembered(
                known_since=now, schedule=job.schedule, zone=job.zone, counts_from=now
            )
            counts_from = before.counts_from if is_paused else now
            if before.is_paused is not is_paused:
                after = replace(before, is_paused=is_paused, counts_from=counts_from, silence_told=None)
                history.remember(after)
    except OutputLocked as error:
        raise UsageError(f"the daemon of {job.output} is beginning or ending; say it again") from error
