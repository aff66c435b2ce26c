from __future__ import annotations

import gzip
import re
import tracemalloc
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import sitemap, sitemap_text
from scraper.parse.sitemap import Entry, Sitemap, read_sitemap
from scraper.parse.sitemap_text import SitemapError
from scraper.urls import MAX_URL_BYTES

URL = "https://example.com/maps/sitemap.xml"
ROBOTS = "https://example.com/robots.txt"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urls(body: str | bytes, *, url: str = URL, cut: bool = False) -> list[str]:
    data = body.encode() if isinstance(body, str) else body
    return [entry.url for entry in read_sitemap(data, url=url, cut=cut).entries]


def urlset(*locs: str, attributes: str = NS) -> str:
    return f"<urlset {attributes}>" + "".join(f"<url><loc>{loc}</loc></url>" for loc in locs) + "</urlset>"


FULL = urlset("http://a/1", "http://a/2?x=1&amp;y=2", "http://a/3").encode()
SQUEEZED = gzip.compress(FULL, mtime=0)


def outcome(body: bytes, *, url: str = URL, cap_bytes: int = sitemap.CAP_BYTES) -> Sitemap | str:
    try:
        return read_sitemap(body, url=url, cap_bytes=cap_bytes)
    except SitemapError as error:
        return str(error)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (urlset("http://a/"), ["http://a/"]),
        (urlset("http://a/", attributes=""), ["http://a/"]),
        ("<s:urlset xmlns:s='n'><s:url><s:loc>http://a/</s:loc></s:url></s:urlset>", ["http://a/"]),
        ("<s:urlset><s:url><s:loc>http://a/</s:loc></s:url></s:urlset>", ["http://a/"]),
        ("\n \ufeff".encode()[:2] + b"<?xml version='1.0'?>" + FULL, None),
        (b"\xef\xbb\xbf" + FULL, None),
        (FULL.decode().encode("utf-16"), None),
        (b"<?xml version='1.0' encoding='utf-16'?>" + FULL, None),
        (b"<?xml version='1.0' encoding='no-such'?>" + FULL, None),
        (gzip.compress(FULL, mtime=0), None),
        (gzip.compress(gzip.compress(FULL)), None),
        (gzip.compress(FULL[:40]) + gzip.compress(FULL[40:]) + b"\0\0", None),
        (urlset("http://a/?x=1&y=2&amp;z=3&copy=4"), ["http://a/?x=1&y=2&z=3&copy=4"]),
        (urlset("<![CDATA[http://a/?x&amp;y&z]]>"), ["http://a/?x&amp;y&z"]),
        (urlset("\n http://a/\n   b \n"), ["http://a/b"]),
        (urlset("<!-- no -->http://a/"), ["http://a/"]),
        (urlset("../x", "//other/y", "http://[bad"), ["https://example.com/x", "https://other/y", "http://[bad"]),
        (urlset("http://a/\x0b1"), ["http://a/1"]),
        ("<urlset><url><loc>http://a/</url><url><loc>http://b/</loc></url></urlset>", ["http://a/", "http://b/"]),
        (urlset("<x/>http://a/", attributes="").replace("<loc>", "<image:a><image:loc>http://i/</image:loc></image:a><image:loc>http://j/</image:loc><loc>"), ["http://a/"]),  # noqa: E501
        ("http://a/\r\n# no\n\nhttp://b/\n", ["http://a/", "http://b/"]),
        (urlset(), []),
    ],
)  # fmt: skip
def test_the_urls_of_a_sitemap(body: str | bytes, expected: list[str] | None) -> None:
    assert urls(body) == (
        ["http://a/1", "http://a/2?x=1&y=2", "http://a/3"] if expected is None else expected
    )


def test_what_is_not_utf8_is_read_as_declared_or_percent_encoded() -> None:
    body = urlset("http://a/\xe9").encode("latin-1")
    assert urls(body) == ["http://a/%E9"]
    assert urls(b'<?xml version="1.0" encoding="iso-8859-1"?>' + body) == ["http://a/\xe9"]
    assert urls(b'<?xml version="1.0" encoding="iso-8859-1"?>' + urlset("http://a/\xe9").encode()) == [
        "http://a/\xe9"
    ]


def test_an_index_lists_sitemaps() -> None:
    entry = b"<sitemap><loc>http://a/s</loc><lastmod> 2024-01-01 </lastmod></sitemap>"
    body = b"<sitemapindex>" + entry + b"</sitemapindex>"
    assert read_sitemap(body, url=URL) == Sitemap(
        [Entry("http://a/s", {"lastmod": "2024-01-01"}, is_sitemap=True)], truncated=False, skipped=0
    )


