"""What follows from an attempt at a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from scraper.messages import Again, Errand, Hop, Request, Response, Settled
from scraper.record import Failure, Outcome, Redirect, Refresh, Robots, Try
from scraper.verdict.page import Decider, Decision, Done
from scraper.verdict.redirects import RedirectRules
from tests.support.fakes import EPOCH, fetch_error, response
from tests.unit.verdict.errands import AT, A, failed, granted, hops, line, whereabouts

if TYPE_CHECKING:
    from scraper.errors import FetchError
    from scraper.verdict.retries import Retries

HTTPS_REFUSED = {"connect_error", "tls_error", "timeout", "disconnected", "protocol_error"}


def decider(
    *,
    retries: Retries | None = None,
    max_redirects: int = 3,
    refuse_downgrade: bool = False,
    refresh_within_s: float | None = None,
) -> Decider:
    return Decider(
        retries=retries or granted(),
        redirects=RedirectRules(max_redirects, refuse_downgrade),
        refresh_within_s=refresh_within_s,
    )


def decide(request: Request, result: Response | FetchError, **settings: Any) -> Decision:
    return decider(**settings).decide(request, result, at=EPOCH)


def onward(decision: Decision) -> Request:
    """Return the line as it goes on."""
    assert isinstance(decision, Again | Hop)
    assert isinstance(decision.errand, Request)
    return decision.errand


def stale() -> FetchError:
    error = fetch_error(Outcome.DISCONNECTED, phase="headers")
    error.is_stale = True
    return error


# --- statuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", range(100, 600))
def test_the_table_of_statuses(status: int) -> None:
    """RFC 9110 section 15 and the Fetch Standard: 300, 304 to 306 lead nowhere by themselves."""
    decision = decide(line(), response(status=status))
    tried = Try(at=AT, status=status, error=Outcome.HTTP_ERROR)
    if status in range(200, 300):
        assert decision == Done(outcome=Outcome.OK)
    elif status in {301, 302, 303, 307, 308}:
        assert isinstance(decision, Done)
        assert decision.failure is not None
        assert decision.failure.type == "NoLocation"
    elif status in {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}:
        assert onward(decision).tries == (tried,)
    else:
        assert decision == Done(outcome=Outcome.HTTP_ERROR, last=tried)


def test_a_body_over_the_cap_is_too_large_and_not_tried_again() -> None:
    answer = msgspec.structs.replace(response(truncated=True), cut_by="fetch.max_wire_bytes (10.0 MiB)")
    message = "more than fetch.max_wire_bytes (10.0 MiB)"
    failure = Failure(type="TooLarge", message=message, phase="body")
    assert decide(line(), answer) == Done(outcome=Outcome.TOO_LARGE, failure=failure)


def test_a_success_after_tries_is_the_last_of_them() -> None:
    answer = response(headers=[("retry-after", "7")])
    decision = decide(line(tries=failed(1), waited_s=1.5), answer)
    assert decision == Done(outcome=Outcome.OK, last=Try(at=AT, status=200, waited_s=1.5))


# --- redirects: the rules are tested by themselves ---------------------------------------------


def test_a_redirect_leads_on() -> None:
    before = line(tries=failed(1))
    after = onward(decide(before, response(A, status=302, headers=[("location", "//b.example/x")])))
    assert whereabouts(after) == ("https://b.example/x", "b.example", 1)
    assert (after.url, after.home, after.place, after.tries) == (A, before.home, before.place, before.tries)


@pytest.mark.parametrize(
    ("location", "earlier", "refuse", "kind"),
    [
        ("mailto:a@b.example", (), False, "BadLocation"),
        (A, (), False, "RedirectLoop"),
        ("http://b.example/", (), True, "Downgrade"),
        (
            "/4",
            ("https://a.example/1", "https://a.example/2", "https://a.example/3"),
            False,
            "TooManyRedirects",
        ),
    ],
)
def test_a_redirect_that_is_not_followed_ends_the_line(
    *, location: str, earlier: tuple[str, ...], refuse: bool, kind: str
) -> None:
    answer = response(A, status=301, headers=[("location", location)])
    decision = decide(line(A, redirects=hops(*earlier)), answer, refuse_downgrade=refuse)
    assert isinstance(decision, Done)
    assert (decision.outcome, decision.retryable) == (Outcome.REDIRECT_ERROR, False)
    assert decision.failure is not None
    assert (decision.failure.type, decision.failure.phase) == (kind, "redirect")
    assert decision.last == Try(at=AT, status=301, error=Outcome.HTTP_ERROR)


# --- tries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_table_of_failures(outcome: Outcome) -> None:
    decision = decide(line(), fetch_error(outcome))
    tried = Try(at=AT, error=outcome)
    if outcome in {Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED}:
        assert onward(decision).tries == (tried,)
    else:
        failure = Failure(type=outcome.name, message="it failed", phase="connect")
        assert decision == Done(outcome=outcome, failure=failure, last=tried)


@pytest.mark.parametrize("result", [response(status=503), fetch_error(Outcome.TIMEOUT)])
@pytest.mark.parametrize("retries", [0, 2])
def test_the_last_try_leaves_the_line_to_another_run(result: Response | FetchError, retries: int) -> None:
    current = line()
    for _ in range(retries):
        current = onward(decide(current, result, retries=granted(retries=retries)))
    last = decide(current, result, retries=granted(retries=retries))
    assert isinstance(last, Done)
    assert last.retryable
    assert len(current.tries) == retries


def test_a_try_tells_of_the_wait_before_it_and_of_what_the_server_asked() -> None:
    decision = decide(line(waited_s=1.5), response(status=429, headers=[("retry-after", "7")]))
    assert onward(decision).tries == (
        Try(at=AT, status=429, error=Outcome.HTTP_ERROR, waited_s=1.5, retry_after_s=7.0),
    )
    assert isinstance(decision, Again)
    assert decision.wait_s == 7.0


@pytest.mark.parametrize(("asked", "goes"), [("120", True), ("121", False), ("9" * 5000, False)])
def test_a_server_that_asks_for_more_than_the_cap_is_left_alone(asked: str, *, goes: bool) -> None:
    decision = decide(line(), response(status=503, headers=[("retry-after", asked)]))
    assert isinstance(decision, Again) is goes
    if isinstance(decision, Done):
        assert (decision.outcome, decision.retryable) == (Outcome.HTTP_ERROR, True)


def test_when_the_budget_is_spent_the_line_is_left_to_another_run() -> None:
    retries = granted(budget_floor=0)
    for result in (response(status=503), fetch_error(Outcome.TIMEOUT)):
        decision = decide(line(), result, retries=retries)
        assert isinstance(decision, Done)
        assert decision.retryable
    assert retries.refused == 2


def test_every_attempt_counts_for_the_budget() -> None:
    retries = granted(budget_floor=0, budget_share=0.25)
    results: list[Response | FetchError] = [response(), response(status=404), stale()]
    for result in results:
        decide(line(), result, retries=retries)
    assert isinstance(decide(line(), response(status=503), retries=retries), Again), "one in four"
    assert isinstance(decide(line(), response(status=503), retries=retries), Again), "the share was not full"
    assert isinstance(decide(line(), response(status=503), retries=retries), Done)


def test_another_try_begins_where_the_redirects_began() -> None:
    underway = line("https://c.example/", redirects=hops(A, "https://b.example/"))
    again = onward(decide(underway, response("https://c.example/", status=503)))
    assert whereabouts(again) == (A, "a.example", 0)


def test_a_request_that_a_dead_connection_swallowed_goes_again_once_and_is_no_try() -> None:
    underway = line("https://c.example/", redirects=hops(A), tries=failed(2))
    decision = decide(underway, stale(), retries=granted(retries=2))
    assert decision == Again(msgspec.structs.replace(underway, is_anew=True), 0.0)
    second = decide(onward(decision), stale(), retries=granted(retries=2))
    assert isinstance(second, Done)
    assert (second.outcome, second.retryable) == (Outcome.DISCONNECTED, True)


# --- the guess at the scheme -------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_guess_at_https_that_nobody_answers_becomes_http_at_once(outcome: Outcome) -> None:
    guess = line("https://a.example/x", guessed_scheme=True)
    decision = decide(guess, fetch_error(outcome), retries=granted(retries=0))
    if outcome in HTTPS_REFUSED:
        again = onward(decision)
        assert (again.target, again.url, again.guessed_scheme) == ("http://a.example/x",) * 2 + (False,)
        assert decision == Again(again, 0.0)
        assert again.tries == (Try(at=AT, error=outcome, url="https://a.example/x"),)
    else:
        assert isinstance(decision, Done)


@pytest.mark.parametrize("is_trusted", [False, True])
def test_who_blocks_https_is_sent_no_credentials_over_http(*, is_trusted: bool) -> None:
    guess = line("https://a.example/x", guessed_scheme=True, is_trusted=is_trusted)
    again = onward(decide(guess, fetch_error(Outcome.CONNECT_ERROR)))
    assert isinstance(again, Request)
    assert not again.is_trusted
    tried = onward(decide(again, response(status=503)))
    assert isinstance(tried, Request)
    assert not tried.is_trusted, "a further try is no other"
    settled = Settled(Outcome.ROBOTS_UNREACHABLE, UNREACHABLE, Outcome.CONNECT_ERROR, retryable=True)
    for_robots = onward(decider().settle(guess, settled, at=EPOCH))
    assert isinstance(for_robots, Request)
    assert not for_robots.is_trusted, "also when it was robots.txt that could not be had"


def test_the_guess_costs_no_retry() -> None:
    guess = line("https://a.example/x", guessed_scheme=True)
    current = onward(decide(guess, fetch_error(Outcome.TLS_ERROR)))
    for tried in (2, 3):
        current = onward(decide(current, response(status=503), retries=granted(retries=2)))
        assert len(current.tries) == tried
    assert isinstance(decide(current, response(status=503), retries=granted(retries=2)), Done)


def test_a_guess_with_a_port_keeps_it() -> None:
    again = onward(
        decide(line("https://a.example:8443/", guessed_scheme=True), fetch_error(Outcome.TLS_ERROR))
    )
    assert whereabouts(again) == ("http://a.example:8443/", "a.example:8443", 0)


def test_a_guess_that_was_right_is_not_made_again() -> None:
    """A redirect was answered over https: what fails behind it says nothing of the guess."""
    guess = line("https://b.example/", guessed_scheme=True, redirects=hops(A))
    assert isinstance(decide(guess, fetch_error(Outcome.TLS_ERROR)), Done)


def test_a_scheme_that_the_line_has_is_kept() -> None:
    assert isinstance(decide(line(A), fetch_error(Outcome.TLS_ERROR)), Done)


# --- lines that nobody is asked for ------------------------------------------------------------

UNREACHABLE = Failure(type="ECONNREFUSED", message="robots.txt: refused", phase="robots")


@pytest.mark.parametrize(
    "settled",
    [
        Settled(Outcome.DUPLICATE),
        Settled(Outcome.FILTERED),
        Settled(Outcome.INVALID_URL, Failure(type="InvalidUrl", message="no host", phase="url")),
        Settled(Outcome.ROBOTS_DENIED),
        Settled(Outcome.ROBOTS_UNREACHABLE, UNREACHABLE, Outcome.CONNECT_ERROR, retryable=True),
        Settled(Outcome.HOST_UNAVAILABLE, retryable=True),
    ],
)
@pytest.mark.parametrize("guessed", [False, True])
def test_what_was_settled_is_the_outcome(settled: Settled, *, guessed: bool) -> None:
    request = line(settled=settled, guessed_scheme=guessed and settled.cause is None)
    assert decider().settle(request, settled, at=EPOCH) == Done(
        outcome=settled.outcome,
        failure=settled.failure,
        cause=settled.cause,
        retryable=settled.retryable,
    )


@pytest.mark.parametrize("cause", list(Outcome))
def test_the_guess_is_also_made_when_nobody_gave_robots_over_https(cause: Outcome) -> None:
    settled = Settled(Outcome.ROBOTS_UNREACHABLE, UNREACHABLE, cause, retryable=True)
    robots = Robots(allowed=False)
    guess = line("https://a.example/x", guessed_scheme=True, settled=settled, robots=robots)
    decision = decider(retries=granted(retries=0)).settle(guess, settled, at=EPOCH)
    if cause in HTTPS_REFUSED:
        again = onward(decision)
        assert decision == Again(again, 0.0)
        assert whereabouts(again) == ("http://a.example/x", "a.example", 0)
        assert (again.url, again.guessed_scheme) == ("http://a.example/x", False)
        assert (again.settled, again.robots) == (None, None), "http has a robots.txt of its own"
        assert again.tries == (Try(at=AT, error=Outcome.ROBOTS_UNREACHABLE, url="https://a.example/x"),)
        assert again.free_tries == 1
        tried = onward(decide(again, response(status=503), retries=granted(retries=1)))
        assert len(tried.tries) == 2, "the guess cost no retry"
        assert tried.tries[1].url is None
    else:
        assert isinstance(decision, Done)


def test_a_guess_that_was_right_is_not_made_again_for_the_robots_of_where_it_led() -> None:
    settled = Settled(Outcome.ROBOTS_UNREACHABLE, UNREACHABLE, Outcome.CONNECT_ERROR, retryable=True)
    guess = line("https://b.example/", guessed_scheme=True, redirects=hops(A), settled=settled)
    decision = decider().settle(guess, settled, at=EPOCH)
    assert isinstance(decision, Done)
    assert decision.outcome is Outcome.ROBOTS_UNREACHABLE


# --- pages that send their readers on ----------------------------------------------------------


def refreshed(
    refresh: Refresh | None, *, redirects: tuple[Redirect, ...] = (), target: str = A, **settings: Any
) -> Errand | None:
    settings = {"refresh_within_s": 10.0, **settings}
    request = line(target, redirects=redirects)
    hop = decider(**settings).refreshed(request, response(target), refresh)
    return hop.errand if hop else None


def to(url: str | None, *, delay: float = 0.0) -> Refresh:
    return Refresh(delay=delay, url=url)


def test_a_page_that_sends_its_readers_on_is_followed_where_that_is_wanted() -> None:
    led = refreshed(to("https://b.example/x#part", delay=10.0))
    assert led is not None
    assert whereabouts(led) == ("https://b.example/x", "b.example", 1)
    assert led.redirects == (
        Redirect(url=A, status=200, location="https://b.example/x#part", elapsed_s=0.25),
    )
    assert refreshed(to("https://b.example/x"), refresh_within_s=None) is None


@pytest.mark.parametrize(
    "refresh",
    [
        None,
        to(None),
        to(A),
        to(f"{A}#top"),
        to("https://b.example/", delay=10.5),
        to("mailto:a@b.example"),
    ],
)
def test_a_page_that_sends_nobody_elsewhere_is_a_page_like_any_other(refresh: Refresh | None) -> None:
    assert refreshed(refresh) is None


def test_a_page_without_delay_is_followed_when_none_is_allowed() -> None:
    assert refreshed(to("https://b.example/"), refresh_within_s=0.0) is not None
    assert refreshed(to("https://b.example/", delay=0.5), refresh_within_s=0.0) is None


def test_the_rules_of_redirects_hold_for_it() -> None:
    assert (
        refreshed(
            to("https://a.example/1"), target="https://a.example/2", redirects=hops("https://a.example/1")
        )
        is None
    )
    assert refreshed(to("http://a.example/x"), refuse_downgrade=True) is None
    assert refreshed(to("https://a.example/x"), max_redirects=0) is None


def test_a_decision_leaves_the_request_as_it_was() -> None:
    before = line()
    copy = msgspec.structs.replace(before)
    decide(before, response(status=503))
    assert before == copy
