"""What an answer to robots.txt means, and how long it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.messages import Again, Hop, Response, RobotsRequest
from scraper.record import Failure, Outcome, Try
from scraper.robots.access import Access, RobotsFile, Standing
from scraper.robots.reading import MAX_BYTES
from scraper.settings.model import RobotsSettings
from scraper.verdict.robots import RobotsDecider, RobotsDecision
from tests.support.fakes import EPOCH, fetch_error, response
from tests.unit.verdict.errands import AT, ORIGIN, failed, granted, hops, robots_errand, whereabouts

if TYPE_CHECKING:
    from scraper.errors import FetchError
    from scraper.verdict.retries import Retries

URL = f"{ORIGIN}/robots.txt"
BODY = b"User-agent: *\nDisallow: /x\n"
NOW_S = EPOCH.timestamp()
DAY_S = 86_400.0
TRANSIENT = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524}
PASSING = {Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED}


def decide(
    result: Response | FetchError,
    *,
    errand: RobotsRequest | None = None,
    retries: Retries | None = None,
    forbidden: Literal["allow", "deny"] = "allow",
    max_age_s: float = DAY_S,
    error_age_s: float = 600.0,
) -> RobotsDecision:
    settings = RobotsSettings(forbidden=forbidden, max_age_s=max_age_s, error_age_s=error_age_s)
    decider = RobotsDecider(settings, retries=retries or granted(retries=0))
    return decider.decide(errand or robots_errand(), result, at=EPOCH)


def read(result: Response | FetchError, **settings: Any) -> RobotsFile:
    file = decide(result, **settings)
    assert isinstance(file, RobotsFile)
    return file


def answer(status: int = 200, *headers: tuple[str, str], body: bytes = BODY, url: str = URL) -> Response:
    return response(url, status=status, headers=headers, body=body)


def stale() -> FetchError:
    error = fetch_error(Outcome.DISCONNECTED, phase="headers")
    error.is_stale = True
    return error


# --- statuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("forbidden", ["allow", "deny"])
@pytest.mark.parametrize("status", range(200, 600))
def test_the_table_of_statuses(status: int, forbidden: Literal["allow", "deny"]) -> None:
    """RFC 9309 section 2.3.1; 408, 425 and 429 are the host's "not now" and no "there is none"."""
    file = read(answer(status), forbidden=forbidden)
    standing = Standing.UNAVAILABLE
    if status in range(200, 300):
        standing = Standing.RULES
    elif status >= 500 or status in {408, 425, 429}:
        standing = Standing.UNREACHABLE
    elif status in {401, 403} and forbidden == "deny":
        standing = Standing.FORBIDDEN
    assert (file.standing, file.status, file.origin) == (standing, status, ORIGIN)
    assert file.body == (BODY.decode() if standing is Standing.RULES else "")
    assert file.read_at_s == NOW_S
    unreachable = standing is Standing.UNREACHABLE
    assert file.expires_at_s == NOW_S + (600.0 if unreachable else DAY_S)
    assert file.cause == (Outcome.HTTP_ERROR if unreachable else None)
    message = f"robots.txt: answered with {status}"
    failure = Failure(type="RobotsStatus", message=message, phase="robots")
    assert file.failure == (failure if unreachable else None)


@pytest.mark.parametrize("status", range(200, 600))
def test_what_may_pass_is_asked_again_first(status: int) -> None:
    decision = decide(answer(status, ("retry-after", "7")), retries=granted())
    if status in TRANSIENT:
        assert isinstance(decision, Again)
        assert decision.wait_s == 7.0
        tried = Try(at=AT, status=status, error=Outcome.HTTP_ERROR, retry_after_s=7.0)
        assert decision.errand == robots_errand(tries=(tried,))
    else:
        assert isinstance(decision, RobotsFile)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.BLOCKED_ADDRESS])
def test_the_table_of_failures(outcome: Outcome) -> None:
    file = read(fetch_error(outcome, kind="EWHY"))
    assert file == RobotsFile(
        origin=ORIGIN,
        standing=Standing.UNREACHABLE,
        status=None,
        read_at_s=NOW_S,
        expires_at_s=NOW_S + 600.0,
        failure=Failure(type="EWHY", message="robots.txt: it failed", phase="robots"),
        cause=outcome,
    )
    again = decide(fetch_error(outcome), errand=robots_errand(waited_s=1.5), retries=granted())
    assert isinstance(again, Again) is (outcome in PASSING)
    if isinstance(again, Again):
        assert again.errand.tries == (Try(at=AT, error=outcome, waited_s=1.5),)


