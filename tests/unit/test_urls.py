from __future__ import annotations

import re

import can_ada
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper import urls
from scraper.errors import InvalidUrl
from scraper.references import resolve
from scraper.urls import (
    MAX_URL_BYTES,
    dedup_key,
    drop_fragment,
    host_key,
    http_variant,
    key_digest,
    parse_input,
    sitemaps_place,
)

# Texts near the edges of what the fast path takes: its own alphabet and what must not pass.
_pieces = st.sampled_from(
    [
        *(
            "a",
            "A",
            "1",
            "999",
            "a" * 64,
            "-",
            "_",
            "~",
            "*",
            "=",
            "&",
            ";",
            "'",
            "<",
            "|",
            "{",
            "^",
            "`",
            '"',
        ),
        *(
            "b.c",
            "example.com",
            "Z.COM",
            "localhost",
            "127.0.0.1",
            "0x7f",
            "256",
            "[::1]",
            "xn--",
            "xn--bcher-kva.de",
        ),
        *(":", "8080", "65536", "http:", "https://", "/", "//", "\\", ".", "..", "%2e", "%2E", "?", "#", "@"),
        *("%", "%41", "%7e", "%c3", "%%34", " ", "\t", "\r", "\x00", "\x7f"),
        *("\xe9", "\xdf", "\u3002", "\ufffd", "\udcff"),
    ]
)
_scraps = st.lists(_pieces, max_size=8).map("".join)
_lines = st.one_of(
    _scraps,
    st.builds("{}://{}".format, st.sampled_from(["http", "https", "HTTP"]), _scraps),
    st.builds("https://example.com{}".format, _scraps),
    st.from_regex(r"https?://[a-z0-9.-]{1,12}(:[0-9]{1,5})?(/[!-~]{0,6}){0,3}", fullmatch=True),
)


@pytest.mark.parametrize(
    ("line", "url", "host"),
    [
        ("https://example.com/a?b=c", "https://example.com/a?b=c", "example.com"),
        ("https://example.com", "https://example.com/", "example.com"),
        ("  http://example.com/x \t", "http://example.com/x", "example.com"),
        ("\ufeffhttp://example.com/x\u200b", "http://example.com/x", "example.com"),
        ("HTTP://EXAMPLE.com:80/%7eA", "http://example.com/%7eA", "example.com"),
        ("http://example.com:443/", "http://example.com:443/", "example.com:443"),
        ("https://example.com:443/", "https://example.com/", "example.com"),
        ("http:\\\\example.com\\a\\..\\b", "http://example.com/b", "example.com"),
        ("http:example.com", "http://example.com/", "example.com"),
        ("http://exa\tmple.com/a\nb", "http://example.com/ab", "example.com"),
        ("http://b\u00fccher.de/\u00fc?\u00fc", "http://xn--bcher-kva.de/%C3%BC?%C3%BC", "xn--bcher-kva.de"),
        ("http://fa\u00df.de/", "http://xn--fa-hia.de/", "xn--fa-hia.de"),
        ("http://ex\u3002com/", "http://ex.com/", "ex.com"),
        ("http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1"),
        ("http://[0:0::1]:80/", "http://[::1]/", "[::1]"),
        ("http://[::1]:8001/", "http://[::1]:8001/", "[::1]:8001"),
        ("http://a.com/./x/%2e%2E/y", "http://a.com/y", "a.com"),
        ("http://a.com/b c?d e", "http://a.com/b%20c?d%20e", "a.com"),
        ("http://a.com/%zz%2f|", "http://a.com/%zz%2f|", "a.com"),
        ("http://a.com/?q='\"<>", "http://a.com/?q=%27%22%3C%3E", "a.com"),
        ("http://a.com/x#frag", "http://a.com/x", "a.com"),
        ("http://a.com/?", "http://a.com/?", "a.com"),
        ("http://a.com?#x", "http://a.com/?", "a.com"),
        ("http://a_b.com./", "http://a_b.com./", "a_b.com"),
        ("http://intranet/", "http://intranet/", "intranet"),
    ],
)
def test_a_line_is_read_as_the_standard_says(line: str, url: str, host: str) -> None:
    parsed = parse_input(line)
    assert (parsed.url, parsed.host, parsed.guessed_scheme) == (url, host, False)


