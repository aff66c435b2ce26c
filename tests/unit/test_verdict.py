from __future__ import annotations

import random
from datetime import timedelta
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.messages import Again, Hop, Request, Response
from scraper.record import Outcome, Redirect, Try
from scraper.settings.model import RetrySettings
from scraper.verdict import REDIRECTS, TRANSIENT_STATUSES, Decider, Decision, Done, retry_after
from tests.support.fakes import EPOCH, fetch_error, request, response

AT = "2026-01-31T09:30:00.000Z"
A = "https://a.example/"


class Upmost(random.Random):
    """Chance that always draws the most."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Least(random.Random):
    """Chance that always draws the least."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


def decide(
    request: Request,
    result: Response | Exception,
    *,
    retries: int = 2,
    base_s: float = 1.0,
    cap_s: float = 60.0,
    max_redirects: int = 3,
    chance: random.Random | None = None,
) -> Decision:
    decider = Decider(
        RetrySettings(retries=retries, base_s=base_s, cap_s=cap_s),
        max_redirects=max_redirects,
        chance=chance or Upmost(),
    )
    return decider.decide(request, result, at=EPOCH)  # type: ignore[arg-type]


def tried(count: int) -> list[Try]:
    return [Try(at=AT, status=503, error=Outcome.HTTP_ERROR)] * count


def hops(*urls: str) -> list[Redirect]:
    return [Redirect(url=url, status=302, location="x", elapsed_s=0.25) for url in urls]


# --- statuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", range(200, 300))
def test_every_2xx_is_ok(status: int) -> None:
    assert decide(request(), response(status=status)) == Done(outcome=Outcome.OK)


def test_a_body_over_the_cap_is_too_large_and_not_tried_again() -> None:
    assert decide(request(), response(truncated=True)) == Done(outcome=Outcome.TOO_LARGE)


@pytest.mark.parametrize("status", range(300, 600))
def test_the_table_of_statuses(status: int) -> None:
    """RFC 9110 section 15 and the Fetch Standard: 300, 304 to 306 lead nowhere by themselves."""
    decision = decide(request(), response(status=status))
    if status in {301, 302, 303, 307, 308}:
        assert isinstance(decision, Done)
        assert decision.failure is not None
        assert decision.failure.type == "NoLocation"
    elif status in {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}:
        assert isinstance(decision, Again)
    else:
        assert decision == Done(outcome=Outcome.HTTP_ERROR)


def test_no_status_is_in_both_tables() -> None:
    assert not REDIRECTS & TRANSIENT_STATUSES


# --- redirects ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/next", "https://a.example/next"),
        ("next?q=1", "https://a.example/next?q=1"),
        ("//b.example/x", "https://b.example/x"),
        ("http://b.example", "http://b.example/"),
        ("https://b.example/x#part", "https://b.example/x"),
        ("HTTPS://B.EXAMPLE:443/x", "https://b.example/x"),
    ],
)
def test_a_redirect_leads_on_and_is_noted(location: str, target: str) -> None:
    before = request(tries=tried(1))
    answer = response(A, status=302, headers=[("location", location)])
    decision = decide(before, answer)
    assert isinstance(decision, Hop)
    onward = decision.request
    assert onward.target == target
    assert onward.host in {"a.example", "b.example"}
    assert onward.redirects == (Redirect(url=A, status=302, location=location, elapsed_s=0.25),)
    assert (onward.seq, onward.home, onward.url, onward.tries) == (0, before.home, A, before.tries)


