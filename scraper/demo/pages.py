# ruff: noqa: E501  markup is easier to read in whole lines
"""Ordinary pages of the sample site: a blog, a shop, news, documentation and so on, as the web writes them.

Each kind of page has its own habits in head and body. Titles, descriptions and headings are chosen
first and written into the markup afterwards, so what a page says is known without parsing it.
"""

from __future__ import annotations

import json
import random
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.demo.truth import PORT, Place
from scraper.demo.voices import Voice

if TYPE_CHECKING:
    from collections.abc import Callable


CanonicalForm = tuple[str | None, str | None]
"""A canonical's ``href`` as written, and the absolute URL it means."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is about, before it is written."""

    place: Place
    number: int
    voice: Voice
    chance: random.Random
    neighbours: tuple[Place, ...]
    """Pages to link to; the first is the next one."""
    extra: str = ""
    """Put into the title: characters that tell an encoding from its lookalikes."""
    edition: int = 0
    """How often the page was changed since it was first written."""

    @property
    def title(self) -> str:
        """The title; the number makes it the only one of its kind."""
        topic = self.voice.topics[self.number % len(self.voice.topics)]
        title = f"{topic} {self.extra} {self.number}" if self.extra else f"{topic} {self.number}"
        return f"{title} ({self.edition + 1})" if self.edition else title

    @property
    def description(self) -> str:
        """One or two sentences."""
        first = self.number % len(self.voice.sentences)
        return f"{self.voice.sentences[first]} ({self.number})"


class Written(NamedTuple):
    """A page as markup, and what it says."""

    html: str
    title: str
    description: str | None
    lang: str
    canonical: str | None
    headings: tuple[tuple[int, str], ...]


class Parts(NamedTuple):
    """What a kind of page adds to the common frame."""

    head: str
    body: str
    headings: tuple[tuple[int, str], ...]
    described: bool = True
    canonical: CanonicalForm | None = None
    """In place of the one that the frame would choose."""
    html_attributes: str = ""


def attribute(text: str) -> str:
    """Quote a text as an attribute's value."""
    return f'"{escape(text)}"'


def json_script(value: object) -> str:
    """Write a value as a JSON-LD block; ``<`` is escaped so that no text can end the script."""
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>\n'


def prose(subject: Subject, *, paragraphs: int) -> str:
    """Paragraphs in the subject's language, with a link in each third."""
    lines = []
    for index in range(paragraphs):
        text = " ".join(subject.chance.choices(subject.voice.sentences, k=subject.chance.randint(2, 6)))
        link = ""
        if index % 3 == 0:
            goal = subject.neighbours[index % len(subject.neighbours)]
            link = f" <a href={attribute(subject.place.href(goal))}>{subject.voice.topics[0]}</a>"
        lines.append(f"<p>{escape(text)}{link}</p>")
    return "\n".join(lines)


def _blog(subject: Subject) -> Parts:
    voice, title = subject.voice, subject.title
    second = voice.topics[-1]
    head = (
        f'<link rel="alternate" type="application/rss+xml" title={attribute(voice.name)} href="/feed.xml">\n'
        f'<meta name="author" content="Anna Sample"><meta property="og:type" content="article">\n'
        f'<link rel="next" href={attribute(subject.place.href(subject.neighbours[0]))}>\n'
        + json_script(
            {
                "@context": "https://schema.org",
                "@type": "BlogPosting",
                "headline": title,
                "author": {"@type": "Person", "name": "Anna Sample"},
                "datePublished": f"2024-{subject.number % 12 + 1:02d}-{subject.number % 28 + 1:02d}",
            }
        )
    )
    body = (
        f"<article><header><h1>{escape(title)}</h1></header>\n{prose(subject, paragraphs=5)}\n"
        f"<h2>{escape(second)}</h2>\n{prose(subject, paragraphs=3)}\n"
        f'<a rel="nofollow ugc" href="http://127.0.0.1:{PORT}/">spam</a></article>'
    )
    return Parts(head, body, ((1, title), (2, second)))