@pytest.mark.parametrize(
    ("line", "url", "host"),
    [
        ("example.com", "https://example.com/", "example.com"),
        ("example.com/x?y#z", "https://example.com/x?y", "example.com"),
        ("httpbin.org/get", "https://httpbin.org/get", "httpbin.org"),
        ("example.com:8080", "https://example.com:8080/", "example.com:8080"),
        ("127.0.0.1:8001/x", "https://127.0.0.1:8001/x", "127.0.0.1:8001"),
        ("[::1]:8001/x", "https://[::1]:8001/x", "[::1]:8001"),
        ("[::1]", "https://[::1]/", "[::1]"),
        ("localhost", "https://localhost/", "localhost"),
        ("localhost:8000", "https://localhost:8000/", "localhost:8000"),
        ("db:8000/x", "https://db:8000/x", "db:8000"),
        ("wiki/page", "https://wiki/page", "wiki"),
        ("//example.com/x", "https://example.com/x", "example.com"),
        ("B\u00fccher.de", "https://xn--bcher-kva.de/", "xn--bcher-kva.de"),
    ],
)
def test_a_line_without_a_scheme_is_taken_for_https_and_flagged(line: str, url: str, host: str) -> None:
    parsed = parse_input(line)
    assert (parsed.url, parsed.host, parsed.guessed_scheme) == (url, host, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "empty"),
        (" \t\r\n", "empty"),
        ("mailto:a@b.com", "'mailto'"),
        ("javascript:alert(1)", "'javascript'"),
        ("ftp://example.com/", "'ftp'"),
        ("tel:911", "'tel'"),
        ("C:\\list.txt", "'c'"),
        ("hello world", "'hello world' is no valid host"),
        ("foo", "no host with a dot"),
        ("//foo", "no host with a dot"),
        ("/about/team", "path without a host"),
        ("?q=1", "no host"),
        ("12345", "a number"),
        ("1.5", "a number"),
        ('{"a.b"}', "no valid host"),
        ('{"href": "x.com"}', "no valid host"),
        ("http://", "no host"),
        ("http://?x", "no host"),
        ("http://a b.com/", "'a b.com' is no valid host"),
        ("http://a.com:99999/", "port 99999 is out of range"),
        ("http://a.com:x/", "no valid host"),
        ("http://[::g]/", "no valid host"),
        ("http://256.1.1.1/", "no valid host"),
        ("http://a..com/", "empty or too long"),
        (f"http://{'a' * 64}.com/", "empty or too long"),
        (f"http://{'a.' * 130}com/", "empty or too long"),
        (f"http://a.com/{'x' * MAX_URL_BYTES}", "longer than 8192"),
        (f"http://a.com/{'é' * 3000}", "longer than 8192"),
        ("http://a.com/\x00x", "U+0000"),
        ("http://a.com/\x7fx", "U+007F"),
        ("http://a.com/\ufffd", "not valid UTF-8"),
        ("http://a.com/\udcffx", "not valid UTF-8"),
        ("http://user@a.com/", "user name or password"),
        ("bob@example.com", "user name or password"),
    ],
)
def test_what_is_no_url_is_refused_with_a_reason(line: str, reason: str) -> None:
    with pytest.raises(InvalidUrl, match=re.escape(reason)) as caught:
        parse_input(line)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "line",
    [
        "http://bob:hunter2@a.com/",
        "http://bob:hunter2@a com/",
        "http://bob:hunter2/x@a.com/",
        "//bob:hunter2@a.com",
        "bob:hunter2@a.com",
        "https://bob:hunter2@[::g]/",
    ],
)
def test_a_password_is_refused_and_never_repeated(line: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        parse_input(line)
    assert "hunter2" not in str(caught.value)


@given(_lines)
@example("https://example.com/a/%2e%2e/b")
@example("http://1.2.3/")
@example("http://a.xn--a/")
@example("https://a.com:80")
@example("http://a.com:65536/")
@example("http://a.com/'?'")
def test_the_fast_path_and_the_parser_agree(line: str) -> None:
    def outcome(parse: object) -> object:
        try:
            return parse(line)  # type: ignore[operator]
        except InvalidUrl as error:
            return str(error)

    assert outcome(parse_input) == outcome(urls._parse_with_care)


@given(_lines)
def test_what_was_parsed_is_a_fixed_point(line: str) -> None:
    try:
        parsed = parse_input(line)
    except InvalidUrl:
        return
    assert parsed.url.isascii()
    assert can_ada.parse(parsed.url).href == parsed.url
    assert parsed.key == dedup_key(parsed.url)
    assert parse_input(parsed.url)[:4] == (parsed.url, parsed.host, parsed.key, False)
    assert host_key(parsed.url) == parsed.host
    assert resolve("http://base.test/x", parsed.url) == parsed.url


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP://Example.COM:80", "http://example.com/"),
        ("http://a.com/%7euser/%c3%a9", "http://a.com/~user/%C3%A9"),
        ("http://a.com/%41?%42=%2f", "http://a.com/A?B=%2F"),
        ("http://a.com/x/../y/./", "http://a.com/y/"),
        ("http://a.com/#top", "http://a.com/"),
        ("http://bob:pw@a.com/", "http://a.com/"),
    ],
)
def test_equal_urls_share_a_key(one: str, other: str) -> None:
    assert dedup_key(one) == dedup_key(other) == other
    assert key_digest(dedup_key(one)) == key_digest(dedup_key(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.com/", "https://a.com/"),
        ("http://a.com/x", "http://a.com/X"),
        ("http://a.com/x", "http://a.com/x/"),
        ("http://a.com/?a&b", "http://a.com/?b&a"),
        ("http://a.com/", "http://a.com/?"),
        ("http://a.com/a%2Fb", "http://a.com/a/b"),
        ("http://a.com/a%20b", "http://a.com/a+b"),
        ("http://a.com/", "http://www.a.com/"),
        ("http://a.com/%%34%31", "http://a.com/%41"),
    ],
)
def test_urls_that_may_differ_keep_apart(one: str, other: str) -> None:
    assert dedup_key(one) != dedup_key(other)
    assert key_digest(dedup_key(one)) != key_digest(dedup_key(other))