@pytest.mark.parametrize(
    ("headers", "earlier", "kind"),
    [
        ([], (), "NoLocation"),
        ([("location", "mailto:a@b.example")], (), "BadLocation"),
        ([("location", "javascript:alert(1)")], (), "BadLocation"),
        ([("location", "file:///etc/passwd")], (), "BadLocation"),
        ([("location", "http://")], (), "BadLocation"),
        ([("location", "http://[::1")], (), "BadLocation"),
        ([("location", A)], (), "RedirectLoop"),
        ([("location", "#top")], (), "RedirectLoop"),
        ([("location", "")], (), "RedirectLoop"),
        ([("location", "https://b.example/")], ("https://b.example/",), "RedirectLoop"),
        (
            [("location", "/4")],
            ("https://a.example/1", "https://a.example/2", "https://a.example/3"),
            "TooManyRedirects",
        ),
    ],
)
def test_a_redirect_that_leads_nowhere_ends_the_line(
    headers: list[tuple[str, str]], earlier: tuple[str, ...], kind: str
) -> None:
    decision = decide(request(A, redirects=hops(*earlier)), response(A, status=301, headers=headers))
    assert isinstance(decision, Done)
    assert decision.outcome is Outcome.REDIRECT_ERROR
    assert decision.failure is not None
    assert (decision.failure.type, decision.failure.phase) == (kind, "redirect")
    assert not decision.retryable


@pytest.mark.parametrize("most", [0, 1, 3])
def test_as_many_redirects_are_followed_as_the_setting_says(most: int) -> None:
    current = request(A)
    for number in range(most):
        answer = response(current.target, status=307, headers=[("location", f"/{number}")])
        decision = decide(current, answer, max_redirects=most)
        assert isinstance(decision, Hop)
        current = decision.request
    answer = response(current.target, status=307, headers=[("location", "/last")])
    last = decide(current, answer, max_redirects=most)
    assert isinstance(last, Done)
    assert last.failure is not None
    assert last.failure.type == "TooManyRedirects"


# --- tries -------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_table_of_failures(outcome: Outcome) -> None:
    decision = decide(request(), fetch_error(outcome))
    if outcome in {Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED}:
        assert isinstance(decision, Again)
        assert decision.request.tries == (Try(at=AT, error=outcome),)
    else:
        assert isinstance(decision, Done)
        assert decision.outcome is outcome
        assert not decision.retryable
        assert decision.failure is not None
        assert (decision.failure.phase, decision.failure.message) == ("connect", "it failed")


@pytest.mark.parametrize(("kind", "again"), [("EAI_AGAIN", True), ("EAI_NONAME", False)])
def test_a_name_is_looked_up_again_only_when_the_resolver_says_so(kind: str, *, again: bool) -> None:
    decision = decide(request(), fetch_error(Outcome.DNS_ERROR, kind=kind, phase="dns"))
    assert isinstance(decision, Again) is again


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
@pytest.mark.parametrize("result", [response(status=503), fetch_error(Outcome.TIMEOUT)])
def test_a_line_is_tried_as_often_as_the_setting_says(result: Response | Exception, retries: int) -> None:
    current = request()
    for count in range(retries):
        decision = decide(current, result, retries=retries)
        assert isinstance(decision, Again)
        current = decision.request
        assert len(current.tries) == count + 1
    last = decide(current, result, retries=retries)
    assert isinstance(last, Done)
    assert last.retryable, "asking in another run may help"


@pytest.mark.parametrize(
    ("failed", "most_s"), [(0, 1.0), (1, 2.0), (2, 4.0), (5, 32.0), (6, 60.0), (90, 60.0)]
)
def test_the_wait_is_drawn_from_zero_to_twice_as_much_each_time(failed: int, most_s: float) -> None:
    for chance, expected_s in ((Upmost(), most_s), (Least(), 0.0)):
        decision = decide(request(tries=tried(failed)), response(status=500), retries=100, chance=chance)
        assert isinstance(decision, Again)
        assert decision.wait_s == expected_s


def test_a_try_tells_of_the_wait_before_it_and_of_what_the_server_asked() -> None:
    decision = decide(request(waited_s=1.5), response(status=429, headers=[("retry-after", "7")]))
    assert isinstance(decision, Again)
    assert decision.wait_s == 7.0
    assert decision.request.tries == (
        Try(at=AT, status=429, error=Outcome.HTTP_ERROR, waited_s=1.5, retry_after_s=7.0),
    )


