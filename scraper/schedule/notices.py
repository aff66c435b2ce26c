"""What a job's runs give to tell: notices, and the reading of a run's changes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scraper.notify.notice import FailureNotice, RecoveryNotice, SilenceNotice
from scraper.schedule.model import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.notify.notice import PageChange
    from scraper.notify.outbox import Outbox
    from scraper.schedule.job import Job
    from scraper.schedule.model import RunRow

FAILURES: Final = frozenset({RunState.FAILED, RunState.OVERDUE, RunState.ABANDONED})
"""What is told as a failure. One that is skipped or stopped is none, and no success either."""


class Notices:
    """Tells an outbox of runs and of silence."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Clock,
        changes_of: Callable[[Path], Iterable[PageChange]] | None = None,
    ) -> None:
        """Take where notices go.

        Args:
            outbox: Sends them.
            clock: When they were made.
            changes_of: Reads the changes in a run's folder, in another thread.
        """
        self._outbox = outbox
        self._clock = clock
        self._changes_of = changes_of

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
        if self._changes_of is not None and row.folder is not None and self._outbox.wants_changes(job.name):
            changes = self._changes_of(row.folder)
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
