"""Which failures are tried again, after how long, and how often over the whole run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.record import Outcome, Try
from scraper.verdict.retries import anew, is_transient
from tests.support.fakes import fetch_error, response
from tests.unit.verdict.errands import AT, Least, Upmost, failed, granted, hops, line, robots_errand

if TYPE_CHECKING:
    from scraper.messages import Again, Errand

TRANSIENT = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}
TRIED = Try(at=AT, status=503, error=Outcome.HTTP_ERROR)
ERRANDS: list[Errand] = [line(), robots_errand()]


def again(errand: Errand, tried: Try = TRIED, **settings: Any) -> Again | None:
    return granted(**settings).again(errand, tried, start=errand)


# --- what may pass -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", range(100, 600))
def test_the_table_of_statuses(status: int) -> None:
    assert is_transient(response(status=status)) is (status in TRANSIENT)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_table_of_failures(outcome: Outcome) -> None:
    passing = outcome in {Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED}
    assert is_transient(fetch_error(outcome)) is passing


@pytest.mark.parametrize(
    ("outcome", "kind", "passing"),
    [
        (Outcome.DNS_ERROR, "EAI_AGAIN", True),
        (Outcome.DNS_ERROR, "EAI_NONAME", False),
        (Outcome.DNS_ERROR, "EAI_FAIL", False),
        (Outcome.TLS_ERROR, "ECONNRESET", True),
        (Outcome.TLS_ERROR, "CERTIFICATE_VERIFY_FAILED", False),
        (Outcome.PROTOCOL_ERROR, "BadStatusLine", False),
        (Outcome.DECODE_ERROR, "ContentEncodingError", False),
    ],
)
def test_some_errors_may_pass_whatever_their_outcome(outcome: Outcome, kind: str, *, passing: bool) -> None:
    assert is_transient(fetch_error(outcome, kind=kind)) is passing


# --- how often, and after how long -------------------------------------------------------------


@pytest.mark.parametrize("errand", ERRANDS)
@pytest.mark.parametrize("retries", [0, 1, 2, 5, 100])
def test_an_errand_is_tried_as_often_as_the_setting_says(errand: Errand, retries: int) -> None:
    current = errand
    for count in range(retries):
        decision = again(current, retries=retries)
        assert decision is not None
        current = decision.errand
        assert current.tries == (TRIED,) * (count + 1)
    assert again(current, retries=retries) is None


@pytest.mark.parametrize(
    ("free", "tried", "goes"), [(0, 2, False), (1, 2, True), (1, 3, False), (2, 2, True)]
)
def test_free_tries_are_no_tries(free: int, tried: int, *, goes: bool) -> None:
    assert (again(line(tries=failed(tried), free_tries=free), retries=2) is not None) is goes


def test_a_free_try_makes_no_wait_longer() -> None:
    decision = again(line(tries=failed(2), free_tries=1), retries=9, chance=Upmost())
    assert decision is not None
    assert decision.wait_s == 2.0


@pytest.mark.parametrize(
    ("tried", "most_s"), [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (7, 60.0), (99, 60.0)]
)
def test_the_wait_is_drawn_from_zero_to_twice_as_much_each_time(tried: int, most_s: float) -> None:
    for chance, expected_s in ((Upmost(), most_s), (Least(), 0.0)):
        decision = again(line(tries=failed(tried)), retries=100, chance=chance)
        assert decision is not None
        assert decision.wait_s == expected_s


@given(
    seed=st.integers(),
    tried=st.integers(0, 99),
    base_s=st.floats(0, 1e6),
    cap_s=st.floats(0, 1e6),
    asked_s=st.none() | st.floats(0, 120),
)
def test_no_wait_is_longer_than_the_cap_or_shorter_than_what_the_server_asks(
    *, seed: int, tried: int, base_s: float, cap_s: float, asked_s: float | None
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret depends on it
    waited = Try(at=AT, status=503, retry_after_s=asked_s)
    decision = again(
        line(tries=failed(tried)), waited, retries=100, base_s=base_s, cap_s=cap_s, chance=chance
    )
    assert decision is not None
    least_s = asked_s or 0.0
    assert least_s <= decision.wait_s <= max(least_s, min(cap_s, base_s * 2.0**tried))


def test_what_failed_together_does_not_come_back_together() -> None:
    retries = granted(base_s=1024.0, cap_s=1024.0, chance=random.Random(1))  # noqa: S311
    waits: list[float] = []
    for _ in range(400):
        decision = retries.again(line(), TRIED, start=line())
        assert decision is not None
        waits.append(decision.wait_s)
    for quarter in range(4):
        assert 50 < sum(256 * quarter <= wait_s < 256 * (quarter + 1) for wait_s in waits) < 150


@pytest.mark.parametrize(
    ("asked_s", "wait_s"), [(None, 1.0), (0.0, 1.0), (0.5, 1.0), (7.0, 7.0), (60.0, 60.0), (60.5, None)]
)
def test_a_server_has_the_last_word_on_the_wait_up_to_the_cap(
    asked_s: float | None, wait_s: float | None
) -> None:
    """What asks for longer is better not asked again in this run than too early."""
    decision = again(line(), Try(at=AT, status=503, retry_after_s=asked_s), longest_wait_s=60.0)
    assert (decision and decision.wait_s) == wait_s


def test_another_try_begins_at_the_start_and_knows_the_tries_before() -> None:
    underway = line("https://c.example/", redirects=hops("https://a.example/"), tries=failed(1), is_anew=True)
    start = line(is_anew=True)
    decision = granted().again(underway, TRIED, start=start)
    assert decision is not None
    assert decision.errand.target == start.target
    assert decision.errand.tries == (*underway.tries, TRIED)
    assert not decision.errand.is_anew


# --- the budget of the run ---------------------------------------------------------------------


@pytest.mark.parametrize("floor", [0, 1, 3])
def test_a_short_list_has_its_tries_by_the_floor(floor: int) -> None:
    retries = granted(budget_floor=floor, budget_share=0.0)
    for count in range(5):
        retries.note_request()
        decision = retries.again(line(), TRIED, start=line())
        assert (decision is not None) is (count < floor)
    assert retries.refused == 5 - floor


def test_an_outage_does_not_multiply_the_load() -> None:
    """Every request fails: beyond the floor, no more than the share of all requests are further tries."""
    retries = granted(budget_floor=10, budget_share=0.25, retries=2)
    waiting: list[Errand] = [line()] * 1000
    requests = further = given_up = 0
    while waiting:
        errand = waiting.pop()
        retries.note_request()
        requests += 1
        further += bool(errand.tries)
        if decision := retries.again(errand, TRIED, start=errand):
            waiting.append(decision.errand)
        else:
            given_up += len(errand.tries) < 2
    assert requests == 1000 + further
    assert requests * 0.25 <= further <= 10 + requests * 0.25 + 1
    assert retries.refused == given_up > 0


@given(share=st.floats(0, 1), floor=st.integers(0, 20), turns=st.lists(st.booleans(), max_size=200))
def test_the_budget_is_kept_at_every_moment(*, share: float, floor: int, turns: list[bool]) -> None:
    retries = granted(budget_share=share, budget_floor=floor)
    requests = further = refused = 0
    for fails in turns:
        retries.note_request()
        requests += 1
        if not fails:
            continue
        allowed = further < floor + share * requests
        decision = retries.again(line(), TRIED, start=line())
        assert (decision is not None) is allowed
        further += allowed
        refused += not allowed
    assert retries.refused == refused


def test_what_would_not_be_tried_again_anyway_is_no_refusal_of_the_budget() -> None:
    retries = granted(budget_floor=0, retries=1)
    assert retries.again(line(tries=failed(1)), TRIED, start=line()) is None
    assert retries.again(line(), Try(at=AT, status=503, retry_after_s=999.0), start=line()) is None
    assert retries.refused == 0
    assert retries.again(line(), TRIED, start=line()) is None
    assert retries.refused == 1


# --- a kept connection that had died -----------------------------------------------------------


@pytest.mark.parametrize("errand", ERRANDS)
def test_on_a_connection_that_had_died_it_goes_again_at_once_and_once_only(errand: Errand) -> None:
    error = fetch_error(Outcome.DISCONNECTED)
    error.is_stale = True
    decision = anew(errand, error)
    assert decision is not None
    assert decision.wait_s == 0.0
    assert (decision.errand.tries, decision.errand.target) == ((), errand.target)
    assert anew(decision.errand, error) is None


def test_on_a_new_connection_it_is_a_failure() -> None:
    assert anew(line(), fetch_error(Outcome.DISCONNECTED)) is None
