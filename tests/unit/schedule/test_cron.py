"""Cron texts mean what crontab(5) says, whatever APScheduler counts its weekdays from."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.schedule.cron import WallTimes, parse_cron

if TYPE_CHECKING:
    from collections.abc import Iterator

Field: TypeAlias = tuple[str, set[int], bool]
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def times(text: str, since: datetime) -> Iterator[datetime]:
    walls = WallTimes(parse_cron(text))
    while True:
        since = walls.first_after(since)
        yield since


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("0 12 * * 0", "Sun 2026-03-01 12:00"),
        ("0 12 * * 7", "Sun 2026-03-01 12:00"),
        ("0 12 * * 1", "Mon 2026-03-02 12:00"),
        ("0 12 * * SUN", "Sun 2026-03-01 12:00"),
        ("0 12 * * mon-fri", "Fri 2026-02-27 12:00"),
        ("0 12 * * 1-5", "Fri 2026-02-27 12:00"),
        ("0 12 * * sat-sun", "Sat 2026-02-28 12:00"),
        ("0 12 * * 6-7", "Sat 2026-02-28 12:00"),
        ("0 12 * * 5-7/2", "Fri 2026-02-27 12:00"),
        ("*/20 * * * *", "Fri 2026-02-27 08:20"),
        ("5-59/20 * * * *", "Fri 2026-02-27 08:05"),
        ("7/20 * * * *", "Fri 2026-02-27 08:07"),
        ("0 0 29 2 *", "Tue 2028-02-29 00:00"),
        ("0 0 1 mar *", "Sun 2026-03-01 00:00"),
        ("0 0 13 * fri", "Fri 2026-03-06 00:00"),  # either day is enough
        ("0 0 */2 * mon", "Mon 2026-03-09 00:00"),  # a star restricts nothing, so both hold
        ("@daily", "Sat 2026-02-28 00:00"),
        ("@Weekly", "Sun 2026-03-01 00:00"),
        ("@monthly", "Sun 2026-03-01 00:00"),
        ("@hourly", "Fri 2026-02-27 09:00"),
        ("@yearly", "Fri 2027-01-01 00:00"),
    ],
)
def test_the_first_time_that_is_allowed(text: str, due: str) -> None:
    found = next(times(text, datetime(2026, 2, 27, 8, 0)))  # noqa: DTZ001 - a wall clock has no zone
    assert f"{found:%a %Y-%m-%d %H:%M}" == due


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0"),
        ("* * * *", "has 4"),
        ("0 0 * * * *", "has 6"),
        ("60 * * * *", "minute: 60 is not from 0 to 59"),
        ("x 24 * * *", "minute: 'x' is no number from 0 to 59; hour: 24 is not from 0 to 23"),
        ("0 0 0 * *", "day of the month: 0 is not from 1 to 31"),
        ("0 0 * 13 *", "month: 13"),
        ("0 0 * * 8", "day of the week: 8 is not from 0 to 7"),
        ("0 0 * * frid", "or a name such as sun"),
        ("*/0 * * * *", "minute: 0 is not from 1 to 99"),
        ("5-3 * * * *", "'5-3' runs backwards; write 5-59,0-3"),
        ("0 0 * * fri-mon", "write fri-6,0-mon"),
        ("1,,2 * * * *", "minute"),
        ("-5 * * * *", "minute"),
        ("٣ * * * *", "minute"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("@reboot", "is none of @yearly"),
    ],
)
def test_what_is_no_cron_text_is_told_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_cron(text)


@st.composite
def fields(
    draw: st.DrawFn, least: int, most: int, *, names: tuple[str, ...] = (), first: int = 0, all_to: int = 0
) -> Field:
    """A field as text, what it allows, and whether it begins with a star, which means all to ``all_to``."""
    texts, allowed = [], set[int]()
    for _ in range(draw(st.integers(1, 3))):
        low = draw(st.integers(least, most))
        high = draw(st.integers(low, most))
        step = draw(st.sampled_from([1, 1, 2, 3, 7, 15]))
        kind = draw(st.sampled_from(["*", "one", "range", "name"]))
        if kind == "*":
            low, high = least, all_to or most
            text = "*"
        elif kind == "one" or (kind == "name" and not names):
            high, step, text = low, 1, f"{low}"
        elif kind == "name":
            low = min(low, first + len(names) - 1)
            high, step, text = low, 1, draw(st.sampled_from([str.lower, str.title]))(names[low - first])
        else:
            text = f"{low}-{high}"
        texts.append(text if step == 1 else f"{text}/{step}")
        allowed |= set(range(low, high + 1, step))
    return ",".join(texts), allowed, texts[0].startswith("*")


@given(
    st.tuples(
        fields(0, 59),
        fields(0, 23),
        fields(1, 28, all_to=31),
        fields(1, 12, names=MONTHS, first=1),
        fields(0, 6, names=WEEKDAYS),
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1)),  # noqa: DTZ001 - as above
)
def test_times_are_those_that_a_look_at_each_minute_finds(
    given_fields: tuple[Field, Field, Field, Field, Field], since: datetime
) -> None:
    minute, hour, day, month, weekday = given_fields

    def allows(wall: datetime) -> bool:
        on_day, on_weekday = wall.day in day[1], wall.isoweekday() % 7 in weekday[1]
        either = on_day and on_weekday if day[2] or weekday[2] else on_day or on_weekday
        return wall.minute in minute[1] and wall.hour in hour[1] and wall.month in month[1] and either

    text = " ".join(field[0] for field in given_fields)
    at = since.replace(second=0, microsecond=0) + timedelta(minutes=1)
    looked = (at + timedelta(minutes=number) for number in range(3 * 1440))
    expected = list(islice(filter(allows, looked), 20))
    until = at + timedelta(days=3)
    found = []
    for wall in islice(times(text, since), len(expected) + 1):
        if wall >= until:
            break
        found.append(wall)
    assert found[:20] == expected
