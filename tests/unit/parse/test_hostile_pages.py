"""Pages made to hurt: each ends as a part of a record that is well-formed, clean and bounded."""

from __future__ import annotations

import tracemalloc
import unicodedata
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import turbohtml

from scraper.parse import PageParser, document, document_soup, document_turbo, links, metadata, taming
from scraper.parse.bounds import MAX_ENTRIES, MAX_KEYS, MAX_PAGE_BYTES
from scraper.parse.text import MAX_RAW_TEXT, MAX_TEXT
from scraper.record import Article, Heading, Page
from scraper.settings.model import ParseSettings
from tests.support.hostile_pages import PAGES, HostilePage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.parse.article import Evidence

FAST = PageParser(ParseSettings())
SOUP = PageParser(ParseSettings(parser="beautifulsoup"))
LISTING_FAST = PageParser(ParseSettings(links=True))
LISTING_SOUP = PageParser(ParseSettings(links=True, parser="beautifulsoup"))
BOTH = pytest.mark.parametrize("parser", [FAST, SOUP], ids=["fast", "beautifulsoup"])
URL = "https://site.example/dir/page"
_COUNTS_BYTES = 2_000
"""What the counts and hashes may add to the statements of a page."""


def parse(parser: PageParser, body: bytes, *, charset: str | None = "utf-8") -> Page:
    return parser.parse(body=body, url=URL, content_type_charset=charset, links=True).page


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def assert_sound(page: Page) -> None:
    """The page's part of a record reads back, is UTF-8, clean and bounded."""
    encoded = msgspec.json.encode(page)
    assert len(encoded) <= MAX_PAGE_BYTES + _COUNTS_BYTES
    assert msgspec.json.decode(encoded, type=Page) == page
    for text in texts(msgspec.json.decode(encoded.decode())):
        assert len(text) <= MAX_TEXT
        assert text == text.strip()
        if not text.isprintable():
            assert not {unicodedata.category(char) for char in text} & {"Cc", "Cs"}
    for listed in (page.titles, page.headings, page.hreflang, page.alternates, page.feeds, page.icons):
        assert len(listed) <= MAX_ENTRIES


@BOTH
@pytest.mark.no_cover  # its subject is what it costs; smaller pages come to the same lines
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_hostile_page_is_parsed(page: HostilePage, parser: PageParser) -> None:
    body = page.body(50_000 if parser is FAST else 5_000)
    assert_sound(parse(parser, body, charset=page.charset))


LARGE = [page for page in PAGES if len(page.piece) > 4_000 and page.name != "pragmas"]


@BOTH
@pytest.mark.no_cover  # its subject is what it costs; smaller pages come to the same lines
@pytest.mark.parametrize("page", LARGE, ids=lambda page: page.name)
def test_a_record_is_bounded_whatever_the_size_of_the_page(page: HostilePage, parser: PageParser) -> None:
    found = parse(parser, page.body(1_200_000))
    assert_sound(found)
    assert found.cut


def repeated(piece: str, count: int) -> bytes:
    return "".join(piece.replace("%d", str(number)) for number in range(count)).encode()


LONG = b"w" * (MAX_TEXT + 1)
CUT: list[tuple[bytes, list[str]]] = [
    (b"<title>" + LONG[1:] + b"</title>", []),
    (b"<title>" + LONG[1:] + b" " * 9 * MAX_TEXT + b"</title>", []),
    (b"<title>" + LONG + b"</title>", ["headline", "title"]),
    (b"<title>" + LONG[1:] + b" " * 9 * MAX_TEXT + b"x</title>", ["headline", "title"]),
    (b"<h1>" + LONG + b"</h1>", ["headings", "headline", "title"]),
    (b"<title>t</title><title>" + LONG + b"</title>", ["titles"]),
    (b"<meta property=og:description content=" + LONG + b">", ["description", "og"]),
    (b"<meta name=keywords content='a,b," + LONG + b"'>", ["keywords"]),
    (b"<link rel=icon href=/ sizes=" + LONG + b">", ["icons"]),
    (b"<link rel=alternate href=/ hreflang=" + LONG + b">", ["hreflang"]),
    (b"<html lang=" + LONG + b">", ["lang"]),
    (repeated("<h2>%d</h2>", MAX_ENTRIES), []),
    (repeated("<h2>%d</h2>", MAX_ENTRIES + 1), ["headings"]),
    (repeated("<title>%d</title>", MAX_ENTRIES + 1), ["titles"]),
    (repeated("<link rel=icon href=/%d>", MAX_ENTRIES + 1), ["icons"]),
    (repeated("<link rel=alternate href=/%d>", MAX_ENTRIES + 1), ["alternates"]),
    (repeated("<link rel=alternate hreflang=l%d href=/>", MAX_ENTRIES + 1), ["hreflang"]),
    (repeated("<link rel=alternate type=application/atom+xml href=/%d>", MAX_ENTRIES + 1), ["feeds"]),
    (repeated("<meta name=robots content=a%d>", MAX_ENTRIES), []),
    (repeated("<meta name=robots content=a%d>", MAX_ENTRIES + 1), ["meta_robots"]),
    (b"<meta name=keywords content='" + repeated("k%d,", MAX_ENTRIES + 1) + b"'>", ["keywords"]),
    (repeated("<meta property=og:p%d content=v>", MAX_KEYS), []),
    (repeated("<meta property=og:p%d content=v>", MAX_KEYS + 1), ["og"]),
    (repeated("<meta property=og:image content=%d>", MAX_ENTRIES + 1), ["og"]),
    (repeated("<meta name=twitter:p%d content=v>", MAX_KEYS + 1), ["twitter"]),
    (b"<meta property=og:" + b"n" * 101 + b" content=v>", ["og"]),
    (b"<h1>" + b"<i>x</i>" * document.MAX_NODES + b"</h1>", ["headings"]),
]


