"""Due times over changes of the clock: each once, none lost, and the same as a look at every minute finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.schedule.cron import Cron, parse_cron
from scraper.schedule.due import due_between, parse_schedule, parse_zone

MINUTE = timedelta(minutes=1)
CHANGES = (
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("America/Havana", "2026-03-08"),  # at midnight
    ("America/Havana", "2026-11-01"),
    ("Pacific/Apia", "2011-12-30"),  # a day that was left out
    ("UTC", "2026-03-29"),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(schedule: str, zone: str, since: str, count: int) -> list[str]:
    times = due_between(parse_schedule(schedule, ZoneInfo(zone)), at(since), datetime.max.replace(tzinfo=UTC))
    return [f"{time:%m-%d %H:%M}" for time in islice(times, count)]


@pytest.mark.parametrize(
    ("schedule", "zone", "since", "times"),
    [
        # 02:00 is 03:00: the first instant after the gap, at its place in the day before and after.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("30 2 * * *", "America/New_York", "2026-03-07 12:00", ["03-08 07:00", "03-09 06:30"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-02 20:00", ["10-03 15:30", "10-04 15:15"]),
        ("0 0 * * *", "America/Havana", "2026-03-07 06:00", ["03-08 05:00", "03-09 04:00"]),
        # Several in the gap are one, and one with what is due when it ends.
        ("*/15 2,3 * * *", "Europe/Berlin", "2026-03-29", ["03-29 01:00", "03-29 01:15", "03-29 01:30"]),
        # 03:00 is 02:00 again: the first time only.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
        ("30 1 * * *", "America/New_York", "2026-10-31 12:00", ["11-01 05:30", "11-02 06:30"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00", ["04-04 14:45", "04-05 15:15"]),
        # Every hour means each hour that passes.
        ("30 * * * *", "Europe/Berlin", "2026-10-24 23:45", ["10-25 00:30", "10-25 01:30", "10-25 02:30"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29 00:00", ["03-29 00:30", "03-29 01:00", "03-29 01:30"]),
        ("0 0-23 * * *", "Europe/Berlin", "2026-10-24 23:30", ["10-25 00:00", "10-25 02:00"]),
        # An interval knows no clocks.
        ("every 12h", "Europe/Berlin", "2026-10-24 12:00", ["10-25 00:00", "10-25 12:00", "10-26 00:00"]),
        ("every 90m", "UTC", "1970-01-01", ["01-01 01:30", "01-01 03:00"]),
        ("every 2 days", "UTC", "1970-01-01", ["01-03 00:00", "01-05 00:00"]),
    ],
)
def test_due_times_over_a_change_of_the_clock(schedule: str, zone: str, since: str, times: list[str]) -> None:
    assert due(schedule, zone, since, len(times)) == times


def allows(cron: Cron, wall: datetime) -> bool:
    on_day, on_weekday = wall.day in cron.days, wall.isoweekday() % 7 in cron.weekdays
    either = on_day and on_weekday if cron.any_day or cron.any_weekday else on_day or on_weekday
    return wall.minute in cron.minutes and wall.hour in cron.hours and wall.month in cron.months and either


def looked_for(cron: Cron, zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """Return the due times by looking at the clock on the wall in each minute that passes."""
    found, moment = [], since
    before = since.astimezone(zone)
    while (moment := moment + MINUTE) <= until:
        here = moment.astimezone(zone)
        shown = here.replace(tzinfo=None)
        skipped = (shown - before.replace(tzinfo=None)) // MINUTE - 1
        walls = [shown] if not here.fold or cron.every_hour else []
        walls += [shown - MINUTE * number for number in range(1, skipped + 1)]
        if any(allows(cron, wall) for wall in walls):
            found.append(moment)
        before = here
    return found


@given(
    st.sampled_from(CHANGES),
    st.sampled_from(["*", "0", "30", "*/15", "7,37", "59"]),
    st.sampled_from(["*", "0", "1", "2", "3", "0-3", "*/2", "0-23", "23"]),
    st.sampled_from(["* * *", "* * sun", "* * 1-5", "29,30 * *"]),
    st.integers(0, 240),
)
def test_due_times_are_those_that_a_look_at_each_minute_finds(
    change: tuple[str, str], minutes: str, hours: str, days: str, begins: int
) -> None:
    zone, cron = ZoneInfo(change[0]), f"{minutes} {hours} {days}"
    since = at(change[1]) - timedelta(hours=14) + begins * MINUTE
    until = since + timedelta(days=1)
    found = list(due_between(parse_schedule(cron, zone), since, until))
    assert found == looked_for(parse_cron(cron), zone, since, until)


@given(
    st.sampled_from(CHANGES),
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "*/7 1-3 * * *", "every 7m"]),
    st.integers(0, 2 * 86_400),
)
def test_the_next_due_time_does_not_depend_on_where_one_looks_from(
    change: tuple[str, str], text: str, seconds: int
) -> None:
    schedule = parse_schedule(text, ZoneInfo(change[0]))
    first = at(change[1]) - timedelta(days=1)
    moment = first + timedelta(seconds=seconds)
    expected = next(one for one in due_between(schedule, first, moment + timedelta(days=3)) if one > moment)
    assert schedule.next_after(moment) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 'every 6h'"),
        ("every", "expected a length of time"),
        ("every 0s", "no schedule"),
        ("every 6", "write the unit too"),
        ("every 6 moons", "expected a length of time"),
        ("@reboot", "trigger"),
        ("sometimes", "five fields"),
        ("1m", "write 'every 1m'"),
        ("2 hours", "write 'every 2 hours'"),
        ("Daily", "write '@daily'"),
    ],
)
def test_what_is_no_schedule_is_told_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_schedule(text, UTC)


@pytest.mark.parametrize(
    "name", ["", "Mars", "Europe", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000]
)
def test_what_is_no_zone_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="no zone has that name"):
        parse_zone(name)