def _shop(subject: Subject) -> Parts:
    title, price = subject.title, f"{subject.number % 90 + 9}.90"
    versions = "".join(
        f'<link rel="alternate" hreflang="{lang}" href="https://shop.example.org/{lang}/{subject.number}">\n'
        for lang in (subject.voice.lang, "en-US", "x-default")
    )
    product = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": title,
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "EUR"},
    }
    body = (
        '<div itemscope itemtype="https://schema.org/Product">'
        f'<h1 itemprop="name">{escape(title)}</h1>\n'
        f'<img itemprop="image" src="/img/{subject.number}.png" alt={attribute(title)}>\n<img src="/img/x.png">\n'
        f'<span itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
        f'<meta itemprop="priceCurrency" content="EUR"><b itemprop="price" content="{price}">{price}</b></span>\n'
        f'<form action="/cart" method="post"><button>+</button></form>\n{prose(subject, paragraphs=3)}</div>'
    )
    head = versions + '<meta property="og:type" content="product">\n' + json_script(product)
    return Parts(head, body, ((1, title),))


def _news(subject: Subject) -> Parts:
    title, topics = subject.title, subject.voice.topics
    day = f"2025-{subject.number % 12 + 1:02d}-{subject.number % 27 + 1:02d}T06:30:00Z"
    head = (
        f'<meta property="article:published_time" content="{day}"><meta name="news_keywords" content="sea, tide">\n'
        f'<link rel="amphtml" href={attribute(subject.place.encoded + "?amp=1")}>\n'
        f'<meta name="twitter:card" content="summary_large_image">\n'
        + json_script(
            {"@context": "https://schema.org", "@graph": [{"@type": "NewsArticle", "headline": title}]}
        )
    )
    sections = "\n".join(
        f"<section><h2>{escape(t)}</h2>{prose(subject, paragraphs=2)}</section>" for t in topics
    )
    body = f"<main><h1>\n   {escape(title)}\n</h1>\n<time datetime={attribute(day)}>{day}</time>\n{sections}</main>"
    return Parts(head, body, ((1, title), *((2, topic) for topic in topics)))


def _docs(subject: Subject) -> Parts:
    title = subject.title
    head = (
        '<base href="/docs/v2/">\n<meta name="generator" content="Sampledoc 4.2">\n'
        '<link rel="shortcut icon" href="icon.ico"><link rel="apple-touch-icon" sizes="180x180" href="/touch.png">\n'
    )
    body = (
        f'<nav><a href="intro">1</a> <a href="../v1/intro">2</a></nav><h1>{escape(title)}<a href="#x"></a></h1>\n'
        f"{prose(subject, paragraphs=2)}<pre><code>if a &lt; b &amp;&amp; c: pass</code></pre>\n"
        f"<h2><code>open()</code> &amp; <code>close()</code></h2><h4>API</h4>{prose(subject, paragraphs=2)}"
    )
    canonical = (
        f"page-{subject.number}",
        f"http://{subject.place.host}:{PORT}/docs/v2/page-{subject.number}",
    )
    return Parts(head, body, ((1, title), (2, "open() & close()"), (4, "API")), canonical=canonical)


def _wiki(subject: Subject) -> Parts:
    title = subject.title
    links = "".join(
        f"<li><a href={attribute(subject.place.href(goal))}>{number}</a>"
        for number, goal in enumerate(subject.neighbours * 4)
    )
    body = (
        f'<div id="content"><h1 id="firstHeading">{escape(title)}</h1><ol>{links}</ol>\n'
        f"<table><tr><th>1<td>2<tr><th>3<td>4</table>{prose(subject, paragraphs=6)}\n"
        f'<h2><span class="mw-headline">{escape(subject.voice.topics[1])}</span></h2>{prose(subject, paragraphs=3)}</div>'
    )
    head = '<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">\n'
    return Parts(head, body, ((1, title), (2, subject.voice.topics[1])), described=False)


def _forum(subject: Subject) -> Parts:
    posts = "".join(
        f'<div class="post"><h3>Re: {escape(subject.title)}</h3>{prose(subject, paragraphs=1)}'
        f'<a rel="nofollow" href="https://example.net/u/{index}">u{index}</a></div>\n'
        for index in range(3)
    )
    head = '<meta name="robots" content="NOINDEX, follow">\n<link rel="prev" href="?page=1">\n'
    body = f'<form action="/search"><input name="q"></form><h2>{escape(subject.title)}</h2>{posts}'
    return Parts(head, body, ((2, subject.title), *((3, f"Re: {subject.title}"),) * 3))


