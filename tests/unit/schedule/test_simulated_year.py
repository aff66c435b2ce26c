"""The real desks, histories and APScheduler over both changes of three zones' clocks, with a moved clock.

``tests/benchmarks/schedule_year.py`` does it for a whole year, with jobs for each hour.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.schedule_year import plans_of, troubles_of
from tests.support.simulated_year import simulate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("begins", "ends", "at_the_change"),
    [
        (
            "2026-03-06",
            "2026-04-06",
            ["03-29 03:00 +0200", "03-08 03:00 -0400", "04-05 02:15 +1030"],
        ),
        (
            "2026-10-02",
            "2026-11-03",
            ["10-25 02:30 +0200", "11-01 02:30 -0500", "10-04 02:30 +1100"],
        ),
    ],
    ids=["spring", "autumn"],
)
async def test_each_due_time_has_a_run_or_a_line_that_says_why_not(
    begins: str, ends: str, at_the_change: list[str], tmp_path: Path
) -> None:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begins, ends))
    plans = plans_of(tmp_path, hourly=False)[:3]
    outcomes = await simulate(plans, begins=first, ends=last, troubles=troubles_of(2026))
    days = (last - first).days
    for one, change in zip(outcomes, at_the_change, strict=True):
        assert one.due == days
        assert one.unaccounted == 0
        assert one.run >= days - 2
        assert one.gaps == (change,), "it ran once on the day of the change"
