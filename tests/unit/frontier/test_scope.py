from __future__ import annotations

import socket

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import SettingsError
from scraper.frontier.scope import MAX_LINK_BYTES, Scope, registrable_domain
from scraper.references import resolve
from scraper.settings.model import FollowSettings
from scraper.urls import drop_fragment, host_key

HOME = "https://www.example.co.uk/start"

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8).map(
    lambda text: f"a{text}b"
)


def follows(
    url: str, *, found_on: str = HOME, same_site: bool = False, include: str = "", max_path_repeats: int = 3
) -> bool:
    settings = FollowSettings(
        depth=1, same_site=same_site, include=include, max_path_repeats=max_path_repeats
    )
    return Scope(settings).follows(url, found_on=found_on, depth=0)


# Depth.


@pytest.mark.parametrize(
    ("limit", "page", "taken"),
    [(0, 0, False), (1, 0, True), (1, 1, False), (3, 2, True), (3, 3, False), (3, 7, False)],
)
def test_a_link_is_one_deeper_than_its_page(*, limit: int, page: int, taken: bool) -> None:
    scope = Scope(FollowSettings(depth=limit))
    assert scope.follows("https://other.example/", found_on=HOME, depth=page) is taken


# Include and exclude.


@pytest.mark.parametrize(
    ("depth", "include", "exclude", "line_taken", "link_taken"),
    [
        (1, "", "", True, True),
        (0, "", "", True, False),
        (0, "/blog/", "", True, False),
        (1, "/blog/", "", True, True),
        (0, "/shop/", "", False, False),
        (1, "/shop/", "", True, False),
        (0, "", "/blog/", False, False),
        (1, "", "/blog/", False, False),
        (1, "/blog/", "post", False, False),
        (1, "/blog/", r"\.pdf$", True, True),
        (1, r"^https://w", "", True, True),
        (1, "", r"[?&]id=7\b", False, False),
        (1, "", r"[?&]id=\b8", True, True),
        (1, "BLOG", "", True, False),
        (1, "(?i)BLOG", "", True, True),
    ],
)
def test_expressions_are_searched_in_the_whole_url(
    *, depth: int, include: str, exclude: str, line_taken: bool, link_taken: bool
) -> None:
    scope = Scope(FollowSettings(depth=depth, include=include, exclude=exclude))
    url = "https://www.example.co.uk/blog/post?id=7"
    assert scope.takes_line(url) is line_taken
    assert scope.follows(url, found_on=HOME, depth=0) is link_taken


