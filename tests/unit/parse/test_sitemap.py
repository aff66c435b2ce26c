from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import sitemap
from scraper.parse.sitemap import Entry, Sitemap, SitemapError, read_sitemap

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
        (gzip.compress(FULL), None),
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