@given(_lines)
@example("http://a.com/%%34%31")
@example("http://a.com/%%%%%%%34%31")
def test_a_key_is_its_own_key_and_that_of_the_request_url(line: str) -> None:
    try:
        url = parse_input(line).url
    except InvalidUrl:
        return
    key = dedup_key(url)
    assert dedup_key(key) == key
    assert host_key(key) == host_key(url)


def test_a_digest_has_sixteen_bytes() -> None:
    assert len(key_digest("http://a.com/")) == 16


@pytest.mark.parametrize("function", [dedup_key, host_key, http_variant])
@pytest.mark.parametrize("text", ["", "x", "ftp://a.com/", "http://", "mailto:a@b"])
def test_what_needs_a_url_says_so(function: object, text: str) -> None:
    with pytest.raises(InvalidUrl):
        function(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.com/x?y", "http://a.com/x?y"),
        ("https://a.com:8001/x", "http://a.com:8001/x"),
        ("https://[::1]:8001/", "http://[::1]:8001/"),
        ("http://a.com/", "http://a.com/"),
    ],
)
def test_the_http_variant_keeps_all_but_the_scheme(url: str, expected: str) -> None:
    assert http_variant(url) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("", "https://a.com/dir/page?q"),
        ("next", "https://a.com/dir/next"),
        ("/root", "https://a.com/root"),
        ("//cdn.com/x", "https://cdn.com/x"),
        ("../up", "https://a.com/up"),
        ("/../../up", "https://a.com/up"),
        ("?r", "https://a.com/dir/page?r"),
        ("#top", "https://a.com/dir/page?q#top"),
        ("http://b.com", "http://b.com/"),
        ("http://b.com/x#y", "http://b.com/x#y"),
        ("  /x\n", "https://a.com/x"),
        ("\\x", "https://a.com/x"),
        ("https:x", "https://a.com/dir/x"),
        ("x", "https://a.com/dir/x"),
        ("x.html?y=/../#z", "https://a.com/dir/x.html?y=/../#z"),
        ("x:y", None),
        ("x/y:z", "https://a.com/dir/x/y:z"),
        ("?x", "https://a.com/dir/page?x"),
        ("#x", "https://a.com/dir/page?q#x"),
        ("..", "https://a.com/"),
        ("../", "https://a.com/"),
        ("../x", "https://a.com/x"),
        ("..//x", "https://a.com//x"),
        ("../../../x?y", "https://a.com/x?y"),
        ("../" * 20 + "x", "https://a.com/x"),
        ("../x/../y", "https://a.com/y"),
        ("/\u00e9", "https://a.com/%C3%A9"),
        ("/\udce9\udcff", "https://a.com/%E9%FF"),
        ("/\ud83d", "https://a.com/%EF%BF%BD"),
        ("http://bob:pw@b.com/x#@", "http://b.com/x#@"),
        ("mailto:x@a.com", None),
        ("javascript:void(0)", None),
        ("data:text/html,x", None),
        ("ftp://b.com/", None),
        ("http://", None),
        ("http://b\udcff.com/", None),
        ("http://b..com/", None),
        ("/" + "x" * MAX_URL_BYTES, None),
    ],
)
def test_a_reference_is_resolved_as_browsers_do(reference: str, expected: str | None) -> None:
    assert resolve("https://a.com/dir/page?q", reference) == expected