def test_rules_for_links_are_none_for_the_list() -> None:
    scope = Scope(FollowSettings(depth=1, same_site=True, max_path_repeats=1))
    assert scope.takes_line("https://example.com/a/a/a/" + "x" * MAX_LINK_BYTES)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a\n\n(?P<b", "missing >, unterminated name at position 7 (line 3, column 5)"),
        ("[b-\n]", "bad character range b- at position 1"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(" * 5000 + ")" * 5000, "maximum recursion depth exceeded"),
    ],
)
@pytest.mark.parametrize("name", ["include", "exclude"])
def test_a_bad_expression_is_told_in_one_line(name: str, pattern: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Scope(msgspec.convert({name: pattern}, FollowSettings))
    message = str(caught.value)
    assert message.startswith(f"follow.{name}: not a regular expression: {reason}")
    assert "\n" not in message


def test_no_warning_is_made_of_an_expression() -> None:
    assert follows("https://example.com/[x", include="[[x]")


# Sites.


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("example.com", "example.com"),
        ("www.example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("www.example.co.uk:8080", "example.co.uk"),
        ("example.com.", "example.com"),
        ("www.example.com.:8443", "example.com"),
        # Exceptions and wildcards of the list.
        ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
        ("x.a.b.kawasaki.jp", "a.b.kawasaki.jp"),
        ("x.city.kawasaki.jp", "city.kawasaki.jp"),
        # Private suffixes.
        ("alice.github.io", "alice.github.io"),
        ("docs.alice.github.io", "alice.github.io"),
        ("github.io", "github.io"),
        ("co.uk", "co.uk"),
        # International names, as the URL parser writes them.
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("www.xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        # A top-level domain that nobody has listed.
        ("wiki.corp.internal", "corp.internal"),
        ("a_b.example.com", "example.com"),
        # By themselves.
        ("localhost", "localhost"),
        ("localhost:8000", "localhost"),
        ("intranet.", "intranet"),
        ("127.0.0.1", "127.0.0.1"),
        ("10.1.2.3:8080", "10.1.2.3"),
        ("[::1]", "[::1]"),
        ("[2001:db8::1]:8080", "[2001:db8::1]"),
    ],
)
def test_registrable_domain(host: str, site: str) -> None:
    assert registrable_domain(host) == site


@given(labels=st.lists(labels, max_size=4), suffix=st.sampled_from(["com", "co.uk", "github.io", "unlisted"]))
def test_a_host_is_on_the_site_of_whatever_is_above_it(labels: list[str], suffix: str) -> None:
    host = ".".join([*labels, "site", suffix])
    assert registrable_domain(host) == f"site.{suffix}"
    assert registrable_domain(registrable_domain(host)) == f"site.{suffix}"


@given(first=st.ip_addresses(), second=st.ip_addresses())
def test_addresses_are_sites_by_themselves(first: object, second: object) -> None:
    def url(address: object) -> str:
        text = str(address)
        return f"http://[{text}]/" if ":" in text else f"http://{text}/"

    assert follows(url(first), found_on=url(first), same_site=True)
    assert follows(url(first), found_on=url(second), same_site=True) is (first == second)


@pytest.mark.parametrize(
    ("url", "found_on", "same"),
    [
        ("https://www.example.co.uk/x", HOME, True),
        ("https://www.example.co.uk/", "https://www.example.co.uk/", True),
        ("http://www.example.co.uk/x", HOME, True),
        ("https://shop.example.co.uk:8443/x", HOME, True),
        ("https://example.co.uk/x", HOME, True),
        ("https://other.co.uk/x", HOME, False),
        ("https://www.example.com/x", HOME, False),
        ("https://www.example.co.uk.evil.com/start", HOME, False),
        ("https://evil.com/https://www.example.co.uk/start", HOME, False),
        ("https://badexample.co.uk/", "https://example.co.uk/", False),
        ("https://bob.github.io/", "https://alice.github.io/", False),
        ("https://github.io/", "https://alice.github.io/", False),
        ("http://127.0.0.1:81/", "http://127.0.0.1/", True),
        ("http://127.0.0.2/", "http://127.0.0.1/", False),
        ("http://2.0.0.1/", "http://1.0.0.1/", False),
        ("http://printer/", "http://localhost/", False),
        ("http://localhost:8001/", "http://localhost:8000/", True),
    ],
)
def test_same_site(*, url: str, found_on: str, same: bool) -> None:
    assert follows(url, found_on=found_on, same_site=True) is same
    assert follows(found_on, found_on=url, same_site=True) is same
    assert follows(url, found_on=found_on)


@given(
    first=st.sampled_from(["a.com", "b.a.com", "b.com", "a.github.io", "[::1]", "1.2.3.4", "x", "a.com:81"]),
    second=st.sampled_from(["a.com", "b.a.com", "b.com", "a.github.io", "[::1]", "1.2.3.4", "x", "a.com:81"]),
    path=st.sampled_from(["", "p", "?a=/", "a.com/"]),
)
def test_a_site_is_told_by_the_hosts_alone(first: str, second: str, path: str) -> None:
    same = registrable_domain(first) == registrable_domain(second)
    assert follows(f"https://{first}/{path}", found_on=f"http://{second}/", same_site=True) is same
    assert follows(f"https://{first}/", found_on=f"https://{second}/{path}", same_site=True) is same


def test_no_network_is_asked_for_the_list_of_suffixes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    registrable_domain.cache_clear()
    assert follows("https://a.example.co.uk/", same_site=True)


# Traps.


@pytest.mark.parametrize(
    ("path", "limit", "taken"),
    [
        ("", 1, True),
        ("a", 1, True),
        ("a/", 1, True),
        ("a/a/", 2, True),
        ("a/a/", 1, False),
        ("2024/01/01/", 3, True),
        ("2024/01/01/", 1, False),
        ("a/a/a", 3, True),
        ("a/a/a/", 3, True),
        ("a/a/a/a", 3, False),
        ("a/a/a/a/", 3, False),
        ("a/b/a/b/a/b/", 3, True),
        ("a/b/a/b/a/b/a", 3, False),
        ("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", 1, True),
        ("a/a/b/b/c/c/d/d/e/e/", 2, True),
        ("a/A/a/A/", 2, True),
        ("ab/a/ab/a", 2, True),
        # Empty parts: one at each // or more slashes, none behind the last.
        ("/", 1, True),
        ("//", 1, False),
        ("a//b", 1, True),
        ("a//b//c", 1, False),
        ("a//b//c//d/", 3, True),
        ("a//b//c//d//e", 3, False),
        # Queries repeat for good reasons.
        ("s?q=/a/a/a/a/a", 1, True),
        ("s?f=1&f=2&f=3&f=4", 1, True),
    ],
)
def test_a_path_repeats_itself_only_so_often(*, path: str, limit: int, taken: bool) -> None:
    assert follows(f"https://example.com/{path}", max_path_repeats=limit) is taken


@given(parts=st.lists(st.sampled_from("abc"), max_size=9), limit=st.integers(1, 5), slash=st.booleans())
def test_repeats_are_counted_over_the_whole_path(*, parts: list[str], limit: int, slash: bool) -> None:
    path = "".join(f"/{part}" for part in parts) + "/" * (slash or not parts)
    most = max((parts.count(part) for part in parts), default=0)
    assert follows(f"https://a.com{path}", max_path_repeats=limit) is (most <= limit)


@pytest.mark.parametrize("start", ["https://example.com/", "https://example.com/?q="])
def test_a_link_has_a_sane_length(start: str) -> None:
    url = start + "x" * (MAX_LINK_BYTES - len(start))
    assert follows(url)
    assert not follows(url + "x")


@given(
    reference=st.text(st.sampled_from("ab/.?#:@[]%2\\ \tö-1\x00\ud800"), max_size=20) | st.text(max_size=20),
    prefix=st.sampled_from(["", "/", "//", "http://", "HTTPS:", "https://a.b.co.uk:"]),
    limit=st.integers(1, 4),
)
def test_whatever_a_page_links_to_is_decided(reference: str, prefix: str, limit: int) -> None:
    url = resolve(HOME, prefix + reference)
    if url is None:
        return
    url = drop_fragment(url)
    site = registrable_domain(host_key(url))
    taken = follows(url, same_site=True, max_path_repeats=limit)
    assert taken <= (site == "example.co.uk")