def _government(subject: Subject) -> Parts:
    title = subject.title
    head = (
        f'<link rel="schema.DC" href="http://purl.org/dc/terms/"><meta name="DC.title" content={attribute(title)}>\n'
        f'<meta http-equiv="content-language" content="{subject.voice.lang}"><meta name="DC.creator" content="Office">\n'
    )
    body = (
        f'<header role="banner"><p>{escape(subject.voice.name)}</p></header><h1>{escape(title)}</h1>\n'
        f"{prose(subject, paragraphs=8)}<h2>A</h2><p>1</p><h3>A.1</h3><p>2</p><h2>B</h2><p>3</p>"
    )
    return Parts(head, body, ((1, title), (2, "A"), (3, "A.1"), (2, "B")))


def _spa(_subject: Subject) -> Parts:
    head = (
        '<meta name="theme-color" content="#0a5"><link rel="manifest" href="/app.webmanifest">\n'
        '<link rel="icon" sizes="32x32" href="/icon-32.png"><script>window.__STATE__ = {"a": "<h1>no</h1>"};</script>\n'
    )
    body = '<noscript>Please turn JavaScript on.</noscript><div id="root"></div><script src="/app.js" defer></script>'
    return Parts(head, body, ())


def _amp(subject: Subject) -> Parts:
    head = (
        '<style amp-boilerplate>body{visibility:hidden}</style><script async src="https://cdn.example.org/v0.js">'
        "</script>\n"
    )
    body = f'<h1>{escape(subject.title)}</h1><amp-img src="/a.png" width=1 height=1></amp-img>{prose(subject, paragraphs=4)}'
    goal = f"https://www.example.org/story/{subject.number}"
    return Parts(head, body, ((1, subject.title),), canonical=(goal, goal), html_attributes=" amp")


KINDS: dict[str, Callable[[Subject], Parts]] = {
    "blog": _blog,
    "shop": _shop,
    "news": _news,
    "docs": _docs,
    "wiki": _wiki,
    "forum": _forum,
    "government": _government,
    "app": _spa,
    "amp": _amp,
}
"""The kinds of pages by the first part of their path."""


def _canonical(subject: Subject) -> CanonicalForm:
    """Relative, absolute, on another site, or none: in turn."""
    place = subject.place
    match subject.number % 4:
        case 0:
            return place.encoded, place.url
        case 1:
            return place.url, place.url
        case 2:
            goal = f"https://www.example.org/{subject.number}"
            return goal, goal
        case _:
            return None, None


def _social(subject: Subject, *, described: bool) -> str:
    """OpenGraph on most pages, a Twitter card on some, in both spellings of the attribute."""
    lines = []
    if subject.number % 3:
        lines.append(f'<meta property="og:title" content={attribute("OG " + subject.title)}>')
        lines.append(f'<meta property="og:site_name" content={attribute(subject.voice.name)}>')
        lines += [f'<meta property="og:image" content="/img/{n}.jpg">' for n in range(subject.number % 4)]
    if subject.number % 2 and described:
        lines.append(f'<meta name="twitter:description" content={attribute("T " + subject.description)}>')
    return "".join(line + "\n" for line in lines)


def write(subject: Subject, *, kind: str, meta_charset: str) -> Written:
    """Write one page.

    Args:
        subject: What it is about.
        kind: One of ``KINDS``.
        meta_charset: The ``<meta>`` that declares the encoding, empty for none.
    """
    parts = KINDS[kind](subject)
    voice, title = subject.voice, subject.title
    full_title = title if kind in {"app", "amp"} else f"{title} | {voice.name}"
    described = (
        f'<meta name="description" content={attribute(subject.description)}>\n' if parts.described else ""
    )
    href, canonical = parts.canonical or _canonical(subject)
    link = f'<link rel="canonical" href={attribute(href)}>\n' if href else ""
    direction = ' dir="rtl"' if voice.rtl else ""
    html = (
        f'<!DOCTYPE html>\n<html{parts.html_attributes} lang="{voice.lang}"{direction}>\n<head>\n{meta_charset}'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(full_title, quote=False)}</title>\n{described}{link}"
        f"{_social(subject, described=parts.described)}{parts.head}</head>\n<body>\n{parts.body}\n"
        f'<footer><a href="/">{escape(voice.name)}</a>'
        + "".join(f" <a href={attribute(subject.place.href(goal))}>&rarr;</a>" for goal in subject.neighbours)
        + "</footer>\n</body>\n</html>\n"
    )
    return Written(
        html, full_title, subject.description if parts.described else None, voice.lang, canonical, parts.headings
    )  # fmt: skip