@BOTH
@pytest.mark.parametrize(("body", "cut"), CUT, ids=range(len(CUT)))
def test_what_is_cut_is_named(body: bytes, cut: list[str], parser: PageParser) -> None:
    assert parse(parser, body).cut == cut


@BOTH
def test_lists_are_cut_to_what_fits_the_longest_first(parser: PageParser) -> None:
    piece = "<h2>%d " + "w" * 900 + "</h2>"
    page = parse(parser, repeated(piece, MAX_ENTRIES) + b"<meta name=keywords content=a,b>")
    assert page.cut == ["headings"]
    assert page.keywords == ["a", "b"]
    assert len(page.headings) > 400
    assert page.headings[0].text.startswith("0 w")


def test_the_first_value_of_a_name_counts_however_it_is_written() -> None:
    long = "n" * 100
    page = parse(
        FAST,
        f"<meta name='twitter:{long}1' content=first><meta name='twitter:{long}2' content=second>"
        "<meta name='twitter:a  b' content=first><meta name='twitter:a b' content=second>"
        "<meta name='twitter:&#1;' content=nameless><meta property='og:&#1;' content=nameless>".encode(),
    )
    assert page.twitter == {long: "first", "a b": "first"}
    assert page.og == {}


@pytest.mark.parametrize(("parser", "module"), [(FAST, document_turbo), (SOUP, document_soup)])
def test_tags_beyond_the_limit_are_not_parsed(
    parser: PageParser, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TAGS", 6)
    body = b"<title>t</title><h1>a</h1><h2>b</h2>"
    whole = parse(parser, body)
    assert (whole.headings, whole.cut) == ([Heading(level=1, text="a"), Heading(level=2, text="b")], [])
    beginning = parse(parser, body + b"<h3>c</h3>")
    assert (beginning.headings, beginning.cut) == (whole.headings, ["document"])


def test_characters_beyond_the_limit_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taming, "MAX_CHARACTERS", 20)
    for parser in (FAST, SOUP):
        assert parse(parser, b"<title>t</title>" + b"abcd").cut == []
        page = parse(parser, b"<title>t</title>" + b"abcde")
        assert (page.text_length, page.cut) == (4, ["document"])


@pytest.mark.parametrize(("count", "kept"), [(0, "a"), (1, "a<b"), (2, "a<b<"), (3, "a<b<<c"), (4, "a<b<<c")])
def test_first_tags(count: int, kept: str) -> None:
    assert taming.first_tags("a<b<<c", count=count) == kept


def elements_in(markup: str) -> int:
    tree = turbohtml.parse(markup, scripting=True, allow_declarative_shadow_roots=False)
    return sum(1 for _ in tree.iter_elements())


def opened_again(start: str, end: str, *, count: int) -> str:
    """Return formatting elements left open by what looks like their end, and paragraphs behind them."""
    tags = "".join(start.replace("%d", str(number)) + end for number in range(count))
    return f"<div>{tags}</div>" + "<p>x</p>" * count


EVASIONS = [
    ("<b id=%d>", ""),
    ("<B\tid=%d>", ""),
    ("<font color=%d>", ""),
    ("<s id=%d>", "</\u017f>"),
    ("<b id=%d x='>x</b>'>", ""),
    ('<b id=%d =" y=">x</b>">', ""),
    ("<b id=%d>", "<!--</b>-->"),
    ("<b id=%d>", "<script></b></script>"),
    ("<b id=%d>", "<object></b></object>"),
    ("<b id=%d>", "x</b\u00a0>"),
    ("<b id=%d>", "</i>"),
    ("<b id=%d><i>", "</b>"),
    ("<nobr id=%d>", "<br/x='</nobr>'>"),
]


@pytest.mark.no_cover  # its subject is what it costs; smaller pages come to the same lines
@pytest.mark.parametrize(("start", "end"), EVASIONS)
def test_formatting_that_is_opened_again_and_again_does_not_multiply(
    start: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taming, "MAX_CLONES", 4_000)
    markup = opened_again(start, end, count=200)
    assert elements_in(taming.tamed(markup)) < 4_000 + markup.count("<")