_LONG_LABEL = "".join(chr(0x4E00 + number) for number in range(8000))


@pytest.mark.parametrize(
    "text",
    [
        f"http://{_LONG_LABEL}/",
        f"//a\u3002{_LONG_LABEL}",
        f"ht\ttp:/\\u:p@{_LONG_LABEL}",
        f"\x00http://{_LONG_LABEL}",
        f"http://{'%E4%B8%80' * 64}/",
    ],
)
def test_a_label_that_would_keep_the_parser_busy_is_not_given_to_it(text: str) -> None:
    """Read each time, it would take half a second: more than the time limit of a test in all."""
    for _ in range(100):
        assert resolve("https://a.com/", text) is None
        assert resolve(text, "/x") is None
        for function in (dedup_key, host_key, parse_input):
            with pytest.raises(InvalidUrl):
                function(text)


def test_long_text_that_is_no_host_is_no_label() -> None:
    assert resolve("https://a.com/", "\u4e00" * 100) == "https://a.com/" + "%E4%B8%80" * 100
    assert resolve("https://a.com/", "//a.com/" + "\u4e00" * 100) == "https://a.com/" + "%E4%B8%80" * 100
    assert parse_input("a.com/" + "\u4e00" * 100).host == "a.com"
    assert parse_input("http://" + "b\u00fccher." * 9 + "example/").host == "xn--bcher-kva." * 9 + "example"


@pytest.mark.parametrize("base", ["https://a.com/p?", "https://a.com./p?#z", "https://u:p@a.com/p?"])
def test_a_fragment_alone_drops_an_empty_query_as_the_parser_does(base: str) -> None:
    expected = drop_fragment(base).removesuffix("?").replace("u:p@", "")
    for fragment in ("#x", "#\u00e9"):  # without the parser, and by it
        assert drop_fragment(resolve(base, fragment) or "") == expected
    assert resolve("https://a.com/p??", "#x") == "https://a.com/p??#x"


@pytest.mark.parametrize("base", ["", "x", "mailto:a@b", "about:blank"])
def test_without_a_base_only_whole_urls_resolve(base: str) -> None:
    assert resolve(base, "/x") is None
    assert resolve(base, "https://a.com/x") == "https://a.com/x"


_BASES = (
    "https://a.com/d/p?q#f",
    "https://a.com/d//p?/x/y",
    "http://127.0.0.1:8001/x/",
    "https://a.com//1//2/3",
    "https://a.com/1/2/3/4/5/6/7/8/9/0/p",
)