@pytest.mark.parametrize("result", [answer(503), fetch_error(Outcome.TIMEOUT)])
def test_it_is_asked_again_from_the_beginning_and_not_for_ever(result: Response | FetchError) -> None:
    underway = robots_errand("https://b.example/r.txt", redirects=hops(URL), tries=failed(1))
    again = decide(result, errand=underway, retries=granted(retries=2))
    assert isinstance(again, Again)
    assert whereabouts(again.errand) == (URL, "a.example", 0)
    assert isinstance(again.errand, RobotsRequest)
    assert read(result, errand=again.errand, retries=granted(retries=2)).standing is Standing.UNREACHABLE


def test_what_asks_to_be_left_alone_for_too_long_is_not_asked_again() -> None:
    file = read(answer(429, ("retry-after", "121")), retries=granted())
    assert (file.standing, file.status) == (Standing.UNREACHABLE, 429)


def test_its_requests_and_tries_are_part_of_the_budget() -> None:
    retries = granted(budget_floor=0, budget_share=0.5)
    read(answer(404), retries=retries)
    assert isinstance(decide(answer(503), retries=retries), Again)
    read(answer(503), retries=granted(budget_floor=0))
    spent = granted(budget_floor=0)
    assert read(answer(503), retries=spent).standing is Standing.UNREACHABLE
    assert spent.refused == 1


def test_a_request_that_a_dead_connection_swallowed_goes_again_once() -> None:
    again = decide(stale())
    assert again == Again(robots_errand(is_anew=True), 0.0)
    assert isinstance(again, Again)
    assert isinstance(again.errand, RobotsRequest)
    assert read(stale(), errand=again.errand).cause is Outcome.DISCONNECTED


# --- redirects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target", "host"),
    [
        ("/other.txt", "https://a.example/other.txt", "a.example"),
        ("https://b.example/robots.txt", "https://b.example/robots.txt", "b.example"),
        ("http://a.example/robots.txt", "http://a.example/robots.txt", "a.example"),
    ],
)
def test_redirects_are_followed_also_to_other_hosts(
    status: int, location: str, target: str, host: str
) -> None:
    hop = decide(answer(status, ("location", location)))
    assert isinstance(hop, Hop)
    assert isinstance(hop.errand, RobotsRequest)
    assert whereabouts(hop.errand) == (target, host, 1)
    assert hop.errand.origin == ORIGIN


def test_what_another_host_says_is_the_word_of_the_origin() -> None:
    underway = robots_errand("https://b.example/robots.txt", redirects=hops(URL))
    file = read(answer(url="https://b.example/robots.txt"), errand=underway)
    assert (file.origin, file.standing) == (ORIGIN, Standing.RULES)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("location", "mailto:a@b.example"),),
        (("location", URL),),
    ],
)
def test_a_redirect_that_leads_nowhere_means_there_is_none(headers: tuple[tuple[str, str], ...]) -> None:
    file = read(answer(302, *headers))
    assert (file.standing, file.status, file.failure) == (Standing.UNAVAILABLE, 302, None)


def test_five_redirects_are_followed_and_with_a_sixth_there_is_none() -> None:
    """RFC 9309 section 2.3.1.2."""
    current = robots_errand()
    for number in range(5):
        location = f"https://h{number}.example/robots.txt"
        hop = decide(answer(301, ("location", location), url=current.target), errand=current)
        assert isinstance(hop, Hop)
        assert isinstance(hop.errand, RobotsRequest)
        current = hop.errand
    assert read(answer(url=current.target), errand=current).standing is Standing.RULES
    sixth = read(answer(301, ("location", "/next"), url=current.target), errand=current)
    assert (sixth.standing, sixth.origin) == (Standing.UNAVAILABLE, ORIGIN)


