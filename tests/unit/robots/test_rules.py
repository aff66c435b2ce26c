# ruff: noqa: S106, S107, E501 - a product token is no secret; a table keeps one case a line
from __future__ import annotations

import re
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.robots import rules
from scraper.robots.reading import MAX_BYTES
from scraper.robots.rules import RobotsRules, Ruling

HOST = "https://example.com"


def judge(body: str | bytes, path: str, *, token: str = "scraper") -> Ruling:
    octets = body if isinstance(body, bytes) else body.encode()
    return RobotsRules.parse(octets, token=token).judge(HOST + path)


def allows(body: str | bytes, path: str, *, token: str = "scraper") -> bool:
    return judge(body, path, token=token).allowed


def matches(pattern: str, path: str) -> bool:
    return not allows(f"User-agent: *\nDisallow: {pattern}\n", path)


# The facts of RFC 9309 5.1 and 5.2.
SIMPLE = """\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


@pytest.mark.parametrize(
    ("token", "path", "rule"),
    [
        ("other", "/x.gif", "Disallow: *.gif$"),
        ("other", "/x.gif?y", None),
        ("other", "/example/x", "Disallow: /example/"),
        ("other", "/publications/x", "Allow: /publications/"),
        ("other", "/publications/x.gif", "Allow: /publications/"),
        ("foobot", "/", "Disallow: /"),
        ("foobot", "/example/page.html", "Allow: /example/page.html"),
        ("foobot", "/example/allowed.gif", "Allow: /example/allowed.gif"),
        ("foobot", "/example/other.gif", "Disallow: /"),
        ("barbot", "/example/page.html", "Disallow: /example/page.html"),
        ("bazbot", "/example/page.html", "Disallow: /example/page.html"),
        ("bazbot", "/example/x.gif", None),
        ("quxbot", "/example/", None),
    ],
)
def test_examples_of_the_rfc(token: str, path: str, rule: str | None) -> None:
    assert judge(SIMPLE, path, token=token) == (rule is None or rule.startswith("Allow"), rule)


def test_longest_match_of_the_rfc() -> None:
    body = "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n"
    assert judge(body, "/example/page/disallowed.gif", token="foobot") == (
        False,
        "Disallow: /example/page/disallowed.gif",
    )
    assert judge(body, "/example/page/", token="foobot") == (True, "Allow: /example/page/")


@pytest.mark.parametrize(
    ("agent", "ours"),
    [
        ("scraper", True),
        ("SCRAPER", True),
        ("Scraper/1.0 (x)", True),
        ("scraper bot", True),
        ("scraper*", True),
        ("scrap", False),
        ("myscraper", False),
        ("scraper-images", False),
        ("Mozilla/5.0 (compatible; scraper)", False),
        ("*scraper", False),
        ("", False),
        ("* all of you", True),
        ("*", True),
    ],
)
def test_which_user_agent_is_ours(agent: str, ours: bool) -> None:  # noqa: FBT001 - a table's column
    assert allows(f"User-agent: {agent}\nDisallow: /\n", "/x") is not ours


@pytest.mark.parametrize("token", ["scraper/1", "a b", "ü", "*"])
def test_a_token_that_can_never_be_named_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="no product token"):
        RobotsRules.parse(b"", token=token)


def test_an_empty_token_is_everyone() -> None:
    body = "User-agent:\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n"
    assert allows(body, "/a", token="")
    assert not allows(body, "/b", token="")


GROUPS = {
    "merged": ("User-agent: scraper\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: scraper\nDisallow: /c\n", "ac"),
    "everyone merged": ("User-agent: *\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: *\nDisallow: /c\n", "ac"),
    "ours instead of everyone's": ("User-agent: *\nDisallow: /a\nUser-agent: scraper\nDisallow: /b\n", "b"),
    "ours without rules": ("User-agent: *\nDisallow: /a\nUser-agent: scraper\n", ""),
    "ours with an empty rule": ("User-agent: scraper\nDisallow:\nUser-agent: *\nDisallow: /a\n", ""),
    "an empty rule closes the names": ("User-agent: scraper\nDisallow:\nUser-agent: x\nDisallow: /a\n", ""),
    "shared": ("User-agent: x\nUser-agent: scraper\nUser-agent: y\nDisallow: /a\n", "a"),
    "named twice": ("User-agent: scraper\nUser-agent: scraper\nDisallow: /a\n", "a"),
    "shared with everyone": ("User-agent: *\nUser-agent: scraper\nDisallow: /a\n", "a"),
    "blank lines": ("User-agent: scraper\n\n\nDisallow: /a\n\n#\n\nDisallow: /b\n", "ab"),
    "unknown between names": ("User-agent: scraper\nNoindex: /q\nUser-agent: x\nDisallow: /a\n", "a"),
    "sitemap between names": ("User-agent: scraper\nSitemap: /q\nUser-agent: x\nDisallow: /a\n", "a"),
    "delay between names": ("User-agent: scraper\nCrawl-delay: 1\nUser-agent: x\nDisallow: /a\n", "a"),
    "unknown between rules": ("User-agent: scraper\nDisallow: /a\nHost: q\nSitemap: /q\nDisallow: /b\n", "ab"),
    "before any name": ("Disallow: /a\nUser-agent: *\nDisallow: /b\n", "b"),
    "nobody's": ("User-agent: *\nDisallow: /a\nUser-agent:\nDisallow: /b\n", "a"),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_groups(name: str) -> None:
    body, forbidden = GROUPS[name]
    assert "".join(letter for letter in "abc" if not allows(body, f"/{letter}")) == forbidden


@pytest.mark.parametrize(
    ("lines", "path", "rule"),
    [
        ("Disallow: /p\nAllow: /p", "/page", "Allow: /p"),
        ("Allow: /p\nDisallow: /p", "/page", "Allow: /p"),
        ("Allow: /p\nDisallow: /", "/page", "Allow: /p"),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", "Disallow: /*.htm"),
        ("Allow: /x/page.\nDisallow: /*.html", "/x/page.html", "Allow: /x/page."),
        ("Allow: /*ge\nDisallow: /pag", "/page", "Allow: /*ge"),
        ("Disallow: /*ge\nAllow: /pag", "/page", "Allow: /pag"),
        ("Allow: /$\nDisallow: /", "/", "Allow: /$"),
        ("Allow: /$\nDisallow: /", "/x", "Disallow: /"),
        ("Disallow: /x$\nAllow: /x", "/x", "Disallow: /x$"),
        ("Disallow: /a*****\nAllow: /abc", "/abc", "Disallow: /a*****"),
        ("Disallow: /ab*\nAllow: /abc", "/abc", "Allow: /abc"),
        ("Disallow: /%61%62\nAllow: /*b", "/ab", "Allow: /*b"),
        ("Disallow: /ä\nAllow: /*****", "/%C3%A4", "Disallow: /ä"),
        ("Disallow: /x\nDisallow: /x", "/y", None),
        ("dISALLOW :\t /p # why", "/p", "Disallow: /p"),
        ("Disallow: /a\x1bb", "/a%1Bb", "Disallow: /a\ufffdb"),
    ],
)
def test_the_most_specific_line_decides_and_is_told(lines: str, path: str, rule: str | None) -> None:
    ruling = judge(f"User-agent: *\n{lines}\n", path)
    assert ruling == (rule is None or rule.startswith("Allow"), rule)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("/fish", ["/fish", "/fish.html", "/fish/x", "/fishes", "/fish?id=1"], ["/Fish", "/catfish", "/?id=fish"]),
        ("/fish*", ["/fish", "/fish.html", "/fish/x"], ["/Fish", "/catfish"]),
        ("/fish/", ["/fish/", "/fish/?x"], ["/fish", "/fish.html"]),
        ("/*.php", ["/a.php", "/a/b.php?c", "//a/x.php.html", "/i?f=a.php/"], ["/", "/a.PHP", "/php"]),
        ("/*.php$", ["/a.php", "/a/b.php"], ["/a.php?c", "/a.php/", "/a.php5"]),
        ("/fish*.php", ["/fish.php", "/fishes/cat.php?x"], ["/Fish.php", "/fis.php"]),
        ("/a*b*c", ["/abc", "/axbxcx"], ["/acb", "/ab"]),
        ("/*ab*b$", ["/abb", "/ab/b"], ["/ab", "/abbc"]),
        ("/a*a$", ["/aa", "/aba"], ["/a", "/ab"]),
        ("/x*$", ["/x", "/xyz"], ["/y"]),
        ("/x$", ["/x"], ["/x/", "/x?"]),
        ("/$x", ["/$x", "/%24xy"], ["/", "/x"]),
        ("/x%24", ["/x$", "/x%24y"], ["/x"]),
        ("/%2A", ["/*", "/%2a"], ["/x"]),
        ("*", ["/"], []),
        ("*.gif$", ["/a.gif"], ["/a.gifs"]),
        ("fish", [], ["/fish", "/"]),
        ("$", [], ["/", "/$"]),
        ("https://example.com/a", [], ["/a", "/https://example.com/a"]),
        ("?q", [], ["/?q"]),
        ("/?q=", ["/?q=1"], ["/", "/x?q=1"]),
    ],
)  # fmt: skip
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in (*yes, *no) if matches(pattern, path)] == yes


@pytest.mark.parametrize(
    ("pattern", "path", "same"),
    [
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https://foo.bar", True),
        ("/foo/bar/ツ", "/foo/bar/%E3%83%84", True),
        ("/foo/bar/%E3%83%84", "/foo/bar/%e3%83%84", True),
        ("/foo/bar/ツ", "/foo/bar/ツ", True),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz", True),
        ("/foo/bar/baz", "/foo/bar/%62%61%7a", True),
        ("/a%2Fb", "/a/b", False),
        ("/a/b", "/a%2Fb", False),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%3Fb", "/a?b", False),
        ("/a%3Ab", "/a:b", False),
        ("/a b", "/a%20b", True),
        ('/a"|b', "/a%22|b", True),
        ("/?a='b", "/?a=%27b", True),
        ("/100%", "/100%", True),
        ("/100%zz", "/100%25zz", True),
        ("/%7Euser", "/~user", True),
        ("/%252F", "/%2F", False),
    ],
)
def test_percent_encoding(pattern: str, path: str, same: bool) -> None:  # noqa: FBT001 - a table's column
    assert matches(pattern, path) is same


def test_a_file_in_latin_1_means_its_own_urls() -> None:
    body = b"User-agent: *\nDisallow: /caf\xe9\n"
    assert judge(body, "/caf%E9") == (False, "Disallow: /caf\ufffd")
    assert allows(body, "/caf%C3%A9")


def test_a_letter_whose_last_octet_looks_like_a_blank_is_kept() -> None:
    assert matches("/voil\u00e0", "/voil%C3%A0")
    assert not matches("/voil\u00e0", "/voil%C3")
    assert matches("/x\u0085", "/x%C2%85")


def test_robots_txt_is_always_allowed() -> None:
    body = "User-agent: *\nDisallow: /\n"
    assert judge(body, "/robots.txt") == (True, None)
    assert not allows(body, "/robots.txt2")
    assert not allows(body, "/x/robots.txt")
    assert judge("User-agent: *\nAllow: /r\n", "/robots.txt") == (True, "Allow: /r")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n", b" \t\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_ends_of_lines(end: bytes, bom: bytes) -> None:
    body = bom + end.join([b"User-agent: *", b"Disallow: /a", b"Disallow: /b"])
    assert [judge(body, path).rule for path in ("/a", "/b", "/c")] == ["Disallow: /a", "Disallow: /b", None]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_ascii_in_utf_16_is_read(codec: str) -> None:
    assert judge("User-agent: *\r\nDisallow: /a\r\n".encode(codec), "/a").rule == "Disallow: /a"


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Disallow:/a",
            " Disallow : /a ",
            "\tDisallow\t:\t/a\t",
            "DISALLOW: /a",
            "Disallow: /a#b",
            "Disallow /a",
        ),
        *("disallow\t/a", "dissallow: /a", "dissalow: /a", "disalow: /a", "diasllow: /a", "disallaw: /a"),
        *("Dis\0allow: /a", "Disallow: /a\v"),
    ],
)
@pytest.mark.parametrize(
    "agent", ["User-agent: *", "useragent: *", "user agent: *", "User-Agent *", "USER-AGENT:*#x"]
)
def test_spellings(agent: str, line: str) -> None:
    assert judge(f"{agent}\n{line}\n", "/a") == (False, "Disallow: /a")


@pytest.mark.parametrize(
    "line",
    ["# Disallow: /a", "Disallow the robots: /a", "Disallow /a /b", "Disallowed: /a", ": /a", "Disallow"],
)
def test_lines_that_say_nothing(line: str) -> None:
    assert judge(f"User-agent: *\n{line}\n", "/a").rule is None


def test_a_missing_colon_with_a_colon_in_the_value() -> None:
    found = RobotsRules.parse(b"Sitemap https://a.example/s.xml\nUser-agent *\nDisallow /a:b\n", token="x")
    assert found.sitemaps == ("https://a.example/s.xml",)
    assert found.judge(HOST + "/a:b").rule == "Disallow: /a:b"


def test_sitemaps_belong_to_the_file() -> None:
    body = b"Sitemap: /0\nUser-agent: x\nSITEMAP: http://b/\xff\nsite-map:c\nDisallow: /\nSitemap:\nSitemap: /0\n"
    assert RobotsRules.parse(body, token="scraper").sitemaps == ("/0", "http://b/\ufffd", "c")


@pytest.mark.parametrize(
    ("lines", "delay_s"),
    [
        ("", None),
        ("Crawl-delay: 10", 10.0),
        ("crawl-delay:0.5", 0.5),
        ("Crawl-delay: .5", 0.5),
        ("Crawl-delay: 0", 0.0),
        ("Crawl-delay: 1\nCrawl-delay: 3\nCrawl-delay: 2", 3.0),
        *(
            (f"Crawl-delay: {bad}", None)
            for bad in ("-1", "nan", "inf", "1e9", "1_0", "ten", "5 s", "", "9" * 400)
        ),
        ("Request-rate: 1/5", 5.0),
        ("Request-rate: 2/1m 0600-0845", 30.0),
        ("Request-rate: 4 / 1", 0.25),
        ("Request-rate: 1/1H", 3600.0),
        *((f"Request-rate: {bad}", None) for bad in ("0/1", "1", "a/b", "-1/2", "1/-2", "1/2x")),
        ("Crawl-delay: 2\nRequest-rate: 1/5", 5.0),
        ("Crawl-delay: 2\nUser-agent: x\nCrawl-delay: 9", 2.0),
        ("Disallow: /\nUser-agent: x\nCrawl-delay: 9", None),
        ("Crawl-delay: 2\nDisallow: /\nUser-agent: scraper\nCrawl-delay: 4", 4.0),
    ],
)
def test_delays(lines: str, delay_s: float | None) -> None:
    body = f"User-agent: *\nCrawl-delay: 99\nDisallow: /z\n\nUser-agent: scraper\n{lines}\n".encode()
    assert RobotsRules.parse(body, token="scraper").crawl_delay_s == delay_s


def test_everyones_delay_without_a_group_of_ours() -> None:
    body = b"User-agent: *\nCrawl-delay: 7\nUser-agent: x\nCrawl-delay: 9\nDisallow: /\n"
    assert RobotsRules.parse(body, token="scraper").crawl_delay_s == 7.0


def padded(head: str, *, to: int, end: str = "") -> bytes:
    """Return a body of exactly ``to`` octets, of which the last are ``end``."""
    return (head + "#" * (to - len(head) - len(end) - 1) + "\n" + end).encode()


@pytest.mark.parametrize(
    ("rest", "forbids_all"),
    [(b"x\nDisallow: /\n", False), (b"", False), (b"\nAllow: /\n", True), (b"\r\nAllow: /\n", True)],
)
def test_the_line_that_the_limit_cuts_is_dropped(rest: bytes, forbids_all: bool) -> None:  # noqa: FBT001 - a table's column
    body = padded("User-agent: *\nDisallow: /a\n", to=MAX_BYTES, end="Disallow: /") + rest
    assert judge(body, "/a").rule == ("Disallow: /a")
    assert allows(body, "/b") is not forbids_all


def test_a_file_shorter_than_the_limit_keeps_its_last_line() -> None:
    body = padded("User-agent: *\n", to=MAX_BYTES - 1, end="Disallow: /")
    assert not allows(body, "/b")


def test_a_long_rule_is_shown_by_its_beginning() -> None:
    rule = judge(b"User-agent: *\nDisallow: /" + b"*" * 400_000, "/").rule
    assert rule is not None
    assert rule.startswith("Disallow: /***")
    assert len(rule) < 600


def test_only_the_chosen_group_is_kept() -> None:
    others = b"".join(b"User-agent: x%x\nDisallow: /%x\n" % (n, n) for n in range(2000))
    ours = b"User-agent: scraper\nDisallow: /a\n"
    alone = RobotsRules.parse(ours, token="scraper")
    among = RobotsRules.parse(others + ours + b"User-agent: *\nDisallow: /b\n", token="scraper")
    assert among.weight_bytes == alone.weight_bytes
    assert among.judge(HOST + "/b").allowed


def test_weight_grows_with_what_is_kept() -> None:
    def weight(count: int) -> int:
        lines = b"".join(b"Disallow: /%d\nDisallow: /*%d\nSitemap: %d\n" % (n, n, n) for n in range(count))
        return RobotsRules.parse(b"User-agent: *\n" + lines, token="x").weight_bytes

    assert 300_000 < weight(1000) - weight(0) < 1_200_000


def test_too_many_patterns_for_the_url_forbid_what_begins_like_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # Enough for all of these patterns on a path of 7 octets, for three at the most on longer ones.
    monkeypatch.setattr(rules, "_WORK", 400)
    monkeypatch.setattr(rules, "_TRY_WORK", 0)
    monkeypatch.setattr(rules, "_PIECE_WORK", 0)
    body = "User-agent: *\nAllow: /a*longest\nDisallow: /a*longer\nAllow: /b*x\nDisallow: /a*x\n"
    assert judge(body, "/a/a/a/a/a/a/longest").rule == "Allow: /a*longest"
    assert judge(body, "/a/a/a/a/a/a/longer").rule == "Disallow: /a*longer"
    assert judge(body, "/a/a/a/a/a/a/none").rule == "Disallow: /a*x"
    assert judge(body, "/b/a/a/a/a/a/a/a/a/a/x") == (True, None)
    assert judge(body, "/a/none").rule is None


@pytest.mark.parametrize(
    ("pattern", "octets", "most"),
    [
        (b"/*%05d", 40, 10_000),
        (b"/*%05d", 8000, 150),
        (b"/*" + b"a" * 300 + b"%05d" + b"a" * 300, 2400, 6),
        (b"/*" + b"a*" * 250 + b"%05d", 500, 80),
        (b"/*" + b"a*" * 10 + b"%05d", 30, 2000),
    ],
)
@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_a_verdict_costs_what_the_worst_path_makes_of_the_patterns_at_the_most(
    monkeypatch: pytest.MonkeyPatch, pattern: bytes, octets: int, most: int
) -> None:
    """800 patterns with a piece of 600 octets took 0.3 s, as few as they are."""
    body = b"User-agent: *\n" + b"".join(b"Disallow: " + pattern % number + b"\n" for number in range(12_000))
    judged = RobotsRules.parse(body[: MAX_BYTES - 1], token="x")
    asked = Mock(return_value=None)
    monkeypatch.setattr(RobotsRules, "_first_glob", asked)
    judged.judge(HOST + "/" + "a" * (octets - 1))
    assert most // 2 < asked.call_args.kwargs["tried"] <= most


# Held against the plainest reading: every rule as a regular expression, the longest that matches.

_atoms = st.sampled_from(
    [*"/abA*$?&=.~%-#'|", "**", "%2F", "%2f", "%61", "%2A", "%24", "%C3%A4", "ä", "index.html"]
)
_patterns = st.lists(_atoms, max_size=6).map("".join).map(lambda text: "/" + text.replace("#", ""))
_paths = st.lists(_atoms, max_size=8).map("".join).map(lambda text: "/" + text.replace("#", ""))


def plain_normal(text: str, *, pattern: bool) -> str:
    anchor = "$" if pattern and text.endswith("$") else ""
    octets = text.removesuffix(anchor).encode() if anchor else text.encode()
    normal, at = "", 0
    while at < len(octets):
        escape = re.match(rb"%([0-9A-Fa-f]{2})", octets[at:])
        octet = int(escape[1], 16) if escape else octets[at]
        char = chr(octet)
        if escape:
            normal += char if re.match(r"[A-Za-z0-9._~-]", char, re.ASCII) else f"%{octet:02X}"
        elif re.match(r"[A-Za-z0-9._~:/?#\[\]@!&()+,;=-]" + ("|[*]" if pattern else ""), char, re.ASCII):
            normal += char
        else:
            normal += f"%{octet:02X}"
        at += 3 if escape else 1
    return normal + anchor


def plain_verdict(lines: list[tuple[str, str]], path: str) -> bool:
    best = (0, True)
    for name, pattern in lines:
        normal = plain_normal(pattern, pattern=True)
        body = ".*".join(map(re.escape, normal.removesuffix("$").split("*")))
        if re.match(body + (r"\Z" if normal.endswith("$") else ""), plain_normal(path, pattern=False)):
            best = max(best, (len(normal), name == "Allow"))
    return best[1]


@given(st.lists(st.tuples(st.sampled_from(["Allow", "Disallow"]), _patterns), max_size=6), _paths)
@example([("Disallow", "/a*$"), ("Allow", "/aa$")], "/aa")
def test_verdicts_are_those_of_the_plainest_reading(lines: list[tuple[str, str]], path: str) -> None:
    body = "User-agent: *\n" + "".join(f"{name}: {pattern}\n" for name, pattern in lines)
    ruling = judge(body, path)
    assert ruling.allowed is plain_verdict(lines, path)
    assert ruling.rule is None or ruling.rule in body.splitlines()


@given(st.binary(max_size=300), _paths)
@example(b"/q\nDisallow:/%\xff\0$*$\rCrawl-delay:\xb2", "/%25%FF")
def test_no_bytes_raise(body: bytes, path: str) -> None:
    found = RobotsRules.parse(b"User-agent: *\nDisallow: " + body, token="scraper")
    ruling = found.judge(HOST + path)
    assert ruling.allowed or ruling.rule is not None
    assert found.crawl_delay_s is None or found.crawl_delay_s >= 0
