"""Whole pages: what each fixture says, and that both parsers say the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import PageParser
from scraper.parse.links import Target
from scraper.record import Feed, Heading, Icon, ImageCounts, LinkCounts, Page, Refresh
from scraper.settings.model import ParseSettings

DATA = Path(__file__).parents[2] / "data" / "parse"
FIXTURES = sorted(path.name for path in DATA.iterdir())
URL = "https://site.example/dir/page"
FAST = PageParser(ParseSettings())
SOUP = PageParser(ParseSettings(parser="beautifulsoup"))
BOTH = pytest.mark.parametrize("parser", [FAST, SOUP], ids=["fast", "beautifulsoup"])


def parse(parser: PageParser, body: bytes | str, *, charset: str | None = None) -> Page:
    raw = body.encode() if isinstance(body, str) else body
    parsed = parser.parse(body=raw, url=URL, content_type_charset=charset)
    assert parsed.targets == [], "nobody asked for them"
    return parsed.page


def targets(parser: PageParser, body: bytes) -> list[Target]:
    return parser.parse(body=body, url=URL, content_type_charset=None, links=True).targets


EXPECTED: dict[str, dict[str, Any]] = {
    "plain": {"title": "Plain page", "description": "A short page.", "lang": "en", "word_count": 5},
    "no_head": {"title": "Bare", "word_count": 5, "text_length": len("One Two threefour a b")},
    "svg_title": {"title": "The page", "titles": [], "word_count": 1},
    "several_titles": {"title": "First one", "titles": ["First one", "Second", "Third"]},
    "only_og": {
        "title": "From og",
        "description": "Og says",
        "lang": "de_DE",
        "og": {
            "title": ["From og"],
            "description": ["Og says"],
            "image": ["/1.png", "/2.png"],
            "locale": ["de_DE"],
        },
    },
    "only_twitter": {
        "title": "From the card",
        "twitter": {"title": "From the card", "description": "Card says"},
    },
    "only_h1": {
        "title": "The only one here",
        "headings": [Heading(level=2, text="Sub"), Heading(level=1, text="The only one here")],
    },
    "base_href": {
        "base": "https://site.example/deep/dir/",
        "canonical": "https://site.example/deep/dir/c",
        "next": "https://site.example/deep/dir/n?x=1&y=2",
        "links": LinkCounts(internal=1, external=1, total=2),
    },
    "base_elsewhere": {"links": LinkCounts(internal=1, external=2, total=3)},
    "entities": {"title": "Café & Bar <3 😀 —", "word_count": 5},
    "cdata_comment": {"text_length": len("before 5 items"), "links": LinkCounts()},
    "nested_tables": {"word_count": 4},
    "template_noscript": {
        "links": LinkCounts(internal=1, total=1),
        "headings": [],
        "images": ImageCounts(),
        "text_length": len("yes seen"),
    },
    "upper_case": {
        "lang": "FR",
        "description": "Upper words",
        "canonical": "https://site.example/Up",
        "links": LinkCounts(internal=1, nofollow=1, total=1),
    },
    "duplicate_attributes": {"description": "first", "links": LinkCounts(internal=1, total=1)},
    "unquoted": {
        "lang": "nl",
        "viewport": "width=device-width",
        "canonical": "https://site.example/u?a=1",
        "images": ImageCounts(total=1),
    },
    "refresh": {"refresh": Refresh(delay=5.0, url="https://site.example/moved"), "lang": "pt"},
    "refresh_self": {"refresh": Refresh(delay=30.0, url=None)},
    "hreflang": {"alternates": ["https://site.example/print"]},
    "feeds_icons": {
        "feeds": [
            Feed(type="application/rss+xml", title="News", url="https://site.example/rss"),
            Feed(type="application/atom+xml", title=None, url="https://site.example/atom"),
        ],
        "icons": [
            Icon(rel="shortcut icon", sizes=None, url="https://site.example/favicon.ico"),
            Icon(rel="apple-touch-icon", sizes="180x180", url="https://site.example/touch.png"),
        ],
        "manifest": "https://site.example/m.webmanifest",
        "amphtml": "https://site.example/amp",
        "prev": "https://site.example/0",
    },
    "robots_keywords": {
        "meta_robots": ["noindex", "follow", "max-snippet:20"],
        "keywords": ["one", "two", "three words"],
        "generator": "Maker 1",
        "theme_color": "#fff",
    },
    "hidden_text": {"text_length": len("seen opened typed one two"), "iframes": 1, "scripts": 1},
    "inline_blocks": {"text_length": len("foobar left right line break wb ab x y tail end")},
    "links": {"links": LinkCounts(internal=6, external=3, nofollow=1, total=9)},
    "unclosed": {"title": "Open", "text_length": len("one twothreefour")},
    "svg_math": {"links": LinkCounts(internal=1, total=1)},
    "xhtml": {"lang": "it", "text_length": len("uno due"), "charset_source": "meta"},
    "counts": {"forms": 2, "images": ImageCounts(total=3, missing_alt=1), "scripts": 1, "iframes": 1},
    "head_noscript": {"refresh": None, "title": "N", "text_length": len("body")},
    "cyrillic_1251": {
        "title": "Новости города",
        "charset": "windows-1251",
        "charset_source": "detected",
        "encoding_errors": 0,
    },
    "meta_sjis": {"title": "日本語①", "charset": "shift_jis", "charset_source": "meta"},
}


@BOTH
@pytest.mark.parametrize("name", EXPECTED)
def test_a_fixture_says_what_it_was_made_to_say(parser: PageParser, name: str) -> None:
    page = parse(parser, (DATA / f"{name}.html").read_bytes())
    assert {field: getattr(page, field) for field in EXPECTED[name]} == EXPECTED[name]


def test_every_fixture_has_an_expectation() -> None:
    assert {f"{name}.html" for name in EXPECTED} == set(FIXTURES)


@pytest.mark.parametrize("name", FIXTURES)
def test_both_parsers_give_the_same_page(name: str) -> None:
    body = (DATA / name).read_bytes()
    assert parse(FAST, body) == parse(SOUP, body)
    assert targets(FAST, body) == targets(SOUP, body)


@BOTH
def test_where_the_links_of_a_page_lead_is_told_to_whoever_asks(parser: PageParser) -> None:
    body = b"""<a href=x>1</a> <base href="/deep/"> <a href="y#z" rel="nofollow ugc">2</a>
        <map><area href="//other.example"></map> <a href="mailto:a@b.example">3</a> <a>4</a>
        <a href="https://site.example/dir/page#top">itself</a> <a href="/deep/x">1 again</a>"""
    assert targets(parser, body) == [
        Target("https://site.example/deep/x", nofollow=False),
        Target("https://site.example/deep/y", nofollow=True),
        Target("https://other.example/", nofollow=False),
    ]


@BOTH
@given(body=st.binary(max_size=400))
def test_any_bytes_make_a_page_that_encodes(parser: PageParser, body: bytes) -> None:
    page = parse(parser, body)
    assert msgspec.json.decode(msgspec.json.encode(page), type=Page) == page


TOKENS = st.sampled_from(
    [
        *(
            "<",
            ">",
            '"',
            "<title>",
            "</title>",
            "<h1>",
            "<a href=/x>",
            "<svg>",
            "</svg>",
            "<!--",
            "-->",
            "\0",
        ),
        *(
            "&#xD800;",
            "&#0;",
            "\ud83d",
            "<script>",
            "<template>",
            "<table>",
            "<meta name=description content=",
        ),
        *(
            "<base href=//[>",
            "text",
            "é",
            "\x85",
            "\x1b",
            "<frameset>",
            "<plaintext>",
            "<select>",
            "</p>",
            "<br>",
        ),
    ]
)


@BOTH
@given(tokens=st.lists(TOKENS, max_size=30))
def test_any_markup_makes_a_page_that_encodes(parser: PageParser, tokens: list[str]) -> None:
    page = parse(parser, "".join(tokens).encode(errors="surrogatepass"))
    assert msgspec.json.decode(msgspec.json.encode(page), type=Page) == page


@given(name=st.sampled_from(FIXTURES), seed=st.integers(0, 2**32))
def test_both_parsers_agree_on_the_title_of_a_cut_and_mutated_page(name: str, seed: int) -> None:
    """Text is changed and the end cut off; markup is left whole, since there the parsers' trees differ."""
    rng = random.Random(seed)  # noqa: S311 - a test's choice
    body = (DATA / name).read_bytes()
    start = max(body.lower().rfind(b"</title>"), 0)
    body = body[: rng.randint(start + len("</title>"), len(body))] if start else body
    body = bytes(b ^ 1 if chr(b).isdigit() and rng.random() < 0.3 else b for b in body)
    fast, soup = parse(FAST, body), parse(SOUP, body)
    assert (fast.charset, fast.charset_source) == (soup.charset, soup.charset_source)
    if start:
        assert fast.title == soup.title


