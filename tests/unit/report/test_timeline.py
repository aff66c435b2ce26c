"""Answers over time, in a bounded number of steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scraper.report.timeline import Times


@given(st.lists(st.floats(-1e11, 1e12), max_size=300))
def test_every_answer_is_in_one_step_and_steps_are_few(moments: list[float]) -> None:
    times = Times()
    for at_s in moments:
        times.add(at_s, is_error=at_s < 0, size_bytes=3)
    timeline = times.timeline()
    steps = [step for stretch in timeline.stretches for step in stretch]
    assert sum(step.answers for step in steps) == len(moments)
    assert sum(step.errors for step in steps) == sum(at_s < 0 for at_s in moments)
    assert sum(step.size_bytes for step in steps) == 3 * len(moments)
    assert len(steps) <= 120
    assert times.first_s == min(moments, default=None)
    assert times.last_s == max(moments, default=None)
    for stretch in timeline.stretches:
        starts = [step.at_s for step in stretch]
        assert starts == [starts[0] + number * timeline.step_s for number in range(len(starts))]


def test_a_long_pause_cuts_the_line_and_a_short_one_does_not() -> None:
    times = Times()
    for at_s in (0.0, 1.0, 100.0, 7200.0, 7201.0):
        times.add(at_s, is_error=False, size_bytes=0)
    first, second = times.timeline().stretches
    assert sum(step.answers for step in first) == 3
    assert sum(step.answers for step in second) == 2
    assert second[0].at_s <= 7200.0