def test_rss_gives_the_links_of_its_items() -> None:
    body = (
        "<rss xmlns:atom='http://www.w3.org/2005/Atom'><channel><link>http://home/</link><item>"
        "<atom:link href='http://no/'/><link>http://a/</link><pubDate>Mon, 1 Jan</pubDate></item>"
        "</channel></rss>"
    )
    assert read_sitemap(body.encode(), url=URL).entries == [
        Entry("http://a/", {"lastmod": "Mon, 1 Jan"}, False)
    ]


def test_atom_gives_the_alternate_links_of_its_entries() -> None:
    body = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><link href='http://home/'/><entry>"
        "<link rel='self' href='/s'/>"
        "<link href='/a?x=1&amp;y=2&z=3'/><source><link href='/no'/></source>"
        "<updated>2024</updated></entry></feed>"
    )
    expected = Entry("https://example.com/a?x=1&y=2&z=3", {"lastmod": "2024"}, is_sitemap=False)
    assert read_sitemap(body.encode(), url=URL).entries == [expected]


def test_robots_txt_names_sitemaps_anywhere() -> None:
    body = b"User-agent: *\nDisallow: /\n sitemap : /a.xml # x\r\nSITEMAP:http://b/\n"
    assert read_sitemap(body, url=ROBOTS).entries == [
        Entry("https://example.com/a.xml", {}, is_sitemap=True),
        Entry("http://b/", {}, is_sitemap=True),
    ]
    assert read_sitemap(b"", url=ROBOTS) == Sitemap([], truncated=False, skipped=0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"<!doctype HTML><p>x", "is HTML"),
        (b"<!-- x --><html><body>", "is HTML"),
        (b"<?xml version='1.0'?><a:thing/>", "root <thing>"),
        (b"<!DOCTYPE urlset [<!ENTITY a 'b'>]>" + FULL, "entities"),
        (b"<?xml version='1.0'?>", "no element"),
        (b"< x", "no element"),
        (b'{"not": "a sitemap"}', "neither XML"),
        (b"\x1f\x8bxxxxxxxxxxxxxxx", "damaged gzip"),
    ],
)
def test_what_is_no_sitemap_is_said_in_one_line(body: bytes, message: str) -> None:
    with pytest.raises(SitemapError, match=message) as caught:
        read_sitemap(body, url=URL)
    assert "\n" not in str(caught.value)


def test_entities_are_never_expanded() -> None:
    body = urlset('http://a/<!DOCTYPE x [<!ENTITY e "boom">]>&e;', "http://b/&e;&#38;e;")
    assert "boom" not in str(read_sitemap(body.encode(), url=URL))
    assert urls(urlset("http://b/&e;&#38;e;")) == ["http://b/&e;&e;"]


@given(st.integers(0, len(FULL)))
def test_a_cut_sitemap_gives_its_whole_entries(size: int) -> None:
    try:
        found = read_sitemap(FULL[:size], url=URL, cut=True)
    except SitemapError:
        assert size < len(b"<urlset")
        return
    assert found.truncated
    assert len(found.entries) == FULL[:size].count(b"</url>")


def test_a_cut_list_loses_its_last_line_and_a_cut_gzip_gives_what_is_there() -> None:
    lines = b"".join(b"http://a/%d\n" % n for n in range(20_000))
    assert urls(b"http://a/\nhttp://b", cut=True) == ["http://a/"]
    found = read_sitemap(gzip.compress(lines)[:-2000], url=URL)
    assert found.truncated
    assert 0 < len(found.entries) < 20_000
    assert found.entries[-1].url == f"http://a/{len(found.entries) - 1}"


def test_references_at_the_edge_of_a_step_stay_whole() -> None:
    step = sitemap._STEP_BYTES
    for shift in range(-40, 40):
        head = f"<urlset><!--{'x' * (step - 40 - shift)}-->"
        body = head + f"<url><loc>http://a/?b&#0000038;{'c' * 30}<![CDATA[&amp;]]></loc></url></urlset>"
        assert urls(body) == [f"http://a/?b&{'c' * 30}&amp;"]


