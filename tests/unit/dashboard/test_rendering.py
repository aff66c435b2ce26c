from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scraper.dashboard.rendering import ago, moment, took, value
from scraper.dashboard.sparkline import HEIGHT, MOST_BARS, sparkline
from scraper.schedule.model import RunState
from tests.support.fake_daemon import run

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "now"),
        (-0.5, "now"),
        (-1, "1 s ago"),
        (-59.9, "59 s ago"),
        (-60, "1 min ago"),
        (3599, "in 59 min"),
        (3600, "in 1 h"),
        (-172_799, "47 h ago"),
        (172_800, "in 2 days"),
        (-90 * 86_400, "90 days ago"),
    ],
)
def test_how_long_ago(seconds: float, told: str) -> None:
    assert ago(NOW + timedelta(seconds=seconds), NOW) == told


def test_times_are_said_in_utc() -> None:
    assert moment(datetime.fromisoformat("2026-03-01T01:02:03+02:00")) == "28 Feb 2026, 23:02:03"
    assert moment(None) == ago(None, NOW) == ""


@pytest.mark.parametrize(
    ("span_s", "told"),
    [
        (0.25, "250 ms"),
        (9.5, "9.50 s"),
        (42.4, "42 s"),
        (60, "1 min 0 s"),
        (3599.6, "1 h 0 min"),
        (47 * 3600, "47 h 0 min"),
        (50 * 3600, "2 days 2 h"),
        (None, ""),
    ],
)
def test_how_long_it_took(span_s: float | None, told: str) -> None:
    assert took(span_s) == told


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a\x00\nb", "a b"),
        (["a", 1], '["a",1]'),
        (1.5, "1.5"),
        (None, "null"),
        ("x" * 9999, "x" * 3999 + "…"),
    ],
)
def test_values_are_shown_in_one_bounded_line(given: Any, text: str) -> None:
    assert value(given) == text


def test_a_sparkline_has_the_oldest_run_first_and_the_newest_at_its_end() -> None:
    runs = [
        run("a", NOW, lines=100, failed=50),
        run("a", NOW - timedelta(hours=1), state=RunState.SKIPPED_OVERLAP, lines=0, failed=0),
        run("a", NOW - timedelta(hours=2), state=RunState.FAILED, lines=50, failed=0),
    ]
    line = sparkline(runs)
    assert [bar.run for bar in line.bars] == runs[::-1]
    assert [bar.kind for bar in line.bars] == ["bad", "partly", "good"]
    assert [bar.height for bar in line.bars] == [HEIGHT / 2, 4.0, HEIGHT]
    assert [bar.failed_height for bar in line.bars] == [0.0, 0.0, HEIGHT / 2]
    assert line.bars[-1].x + 6 == line.width
    assert line.told == "The last 3 runs: 1 failed, 1 skipped, 1 complete"
    assert sparkline([]).told == "No run yet"
    assert len(sparkline(runs * 20).bars) == MOST_BARS