def test_formatting_that_is_closed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taming, "MAX_CLONES", 4_000)
    markup = (
        '<p><b class="x">a <a href="/?q=1&amp;x">l</a><br></b> <i>b</i> <font color=red><b>c</b></font></p>'
        * 500
    )
    assert taming.tamed(markup) == markup


def test_roots_that_come_again_do_not_multiply_their_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taming, "MAX_COPIED_BYTES", 30_000)
    markup = "".join(f"<HTML a{number}=x><body\nb{number}>" for number in range(500)) + "<p>x"
    tame = taming.tamed(markup).lower()
    assert tame.count("<html") + tame.count("<body") == 2
    assert tame.endswith("<p>x")


def test_an_ordinary_page_is_left_as_it_is() -> None:
    markup = "<html><body><p><b>x</p>" + "<div><a href=/><b>x</b></a></div>" * 2_000
    assert taming.tamed(markup) is markup


def test_the_nodes_of_all_headings_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (document_turbo, document_soup):
        monkeypatch.setattr(module, "MAX_NODES_IN_ALL", 50)
    for parser in (FAST, SOUP):
        page = parse(parser, b"<h2><i>a</i><i>b</i></h2>" * 100)
        assert 0 < len(page.headings) < 25
        assert page.cut == ["headings"]


@BOTH
def test_nested_elements_do_not_each_give_all_of_the_text(parser: PageParser) -> None:
    name = "fast" if parser is FAST else "beautifulsoup"
    markup = "<object>" * 20 + "<b>" + "x" * 10 * MAX_TEXT
    page = document.open_document(markup, parser=name, tags=frozenset(("object",)))
    found, _ = page.texts([node for _, node in page.elements])
    assert [len(text) for text in found] == [MAX_RAW_TEXT] * 20


@BOTH
def test_the_texts_of_many_elements_are_those_of_each(parser: PageParser) -> None:
    name = "fast" if parser is FAST else "beautifulsoup"
    inner = (
        "",
        "a",
        " a<!-- -->b ",
        "a<b>b</b>c",
        "a<p>b",
        "<img alt=a>",
        "a<script>b</script>",
        "<div> </div>",
    )
    markup = "".join(
        f"<td>{one}</td>" for one in (*inner, "<i></i>" * 2 * document.MAX_NODES, "<svg><title>a")
    )
    page = document.open_document(f"<table><tr>{markup}", parser=name, tags=frozenset(("td",)))
    nodes = [node for _, node in page.elements]
    each = [page.text(node) for node in nodes]
    assert page.texts(nodes) == ([text for text, _ in each], False)
    assert [is_whole for _, is_whole in each].count(False) == 1


def test_a_link_without_text_may_take_the_last_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (document_turbo, document_soup):
        monkeypatch.setattr(module, "MAX_NODES_IN_ALL", 5)
    for parser in (LISTING_FAST, LISTING_SOUP):
        page = parse(parser, b"<a href=/><b></b><b></b><b></b></a>" * 2)
        assert [link.text for link in page.link_list] == [None, None]


@pytest.mark.parametrize("start", ["<svg>" + "<a href=/x>" * 200, "<a href=/x><object>" * 200])
def test_the_texts_of_links_within_links_are_not_kept_together(
    start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "_READ_AT_ONCE", 10)
    body = start.encode() + b"w" * 4 * MAX_TEXT
    tracemalloc.start()
    try:
        page = parse(LISTING_FAST, body)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert page.cut == ["link_list"]
    assert peak_bytes < 6_000_000


def test_no_more_links_are_listed_than_a_record_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_READ_AT_ONCE", 10)
    monkeypatch.setattr(links, "_MAX_LISTED_CHARACTERS", 1000)
    piece = b"<a href=/>" + b"w" * 50 + b"</a>"
    for parser in (LISTING_FAST, LISTING_SOUP):
        page = parse(parser, piece * 15)
        assert (len(page.link_list), page.cut) == (15, [])
        page = parse(parser, piece * 45)
        assert (len(page.link_list), page.cut) == (20, ["link_list"])
        assert page.links
        assert page.links.total == 45


def test_what_is_no_link_cuts_no_list() -> None:
    body = b"<a href=mailto:x>" + b"<br>x" * document.MAX_NODES + b"</a><a href=/>y</a>"
    for parser in (LISTING_FAST, LISTING_SOUP):
        assert parse(parser, body).cut == []


def test_nested_times_and_tags_do_not_each_keep_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Evidence] = []

    def seeing(evidence: Evidence, **_: Any) -> Article:
        seen.append(evidence)
        return Article()

    monkeypatch.setattr(metadata, "article_of", seeing)
    body = b"<time class=at>" * 20 + b"<a rel=tag href=/><object>" * 20 + b"x" * 10 * MAX_TEXT
    for parser in (FAST, SOUP):
        parse(parser, body)
    for evidence in seen:
        kept = [text for text, _ in evidence.times] + [text for _, text in evidence.links["tag"]]
        assert len(kept) == 40
        assert max(map(len, kept)) == MAX_TEXT + 1