HOSTILE = {
    "nested blocks": "<div>" * 100_000 + "deep",
    "nested inline": "<span>" * 100_000 + "deep",
    "nested lists": "<ul><li>" * 50_000,
    "nested tables": "<table><tr><td>" * 10_000,
    "nested headings": "<h1><div>" * 5_000 + "x" * 100_000,
    "many attributes": "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">",
    "many metas": "".join(f'<meta property="og:{n}" content="v">' for n in range(5_000)),
    "adoption agency": "<a><b>" * 2_000 + "</a>" * 2_000,
    "many hosts": "".join(f"<a href=https://h{n}.example/>" for n in range(5_000)),
    "long title": "<title>" + "t" * 1_000_000,
}


@BOTH
@pytest.mark.no_cover  # its subject is what it costs; smaller pages come to the same lines
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_costs_only_itself(parser: PageParser, name: str) -> None:
    page = parse(parser, HOSTILE[name], charset="utf-8")
    assert len(page.headings) <= 1000
    assert len(page.og) <= 200
    assert len(page.title or "") <= 10_000
    assert page.text_sha256


@BOTH
def test_a_count_changes_no_metadata_hash_and_a_title_does(parser: PageParser) -> None:
    one = parse(parser, "<title>a</title><p>text</p>")
    more = parse(parser, "<title>a</title><p>text</p><a href=/x>y</a><img>")
    other = parse(parser, "<title>b</title><p>text</p>")
    assert one.metadata_sha256 == more.metadata_sha256 != other.metadata_sha256
    assert one.text_sha256 == other.text_sha256 != more.text_sha256


@BOTH
def test_controls_are_removed_and_white_space_folded(parser: PageParser) -> None:
    page = parse(parser, "<title>a\x01b\x7f  c\u00a0\n d\u0085e</title>")
    assert page.title == "ab c d e"


@BOTH
@pytest.mark.parametrize("comment", ["<!-- -->", "<!x>", "<?x>", "</ x>"])
def test_no_kind_of_comment_ends_a_word(parser: PageParser, comment: str) -> None:
    assert parse(parser, f"<p>a{comment}b</p>").text_length == 2