# --- how long it is believed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "age_s"),
    [
        (None, DAY_S),
        ("max-age=3600", 3600.0),
        ("public, max-age=3600", 3600.0),
        ("Public , Max-Age = 3600", 3600.0),
        ('max-age="3600"', 3600.0),
        ("max-age=3600, max-age=7200", 3600.0),
        ("max-age=86400", DAY_S),
        ("max-age=31536000", DAY_S),
        ("max-age=99999999999999999999", DAY_S),
        ("max-age=301", 301.0),
        ("max-age=299", 300.0),
        ("max-age=0", 300.0),
        ("max-age=-1", DAY_S),
        ("max-age=", DAY_S),
        ("max-age=soon", DAY_S),
        ("s-maxage=3600", DAY_S),
        ("x-max-age=3600", DAY_S),
        ("no-store", DAY_S),
        ("", DAY_S),
        ("\x00\ud800,;=", DAY_S),
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_it_is_believed_as_long_as_the_server_says_within_bounds(
    status: int, value: str | None, age_s: float
) -> None:
    """RFC 9309 section 2.4: at most a day. No shorter than 300 s, or it is fetched more than pages."""
    headers = [] if value is None else [("cache-control", value)]
    assert read(answer(status, *headers)).expires_at_s == NOW_S + age_s


@pytest.mark.parametrize(("max_age_s", "age_s"), [(60.0, 60.0), (600.0, 600.0), (7200.0, 3600.0)])
def test_it_is_not_believed_longer_than_the_setting_says(max_age_s: float, age_s: float) -> None:
    file = read(answer(200, ("cache-control", "max-age=3600")), max_age_s=max_age_s)
    assert file.expires_at_s == NOW_S + age_s


@pytest.mark.parametrize(
    ("error_age_s", "max_age_s", "age_s"), [(600.0, DAY_S, 600.0), (600.0, 60.0, 60.0), (0.0, DAY_S, 0.0)]
)
@pytest.mark.parametrize(
    "result", [answer(500, ("cache-control", "max-age=9999")), fetch_error(Outcome.TIMEOUT)]
)
def test_that_it_cannot_be_had_is_believed_for_less(
    result: Response | FetchError, error_age_s: float, max_age_s: float, age_s: float
) -> None:
    file = read(result, error_age_s=error_age_s, max_age_s=max_age_s)
    assert file.expires_at_s == NOW_S + age_s


# --- the body ----------------------------------------------------------------------------------


def test_500_kib_are_kept_and_no_more() -> None:
    assert MAX_BYTES == 512_000
    body = b"Disallow: /x\n" * 40_000
    assert read(answer(body=body)).body == body[: MAX_BYTES + 1].decode(), "one more shows the cut"
    assert read(answer(body=body[:MAX_BYTES])).body == body[:MAX_BYTES].decode()


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_to_be_kept(body: bytes) -> None:
    file = read(answer(body=body))
    assert file.standing is Standing.RULES
    assert file.body.encode("latin-1") == body


def test_a_rule_that_is_no_utf_8_still_holds() -> None:
    file = read(answer(body=b"User-agent: *\nDisallow: /caf\xe9\n"))
    access = Access.of(file, token="scraper")  # noqa: S106 - a product token
    assert not access.judge("https://a.example/caf%E9").allowed
    assert access.judge("https://a.example/caf%C3%A9").allowed


def test_what_is_not_the_file_is_not_kept() -> None:
    assert read(answer(404)).body == ""
    assert read(answer(503)).body == ""
    assert read(answer(403), forbidden="deny").body == ""


def test_a_private_address_of_its_own_is_blocked_and_one_it_leads_to_makes_it_unreachable() -> None:
    error = fetch_error(Outcome.BLOCKED_ADDRESS, kind="BlockedAddress", phase="dns")
    own = read(error, retries=granted())
    assert (own.standing, own.cause) == (Standing.BLOCKED, Outcome.BLOCKED_ADDRESS)
    assert own.failure == Failure(type="BlockedAddress", message="it failed", phase="dns")
    assert own.expires_at_s == NOW_S + 600.0
    elsewhere = read(error, errand=robots_errand("http://b.example/", redirects=hops(URL)), retries=granted())
    assert (elsewhere.standing, elsewhere.cause) == (Standing.UNREACHABLE, Outcome.BLOCKED_ADDRESS)
    assert elsewhere.failure == Failure(
        type="BlockedAddress", message="robots.txt: it failed", phase="robots"
    )
