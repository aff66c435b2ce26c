"""What a document says of itself: title, meta and link elements, headings, by the record's names.

``Gatherer`` is told of the elements one by one, in document order; ``head`` then applies the
fallbacks, which need all of them. The first value of a name counts, an empty one does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scraper.parse.text import field, fold
from scraper.record import Feed, Head, Heading, Hreflang, Icon, Refresh
from scraper.urls import resolve

if TYPE_CHECKING:
    from scraper.parse.document import Document, Node

MAX_ENTRIES = 1000
"""The most entries of a list: headings, titles, language versions, keywords and the like."""
MAX_KEYS = 200
"""The most OpenGraph and Twitter names."""
MAX_RAW_TEXT = 2_000_000
"""Characters read for headings and titles; without it nested headings would repeat a page's text."""

_FEEDS = frozenset(
    ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
)
_ICONS = frozenset(("icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "fluid-icon"))
# HTML Standard, shared declarative refresh steps; more than nine digits are no time anybody waits.
_REFRESH = re.compile(
    r"\s*(?:(?P<s>[0-9]{1,9})[0-9.]*|\.[0-9.]*)(?:\s*[;,]\s*|\s+|$)(?:url\s*=\s*)?(?P<url>.*)",
    re.IGNORECASE | re.DOTALL,
)


class Gatherer:
    """Collects the metadata of one document."""

    def __init__(self, document: Document, *, url: str) -> None:
        """Take the document and its final URL."""
        self._document = document
        self._attr = document.attr
        self.url = url
        self.base: str | None = None
        self._has_base = False
        self._lang: str | None = None
        self._titles: list[str] = []
        self._named: dict[str, str] = {}
        self._pragmas: dict[str, str] = {}
        self._robots: list[str] = []
        self._keywords: list[str] | None = None
        self._links: list[Node] = []
        self.og: dict[str, list[str]] = {}
        self.twitter: dict[str, str] = {}
        self.headings: list[Heading] = []
        self._raw_text = 0

    def on_html(self, node: Node) -> None:
        """The root element: its language."""
        if self._lang is None:
            self._lang = field(self._attr(node, "lang")) or field(self._attr(node, "xml:lang"))

    def on_base(self, node: Node) -> None:
        """The first ``base`` that has an ``href`` is the document's (HTML Standard 4.2.3)."""
        href = None if self._has_base else self._attr(node, "href")
        if href is not None:
            self._has_base = True
            self.base = resolve(self.url, href.strip())

    def on_title(self, node: Node) -> None:
        """A title of the document; one of an svg names a drawing."""
        if len(self._titles) < MAX_ENTRIES and self._document.is_html(node):
            text = self._text(node)
            if text:
                self._titles.append(text)

    def on_heading(self, node: Node, *, level: int) -> None:
        """A heading; one without text is none."""
        if len(self.headings) < MAX_ENTRIES:
            text = self._text(node)
            if text:
                self.headings.append(Heading(level=level, text=text))

    def on_link(self, node: Node) -> None:
        """A link is kept: what it means has to wait for ``base``."""
        if len(self._links) < 5 * MAX_ENTRIES:
            self._links.append(node)

    def on_meta(self, node: Node) -> None:
        """A ``meta`` by its ``name``, ``property`` or ``http-equiv``."""
        attr = self._attr
        content = attr(node, "content")
        if not content:
            return
        name = attr(node, "property") or attr(node, "name")
        if not name:
            pragma = attr(node, "http-equiv")
            if pragma:
                self._pragmas.setdefault(pragma.strip().lower()[:100], content)
            return
        self._add_named(name.strip().lower(), content)

    def _add_named(self, name: str, content: str) -> None:
        if name.startswith("og:"):
            self._add_og(name[3:], content)
        elif name.startswith("twitter:"):
            key = name[8:]
            if key and key not in self.twitter and len(self.twitter) < MAX_KEYS and (text := field(content)):
                self.twitter[_key(key)] = text
        elif name == "robots":
            self._robots += _listed(content.lower())[: MAX_ENTRIES - len(self._robots)]
        elif name == "keywords":
            if self._keywords is None:
                self._keywords = _listed(content) or None
        elif name in _PLAIN and name not in self._named and (text := field(content)):
            self._named[name] = text

    def _add_og(self, key: str, content: str) -> None:
        text = field(content)
        if not key or text is None:
            return
        values = self.og.get(_key(key))
        if values is not None:
            if len(values) < MAX_ENTRIES:
                values.append(text)
        elif len(self.og) < MAX_KEYS:
            self.og[_key(key)] = [text]

    def _text(self, node: Node) -> str | None:
        if self._raw_text > MAX_RAW_TEXT:
            return None
        text = self._document.text(node)
        self._raw_text += len(text)
        return field(text)

    def head(self) -> Head:
        """Apply the fallbacks: everything the record's head group says."""
        og, named, titles = self.og, self._named, self._titles
        links = _Links(self._links, document=self._document, base=self.base or self.url)
        first_h1 = next((one.text for one in self.headings if one.level == 1), None)
        return Head(
            title=_first(titles) or _first(og.get("title")) or self.twitter.get("title") or first_h1,
            titles=titles if len(titles) > 1 else [],
            description=named.get("description")
            or _first(og.get("description"))
            or self.twitter.get("description"),
            keywords=self._keywords or [],
            canonical=links.single.get("canonical"),
            base=self.base,
            lang=self._lang or _first(og.get("locale")) or field(self._pragmas.get("content-language")),
            viewport=named.get("viewport"),
            generator=named.get("generator"),
            theme_color=named.get("theme-color"),
            amphtml=links.single.get("amphtml"),
            next=links.single.get("next"),
            prev=links.single.get("prev"),
            hreflang=links.hreflang,
            alternates=links.alternates,
            feeds=links.feeds,
            icons=links.icons,
            manifest=links.single.get("manifest"),
            refresh=_refresh(self._pragmas.get("refresh"), base=self.base or self.url),
            meta_robots=self._robots,
        )


_PLAIN = frozenset(("description", "viewport", "generator", "theme-color"))
_SINGLE = {
    "canonical": "canonical",
    "amphtml": "amphtml",
    "next": "next",
    "prev": "prev",
    "previous": "prev",
    "manifest": "manifest",
}


class _Links:
    """The ``link`` elements, sorted by what they announce."""

    def __init__(self, nodes: list[Node], *, document: Document, base: str) -> None:
        self.single: dict[str, str] = {}
        self.hreflang: list[Hreflang] = []
        self.alternates: list[str] = []
        self.feeds: list[Feed] = []
        self.icons: list[Icon] = []
        self._attr = document.attr
        for node in nodes:
            rel = self._attr(node, "rel")
            if not rel:
                continue
            rels = rel.lower().split()
            # Most links are stylesheets and preloads: no URL is resolved for them.
            names = [one for one in rels if one in _SINGLE or one in _ICONS or one == "alternate"]
            if not names or "stylesheet" in rels:
                continue
            href = (self._attr(node, "href") or "").strip()
            url = resolve(base, href) if href else None
            if url:
                self._add(node, names=names, rel=" ".join(rels), url=url)

    def _add(self, node: Node, *, names: list[str], rel: str, url: str) -> None:
        for name in names:
            if name in _SINGLE:
                self.single.setdefault(_SINGLE[name], url)
            elif name == "alternate":
                self._add_alternate(node, url=url)
        if not _ICONS.isdisjoint(names) and len(self.icons) < MAX_ENTRIES:
            self.icons.append(Icon(rel=fold(rel)[:100], sizes=field(self._attr(node, "sizes")), url=url))

    def _add_alternate(self, node: Node, *, url: str) -> None:
        kind = (self._attr(node, "type") or "").partition(";")[0].strip().lower()
        lang = field(self._attr(node, "hreflang"))
        if kind in _FEEDS:
            if len(self.feeds) < MAX_ENTRIES:
                self.feeds.append(Feed(type=kind, title=field(self._attr(node, "title")), url=url))
        elif lang:
            if len(self.hreflang) < MAX_ENTRIES:
                self.hreflang.append(Hreflang(lang=lang, url=url))
        elif len(self.alternates) < MAX_ENTRIES:
            self.alternates.append(url)


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None


def _key(name: str) -> str:
    return fold(name[:100])


def _listed(text: str) -> list[str]:
    """Split at commas; empty ones go."""
    pieces = text[: 100 * MAX_ENTRIES].split(",", MAX_ENTRIES)[:MAX_ENTRIES]
    return [one for piece in pieces if (one := field(piece))]


def _refresh(content: str | None, *, base: str) -> Refresh | None:
    found = _REFRESH.fullmatch(content[:10_000]) if content else None
    if found is None:
        return None
    target = found["url"].strip()
    if target[:1] in {'"', "'"}:
        target = target[1:].partition(target[0])[0].strip()
    return Refresh(delay=float(found["s"] or 0), url=resolve(base, target) if target else None)
