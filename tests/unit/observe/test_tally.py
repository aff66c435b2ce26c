from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.observe.tally import Durations, RecentRate, SlowestHosts

STEPS = st.lists(
    st.tuples(st.floats(0, 40, allow_nan=False), st.integers(0, 256)), max_size=40
)  # seconds since the step before, things then


@given(STEPS, st.sampled_from([1, 10, 60]), st.floats(0, 100, allow_nan=False))
def test_rate_is_that_of_the_whole_seconds_in_the_window(
    steps: list[tuple[float, int]], window_s: int, rest_s: float
) -> None:
    recent = RecentRate(start_s=0.0)
    now_s = 0.0
    things = []
    for step_s, count in steps:
        now_s += step_s
        recent.add(count, now_s=now_s)
        things.append((now_s, count))
    now_s += rest_s
    first_s = max(math.floor(now_s) - window_s, 0)
    expected = sum(count for at_s, count in things if at_s >= first_s) / max(now_s - first_s, 1.0)
    assert recent.per_second(window_s=window_s, now_s=now_s) == pytest.approx(expected)


def test_a_first_batch_is_no_rate_of_thousands() -> None:
    recent = RecentRate(start_s=5.0)
    recent.add(256, now_s=5.001)
    assert recent.per_second(window_s=10, now_s=5.001) == 256


@given(st.lists(st.floats(0.001, 3600, allow_nan=False), min_size=1), st.floats(0.01, 1.0))
def test_quantiles_are_within_two_and_a_half_percent(values: list[float], q: float) -> None:
    durations = Durations()
    for value in values:
        durations.add(value)
    true = sorted(values)[max(math.ceil(q * len(values)), 1) - 1]
    assert durations.quantile(q) == pytest.approx(true, rel=0.0251)
    assert (durations.count, durations.least_s, durations.most_s) == (len(values), min(values), max(values))


@pytest.mark.parametrize(("value", "given_back"), [(0.0, 0.0), (-1.0, 0.0), (1e9, 1e9), (0.0004, 0.0004)])
def test_quantile_beyond_the_buckets_stays_within_what_was_seen(value: float, given_back: float) -> None:
    durations = Durations()
    durations.add(value)
    assert durations.quantile(0.5) == given_back


def test_no_quantile_of_nothing() -> None:
    assert Durations().quantile(0.5) is None


PAGES = st.lists(
    st.tuples(st.integers(0, 30), st.floats(0, 100, allow_nan=False), st.booleans()), max_size=200
)


@given(PAGES, st.integers(1, 6))
def test_slowest_hosts_against_counting_all(pages: list[tuple[int, float, bool]], keep: int) -> None:
    hosts = SlowestHosts(keep=keep)
    every: dict[str, list[tuple[float, bool]]] = {}
    for number, seconds, failed in pages:
        hosts.add(f"h{number}", seconds=seconds, failed=failed)
        every.setdefault(f"h{number}", []).append((seconds, failed))
        assert len(hosts._hosts) <= 2 * keep
    slowest = {host: max(seconds for seconds, _ in seen) for host, seen in every.items()}
    listed = hosts.slowest(keep)
    # Which times are the slowest is exact; hosts that tie may stand for each other.
    assert [figures.slowest_s for figures in listed] == sorted(slowest.values(), reverse=True)[:keep]
    for figures in listed:
        seen = every[figures.host]
        assert figures.slowest_s == slowest[figures.host]
        if figures.exact:
            assert figures.pages == len(seen)
            assert figures.failed == sum(failed for _, failed in seen)
            assert figures.mean_s == pytest.approx(sum(seconds for seconds, _ in seen) / len(seen))
        else:
            assert figures.pages <= len(seen)
    if len(every) <= 2 * keep:
        assert hosts.distinct == len(every)
        assert all(figures.exact for figures in listed)
    else:
        assert hosts.distinct in (None, *range(2 * keep + 1))


def test_a_host_that_comes_late_is_marked() -> None:
    hosts = SlowestHosts(keep=1)
    for number in range(3):
        hosts.add(f"h{number}", seconds=1.0 + number, failed=False)
    hosts.add("late", seconds=9.0, failed=True)
    (late,) = hosts.slowest(1)
    assert (late.host, late.exact, late.pages, late.failed) == ("late", False, 1, 1)
    assert hosts.distinct is None


def test_the_bar_is_the_slowest_page_of_the_last_host_kept() -> None:
    hosts = SlowestHosts(keep=2)
    for number in range(5):  # the fifth puts out all but h4 (5 s) and h3 (4 s)
        hosts.add(f"h{number}", seconds=1.0 + number, failed=False)
    hosts.add("below", seconds=3.9, failed=False)
    hosts.add("between", seconds=4.5, failed=False)
    assert [figures.host for figures in hosts.slowest(2)] == ["h4", "between"]
    assert set(hosts._hosts) == {"h4", "h3", "between"}


def test_keeps_at_least_one() -> None:
    with pytest.raises(ValueError, match="keep must be 1 or more"):
        SlowestHosts(keep=0)
