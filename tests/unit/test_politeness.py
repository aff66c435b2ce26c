from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scraper.politeness import HostTurn, Unlimited
from scraper.settings.model import PolitenessSettings


def turn_of(*, per_host: int = 2, delay_s: float = 0.0) -> HostTurn:
    return HostTurn(PolitenessSettings(per_host=per_host, delay_s=delay_s))


def is_free(turn: HostTurn) -> bool:
    """Ask afresh: a type checker takes the property for unchanging."""
    return turn.is_free


def test_a_new_host_may_be_asked_at_once() -> None:
    turn = turn_of(delay_s=5.0)
    assert is_free(turn)
    assert turn.not_before_s < 0
    assert turn.under_way == 0


def test_without_a_delay_the_slots_are_the_limit() -> None:
    turn = turn_of(per_host=2)
    turn.release()
    assert is_free(turn)
    turn.release()
    assert not is_free(turn)
    turn.depart(1.0)
    assert not is_free(turn)
    turn.come_back()
    assert is_free(turn)


def test_with_a_delay_the_next_waits_for_the_departure_and_then_for_the_delay() -> None:
    turn = turn_of(per_host=2, delay_s=5.0)
    turn.release()
    assert not is_free(turn), "released, and not on its way yet"
    turn.depart(10.0)
    assert is_free(turn)
    assert turn.not_before_s == 15.0
    turn.come_back()
    assert turn.not_before_s == 15.0, "an answer that comes soon does not shorten the delay"


def test_a_departure_never_brings_the_next_turn_forward() -> None:
    turn = turn_of(per_host=1, delay_s=5.0)
    turn.not_before_s = 100.0
    turn.release()
    turn.depart(10.0)
    assert turn.not_before_s == 100.0


def test_lines_that_ask_nobody_have_no_limits() -> None:
    turn = Unlimited()
    for now_s in range(10_000):
        assert is_free(turn)
        turn.release()
        turn.depart(float(now_s))
        assert turn.not_before_s <= now_s


@given(
    st.integers(1, 4),
    st.sampled_from([0.0, 0.5]),
    st.lists(st.tuples(st.sampled_from(["release", "depart", "come_back"]), st.floats(0, 1)), max_size=60),
)
def test_whatever_happens_the_limits_hold(
    per_host: int, delay_s: float, steps: list[tuple[str, float]]
) -> None:
    turn = turn_of(per_host=per_host, delay_s=delay_s)
    now_s = 0.0
    departed_s: list[float] = []
    departing = travelling = 0
    for step, passes_s in steps:
        now_s += passes_s
        if step == "release" and turn.is_free and turn.not_before_s <= now_s:
            turn.release()
            departing += 1
        elif step == "depart" and departing:
            turn.depart(now_s)
            departed_s.append(now_s)
            departing, travelling = departing - 1, travelling + 1
        elif step == "come_back" and travelling:
            turn.come_back()
            travelling -= 1
        assert turn.under_way == departing + travelling <= per_host
    gaps = [later - earlier for earlier, later in pairwise(departed_s)]
    assert all(gap >= delay_s - 1e-9 for gap in gaps)
