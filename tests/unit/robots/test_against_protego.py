# ruff: noqa: S106, E501 - a product token is no secret; a table keeps one case a line
"""Our reading of robots.txt held against Protego's: the same, but for the differences listed here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from scraper.robots.reading import MAX_BYTES
from scraper.robots.rules import RobotsRules

HOST = "https://example.com"
EVERYONE = "User-agent: *\n"

# What Protego 0.7.0 decides otherwise: the file, the path, our verdict.
DIFFERENCES = {
    "a token that begins with the name in the file": ("User-agent: scrap\nDisallow: /\n", "/x", True),
    "a version in the file's name": ("User-agent: scraper/1.0\nDisallow: /\n", "/x", False),
    "words behind the star": ("User-agent: * (all)\nDisallow: /\n", "/x", False),
    "a star before our name": ("User-agent: *scraper\nDisallow: /\n", "/x", True),
    "an unknown line between names": ("User-agent: scraper\nX: y\nUser-agent: z\nDisallow: /\n", "/x", False),
    "a delay between names": ("User-agent: *\nCrawl-delay: 1\nUser-agent: z\nDisallow: /\n", "/x", False),
    "an encoded colon is not a colon": (EVERYONE + "Disallow: /a%3Ab\n", "/a:b", True),
    "an encoded question mark is not one": (EVERYONE + "Disallow: /a%3Fb\n", "/a?b", True),
    "bad octets are not all the same": (EVERYONE + "Disallow: /caf\udce9\n", "/caf%E8", True),
    "a pattern's encoded form counts as longer": (EVERYONE + "Allow: /a:\nDisallow: /*bc\n", "/a:bc", False),
    "a final dollar is no sign too": (EVERYONE + "Disallow: /a$\n", "/a$b", True),
    "an absolute URL matches nothing": (EVERYONE + "Disallow: http://b/\n", "/http://b/", True),
    "index.html is not its folder": (EVERYONE + "Allow: /a/index.html\nDisallow: /\n", "/a/", False),
    "robots.txt with a query is another URL": (EVERYONE + "Disallow: /\n", "/robots.txt?a", False),
    "NEL ends no line": (EVERYONE + "Disallow: /a\u0085Disallow: /b\n", "/b", True),
    "a mark at the file's beginning": ("\ufeff" + EVERYONE + "Disallow: /\n", "/x", False),
    "words in place of a value": (EVERYONE + "Disallow /the robots\n", "/the%20robots", True),
    "the limit of 500 KiB": (EVERYONE + "#" * MAX_BYTES + "\nDisallow: /\n", "/x", True),
}


def protego_allows(body: bytes, path: str) -> bool:
    return Protego.parse(body.decode("utf-8", "replace")).can_fetch(HOST + path, "scraper")


def ours_allows(body: bytes, path: str) -> bool:
    return RobotsRules.parse(body, token="scraper").judge(HOST + path).allowed


@pytest.mark.parametrize("name", DIFFERENCES)
def test_known_differences(name: str) -> None:
    text, path, ours = DIFFERENCES[name]
    body = text.encode("utf-8", "surrogateescape")
    assert (ours_allows(body, path), protego_allows(body, path)) == (ours, not ours)


# Outside of those: no reserved signs but those that both leave alone, no escapes but of unreserved signs, a '$'
# only at the end and in no path, whole names, and only known lines between them.
_signs = st.sampled_from([*"//aab-.~=*", "**", "%61", "%2F", "%2f", "%C3%A4", "ä", "%7E"])
_patterns = st.tuples(st.lists(_signs, max_size=6), st.sampled_from(["", "", "$"])).map(
    lambda parts: "/" + "".join(parts[0]) + parts[1]
)
_paths = st.lists(_signs.filter(lambda sign: "*" not in sign), max_size=8).map(
    lambda signs: "/" + "".join(signs)
)
_agents = st.sampled_from(["*", "scraper", "Scraper", "other", "another"]).map("User-agent: {}".format)
_rules = st.tuples(st.sampled_from(["Allow", "Disallow", "disalow"]), _patterns).map(": ".join)
_lines = st.one_of(_agents, _rules, _rules, st.sampled_from(["", "# x", "Sitemap: /s", "Disallow:"]))


@given(st.lists(_lines, max_size=12), _paths, st.sampled_from(["\n", "\r\n", "\r"]))
def test_agreement_elsewhere(lines: list[str], path: str, end: str) -> None:
    body = end.join(["User-agent: scraper", *lines]).encode()
    assert ours_allows(body, path) is protego_allows(body, path)


@pytest.mark.parametrize("value", ["1", "0.5", "-1", "nan", "inf", "x", "10", "0"])
def test_the_same_delays(value: str) -> None:
    body = f"User-agent: *\nCrawl-delay: {value}\nDisallow: /\n"
    expected = Protego.parse(body).crawl_delay("scraper")
    assert RobotsRules.parse(body.encode(), token="scraper").crawl_delay_s == expected
