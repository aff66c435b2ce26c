"""What an attempt tells of its host."""

from __future__ import annotations

import pytest

from scraper.messages import NO_IMPRESSION, Impression, Sign
from scraper.record import Outcome
from scraper.record_values import Try
from scraper.verdict.impression import impression_of
from tests.support.fakes import fetch_error, response

SILENT = {Outcome.CONNECT_ERROR, Outcome.DNS_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED}


@pytest.mark.parametrize("status", range(100, 600))
def test_the_table_of_statuses(status: int) -> None:
    sign, trouble = Sign.ERROR, None
    if status in {429, 503}:
        sign, trouble = Sign.OVERLOADED, f"status {status}"
    elif status in range(200, 400):
        sign = Sign.GOOD
    assert impression_of(response(status=status)) == Impression(sign, 0.25, trouble=trouble)


@pytest.mark.parametrize(
    ("before", "is_repeated"),
    [([], False), ([503], True), ([429], True), ([503, 500], False), ([None], False), ([200, 503], True)],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_says_whether_its_line_was_refused_just_before(
    status: int, before: list[int | None], *, is_repeated: bool
) -> None:
    tries = [Try(at="2026-11-29T12:00:00Z", status=one) for one in before]
    impression = impression_of(response(status=status), tries=tries)
    assert impression.is_repeated is (is_repeated and status != 500)


@pytest.mark.parametrize("phase", ["dns", "connect", "send", "headers", "body", "decode"])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_table_of_failures(outcome: Outcome, phase: str) -> None:
    """A host that has begun to answer is not silent, whatever came of its answer."""
    silent = outcome in SILENT and phase not in {"body", "decode"}
    is_late = outcome is Outcome.TIMEOUT
    expected = Impression(Sign.UNKNOWN, is_late=is_late)
    if silent:
        expected = Impression(Sign.SILENT, trouble=f"{outcome}: it failed", is_late=is_late)
    assert impression_of(fetch_error(outcome, phase=phase)) == expected


@pytest.mark.parametrize(
    ("kind", "silent"),
    [("EAI_NONAME", False), ("EAI_NODATA", False), ("EAI_AGAIN", True), ("TimeoutError", True)],
)
def test_a_name_that_does_not_exist_is_no_host_that_is_down(kind: str, *, silent: bool) -> None:
    impression = impression_of(fetch_error(Outcome.DNS_ERROR, kind=kind, phase="dns"))
    assert (impression.sign is Sign.SILENT) is silent


def test_a_kept_connection_that_had_died_says_nothing_of_its_host() -> None:
    error = fetch_error(Outcome.DISCONNECTED, phase="headers")
    assert impression_of(error).sign is Sign.SILENT
    error.is_stale = True
    assert impression_of(error) == NO_IMPRESSION


@pytest.mark.parametrize("status", [200, 301, 404, 429, 503])
@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ([("retry-after", "7")], 7.0),
        ([("ratelimit", '"minute";r=0;t=30')], 30.0),
        ([("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9"), ("retry-after", "7")], 9.0),
        ([("ratelimit", '"minute";r=1;t=30')], None),
        ([("retry-after", "soon")], None),
        ([("retry-after", "0")], 0.0),
    ],
)
def test_a_wish_to_be_left_alone_counts_on_any_answer(
    status: int, headers: list[tuple[str, str]], asked_s: float | None
) -> None:
    assert impression_of(response(status=status, headers=headers)).asked_wait_s == asked_s
