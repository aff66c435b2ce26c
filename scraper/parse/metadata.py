"""What a document says of itself: title, meta and link elements, headings, by the record's names.

``Gatherer`` is told of the elements one by one, in document order; ``head`` then applies the
fallbacks, which need all of them. The first value of a name counts, an empty one does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.parse.jsonld import read_jsonld
from scraper.parse.link_elements import LINK_FIELDS, LinkElements
from scraper.parse.microdata import read_microdata
from scraper.parse.text import MAX_NAME, MAX_TEXT, field, fold, is_cut
from scraper.parse.vocabularies import PREFIXES, read_vocabularies
from scraper.record import Head, Heading, Refresh
from scraper.urls import resolve

if TYPE_CHECKING:
    from scraper.parse.document import Document, Node

MAX_ENTRIES = 1000
"""The most entries of a list: headings, titles, language versions, keywords and the like."""
MAX_KEYS = 200
"""The most OpenGraph and Twitter names."""
MAX_RAW_TEXT = 2_000_000
"""Characters read for headings and titles; without it nested headings would repeat a page's text."""

# HTML Standard, shared declarative refresh steps; more than nine digits are no time anybody waits.
_REFRESH = re.compile(
    r"\s*(?:(?P<s>[0-9]{1,9})[0-9.]*|\.[0-9.]*)(?:\s*[;,]\s*|\s+|$)(?:url\s*=\s*)?(?P<url>.*)",
    re.IGNORECASE | re.DOTALL,
)


_JSON_LD = "application/ld+json"


