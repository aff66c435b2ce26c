"""Where a redirect leads, and which ones are not followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper import urls
from scraper.messages import Errand
from scraper.record import Redirect
from scraper.verdict.redirects import STATUSES, Astray, RedirectRules, aimed
from scraper.verdict.retries import TRANSIENT_STATUSES
from tests.support.fakes import response
from tests.unit.verdict.errands import A, failed, hops, line, robots_errand, whereabouts


def onward(
    errand: Errand,
    location: str | None,
    *,
    status: int = 302,
    most: int = 10,
    refuse_downgrade: bool = False,
) -> Errand | Astray:
    headers = [] if location is None else [("location", location)]
    rules = RedirectRules(most, refuse_downgrade)
    return rules.onward(errand, response(errand.target, status=status, headers=headers))


def kind(led: Errand | Astray) -> str | None:
    return led.kind if isinstance(led, Astray) else None


def followed(*path: str, most: int = 10) -> Errand | Astray:
    """Send a line from the first URL on to each of the others, until it is not followed."""
    current: Errand | Astray = line(path[0])
    for target in path[1:]:
        assert isinstance(current, Errand)
        current = onward(current, target, most=most)
    return current


def test_no_status_is_both_a_redirect_and_a_failure_that_may_pass() -> None:
    assert not STATUSES & TRANSIENT_STATUSES


@pytest.mark.parametrize(
    ("location", "target", "host"),
    [
        ("/next", "https://a.example/next", "a.example"),
        ("next?q=1", "https://a.example/next?q=1", "a.example"),
        ("//b.example/x", "https://b.example/x", "b.example"),
        ("http://b.example", "http://b.example/", "b.example"),
        ("https://b.example/x#part", "https://b.example/x", "b.example"),
        ("HTTPS://B.EXAMPLE:443/x", "https://b.example/x", "b.example"),
        ("https://b.example:8443/", "https://b.example:8443/", "b.example:8443"),
        ("http://a.example/", "http://a.example/", "a.example"),
        (" /next ", "https://a.example/next", "a.example"),
        ("/caf\udcc3\udca9", "https://a.example/caf%C3%A9", "a.example"),
    ],
)
def test_a_redirect_leads_on_and_is_noted(location: str, target: str, host: str) -> None:
    before = line(tries=failed(1), is_anew=True, waited_s=1.5)
    after = onward(before, location, status=307)
    assert isinstance(after, Errand)
    assert (after.target, after.host) == (target, host)
    assert after.redirects == (Redirect(url=A, status=307, location=location, elapsed_s=0.25),)
    assert after.tries == before.tries
    assert not after.is_anew, "another connection may have died as well"
    assert before == line(tries=failed(1), is_anew=True, waited_s=1.5)


def test_a_robots_request_stays_one_for_its_origin() -> None:
    after = onward(robots_errand(), "https://b.example/other.txt")
    assert isinstance(after, Errand)
    assert whereabouts(after) == ("https://b.example/other.txt", "b.example", 1)
    assert type(after) is type(robots_errand())


@pytest.mark.parametrize(
    "location",
    [
        "mailto:a@b.example",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "http://",
        "http://[::1",
        "https://a.example:99999/",
        "https://b.example/" + "x" * 9000,
    ],
)
def test_a_redirect_to_what_is_no_url_is_not_followed(location: str) -> None:
    assert kind(onward(line(), location)) == "BadLocation"


def test_a_redirect_without_a_target_is_not_followed() -> None:
    assert kind(onward(line(), None)) == "NoLocation"


def test_credentials_of_a_location_are_neither_used_nor_shown() -> None:
    after = onward(line(), "https://ann:s3cret@b.example/")
    assert isinstance(after, Errand)
    assert after.target == "https://b.example/"
    assert after.redirects[0].location == "https://***@b.example/"


@pytest.mark.parametrize(
    "path",
    [
        ("https://a.example/", "https://a.example/"),
        ("https://a.example/", "#top"),
        ("https://a.example/", ""),
        ("https://a.example/", "https://A.example:443/"),
        ("https://a.example/1", "/2", "/1"),
        ("https://a.example/1", "/2", "/3", "/2"),
        ("https://a.example/1", "http://b.example/", "https://a.example/1"),
        # One tidying up is allowed, a third spelling or a way back is none.
        ("https://a.example/%7Ea", "/~a", "/%7Ea"),
        ("https://a.example/%7Ea", "/%7ea", "/~a"),
        ("https://a.example/~a", "/%7Ea", "/x", "/%7ea"),
    ],
)
def test_redirects_in_a_circle_are_not_followed(path: tuple[str, ...]) -> None:
    assert kind(followed(*path)) == "RedirectLoop"


@pytest.mark.parametrize(
    "path",
    [
        ("https://a.example/%7Ea", "/~a"),
        ("https://a.example/~a", "/%7Ea"),
        ("https://a.example/%c3", "/%C3"),
        ("https://a.example/%7Ea", "/x", "/~a"),
        ("http://a.example/", "https://a.example/"),
        ("https://a.example/", "https://www.a.example/"),
        ("https://a.example/x", "/x/"),
        ("https://a.example/?a=1", "/?a=2"),
        ("https://a.example/X", "/x"),
    ],
)
def test_a_server_that_tidies_up_a_url_is_followed(path: tuple[str, ...]) -> None:
    assert isinstance(followed(*path), Errand)


@pytest.mark.parametrize("most", [0, 1, 3, 10])
def test_as_many_redirects_are_followed_as_the_setting_says(most: int) -> None:
    path = [f"https://a.example/{number}" for number in range(most + 2)]
    assert isinstance(followed(*path[:-1], most=most), Errand)
    last = followed(*path, most=most)
    assert isinstance(last, Astray)
    assert last == Astray("TooManyRedirects", f"more than {most} redirects")


@pytest.mark.parametrize(
    ("start", "location", "downgrade"),
    [
        ("https://a.example/", "http://a.example/x", True),
        ("https://a.example/", "http://b.example/", True),
        ("https://a.example/", "HTTP://b.example/", True),
        ("https://a.example/", "/x", False),
        ("https://a.example/", "//b.example/", False),
        ("http://a.example/", "http://b.example/", False),
        ("http://a.example/", "https://a.example/", False),
    ],
)
@pytest.mark.parametrize("refuse", [False, True])
def test_from_https_to_http_only_where_it_is_allowed(
    start: str, location: str, *, downgrade: bool, refuse: bool
) -> None:
    led = onward(line(start), location, refuse_downgrade=refuse)
    assert kind(led) == ("Downgrade" if downgrade and refuse else None)


paths = st.sampled_from(
    ["/", "/a", "/%61", "/%7Eb", "/~b", "/%7eb", "/c?x", "http://a.example/", "https://b.example/c", "a"]
)


@given(st.lists(paths, max_size=40), st.integers(0, 12))
def test_whatever_a_server_sends_the_hops_end_and_no_key_is_met_three_times(
    locations: list[str], most: int
) -> None:
    current: Errand = line("https://a.example/start")
    for location in locations:
        led = onward(current, location, most=most)
        if isinstance(led, Astray):
            break
        current = led
    been = [*(hop.url for hop in current.redirects), current.target]
    assert len(current.redirects) <= most
    assert len(set(been)) == len(been)
    keys = [urls.dedup_key(url) for url in been]
    assert max(map(keys.count, keys)) <= 2


@given(st.text(max_size=60))
def test_any_location_leads_to_a_url_or_nowhere(location: str) -> None:
    led = onward(line(), location)
    if isinstance(led, Errand):
        assert led.target.startswith(("http://", "https://"))
        assert "#" not in led.target
        assert led.host == urls.host_key(led.target)


def test_an_errand_is_aimed_anew_from_its_beginning() -> None:
    underway = line("https://c.example/x", redirects=hops(A), tries=failed(1), is_anew=True)
    start = aimed(underway, A)
    assert whereabouts(start) == (A, "a.example", 0)
    assert (start.tries, start.is_anew) == (underway.tries, False)
