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


def told(*headers: tuple[str, str], target: str = A) -> Errand | Astray:
    """Send a line on by an answer with these headers."""
    return RedirectRules(10).onward(line(target), response(target, status=302, headers=list(headers)))


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
        ("/caf\udce9", "https://a.example/caf%E9", "a.example"),
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


@pytest.mark.parametrize(
    ("location", "target", "host"),
    [
        # What stands before the last @ of the authority is nobody's host; behind # or / it is no authority.
        ("http://good.example@evil.example/", "http://evil.example/", "evil.example"),
        ("http://good.example:80@evil.example/", "http://evil.example/", "evil.example"),
        ("http://evil.example#@good.example/", "http://evil.example/", "evil.example"),
        ("http://evil.example?@good.example/", "http://evil.example/?@good.example/", "evil.example"),
        ("http://evil.example\\@good.example/", "http://evil.example/@good.example/", "evil.example"),
        # Slashes, more and fewer of them, and the other ones.
        ("https:next", "https://a.example/dir/next", "a.example"),
        ("https:/next", "https://a.example/next", "a.example"),
        ("http:next", "http://next/", "next"),
        ("http:/next", "http://next/", "next"),
        ("///b.example/x", "https://b.example/x", "b.example"),
        ("https:////b.example", "https://b.example/", "b.example"),
        ("\\\\b.example\\x", "https://b.example/x", "b.example"),
        ("/\\b.example", "https://b.example/", "b.example"),
        ("/\t/b.example", "https://b.example/", "b.example"),
        ("ht\ntps://b.example/x\ry", "https://b.example/xy", "b.example"),
        ("\x01\x1f https://b.example/", "https://b.example/", "b.example"),
        ("../..", "https://a.example/", "a.example"),
        ("?", "https://a.example/dir/page?", "a.example"),
        # What is escaped stays so, and what is no escape stays what it is.
        ("/%0d%0aSet-Cookie:%20a=b", "https://a.example/%0d%0aSet-Cookie:%20a=b", "a.example"),
        ("/\r\nSet-Cookie: a=b", "https://a.example/Set-Cookie:%20a=b", "a.example"),
        ("/\x1b[2J\x7f", "https://a.example/%1B[2J%7F", "a.example"),
        ("/%", "https://a.example/%", "a.example"),
        ("/%%2%zz%25", "https://a.example/%%2%zz%25", "a.example"),
        ("/a/%252e%252e/b", "https://a.example/a/%252e%252e/b", "a.example"),
        ("/a/%2e%2E/b", "https://a.example/b", "a.example"),
        # Hosts that look like others, or are others spelt oddly (UTS 46; URL Standard 3.5).
        ("//b\u00fccher.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("//\u0430pple.example/", "https://xn--pple-43d.example/", "xn--pple-43d.example"),
        ("//b\u00ad.ex\u200bample/", "https://b.example/", "b.example"),
        ("//b\uff0eexample\u3002/", "https://b.example./", "b.example"),
        ("//%62.example/", "https://b.example/", "b.example"),
        ("//\uff11\uff12\uff17.1/", "https://127.0.0.1/", "127.0.0.1"),
        ("//0x7f.0.0.01/", "https://127.0.0.1/", "127.0.0.1"),
        ("//2130706433/", "https://127.0.0.1/", "127.0.0.1"),
        ("//[::FFFF:127.0.0.1]/", "https://[::ffff:7f00:1]/", "[::ffff:7f00:1]"),
        ("//b.example:0443/", "https://b.example/", "b.example"),
        ("//b.example:0/", "https://b.example:0/", "b.example:0"),
    ],
)
def test_a_redirect_leads_where_browsers_go(location: str, target: str, host: str) -> None:
    after = onward(line("https://a.example/dir/page?q"), location)
    assert isinstance(after, Errand)
    assert whereabouts(after) == (target, host, 1)


def test_a_robots_request_stays_one_for_its_origin() -> None:
    after = onward(robots_errand(), "https://b.example/other.txt")
    assert isinstance(after, Errand)
    assert whereabouts(after) == ("https://b.example/other.txt", "b.example", 1)
    assert type(after) is type(robots_errand())


NO_URL = "what is no http or https URL"


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("mailto:a@b.example", NO_URL),
        ("javascript:alert(1)", "the scheme 'javascript', only http and https are asked for"),
        (" Java\tScript:alert(1)", "the scheme 'javascript', only http and https are asked for"),
        ("file:///etc/passwd", "the scheme 'file', only http and https are asked for"),
        ("data:text/html,x", "the scheme 'data', only http and https are asked for"),
        ("blob:https://a.example/1", "the scheme 'blob', only http and https are asked for"),
        ("about:blank", "the scheme 'about', only http and https are asked for"),
        ("ftp://a.example/", "the scheme 'ftp', only http and https are asked for"),
        ("view-source:https://a.example/", "the scheme 'view-source', only http and https are asked for"),
        ("localhost:8000/x", "the scheme 'localhost', only http and https are asked for"),
        ("x" * 41 + ":y:", None),
        ("ann:s3cret@b.example", NO_URL),
        ("http://", NO_URL),
        ("//", NO_URL),
        ("http://[::1", NO_URL),
        ("https://a.example:99999/", NO_URL),
        ("https://a.example:65536/", NO_URL),
        ("https://a.example:80:80/", NO_URL),
        ("https://a..example/", NO_URL),
        ("https://a example/", NO_URL),
        ("https://a%20b.example/", NO_URL),
        ("https://a%00b.example/", NO_URL),
        ("https://a\x00b.example/", NO_URL),
        ("https://a%2fb.example/", NO_URL),
        ("https://a|b.example/", NO_URL),
        ("https://b\udcfccher.example/", NO_URL),
        ("https://xn--a.example/", NO_URL),
        ("https://" + "a" * 64 + ".example/", NO_URL),
        ("https://1.2.3.256/", NO_URL),
        ("https://b.example/" + "x" * 9000, "a URL longer than 8192 bytes"),
        ("/" + "x" * 100_000, "a URL longer than 8192 bytes"),
    ],
)
def test_a_redirect_to_what_is_no_url_is_not_followed(location: str, what: str | None) -> None:
    if what is not None:
        assert onward(line(), location) == Astray("BadLocation", f"a redirect to {what}")
    else:
        assert kind(onward(line(), location)) == "BadLocation"


