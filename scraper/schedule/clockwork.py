"""What wakes the jobs: APScheduler, with a memory store that is filled from the file of jobs.

It only rings. What a ring means is reckoned from the job's course and history (``desk``), so that a ring that
comes late, twice or not at all loses nothing.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from scraper.schedule.course import StartTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.schedule.course import Course


class Clockwork:
    """Rings for each job when its next run is to begin. In the event loop that runs when it is started."""

    def __init__(self) -> None:
        # The executor that calls a function where it stands: a ring only sets an event.
        self._rings = False
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, jobstores={"default": MemoryJobStore()}, executors={"default": DebugExecutor()}
        )

    def start(self) -> None:
        """Begin to ring."""
        self._rings = True
        self._scheduler.start()

    def stop(self) -> None:
        """Ring no more."""
        if self._rings:  # the scheduler itself only says so when the loop has gone round
            self._rings = False
            self._scheduler.shutdown(wait=False)

    def set(self, name: str, course: Course, ring: Callable[[], None]) -> None:
        """Ring for a job from now on, at the starts of its course; in place of what was set before."""
        self._scheduler.add_job(
            ring,
            trigger=StartTrigger(course),
            id=name,
            replace_existing=True,
            misfire_grace_time=None,  # no start is too late to count
            coalesce=True,
            max_instances=1,
        )

    def unset(self, name: str) -> None:
        """Ring for a job no more."""
        if self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)

    def wind(self) -> None:
        """Have the wall clock looked at again.

        The scheduler sleeps by a clock that stands still while the machine does, and a wake-up that ends in
        an exception would be its last.
        """
        if self._rings:
            self._scheduler.wakeup()
