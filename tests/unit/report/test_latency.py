"""Percentiles and steps of durations."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from scraper.report.latency import REST, Hosts, Sketch, Spread


@given(st.lists(st.floats(1e-4, 1e4), min_size=1))
def test_percentiles_are_right_within_2_percent(durations: list[float]) -> None:
    sketch = Sketch()
    for took_s in durations:
        sketch.add(took_s)
    told = sketch.percentiles()
    assert told is not None
    ranked = sorted(durations)
    for share, value in ((0.5, told.p50_s), (0.9, told.p90_s), (0.99, told.p99_s), (1.0, told.max_s)):
        exact = ranked[math.ceil(share * len(ranked)) - 1]
        assert abs(value - exact) <= 0.02 * exact
    assert told.max_s == ranked[-1]


def test_durations_that_no_answer_takes_break_nothing() -> None:
    sketch = Sketch()
    assert sketch.percentiles() is None
    for took_s in (0.0, -1.0, 1e300):
        sketch.add(took_s)
    told = sketch.percentiles()
    assert told is not None
    assert told.p50_s < 1.1e-4
    assert told.max_s == 1e300


def test_steps_are_whole_between_the_first_and_the_last() -> None:
    spread = Spread()
    assert spread.counts() == []
    for took_s in (0.015, 0.05, 0.3):
        spread.add(took_s)
    assert [tuple(one) for one in spread.counts()] == [
        ("10 ms to 20 ms", 1),
        ("20 ms to 50 ms", 0),
        ("50 ms to 100 ms", 1),
        ("100 ms to 200 ms", 0),
        ("200 ms to 500 ms", 1),
    ]


def test_hosts_beyond_the_limit_go_together() -> None:
    hosts = Hosts(2)
    for name in ("a", "b", "b", "c", "d", "e"):
        hosts.add(name, failed=name == "b", size_bytes=10, took_s=None if name == "a" else 0.5)
    rows = hosts.rows(2)
    assert rows.total == 3
    assert [(host.name, host.records, host.failed, host.size_bytes) for host in rows.shown] == [
        (REST, 3, 0, 30),
        ("b", 2, 2, 20),
    ]
    assert hosts.rows(3).shown[-1].took is None