@pytest.mark.parametrize(("asked", "again"), [("60", True), ("61", False), ("99999999999999999999", False)])
def test_a_server_that_asks_for_more_than_the_cap_is_left_alone(asked: str, *, again: bool) -> None:
    decision = decide(request(), response(status=503, headers=[("retry-after", asked)]))
    assert isinstance(decision, Again) is again
    if isinstance(decision, Done):
        assert decision.retryable


def test_another_try_begins_where_the_redirects_began() -> None:
    underway = request("https://c.example/", redirects=hops(A, "https://b.example/"))
    decision = decide(underway, response("https://c.example/", status=503))
    assert isinstance(decision, Again)
    assert (decision.request.target, decision.request.host, decision.request.redirects) == (
        A,
        "a.example",
        (),
    )


# --- the guess at the scheme -------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_guess_at_https_that_nobody_answers_becomes_http_at_once(outcome: Outcome) -> None:
    guess = request("https://a.example/x", guessed_scheme=True)
    decision = decide(guess, fetch_error(outcome), retries=0)
    if outcome in {"connect_error", "tls_error", "timeout", "disconnected", "protocol_error"}:
        assert isinstance(decision, Again)
        onward = decision.request
        assert (onward.target, onward.url, onward.guessed_scheme) == ("http://a.example/x",) * 2 + (False,)
        assert decision.wait_s == 0.0
        assert onward.tries == (Try(at=AT, error=outcome),)
    else:
        assert isinstance(decision, Done)


def test_a_guess_that_was_right_is_not_made_again() -> None:
    """A redirect was answered over https: what fails behind it says nothing of the guess."""
    guess = request("https://b.example/", guessed_scheme=True, redirects=hops(A))
    decision = decide(guess, fetch_error(Outcome.TLS_ERROR))
    assert isinstance(decision, Done)


def test_a_scheme_that_the_line_has_is_kept() -> None:
    assert isinstance(decide(request(A), fetch_error(Outcome.TLS_ERROR)), Done)


# --- Retry-After -------------------------------------------------------------------------------


def http_date(seconds: float) -> str:
    return format_datetime(EPOCH + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("value", "date", "expected_s"),
    [
        (None, None, None),
        ("0", None, 0.0),
        ("120", None, 120.0),
        (" 120 ", None, 120.0),
        ("-5", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("", None, None),
        ("\u0661\u0662", None, None),
        ("\u00b2", None, None),
        ("9" * 5000, None, 999_999_999.0),
        (http_date(90), None, 90.0),
        (http_date(-90), None, 0.0),
        (http_date(3690), http_date(3600), 90.0),
        (http_date(-3510), http_date(-3600), 90.0),
        (http_date(90), "nonsense", 90.0),
        ("Saturday, 31-Jan-26 09:31:30 GMT", None, 90.0),
        ("Sat Jan 31 09:31:30 2026", None, 90.0),
        ("Sat, 31 Jan 2026 10:31:30 +0100", None, 90.0),
        ("Sat, 99 Foo 2026 10:31:30 GMT", None, None),
    ],
)
def test_retry_after(value: str | None, date: str | None, expected_s: float | None) -> None:
    """RFC 9110 section 10.2.3; the dates also in the obsolete forms of section 5.6.7."""
    headers = [("retry-after", value)] if value is not None else []
    headers += [("date", date)] if date is not None else []
    assert retry_after(response(status=503, headers=headers)) == expected_s


odd = st.text(alphabet="0123456789 ,:-+GMTJanSatFeb./()\x00\u0661", max_size=40) | st.text(max_size=20)


@given(odd, odd)
def test_no_retry_after_breaks_the_rule(value: str, date: str) -> None:
    seconds = retry_after(response(status=503, headers=[("retry-after", value), ("date", date)]))
    assert seconds is None or seconds >= 0.0


def test_a_decision_leaves_the_request_as_it_was() -> None:
    before = request()
    copy = msgspec.structs.replace(before)
    decide(before, response(status=503))
    assert before == copy
