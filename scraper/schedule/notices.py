"""What a job's runs give to tell: notices, and the reading of a run's changes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scraper.history import change_log
from scraper.notify.notice import (
    FailureNotice,
    FieldChange,
    PageChange,
    RecoveryNotice,
    SilenceNotice,
)
from scraper.schedule.model import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.notify.outbox import Outbox
    from scraper.schedule.job import Job
    from scraper.schedule.model import RunRow

_AT_ONCE: Final = 1000
FAILURES: Final = frozenset({RunState.FAILED, RunState.OVERDUE, RunState.ABANDONED})
"""What is told as a failure. One that is skipped or stopped is none, and no success either."""


class Notices:
    """Tells an outbox of runs and of silence."""

    def __init__(self, outbox: Outbox, *, clock: Clock) -> None:
        """Take where notices go, and when it is."""
        self._outbox = outbox
        self._clock = clock

    def set_jobs(self, jobs: Sequence[Job]) -> None:
        """Go by another file of jobs.

        Raises:
            UsageError: A target can't work; then all stays as it was.
        """
        self._outbox.set_jobs({job.name: job.notify for job in jobs})

    async def run_ended(
        self, job: Job, row: RunRow, *, before: Sequence[RunRow], silent_since: datetime | None
    ) -> None:
        """Tell of a run's end, if there is anything to tell.

        Args:
            job: Its job.
            row: What has become of it.
            before: The runs before it, newest first.
            silent_since: When the job succeeded last, if it was reported as silent.
        """
        now = self._clock.utc()
        failed = failures_in_a_row(before)
        if row.state in FAILURES:
            self._outbox.offer(
                FailureNotice(
                    job=job.name,
                    at=now,
                    run=row.id,
                    state=row.state.value,
                    error=row.error,
                    in_a_row=len(failed) + 1,
                    lines=row.lines,
                    failed=row.failed,
                )
            )
        if row.state is not RunState.COMPLETE:
            return
        if failed or silent_since is not None:
            self._outbox.offer(
                RecoveryNotice(
                    job=job.name,
                    at=now,
                    run=row.id,
                    after="silence" if silent_since is not None else "failure",
                    since=silent_since or failed[-1].due,
                    lines=row.lines,
                    failed=row.failed,
                )
            )
        if row.folder is not None and self._outbox.wants_changes(job.name):
            changes = changes_in(row.folder / change_log.NAME)
            await self._outbox.offer_changes(changes, job=job.name, run=row.id, at=now)

    def silence(self, job: Job, since: datetime, *, missed: int) -> None:
        """Tell that a job has not succeeded since a time, over so many due times."""
        self._outbox.offer(SilenceNotice(job=job.name, at=self._clock.utc(), since=since, missed=missed))


def failures_in_a_row(before: Sequence[RunRow]) -> list[RunRow]:
    """Return the failures up to the last run that succeeded, of rows newest first. Pure."""
    failed = []
    for row in before:
        if row.state is RunState.COMPLETE:
            break
        if row.state in FAILURES:
            failed.append(row)
    return failed


def changes_in(path: Path) -> Iterator[PageChange]:
    """Yield the changes of a run; none without the file. Blocking.

    Raises:
        UsageError: The file can't be read, or holds something else.
    """
    offset: int | None = 0 if path.exists() else None
    while offset is not None:
        entries, offset = change_log.read_changes(path, offset=offset, limit=_AT_ONCE)
        for entry in entries:
            fields = tuple(
                FieldChange(name=name, old=one.old, new=one.new) for name, one in entry.fields.items()
            )
            yield PageChange(url=entry.url, status=entry.status, fields=fields)
