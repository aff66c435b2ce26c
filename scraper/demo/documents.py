# ruff: noqa: E501  markup is easier to read in whole lines
"""Documents that try a parser: missing and doubled parts, broken markup, extremes.

Each is written by hand beside what it says, after the rules of the HTML Standard's parser.
"""

from __future__ import annotations

from typing import NamedTuple

from scraper.demo.truth import PORT
from scraper.record import Refresh


class Document(NamedTuple):
    """One page and its truth; the URL in ``canonical`` may use ``HERE`` for its own origin."""

    name: str
    html: str
    title: str | None
    description: str | None = None
    lang: str | None = None
    canonical: str | None = None
    headings: tuple[tuple[int, str], ...] = ()
    content_type: str | None = "text/html; charset=utf-8"
    refresh: Refresh | None = None


HERE = "@HERE@"
"""Stands for the page's own origin."""

_LONG_TITLE = " ".join(f"word{index}" for index in range(220))
_PARAGRAPH = "<p>A line of ordinary text with <b>bold</b> and <a href='/notes/a'>a link</a> in it.</p>\n"

DOCUMENTS: tuple[Document, ...] = (
    Document(
        "several-titles",
        "<!doctype html><html lang=en><title>The first title</title><title>The second title</title><h1>One</h1>",
        "The first title",
        lang="en",
        headings=((1, "One"),),
    ),
    Document(
        "svg-title",
        "<!doctype html><html lang=en><body><svg><title>A drawing</title></svg><title>The page</title><h1>H</h1>",
        "The page",
        lang="en",
        headings=((1, "H"),),
    ),
    Document(
        "og-title",
        '<!doctype html><html lang="fr"><meta property="og:title" content="Titre social"><h1>Titre</h1>'
        '<meta property="og:description" content="Description sociale">',
        "Titre social",
        "Description sociale",
        "fr",
        headings=((1, "Titre"),),
    ),
    Document(
        "twitter-title",
        '<!doctype html><meta name="twitter:title" content="Tweeted"><meta name="twitter:description" content="Short">'
        "<h1>Not this</h1>",
        "Tweeted",
        "Short",
        headings=((1, "Not this"),),
    ),
    Document("h1-title", "<!doctype html><h2>Second</h2><h1>Only a heading</h1>", "Only a heading", headings=((2, "Second"), (1, "Only a heading"))),
    Document("no-title", "<!doctype html><p>Nothing says what this is.", None),
    Document(
        "empty-title",
        '<!doctype html><title>  \n </title><meta property="og:title" content="Instead">',
        "Instead",
    ),
    Document(
        "entities",
        "<!doctype html><title>Fish &amp; chips &mdash; caf&eacute; &#x4e2d;&#25991; &lt;b&gt; &copy 2024</title>"
        '<meta name=description content="&quot;Quoted&quot; &amp;amp; &notin; &hearts;"><h1>A &lt; B</h1>',
        "Fish & chips — café 中文 <b> © 2024",
        '"Quoted" &amp; ∉ ♥',
        headings=((1, "A < B"),),
    ),
    Document(
        "broken",
        "<title>Unclosed everything</title><p><b>bold<i>both</b>italic<p>next<div><h1>Still <em>a</em> heading</h1>"
        '<h2>Second</h2><table><td>cell<a href="/x">link<a href=/y>other</table></div></div></body>junk',
        "Unclosed everything",
        headings=((1, "Still a heading"), (2, "Second")),
    ),
    Document(
        "upper-case",
        '<!DOCTYPE HTML><HTML LANG="sv"><HEAD><TITLE>Versaler</TITLE><META NAME="DESCRIPTION" CONTENT="Stort">'
        '<LINK REL="CANONICAL" HREF="/Versaler"></HEAD><BODY><H1>Stor</H1></BODY></HTML>',
        "Versaler",
        "Stort",
        "sv",
        f"{HERE}/Versaler",
        ((1, "Stor"),),
    ),
    Document(
        "unquoted",
        "<!doctype html><html lang=nl><title>Zonder aanhalingstekens</title><meta name=description content=kort>"
        "<link href=/zonder rel=canonical><h1 class=a id=b>Kop</h1>",
        "Zonder aanhalingstekens",
        "kort",
        "nl",
        f"{HERE}/zonder",
        ((1, "Kop"),),
    ),
    Document(
        "white-space",
        "<!doctype html>\n<title>\n   Much \t white\r\n  space   </title><meta name=description content='  a\n b  '>"
        "<h1>\n one\n<br>two </h1>",
        "Much white space",
        "a b",
        headings=((1, "one two"),),
    ),
    Document(
        "comments",
        "<!-- <title>Not this</title> --><!doctype html><head><!--[if IE]><title>Nor this</title><![endif]-->"
        "<title>This</title><script>var t = '<title>no</title>';</script><style>h1::after{content:'<h1>'}</style>",
        "This",
    ),
    Document("long-title", f"<!doctype html><title>{_LONG_TITLE}</title>", _LONG_TITLE),
    Document(
        "base",
        '<!doctype html><base href="https://cdn.example.net/a/b/"><base href="/second/"><title>Based</title>'
        '<link rel=canonical href="../c">',
        "Based",
        canonical="https://cdn.example.net/a/c",
    ),
    Document(
        "canonical-body",
        "<!doctype html><title>Query canonical</title><link rel='next canonical' href='?page=2'>",
        "Query canonical",
        canonical=f"{HERE}/pages/canonical-body?page=2",
    ),
    Document(
        "content-language",
        '<!doctype html><meta http-equiv="Content-Language" content="sv"><title>Hej</title>',
        "Hej",
        lang="sv",
    ),
    Document(
        "robots",
        '<!doctype html><html lang=en><meta name="robots" content="noindex,nofollow, max-snippet:20"><title>Shy</title>',
        "Shy",
        lang="en",
    ),
    Document(
        "refresh",
        '<!doctype html><meta http-equiv="refresh" content="5; url=/notes/a"><title>Moving soon</title>',
        "Moving soon",
        refresh=Refresh(delay=5.0, url=f"{HERE}/notes/a"),
    ),
    Document(
        "bad-json-ld",
        '<!doctype html><title>Bad data</title><script type="application/ld+json">{"@type": "Article", "headline": "x",}'
        '</script><script type="application/ld+json"></script><script type="application/ld+json">[{]</script>',
        "Bad data",
    ),
    Document(
        "xhtml",
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml" lang="de" '
        'xml:lang="de"><head><title>Altes XHTML</title></head><body><h1>Kopf</h1><p>Text<br /></p></body></html>',
        "Altes XHTML",
        lang="de",
        headings=((1, "Kopf"),),
    ),
    Document("deep", "<!doctype html><title>Deep</title>" + "<div>" * 400 + "x", "Deep"),
    Document(
        "large",
        "<!doctype html><html lang=en><title>A large page</title><h1>Large</h1>\n" + _PARAGRAPH * 5800,
        "A large page",
        lang="en",
        headings=((1, "Large"),),
    ),
    Document(
        "other-hosts",
        "<!doctype html><title>Links out</title>"
        + "".join(f'<a href="http://127.0.0.{last}:{PORT}/">host {last}</a>\n' for last in range(1, 6)),
        "Links out",
    ),
    Document("no-content-type", "<!doctype html><title>Unlabelled</title><h1>Sniff me</h1>", "Unlabelled", headings=((1, "Sniff me"),), content_type=None),
    Document("shouting-type", "<!doctype html><title>Loud type</title>", "Loud type", content_type='TEXT/HTML;Charset="UTF-8"'),
)  # fmt: skip
