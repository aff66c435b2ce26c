"""Main text and guessed dates: their libraries are theirs; what is tested is how they are asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import UsageError
from scraper.parse import main_text as module
from scraper.parse.document_tree import seen_tree
from scraper.parse.main_text import MAX_TAGS, guessed_date, main_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.parse.main_text import Form

URL = "https://site.example/news/page"
SENTENCE = "The coun\xadcil approved a <b>plan</b> for <a href='/lanes'>cycling lanes</a> after long debate."
PAGE = f"""<!doctype html><html><head><title>Lanes</title></head><body>
<nav><a href="/">Home</a> <a href="/all">All news</a></nav>
<article><h1>New lanes</h1>{f"<p>{SENTENCE}</p>" * 4}<ul><li>first point</li></ul></article>
<footer>Imprint and contact, published 4 March 2021</footer></body></html>"""
FORMS = pytest.mark.parametrize("form", ["text", "markdown"])


@pytest.fixture
def _fresh() -> Iterator[None]:
    module._libraries.cache_clear()
    yield
    module._libraries.cache_clear()


def _needs_libraries() -> None:
    pytest.importorskip("trafilatura")
    pytest.importorskip("htmldate")


def test_text_is_what_the_page_is_about() -> None:
    _needs_libraries()
    text = main_text(PAGE, url=URL, form="text")
    assert text is not None
    assert "The council approved a plan for cycling lanes after long debate." in text
    assert "first point" in text
    assert "Home" not in text
    assert "Imprint" not in text
    assert "**" not in text


def test_markdown_keeps_headings_links_and_emphasis() -> None:
    _needs_libraries()
    text = main_text(PAGE, url=URL, form="markdown")
    assert text is not None
    assert text.startswith("# New lanes\n")
    assert "a **plan** for [cycling lanes](https://site.example/lanes)" in text
    assert "- first point" in text


@FORMS
def test_what_no_reader_sees_is_left_out(form: Form) -> None:
    _needs_libraries()
    hidden = "A sentence that is hidden is none of the text, as long as it may be and as good."
    html = PAGE.replace(
        "<ul>",
        f"<noscript>You need to enable JavaScript</noscript><noscript><p>{hidden}</p></noscript>"
        f"<template><p>{hidden}</p></template><div hidden><p>{hidden}</p></div>"
        f"<div popover><p>{hidden}</p></div><dialog><p>{hidden}</p></dialog>"
        f"<p style='color:red; display:none'>{hidden}</p>"
        "<p hidden>Gone</p><p>On <time datetime=2021-03-04>4 March</time><!-- x --> it was so <br>\nagain."
        "<ul>",
    )
    text = main_text(html, url=URL, form=form) or ""
    assert "JavaScript" not in text
    assert "hidden" not in text
    assert "Gone" not in text
    assert "On 4 March it was so" in text
    assert [line for line in text.split("\n") if line != line.rstrip()] == []
    assert "open" in seen_tree("<p>a<dialog open>open</dialog>").text_content()
    whole = html.replace("<html>", "<html style='display:none'>").replace("<body>", "<body hidden>")
    assert main_text(whole, url=URL, form=form) == text


@FORMS
@pytest.mark.parametrize(
    "html",
    [
        "",
        "\0\0",
        "\ud800",
        "plain words, no markup",
        "<div>" * 50_000,
        "<b>" * 50_000 + "x",
        "<?xml version='1.0' encoding='utf-16'?><html><p>x",
        "<p>\ud800\0\x01" + "words " * 100,
    ],
    ids=["empty", "nul", "surrogate", "plain", "deep", "formatted", "xml", "control"],
)
def test_broken_pages_are_no_error(html: str, form: Form) -> None:
    _needs_libraries()
    text = main_text(html, url=URL, form=form)
    assert text is None or ("\ud800" not in text and "\x01" not in text and "\0" not in text)
    assert guessed_date(html, url=URL, original=True) is None


def test_nothing_is_read_behind_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    _needs_libraries()
    seen: list[int] = []
    trafilatura, htmldate = module._libraries()

    monkeypatch.setattr(trafilatura, "extract", lambda tree, **_: seen.append(len(tree.findall(".//p"))))
    monkeypatch.setattr(htmldate, "find_date", lambda html, **_: seen.append(html.count("<")))
    assert main_text("<p>a" * 3 * MAX_TAGS, url=URL, form="text") is None
    assert guessed_date("<p>a" * 3 * MAX_TAGS, url=URL, original=True) is None
    assert seen == [MAX_TAGS, MAX_TAGS]


@pytest.mark.parametrize("error", [RecursionError, ValueError, AttributeError, MemoryError])
def test_their_faults_are_no_text(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    _needs_libraries()
    trafilatura, htmldate = module._libraries()

    def fail(html: str, **_: Any) -> None:
        raise error(html)

    monkeypatch.setattr(trafilatura, "extract", fail)
    monkeypatch.setattr(htmldate, "find_date", fail)
    assert main_text(PAGE, url=URL, form="text") is None
    assert guessed_date(PAGE, url=URL, original=True) is None


def test_they_log_nothing(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Without a handler the logging module writes warnings to standard error."""
    _needs_libraries()
    for html in ("", "x", "<p>"):
        main_text(html, url=URL, form="text")
        guessed_date(html, url=URL, original=False)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_publication_and_change_are_told_apart() -> None:
    _needs_libraries()
    html = PAGE.replace(
        "<head>",
        '<head><meta property="article:published_time" content="2019-05-06">'
        '<meta property="article:modified_time" content="2020-07-08">',
    )
    assert guessed_date(html, url=URL, original=True) == "2019-05-06"
    assert guessed_date(html, url=URL, original=False) == "2020-07-08"


@pytest.mark.parametrize(
    ("html", "url", "day"),
    [
        (PAGE, URL, "2021-03-04"),
        ("<html><body><p>a</p><p>b</p></body></html>", "https://site.example/2020/01/02/x", "2020-01-02"),
        ("<html><body><p>a</p><p>No day is named.</p></body></html>", URL, None),
    ],
)
def test_a_date_is_guessed(html: str, url: str, day: str | None) -> None:
    _needs_libraries()
    assert guessed_date(html, url=url, original=True) == day


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize("missing", ["trafilatura", "htmldate"])
def test_without_a_library_one_line_tells_what_to_do(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    remedy = r"^[^\n]*pip install trafilatura htmldate$"
    with pytest.raises(UsageError, match=remedy):
        main_text(PAGE, url=URL, form="text")
    with pytest.raises(UsageError, match=remedy):
        guessed_date(PAGE, url=URL, original=True)