@pytest.mark.parametrize("headers", [(), ("",), ("  ",), ("", "\t")])
def test_a_redirect_without_a_target_is_not_followed(headers: tuple[str, ...]) -> None:
    assert kind(told(*(("location", text) for text in headers))) == "NoLocation"


@pytest.mark.parametrize(
    ("locations", "followed"),
    [
        (("/x", "/x"), True),
        (("/x", "", "/x"), True),
        (("", "/x"), True),
        (("/x", "/y"), False),
        (("/x", "/x#part"), False),
        (("https://a.example/x", "https://evil.example/"), False),
    ],
)
def test_of_several_targets_none_is_chosen(locations: tuple[str, ...], *, followed: bool) -> None:
    led = told(*(("location", text) for text in locations))
    if followed:
        assert isinstance(led, Errand)
        assert whereabouts(led) == ("https://a.example/x", "a.example", 1)
    else:
        assert led == Astray("SeveralLocations", "a redirect to 2 targets at once")


def test_a_circle_that_a_cookie_would_end_is_said_to_be_one() -> None:
    message = "the redirects lead back to where they have been"
    without = told(("location", "/"))
    assert isinstance(without, Astray)
    assert without.message == message
    assert without.repeated is not None
    assert (without.repeated.url, without.repeated.location) == (A, "/")
    led = told(("location", "/"), ("set-cookie", "seen=s3cret"))
    assert isinstance(led, Astray)
    assert led.message == f"{message}; a cookie was set, and none are kept"


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