@given(st.sampled_from(_BASES), st.one_of(_scraps, st.from_regex(r"\A(\.\./){1,12}[a-z:/.?#]{0,6}\Z")))
def test_resolving_agrees_with_the_parser(base: str, reference: str) -> None:
    clean = urls.scalar_text(reference)
    try:
        target = can_ada.parse(base) + clean
    except ValueError:
        assert resolve(base, reference) is None
        return
    resolved = resolve(base, reference)
    if resolved is not None and not target.has_credentials():
        assert resolved == target.href


@given(st.text(), st.text())
def test_resolving_takes_any_text(base: str, reference: str) -> None:
    resolved = resolve(base, reference)
    assert resolved is None or resolved.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.com./x", "a.com"),
        ("https://a.com.:8443/x", "a.com:8443"),
        ("http://[::1]:8443/", "[::1]:8443"),
        ("http://127.0.0.1./", "127.0.0.1"),
    ],
)
def test_the_dot_of_the_root_makes_no_other_host(url: str, host: str) -> None:
    assert host_key(url) == parse_input(url).host == host


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://a.com/", "https://a.com/robots.txt"),
        ("http://a.com/", "http://a.com/robots.txt"),
        ("http://a/", "http://a/robots.txt"),
        ("https://a.com:8443/", "https://a.com:8443/robots.txt"),
        ("https://[::1]/", "https://[::1]/robots.txt"),
        ("https://a.com/robots.txt", "https://a.com/robots.txt"),
        ("https://a.com/sitemap.xml", "https://a.com/sitemap.xml"),
        ("https://a.com/?feed=1", "https://a.com/?feed=1"),
        ("https://a.com//", "https://a.com//"),
        ("https://a.com/x/", "https://a.com/x/"),
    ],
)
def test_the_sitemaps_of_a_mere_host_are_looked_for_in_its_robots_txt(url: str, place: str) -> None:
    assert sitemaps_place(url) == place
    assert sitemaps_place(parse_input(url).url) == place


def test_a_fragment_is_dropped_at_the_first_mark() -> None:
    assert drop_fragment("http://a.com/x#y#z") == "http://a.com/x"


_PLAIN = """
    http://127.0.0.1/ HTTP://127.0.0.1:8000/x 127.0.0.1:80 http:\\\\127.0.0.1\\x http://127.0.0.1:/
    http://LOCALHOST/ LocalHost:8000 Example.COM //Wiki.example/x
    http://[::1]/ [::1]:80 http://[0:0::1]/ http://[::ffff:127.0.0.1]/
    http://b\u00fccher.example/ http://xn--bcher-kva.example/ http://intranet/?a@b"""
_ODD = """http://127.1/ http://0x7f000001/ http://2130706433/ http://0177.0.0.1/ http://127.0.0.01/ http://0/
    http://\uff11\uff12\uff17.0.0.1/ http://127\u30020\u30020\u30021/ http://%31%32%37.0.0.1/ http://127.0.0.1./
    http://localhost./ http://localhost.:80/ http://local\u00adhost/ http://%6cocalhost/ http://loca\u24dbhost/
    http://loca\u24dbhost:80/ http://b%C3%BCcher.example/ http://\u212aelvin.example/ http://@127.0.0.1/
    http://wiki.example./x"""


@pytest.mark.parametrize("line", _PLAIN.split())
def test_a_host_as_it_is_called_is_plain(line: str) -> None:
    assert parse_input(line).is_plain_host


@pytest.mark.parametrize("line", _ODD.split())
def test_a_host_that_only_a_parser_knows_is_not_plain(line: str) -> None:
    assert not parse_input(line).is_plain_host


@pytest.mark.parametrize(
    ("key", "name"),
    [("a.example", "a.example"), ("a.example:80", "a.example"), ("[::1]", "[::1]"), ("[::1]:8000", "[::1]")],
)
def test_a_host_has_a_name_without_its_port(key: str, name: str) -> None:
    assert urls.host_name(key) == name
