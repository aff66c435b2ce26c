"""What a record holds only when it is asked for: links, text, language, guessed dates."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import pytest

from scraper.errors import UsageError
from scraper.parse import language, links, main_text
from scraper.parse.bounds import MAX_PAGE_BYTES
from scraper.parse.document import MAX_NODES
from scraper.parse.main_text import Supplement
from scraper.parse.page import PageParser
from scraper.record import LinkEntry, Page
from scraper.settings.model import ParseSettings, Settings
from scraper.visit.assembly import check_visits

if TYPE_CHECKING:
    from collections.abc import Callable

Backend = Literal["fast", "beautifulsoup"]
BOTH = pytest.mark.parametrize("parser", ["fast", "beautifulsoup"])
URL = "https://site.example/dir/page"
PAGE = """<html><head><title>T</title><base href="/other/"></head><body>
<h1>The  harbour</h1>
<p>One <b>bold</b>
word.</p><p hidden>Not seen</p>
<ul><li><a href="a?b=1#c" rel="nofollow  ugc">To <i>a</i></a><li><a href="mailto:x@y.example">Mail</a></ul>
<a href="https://b.example/"><img src="i.png" alt="picture"></a><a>no target</a>
<map><area href="/area" alt="An area"></map>
</body></html>"""


def parsed(html: str, *, parser: Backend, **asked: Any) -> Page:
    settings = ParseSettings(parser=parser, **asked)
    return PageParser(settings).parse(body=html.encode(), url=URL, content_type_charset="utf-8").page


@BOTH
def test_nothing_of_it_comes_unasked(parser: Backend) -> None:
    page = parsed(PAGE, parser=parser)
    assert (page.link_list, page.text, page.language) == ([], None, None)


@BOTH
def test_all_links_with_their_texts(parser: Backend) -> None:
    page = parsed(PAGE, parser=parser, links=True)
    assert page.link_list == [
        LinkEntry(url="https://site.example/other/a?b=1#c", text="To a", rel="nofollow ugc"),
        LinkEntry(url="https://b.example/", text="picture", rel=None),
        LinkEntry(url="https://site.example/area", text="An area", rel=None),
    ]
    assert page.links
    assert page.links.total == len(page.link_list)
    assert page.metadata_sha256 == parsed(PAGE, parser=parser).metadata_sha256


@BOTH
@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("<a href=x aria-label=label><img alt=a><span><img alt='b  c'><img></span></a>", "a b c"),
        ("<a href=x aria-label=label>text<img alt=a></a>", "text"),
        ("<a href=x aria-label=label title=title><img alt=''><svg></svg></a>", "label"),
        ("<a href=x title=title> </a>", None),
        ("<area href=x aria-label=label>", "label"),
        ("<a href=x>" + "<wbr>" * 2 * MAX_NODES + "<img alt=a></a>", None),
    ],
)
def test_a_link_without_text_is_called_by_its_images_or_its_label(
    parser: Backend, link: str, text: str | None
) -> None:
    assert [entry.text for entry in parsed(link, parser=parser, links=True).link_list] == [text]


@BOTH
def test_more_links_than_are_kept_are_cut(parser: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_LISTED", 2)
    page = parsed(PAGE, parser=parser, links=True)
    assert (len(page.link_list), page.cut) == (1, ["link_list"])
    many = "<a href=/" + "x" * 200 + ">"
    monkeypatch.undo()
    page = parsed(many * (MAX_PAGE_BYTES // 100), parser=parser, links=True)
    assert page.cut == ["link_list"]
    assert 0 < len(page.link_list) < MAX_PAGE_BYTES // 200


@BOTH
def test_the_text_has_a_line_for_each_block(parser: Backend) -> None:
    page = parsed(PAGE, parser=parser, text="visible")
    assert page.text == "The harbour\nOne bold word.\nTo a\nMail\nno target"
    assert hashlib.sha256(" ".join(page.text.split()).encode()).hexdigest() == page.text_sha256
    assert parsed("<p> </p>", parser=parser, text="visible").text is None


@BOTH
def test_the_language_of_the_text(parser: Backend) -> None:
    german = "<html lang=en><p>Der Stadtrat hat nach zwei Jahren einen Plan für die Radwege beschlossen."
    found = parsed(german, parser=parser, language=True).language
    assert found is not None
    assert (found.code, found.confidence > 0.9) == ("de", True)
    assert parsed("<p>42", parser=parser, language=True).language is None


ARTICLE = (
    "<html><body><nav><a href=/>Home</a> <a href=/x>Elsewhere</a></nav>"
    "<article><h1>Boats</h1><p class=date>12 May 2021</p>"
    + (
        "<p>The harbour was <b>closed</b> for the whole day, said the master of it, and"
        " nobody went out to sea but for the pilot.</p>" * 4
    )
)


def test_the_main_text_and_a_date_that_is_not_stated() -> None:
    page = Page(title="T")
    supplement = Supplement.of(ParseSettings(text="markdown", guess_dates=True))
    assert supplement is not None
    added = supplement.added_to(page, html=ARTICLE, url=URL)
    assert added.text is not None
    assert "**closed**" in added.text
    assert "Elsewhere" not in added.text
    assert (added.title, added.published, added.published_guess) == ("T", None, "2021-05-12")
    stated = supplement.added_to(Page(published="2020"), html=ARTICLE, url=URL)
    assert (stated.published, stated.published_guess) == ("2020", None)


def test_a_main_text_that_is_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_text, "MAX_PAGE_TEXT", 10)
    supplement = Supplement.of(ParseSettings(text="main"))
    assert supplement is not None
    added = supplement.added_to(Page(cut=["og"]), html=ARTICLE, url=URL)
    assert (len(added.text or ""), added.cut) == (10, ["og", "text"])


@pytest.mark.parametrize(
    ("asked", "module", "said"),
    [
        ({"language": True}, language, "parse.language needs py3langid: pip install py3langid"),
        (
            {"text": "main"},
            main_text,
            "parse.text = main needs trafilatura and htmldate: pip install trafilatura htmldate",
        ),
        (
            {"text": "markdown"},
            main_text,
            "parse.text = markdown needs trafilatura and htmldate: pip install trafilatura htmldate",
        ),
        (
            {"guess_dates": True},
            main_text,
            "parse.guess_dates needs trafilatura and htmldate: pip install trafilatura htmldate",
        ),
    ],
)
def test_a_library_that_is_missing_is_named_before_anything_is_opened(
    asked: dict[str, Any], module: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(parse=ParseSettings(**asked))
    check_visits(settings)
    missing: Callable[[str], None] = lambda _: None  # noqa: E731 - as find_spec says that there is none
    monkeypatch.setattr(module, "find_spec", missing)
    with pytest.raises(UsageError) as caught:
        check_visits(settings)
    assert str(caught.value) == said
    check_visits(Settings())