@pytest.mark.parametrize(
    ("unit", "head"),
    [
        (b"<a>", b"<urlset>"),
        (b"x", b"<urlset><url><loc>"),
        (b"x", b"<urlset><!--"),
        (b' a=""', b"<urlset><a "),
        (b"<", b"<urlset>"),
        (b"&", b"<urlset><url><loc>"),
        (b"<![CDATA[]]>", b"<urlset>"),
        (b"<!---->", b""),
    ],
)
@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_a_hostile_sitemap_ends(unit: bytes, head: bytes) -> None:
    body = head + unit * (3_000_000 // len(unit))
    found = outcome(body)
    assert found == "has no element" or (isinstance(found, Sitemap) and found.truncated)


def test_a_gzip_bomb_stops_at_the_cap() -> None:
    found = read_sitemap(gzip.compress(b"http://a/\n" * 100_000), url=URL, cap_bytes=1005)
    assert found == Sitemap([Entry("http://a/", {}, is_sitemap=False)] * 100, truncated=True, skipped=0)


def test_a_gzip_bomb_costs_no_more_memory_than_the_cap() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    tracemalloc.start()
    assert outcome(bomb, url=URL, cap_bytes=1_000_000) == "is empty"
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 5_000_000


def test_more_entries_than_allowed_are_dropped_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MAX_ENTRIES", 3)
    assert not read_sitemap(FULL, url=URL).truncated
    for body in (urlset(*["http://a/"] * 4).encode(), b"http://a/\n" * 4):
        found = read_sitemap(body, url=URL)
        assert (len(found.entries), found.truncated) == (3, True)


@given(st.text(" \t\r\nab", max_size=40))
def test_line_breaks_go_with_the_white_space_around_them_and_tabs_always(text: str) -> None:
    runs = re.split("([ \t\r\n]+)", text)
    kept = ["" if "\n" in run or "\r" in run else run.replace("\t", "") for run in runs]
    assert sitemap._line_break.sub("", text) == "".join(kept)


BLANKS = " " * 60_000
LONG = "http://a/" + "x" * 2 * MAX_URL_BYTES


@pytest.mark.timeout(10)
def test_runs_of_white_space_are_gone_through_once() -> None:
    """It took 47 s, quadratically."""
    assert sitemap._line_break.sub("", "a" + BLANKS + "b") == "a" + BLANKS + "b"


@pytest.mark.parametrize(
    "body",
    [
        urlset(f"http://a/{BLANKS}x"),
        urlset(f"{BLANKS}http://a/x"),
        urlset(" " * (2 * MAX_URL_BYTES - 9) + "http://a/<!-- cut here -->x"),
        urlset(f"<![CDATA[{LONG}]]>"),
        f"<feed><entry><link href='{BLANKS}http://a/'/></entry></feed>",
        f"<feed><entry><link href='{LONG}'/></entry></feed>",
        f"<feed><entry><link href='{'&amp;' * (2 * MAX_URL_BYTES + 1)}'/></entry></feed>",
        f"Sitemap: http://a/{BLANKS}x",
        f"Sitemap: {LONG}",
        f"Sitemap: http://a/{'€' * 6000}",
    ],
)
def test_what_is_longer_than_any_url_is_never_searched(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    searched = Mock(wraps=sitemap._line_break)
    monkeypatch.setattr(sitemap, "_line_break", searched)
    found = read_sitemap(body.encode(), url=ROBOTS)
    assert (found.entries, found.skipped) == ([], 1)
    searched.sub.assert_not_called()


def test_white_space_around_a_url_is_not_counted() -> None:
    url = "http://a/" + "x" * (MAX_URL_BYTES - 9)
    blanks = " " * 4000
    assert urls(urlset(f"{blanks}\n{url}\n{blanks}")) == [url]


def test_no_more_of_a_field_is_kept_than_is_looked_at() -> None:
    collector = sitemap._Collector(sitemap._SITEMAP_FORM, url=URL)
    for tag in ("wrapper", "urlset", "url", "loc"):
        collector.start(tag, {})
    for _ in range(5):
        collector.data("x" * 1_000_000)
    assert sum(map(len, collector._text)) == sitemap._MAX_WRITTEN + 1
    feed = sitemap._Collector(sitemap._FORMS["feed"], url=URL)
    for tag in ("wrapper", "feed", "entry"):
        feed.start(tag, {})
    feed.start("link", {"href": "x" * 1_000_000})
    assert len(feed._values["link"]) < 6 * sitemap._MAX_WRITTEN


@pytest.mark.parametrize(("size", "kept"), [(1, True), (100, True), (101, False), (60_000, False)])
def test_a_date_is_short(*, size: int, kept: bool) -> None:
    body = f"<urlset><url><loc>http://a/</loc><lastmod>\n{'1' * size}\n</lastmod></url></urlset>"
    (entry,) = read_sitemap(body.encode(), url=URL).entries
    assert entry.extra == ({"lastmod": "1" * size} if kept else {})


def test_no_more_entries_are_taken_than_the_protocol_allows() -> None:
    found = read_sitemap(b"http://a/\n" * 50_001, url=URL)
    assert (len(found.entries), found.truncated) == (50_000, True)


@pytest.mark.parametrize("unit", [b"#\n", b" \n"])
def test_lines_that_say_nothing_are_not_read_for_ever(unit: bytes) -> None:
    found = read_sitemap(b"http://a/\n" + unit * 200_000 + b"http://b/\n", url=URL)
    assert found == Sitemap([Entry("http://a/", {}, is_sitemap=False)], truncated=True, skipped=0)


def test_of_robots_txt_as_much_is_read_as_for_its_rules() -> None:
    line = b"Sitemap: http://a/long\n"
    found = read_sitemap(line * 30_000, url=ROBOTS)
    assert (len(found.entries), found.truncated) == (512_000 // len(line), True)
    assert {entry.url for entry in found.entries} == {"http://a/long"}, "none is cut"


@pytest.mark.parametrize("head", [b"<!--", b"<?xml ", b"<!DOCTYPE urlset "])
def test_what_stands_before_the_root_is_not_searched_without_end(head: bytes) -> None:
    end = {b"<!--": b"-->", b"<?xml ": b"?>", b"<!DOCTYPE urlset ": b">"}[head]
    assert urls(head + b"x" * 60_000 + end + FULL)
    with pytest.raises(SitemapError, match="no element"):
        read_sitemap(head + b"x" * 70_000 + end + FULL, url=URL)


def test_of_another_encoding_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'<?xml version="1.0" encoding="iso-8859-1"?>' + urlset("http://a/\xe9", "http://b/").encode(
        "latin-1"
    )
    assert not read_sitemap(body, url=URL).truncated
    monkeypatch.setattr(sitemap_text, "_MAX_LEGACY_BYTES", len(body) - 20)
    found = read_sitemap(body, url=URL)
    assert ([entry.url for entry in found.entries], found.truncated) == (["http://a/\xe9"], True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_character_at_the_edge_of_a_step_stays_whole(encoding: str) -> None:
    step = sitemap._STEP_BYTES
    for shift in range(4):
        text = f"<urlset><!--{'x' * (step - 40 - shift)}--><url><loc>http://a/{'é' * 40}</loc></url></urlset>"
        assert urls(text.encode(encoding)) == ["http://a/" + ("%E9" if encoding == "latin-1" else "é") * 40]
    assert urls(b"http://a/\xe9\nhttp://b/\xe9") == ["http://a/%E9", "http://b/%E9"], "the last byte too"


def test_odd_namespaces_are_found_across_the_steps() -> None:
    step = sitemap._STEP_BYTES
    for shift in range(-30, 30, 7):
        fill = f"<!--{'x' * (step - 20 - shift)}-->"
        odd = f'<a xmlns="{"n" * 300}"/><b xmlns:i="short"/>'.encode()
        defused = bytes(sitemap._with_known_namespaces(fill.encode() + odd, at=0))
        assert defused == fill.encode() + odd.replace(b"<a xmlns", b"<a nsdecl")
    assert bytes(sitemap._with_known_namespaces(b"<a/><b/>", at=4)) == b"<b/>"


def test_entries_without_a_usable_url_are_counted() -> None:
    body = urlset("", "ftp://a/", "mailto:x@y", "http://a/" + "x" * 9000, "http://a/")
    found = read_sitemap(body.encode(), url=URL)
    assert ([entry.url for entry in found.entries], found.skipped) == (["http://a/"], 4)


@given(
    st.binary(), st.sampled_from([URL, ROBOTS, ""]), st.sampled_from([b"", b"<urlset>", b"<", b"\x1f\x8b"])
)
def test_any_bytes_give_a_result_or_the_one_error(body: bytes, url: str, head: bytes) -> None:
    found = outcome(head + body, url=url)
    assert isinstance(found, Sitemap) or "\n" not in found


@given(
    st.lists(st.tuples(st.integers(0, len(FULL) - 1), st.integers(0, 255)), max_size=8),
    st.sampled_from([FULL, SQUEEZED]),
)
def test_a_mutated_sitemap_gives_a_result_or_the_one_error(edits: list[tuple[int, int]], good: bytes) -> None:
    body = bytearray(good)
    for at, byte in edits:
        body[at % len(body)] = byte
    found = outcome(bytes(body))
    assert isinstance(found, Sitemap) or "\n" not in found
