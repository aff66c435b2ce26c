"""A job that does not succeed is reported, no sooner and no later than its alarm says."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from scraper.schedule.course import Course
from scraper.schedule.due import parse_schedule
from scraper.schedule.silence import is_silent
from tests.unit.schedule.rows import DAY


@pytest.mark.parametrize(
    ("accounted", "counts_from", "alarm_after", "is_running", "silent"),
    [
        (2, 0, 3, False, False),
        (3, 0, 3, True, False),  # the last one has its chance still
        (3, 0, 3, False, True),
        (4, 0, 3, True, True),
        (9, 0, 0, False, False),
        (9, 7, 3, False, False),  # it paused meanwhile
        (10, 7, 3, False, True),
        (9000, 0, 3, False, True),
    ],
)
def test_so_many_due_times_without_success_are_a_silence(
    accounted: int, counts_from: int, alarm_after: int, *, is_running: bool, silent: bool
) -> None:
    hour = timedelta(hours=1)
    course = Course(
        "a", parse_schedule("every 1h", UTC), jitter=timedelta(0), accounted=DAY + accounted * hour
    )
    found = is_silent(
        course,
        last_success=DAY,
        counts_from=DAY + counts_from * hour,
        alarm_after=alarm_after,
        is_running=is_running,
    )
    assert found is silent