class Structured(NamedTuple):
    """What is said in JSON-LD, microdata and vocabularies, by the record's names; only what there is."""

    fields: dict[str, Any]
    cut: set[str]
    """Names of those that have more than is kept."""


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
        self._titles_seen = 0
        self._scripts: list[Node] = []
        self._described: list[tuple[str, str]] = []
        self.cut: set[str] = set()
        """Names of fields that have more entries than are kept."""
        self.cut_texts: set[str] = set()
        """Texts that are longer in the page."""

    def on_html(self, node: Node) -> None:
        """The root element: its language."""
        if self._lang is None:
            self._lang = self._field(self._attr(node, "lang")) or self._field(self._attr(node, "xml:lang"))

    def on_base(self, node: Node) -> None:
        """The first ``base`` that has an ``href`` is the document's (HTML Standard 4.2.3)."""
        href = None if self._has_base else self._attr(node, "href")
        if href is not None:
            self._has_base = True
            self.base = resolve(self.url, href.strip())

    def on_title(self, node: Node) -> None:
        """A title of the document; one of an svg names a drawing."""
        self._titles_seen += 1
        if self._titles_seen > MAX_ENTRIES:
            self.cut.add("titles")
        elif self._document.is_html(node):
            text = self._text(node, name="titles")
            if text:
                self._titles.append(text)

    def on_heading(self, node: Node, *, level: int) -> None:
        """A heading; one without text is none."""
        if len(self.headings) >= MAX_ENTRIES:
            self.cut.add("headings")
        else:
            text = self._text(node, name="headings")
            if text:
                self.headings.append(Heading(level=level, text=text))

    def on_link(self, node: Node) -> None:
        """A link is kept: what it means has to wait for ``base``."""
        if len(self._links) < 5 * MAX_ENTRIES:
            self._links.append(node)
        else:
            self.cut |= LINK_FIELDS

    def on_script(self, node: Node) -> None:
        """A script is kept if it is JSON-LD."""
        kind = self._attr(node, "type")
        if kind and len(kind) < MAX_NAME and kind.partition(";")[0].strip().lower() == _JSON_LD:
            self._scripts.append(node)

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
            self._add_twitter(name[8:], content)
        elif name == "robots":
            self._robots += self._listed(content.lower(), name="meta_robots")
            if len(self._robots) > MAX_ENTRIES:
                self.cut.add("meta_robots")
                del self._robots[MAX_ENTRIES:]
        elif name == "keywords":
            if self._keywords is None:
                self._keywords = self._listed(content, name="keywords") or None
        elif name.startswith(PREFIXES):
            if len(self._described) < MAX_KEYS * 10:
                self._described.append((name, content))
            else:
                self.cut |= {"dublin_core", "citation"}
        elif name in _PLAIN and name not in self._named and (text := self._field(content)):
            self._named[name] = text

    def _add_twitter(self, name: str, content: str) -> None:
        key, text = self._key(name, field_name="twitter"), self._field(content)
        if not key or text is None or key in self.twitter:
            return
        if len(self.twitter) < MAX_KEYS:
            self.twitter[key] = text
        else:
            self.cut.add("twitter")

    def _add_og(self, name: str, content: str) -> None:
        key, text = self._key(name, field_name="og"), self._field(content)
        if not key or text is None:
            return
        values = self.og.get(key)
        if values is None and len(self.og) < MAX_KEYS:
            self.og[key] = [text]
        elif values is not None and len(values) < MAX_ENTRIES:
            values.append(text)
        else:
            self.cut.add("og")

    def _field(self, text: str | None) -> str | None:
        shown = field(text)
        if shown and text and len(text) > MAX_TEXT and is_cut(text):
            self.cut_texts.add(shown)
        return shown

    def _key(self, name: str, *, field_name: str) -> str:
        if len(name) > MAX_NAME:
            self.cut.add(field_name)
        return fold(name[:MAX_NAME])

    def _listed(self, text: str, *, name: str) -> list[str]:
        """Split at commas; empty ones go."""
        pieces = text[: 100 * MAX_ENTRIES].split(",", MAX_ENTRIES)
        if len(pieces) > MAX_ENTRIES or len(text) > 100 * MAX_ENTRIES:
            self.cut.add(name)
        return [one for piece in pieces[:MAX_ENTRIES] if (one := self._field(piece))]

    def _text(self, node: Node, *, name: str) -> str | None:
        if self._raw_text > MAX_RAW_TEXT:
            self.cut.add(name)
            return None
        text, is_whole = self._document.text(node)
        self._raw_text += len(text)
        if not is_whole:
            self.cut.add(name)
        return self._field(text)

    def structured(self) -> Structured:
        """Read what is said in vocabularies of their own; before ``visible_text``, which takes the tree."""
        fields: dict[str, Any] = {}
        cut: set[str] = set()
        if self._scripts:
            jsonld = read_jsonld(self._document.text(node)[0] for node in self._scripts)
            fields |= {"jsonld": jsonld.objects, "jsonld_errors": jsonld.errors}
            cut |= {"jsonld"} if jsonld.is_cut else set()
        microdata = read_microdata(self._document, base=self.base or self.url)
        if microdata.items:
            fields["microdata"] = microdata.items
        cut |= {"microdata"} if microdata.is_cut else set()
        if self._described:
            described = read_vocabularies(self._described)
            fields |= {"dublin_core": described.dublin_core, "citation": described.citation}
            cut |= described.cut
            self.cut_texts |= described.cut_texts
        return Structured({name: value for name, value in fields.items() if value}, cut)

    def head(self) -> Head:
        """Apply the fallbacks: everything the record's head group says."""
        og, named, titles = self.og, self._named, self._titles
        links = LinkElements(
            self._links,
            document=self._document,
            base=self.base or self.url,
            most=MAX_ENTRIES,
            field=self._field,
        )
        self.cut |= links.cut
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
            lang=self._lang or _first(og.get("locale")) or self._field(self._pragmas.get("content-language")),
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


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None


def _refresh(content: str | None, *, base: str) -> Refresh | None:
    found = _REFRESH.fullmatch(content[:10_000]) if content else None
    if found is None:
        return None
    target = found["url"].strip()
    if target[:1] in {'"', "'"}:
        target = target[1:].partition(target[0])[0].strip()
    return Refresh(delay=float(found["s"] or 0), url=resolve(base, target) if target else None)
