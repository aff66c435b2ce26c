"""Whether a job has been without success for longer than its alarm allows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from scraper.schedule.course import Course


def is_silent(
    course: Course, *, last_success: datetime, counts_from: datetime, alarm_after: int, is_running: bool
) -> bool:
    """Return whether so many due times have passed without success that it is to be reported.

    Args:
        course: Says which due times have passed.
        last_success: When the last complete run ended; before the first, when the job was first known.
        counts_from: No due time up to this one counts: the job paused, or its schedule was another.
        alarm_after: How many there may be; 0 for any number.
        is_running: A run goes on: the last of the due times has its chance still.
    """
    if not alarm_after:
        return False
    passed = course.since(max(last_success, counts_from), most=alarm_after + 1)
    return passed > alarm_after or (passed == alarm_after and not is_running)
