"""When a request counts as kept waiting, and when no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scraper.fetch.patience import Pace, Patience
from tests.support.fakes import pass_s, play

if TYPE_CHECKING:
    from tests.support.fakes import FakeClock

PATIENCE_S = 2.0


class SteadyPace(Pace):
    """One that learns nothing."""

    patience_s = PATIENCE_S


def told(*steps: float, is_doubtful: bool = False) -> list[tuple[float, bool]]:
    """Return what is told and when; a step is so many bytes (an ``int``) or seconds (none)."""

    async def act(clock: FakeClock) -> list[tuple[float, bool]]:
        began_s = clock.monotonic()
        news: list[tuple[float, bool]] = []
        pace = SteadyPace(most_s=PATIENCE_S)
        patience = Patience(lambda is_kept: news.append((clock.monotonic() - began_s, is_kept)), pace=pace)
        patience.begin(is_doubtful=is_doubtful)
        for step in steps:
            if isinstance(step, int):
                patience.hear(step)
            else:
                await pass_s(step)
        patience.end()
        await pass_s(10.0)  # nothing is told after the end
        assert not patience.is_lost
        assert patience.was_ever_lost == any(is_kept for _, is_kept in news)
        assert patience.heard_bytes == sum(step for step in steps if isinstance(step, int))
        return news

    return play(act)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param((), [], id="nothing"),
        pytest.param((1.5, 300, 0.25), [], id="a quick answer"),
        pytest.param((1.5, 1024, 2.0, 2000, 2.0, 3000, 1.0), [], id="a slow answer that goes on"),
        pytest.param((5.0,), [(2.0, True), (5.0, False)], id="silence"),
        pytest.param((5.0, 200, 0.5), [(2.0, True), (5.5, False)], id="a small answer after silence"),
        pytest.param((0.5, 1), [], id="one byte"),
        pytest.param((*([0.5, 1] * 8),), [(2.0, True), (4.0, False)], id="a drip"),
        pytest.param(
            (3.0, 600, 600, 1.0, 9000, 1.5, 5000, 1.0),
            [(2.0, True), (3.0, False)],
            id="an answer after silence",
        ),
        pytest.param((0.5, 5000, 5.0), [(4.0, True), (5.5, False)], id="silence after a beginning"),
        pytest.param(
            (3.0, 1024, 3.0, 1024, 1.0, 1024, 1.0),
            [(2.0, True), (3.0, False), (5.0, True), (7.0, False)],
            id="by turns: the second time takes twice as much",
        ),
    ],
)
def test_a_host_that_brings_next_to_nothing_keeps_a_request_waiting(
    steps: tuple[float, ...], expected: list[tuple[float, bool]]
) -> None:
    assert told(*steps) == expected


def test_a_doubtful_host_is_given_no_time() -> None:
    assert told(0.5, 200, 0.5, is_doubtful=True) == [(0.0, True), (1.0, False)]
    assert told(0.5, 2000, 0.5, is_doubtful=True) == [(0.0, True), (0.5, False)]
    assert told(0.5, 2000, 3.5, is_doubtful=True)[2:] == [(2.5, True), (4.0, False)]


def test_where_nobody_wants_to_know_no_timer_runs() -> None:
    async def act(_: FakeClock) -> None:
        patience = Patience(None, pace=Pace(most_s=PATIENCE_S))
        patience.begin(is_doubtful=True)
        await pass_s(5.0)
        patience.hear(10)
        patience.end()
        assert not patience.was_ever_lost

    play(act)


def paced(*took_s: float, most_s: float = 5.0) -> float:
    """Return how long one is patient when answers took so long."""
    pace = Pace(most_s=most_s)
    for one_s in took_s:
        pace.note(one_s)
    return pace.patience_s


def test_one_is_patient_by_what_answers_usually_take() -> None:
    assert paced() == 1.0
    assert paced(*[0.4] * 100) == pytest.approx(1.6, rel=0.05)
    assert paced(*[0.1] * 100) == pytest.approx(0.4, rel=0.05)
    assert paced(*[0.4, 0.4, 30.0] * 100) == pytest.approx(1.6, rel=0.15), (
        "a few that take very long do not count"
    )


@pytest.mark.parametrize(("took_s", "expected_s"), [(0.001, 0.25), (60.0, 5.0)])
def test_patience_has_a_least_and_a_most(took_s: float, expected_s: float) -> None:
    assert paced(*[took_s] * 1000) == pytest.approx(expected_s)


def test_the_users_most_goes_before_the_least() -> None:
    assert paced(most_s=0.05) == 0.05


def test_an_answer_tells_once_when_it_began() -> None:
    async def act(_: FakeClock) -> None:
        pace, other = Pace(most_s=5.0), Pace(most_s=5.0)
        patience = Patience(lambda _: None, pace=pace)
        patience.begin(is_doubtful=False)
        await pass_s(0.5)
        for _step in range(3):
            patience.hear(100)
            await pass_s(0.5)
        patience.end()
        other.note(0.5)
        assert pace.patience_s == other.patience_s

    play(act)
