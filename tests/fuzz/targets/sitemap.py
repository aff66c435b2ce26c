"""Sitemaps in all their forms. Input: the path it was found at, a line feed, the file."""

from __future__ import annotations

import gzip

from scraper.errors import InvalidUrl
from scraper.parse.sitemap import MAX_ENTRIES, Entry, read_sitemap
from scraper.parse.sitemap_text import SitemapError
from scraper.references import resolve
from scraper.urls import MAX_URL_BYTES, parse_input
from tests.fuzz.properties import assert_one_line, split_line

_CAP_BYTES = 1 << 16


def fuzz(data: bytes) -> None:
    path, body = split_line(data)
    url = resolve("https://site.example/", path) or "https://site.example/sitemap.xml"
    entries = _entries(body, url=url)
    if entries is not None and len(body) < _CAP_BYTES and not body.startswith(b"\x1f\x8b"):
        assert _entries(gzip.compress(body, 1, mtime=0), url=url) == entries, "compressed, it lists others"


def _entries(body: bytes, *, url: str) -> list[Entry] | None:
    try:
        found = read_sitemap(body, url=url, cap_bytes=_CAP_BYTES)
    except SitemapError as error:
        assert_one_line(str(error))
        return None
    assert 0 <= found.skipped + len(found.entries) <= MAX_ENTRIES
    for entry in found.entries:
        _assert_entry(entry)
    return found.entries


def _assert_entry(entry: Entry) -> None:
    assert 0 < len(entry.url) <= MAX_URL_BYTES
    assert entry.url.lower().startswith(("http://", "https://"))
    assert not set(entry.url) & set("\t\r\n"), f"a line break in {entry.url!r}"
    entry.url.encode()
    assert set(entry.extra) <= {"lastmod"}
    for date in entry.extra.values():
        assert 0 < len(date) <= 100
        date.encode()
    try:
        parse_input(entry.url)
    except InvalidUrl as error:
        assert_one_line(str(error))
