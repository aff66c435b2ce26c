"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.schedule.durations import duration, shown_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2 days", 172_800), ("1w", 604_800), (" 1 H 5 min ", 3900)],
)
def test_a_length_is_read(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "6", "h", "-6h", "6.5h", "6h!", "1e3s", "6hh", "9" * 10 + "s", "1s" * 40]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|length"):
        duration(text)


def test_no_length_is_longer_than_a_calendar() -> None:
    with pytest.raises(ValueError, match="calendar"):
        duration("999999999w")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (4.25, "4.2s"), (60, "1m"), (3725, "1h2m"), (172_800, "2d"), (90_000, "1d1h")],
)
def test_a_length_is_shown_in_two_units(seconds: float, text: str) -> None:
    assert shown_duration(seconds) == text


@given(st.integers(60, 10**9))
def test_what_is_shown_is_read_back_to_within_a_smaller_unit(seconds: int) -> None:
    assert abs(duration(shown_duration(seconds)).total_seconds() - seconds) < max(seconds / 24, 60)
