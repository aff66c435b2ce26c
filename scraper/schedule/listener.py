"""Who is told of what happens to jobs: the daemon does not know what they make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scraper.schedule.job import Job
    from scraper.schedule.model import RunRow


class Listener(Protocol):
    """Is told what people may want to know."""

    def set_jobs(self, jobs: Sequence[Job]) -> None:
        """Go by another file of jobs.

        Raises:
            UsageError: It can't; then all stays as it was.
        """
        ...

    async def run_ended(
        self, job: Job, row: RunRow, *, before: Sequence[RunRow], silent_since: datetime | None
    ) -> None:
        """Take note of a run's end; ``before`` are those before it, newest first."""
        ...

    def silence(self, job: Job, since: datetime, *, missed: int) -> None:
        """Take note that a job has not succeeded for too long."""
        ...
