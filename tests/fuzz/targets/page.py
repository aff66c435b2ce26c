"""A page through both HTML parsers. Input: the ``charset`` of Content-Type, a line feed, the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.errors import PageError
from scraper.parse import PageParser
from scraper.parse.bounds import MAX_ENTRIES
from scraper.parse.text import MAX_TEXT
from scraper.record import Page
from scraper.settings.model import ParseSettings
from scraper.urls import dedup_key
from tests.fuzz.properties import assert_clean, assert_request_url, split_line, texts_of

if TYPE_CHECKING:
    from scraper.parse.links import Target

URL = "https://site.example/dir/page?x=1"
_LONGEST = 100_000  # what a page may cost grows with it, and the fuzzer wants many small ones

_FAST = PageParser(ParseSettings())
_SOUP = PageParser(ParseSettings(parser="beautifulsoup"))


def fuzz(data: bytes) -> None:
    label, body = split_line(data[:_LONGEST])
    fast = _page(_FAST, body, label=label)
    soup = _page(_SOUP, body, label=label)
    if fast and soup:
        # The trees of broken markup may differ (see document.py); how its bytes are read may not.
        assert _reading(fast) == _reading(soup), "the parsers were given two texts"
    if fast:
        assert _page(_FAST, body, label=label) == fast, "the same page gives another record"


def _page(parser: PageParser, body: bytes, *, label: str) -> Page | None:
    try:
        page, _, targets, _ = parser.parse(body=body, url=URL, content_type_charset=label or None, links=True)
    except PageError:
        return None
    _assert_encodes(page)
    _assert_texts(page)
    _assert_urls(page)
    _assert_counts(page)
    _assert_targets(targets)
    return page


def _reading(page: Page) -> tuple[object, ...]:
    return page.charset, page.charset_source, page.encoding_errors


def _assert_encodes(page: Page) -> None:
    encoded = msgspec.json.encode(page)
    encoded.decode()
    assert msgspec.json.decode(encoded, type=Page) == page, "what is written reads back as another page"


def _assert_texts(page: Page) -> None:
    for text in texts_of(page):
        assert_clean(text)
        assert len(text) <= MAX_TEXT
    assert not page.titles or (len(page.titles) > 1 and page.title == page.titles[0])
    heads = (len(page.titles), len(page.headings), len(page.keywords), len(page.meta_robots))
    links = (len(page.hreflang), len(page.alternates), len(page.feeds), len(page.icons))
    assert max(*heads, *links, *map(len, page.og.values())) <= MAX_ENTRIES


def _assert_urls(page: Page) -> None:
    single = (page.base, page.canonical, page.amphtml, page.next, page.prev, page.manifest)
    several = [one.url for listed in (page.hreflang, page.feeds, page.icons) for one in listed]
    refresh = page.refresh.url if page.refresh else None
    for url in (*single, *several, *page.alternates, refresh):
        if url is not None:
            assert_request_url(url)


def _assert_counts(page: Page) -> None:
    links, images = page.links, page.images
    assert links is not None
    assert images is not None
    assert links.total == links.internal + links.external
    assert 0 <= links.nofollow <= links.total
    assert 0 <= images.missing_alt <= images.total
    words, length = page.word_count or 0, page.text_length or 0
    assert length >= max(0, 2 * words - 1), "words are at least a sign long, with a space between"
    assert page.refresh is None or 0 <= page.refresh.delay < 1e9


def _assert_targets(targets: list[Target]) -> None:
    keys = [dedup_key(target.url) for target in targets]
    assert len(set(keys)) == len(keys), "a link that is followed twice"
    assert dedup_key(URL) not in keys, "a page that leads to itself"
    for target in targets:
        assert_request_url(target.url)
        assert "#" not in target.url
