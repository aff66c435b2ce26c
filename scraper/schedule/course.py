"""What is owed to a job at a moment: the run that is due, and those that it makes up for. Pure.

The clock may stand still, jump or be set back between two looks; a due time is accounted for once.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from apscheduler.triggers.base import BaseTrigger

from scraper.schedule.due import due_between

if TYPE_CHECKING:
    from scraper.schedule.due import Schedule

MOST_COUNTED: Final = 10_000
"""Missed due times beyond so many are not counted: it would take longer than a second."""
_INSTANT: Final = timedelta(microseconds=1)
_NARROW: Final = timedelta(minutes=1)


class Owed(NamedTuple):
    """A run that is to begin now."""

    due: datetime
    missed: int
    """How many due times before it had no run."""
    late_s: float
    """How long ago it was to begin, jitter not counted; up to the pace of the event loop 0."""


class Course:
    """A job's due times, and up to which of them they are accounted for."""

    def __init__(self, name: str, schedule: Schedule, *, jitter: timedelta, accounted: datetime) -> None:
        """Begin after ``accounted``: all due times up to that moment have been seen to."""
        self._name = name
        self._schedule = schedule
        self._jitter = jitter
        self.accounted = accounted
        self._calm: tuple[datetime, datetime] | None = None
        """From when to when it is known that nothing is owed."""

    def may_owe(self, now: datetime) -> bool:
        """Return whether ``owed`` is worth asking: it costs next to nothing to find that it is not."""
        if self._calm is None or not self._calm[0] <= now < self._calm[1]:
            self._calm = None
            return True
        return False

    def next_start(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the next due time whose run is to begin after now, and when that is.

        Raises:
            OverflowError: There is none in any calendar.
        """
        due = self._schedule.next_after(max(self.accounted, now - self._jitter))
        while (start := self.start_of(due)) <= now:
            due = self._schedule.next_after(due)
        return due, start

    def start_of(self, due: datetime) -> datetime:
        """Return when the run of a due time is to begin: the same each time it is asked for.

        Drawn at random from the jitter, by job and time, so that a restart does not draw again.
        """
        drawn = hashlib.blake2b(f"{self._name} {due.isoformat()}".encode(), digest_size=8).digest()
        return due + self._jitter * (int.from_bytes(drawn) / 2**64)

    def owed(self, now: datetime) -> Owed | None:
        """Return what is owed now: one run, whatever the number of due times that have passed."""
        due = self._latest(now)
        while due is not None and self.start_of(due) > now:
            due = self._latest(due - _INSTANT)
        if due is None:
            with contextlib.suppress(OverflowError):
                self._calm = now, self.next_start(now)[1]
            return None
        passed = sum(1 for _ in islice(due_between(self._schedule, self.accounted, due), MOST_COUNTED + 1))
        return Owed(due, passed - 1, max(0.0, (now - self.start_of(due)).total_seconds()))

    def settle(self, due: datetime) -> None:
        """Count a due time, and those before it, as seen to."""
        self.accounted = max(self.accounted, due)

    def set_back(self, now: datetime) -> bool:
        """Let due times count again that lie ahead after all: the clock was set back. Return whether."""
        if is_ahead := self.accounted > now:
            self.accounted, self._calm = now, None
        return is_ahead

    def since(self, moment: datetime, *, most: int) -> int:
        """Return how many due times have passed since a moment up to the last that was seen to."""
        return sum(1 for _ in islice(due_between(self._schedule, moment, self.accounted), most))

    def _latest(self, until: datetime) -> datetime | None:
        """Return the last due time up to a moment that is not accounted for, ``None`` without any.

        Looked for in ever longer spans before that moment: those that were missed may be millions.
        """
        span, after = _NARROW, until
        while after > self.accounted:
            after = max(self.accounted, until - span)
            latest = None
            for latest in due_between(self._schedule, after, until):  # noqa: B007 - the last of them
                pass
            if latest is not None:
                return latest
            span *= 4
        return None


class StartTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A course as APScheduler's trigger: it says when to look at the job, and nothing of the past."""

    def __init__(self, course: Course) -> None:
        self._course = course

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:  # noqa: ARG002 - APScheduler's signature
        """Return the next start after now, so that any number of missed ones is one call."""
        try:
            return self._course.next_start(now.astimezone(UTC))[1]
        except OverflowError:
            return None
