"""What is owed at a moment: one run for all that has passed, once, however the clock goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.schedule.course import MOST_COUNTED, Course, StartTrigger
from scraper.schedule.due import due_between, parse_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = datetime(2026, 5, 1, tzinfo=UTC)


def hours(number: float) -> datetime:
    return DAY + timedelta(hours=number)


def course(
    text: str = "every 1h", *, jitter_s: float = 0, accounted: datetime = DAY, name: str = "a"
) -> Course:
    return Course(name, parse_schedule(text, UTC), jitter=timedelta(seconds=jitter_s), accounted=accounted)


@pytest.mark.parametrize(
    ("now", "owed"),
    [
        (0.0, None),
        (0.9, None),
        (1.0, (1, 0, 0.0)),
        (1.5, (1, 0, 1800.0)),
        (5.25, (5, 4, 900.0)),
        (24.0 * 365, (24 * 365, 24 * 365 - 1, 0.0)),
    ],
)
def test_one_run_makes_up_for_all_that_were_missed(now: float, owed: tuple[int, int, float] | None) -> None:
    found = course().owed(hours(now))
    assert found == (None if owed is None else (hours(owed[0]), owed[1], owed[2]))


def test_what_was_seen_to_is_not_owed_again() -> None:
    one = course()
    first = one.owed(hours(3.1))
    assert first is not None
    one.settle(first.due)
    assert one.owed(hours(3.9)) is None
    assert one.owed(hours(4)) == (hours(4), 0, 0.0)


def test_missed_ones_are_counted_up_to_a_bound() -> None:
    owed = course("every 1s").owed(hours(24 * 3650))
    assert owed == (hours(24 * 3650), MOST_COUNTED, 0.0)


def test_a_clock_that_is_set_back_repeats_nothing_and_waits_for_nothing() -> None:
    one = course(accounted=hours(24 * 3650))  # it was once ten years ahead
    assert not one.set_back(hours(24 * 3650))
    assert one.owed(hours(2.4)) is None
    assert one.set_back(hours(2.5))
    assert one.may_owe(hours(3))
    assert one.owed(hours(2.75)) is None
    assert one.next_start(hours(2.75))[0] == hours(3)
    assert one.owed(hours(3)) == (hours(3), 0, 0.0)


@given(st.integers(0, 10_000), st.integers(1, 3000))
def test_jitter_puts_off_but_never_skips(hour: int, jitter_s: int) -> None:
    one = course(jitter_s=jitter_s)
    due = hours(hour + 1)
    start = one.start_of(due)
    assert due <= start <= due + timedelta(seconds=jitter_s)
    assert start == course(jitter_s=jitter_s).start_of(due), "a restart drew again"
    one.settle(hours(hour))
    assert one.owed(start - timedelta(microseconds=1)) is None
    assert one.owed(start) == (due, 0, 0.0)
    assert one.next_start(hours(hour)) == (due, start)
    assert one.next_start(start)[0] == hours(hour + 2)


def test_jobs_that_are_due_together_begin_apart() -> None:
    starts = {course(jitter_s=3000, name=f"job-{number}").start_of(DAY) for number in range(100)}
    assert len(starts) == 100
    spread = [(start - DAY).total_seconds() / 3000 for start in sorted(starts)]
    assert spread[20] < 0.5 < spread[80]


@given(
    st.sampled_from(["every 7m", "*/13 * * * *", "5 */2 * * *", "0 0 * * mon"]),
    st.lists(st.integers(1, 40_000), max_size=25),
    st.sampled_from([0, 60, 240]),
)
def test_however_often_one_looks_each_due_time_is_accounted_for_once(
    text: str, waits_s: Sequence[int], jitter_s: int
) -> None:
    one, now, counted = course(text, jitter_s=jitter_s), DAY, 0
    for wait_s in waits_s:
        now += timedelta(seconds=wait_s)
        if (owed := one.owed(now)) is not None:
            counted += 1 + owed.missed
            assert owed.late_s >= 0
            one.settle(owed.due)
    schedule = parse_schedule(text, UTC)
    begun = [due for due in due_between(schedule, DAY, now) if one.start_of(due) <= now]
    assert counted == len(begun)


def test_the_trigger_says_nothing_of_the_past() -> None:
    trigger = StartTrigger(course("every 1s"))
    assert trigger.get_next_fire_time(DAY, hours(24 * 3650)) == hours(24 * 3650) + timedelta(seconds=1)


def test_the_trigger_of_a_schedule_that_comes_to_its_end_ends() -> None:
    end = datetime(9999, 12, 31, 12, tzinfo=UTC)
    assert StartTrigger(course("0 0 * * *", accounted=end)).get_next_fire_time(None, end) is None
