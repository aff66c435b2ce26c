"""What a document says of itself: title, meta and link elements, headings, by the record's names.

``Gatherer`` is told of the elements one by one, in document order; ``gathered`` then applies the
fallbacks, which need all of them. The first value of a name counts, an empty one does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict

from scraper.parse.article import LINK_RELS, Evidence, article_of, description_of
from scraper.parse.bounds import MAX_ENTRIES
from scraper.parse.jsonld import read_jsonld
from scraper.parse.link_header import Link, links_of
from scraper.parse.link_relations import LINK_FIELDS, LinkRelations, relation_types
from scraper.parse.main_nodes import MainNodes
from scraper.parse.metas import Metas
from scraper.parse.microdata import as_nodes, read_microdata
from scraper.parse.refresh import refresh_of
from scraper.parse.text import MAX_NAME, MAX_TEXT, Texts
from scraper.parse.vocabularies import read_vocabularies
from scraper.record import Head, Heading, Page
from scraper.references import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.parse.document import Document, Node
    from scraper.record import Refresh

MAX_LINKS = 5 * MAX_ENTRIES
"""The most ``link`` elements that are looked at."""
MAX_RAW_TEXT = 2_000_000
"""Characters read for headings and titles; without it nested headings would repeat a page's text."""

_JSON_LD = "application/ld+json"


class Gathered(NamedTuple):
    """What was gathered, by the record's names."""

    head: Head
    structured: dict[str, Any]
    """OpenGraph, Twitter cards, headings, JSON-LD, microdata and the vocabularies; only what there is."""
    cut: set[str]
    """Names of fields that have more entries than are kept."""
    cut_texts: set[str]
    """Texts that are longer in the page."""


class Gatherer:
    """Collects the metadata of one document."""

    def __init__(
        self, document: Document, *, url: str, token: str, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Take the document, its final URL, our product token and the response's headers."""
        self._document = document
        self._attr = document.attr
        self._headers = headers
        self.url = url
        self.base: str | None = None
        self._has_base = False
        self._lang: str | None = None
        self._titles: list[str] = []
        self._texts = Texts()
        self.metas = Metas(document, token=token, texts=self._texts)
        self._links: list[Node] = []
        self._anchors: list[tuple[str, Node]] = []
        self._times: list[tuple[Node, str]] = []
        self._headings: list[Heading] = []
        self._raw_text = 0
        self._titles_seen = 0
        self._scripts: list[Node] = []
        self._cut: set[str] = set()

    def on_html(self, node: Node) -> None:
        """The root element: its language."""
        if self._lang is None:
            said = self._attr(node, "lang") or self._attr(node, "xml:lang")
            self._lang = self._texts.field(said)

    def on_base(self, node: Node) -> None:
        """The first ``base`` that has an ``href`` is the document's (HTML Standard 4.2.3)."""
        href = None if self._has_base else self._attr(node, "href")
        if href is not None and self._document.is_html(node):
            self._has_base = True
            self.base = resolve(self.url, href.strip())

    def on_title(self, node: Node) -> None:
        """A title of the document; one of an svg names a drawing."""
        self._titles_seen += 1
        if self._titles_seen > MAX_ENTRIES:
            self._cut.add("titles")
        elif self._document.is_html(node):
            text = self._text(node, name="titles")
            if text:
                self._titles.append(text)

    def on_heading(self, node: Node, *, level: int) -> None:
        """A heading; one without text is none."""
        if len(self._headings) >= MAX_ENTRIES:
            self._cut.add("headings")
        else:
            text = self._text(node, name="headings")
            if text:
                self._headings.append(Heading(level=level, text=text))

    def on_link(self, node: Node) -> None:
        """A link is kept: what it means has to wait for ``base``."""
        if len(self._links) < MAX_LINKS:
            self._links.append(node)
        else:
            self._cut |= LINK_FIELDS

    def on_anchor(self, node: Node, *, rel: str) -> None:
        """A link to elsewhere is kept where it names the author, the licence or a tag."""
        words = LINK_RELS.intersection(rel[:MAX_TEXT].lower().split())
        if words and len(self._anchors) < MAX_ENTRIES:
            self._anchors += [(word, node) for word in sorted(words)]

    def on_time(self, node: Node) -> None:
        """A time is kept that is marked; which of them is the page's is for ``article`` to say."""
        attr = self._attr
        marks = f"{attr(node, 'class') or ''} {attr(node, 'itemprop') or ''}"
        if attr(node, "pubdate") is not None:
            marks += " pubdate"
        if marks != " " and len(self._times) < MAX_ENTRIES:
            self._times.append((node, marks))

    def on_script(self, node: Node) -> None:
        """A script is kept if it is JSON-LD."""
        kind = self._attr(node, "type")
        if kind and len(kind) < MAX_NAME and kind.partition(";")[0].strip().lower() == _JSON_LD:
            self._scripts.append(node)

    def _text(self, node: Node, *, name: str) -> str | None:
        if self._raw_text > MAX_RAW_TEXT:
            self._cut.add(name)
            return None
        text, is_whole = self._document.text(node)
        self._raw_text += len(text)
        if not is_whole:
            self._cut.add(name)
        return self._texts.field(text)

    def gathered(self) -> Gathered:
        """Apply the fallbacks; before ``Document.visible_text``, which takes the tree."""
        structured = self._structured()
        head = self._head(structured)
        said = {name: value for name, value in structured.items() if value}
        return Gathered(head, said, self._cut | self.metas.cut, self._texts.cut)

    def _structured(self) -> dict[str, Any]:
        """Read what is said in vocabularies of their own."""
        metas = self.metas
        fields: dict[str, Any] = {"og": metas.og, "twitter": metas.twitter, "headings": self._headings}
        if self._scripts:
            jsonld = read_jsonld(self._document.text(node)[0] for node in self._scripts)
            fields |= {"jsonld": jsonld.objects, "jsonld_errors": jsonld.errors}
            self._cut |= {"jsonld"} if jsonld.is_cut else set()
        microdata = read_microdata(self._document, base=self.base or self.url)
        fields["microdata"] = microdata.items
        self._cut |= {"microdata"} if microdata.is_cut else set()
        if metas.described:
            described = read_vocabularies(metas.described, texts=self._texts)
            fields |= {"dublin_core": described.dublin_core, "citation": described.citation}
            self._cut |= described.cut
        return fields

    def _head(self, structured: dict[str, Any]) -> Head:
        metas, titles, base = self.metas, self._titles, self.base or self.url
        og, twitter, named = metas.og, metas.twitter, metas.named
        announced = (value for name, value in self._headers if name == "link")
        links = LinkRelations(
            self._relations(base), texts=self._texts, header=links_of(announced, base=self.url)
        )
        self._cut |= links.cut
        single = links.single
        lang = self._lang or _first(og.get("locale")) or metas.content_language
        h1s = [one.text for one in self._headings if one.level == 1]
        jsonld = structured.get("jsonld") or []
        nodes = MainNodes(jsonld, url=self.url)
        microdata = as_nodes(structured["microdata"])
        items = MainNodes(microdata, url=self.url) if microdata else None
        evidence = Evidence(
            url=self.url,
            base=base,
            lang=lang,
            jsonld=jsonld,
            og=og,
            twitter=twitter,
            meta=metas.article,
            links=self._article_links(single),
            items=microdata,
            times=[(self._said_time(node), marks) for node, marks in self._times],
            titles=titles,
            h1s=h1s,
        )
        return Head(
            **asdict(article_of(evidence, nodes=nodes, items=items)),
            title=_first(titles) or _first(og.get("title")) or twitter.get("title") or _first(h1s),
            titles=titles if len(titles) > 1 else [],
            description=named.get("description")
            or _first(og.get("description"))
            or twitter.get("description")
            or description_of(nodes, items),
            keywords=metas.keywords,
            canonical=single.get("canonical"),
            canonical_header=links.canonical_header,
            base=self.base,
            lang=lang,
            viewport=named.get("viewport"),
            generator=named.get("generator"),
            theme_color=metas.theme_color,
            amphtml=single.get("amphtml"),
            next=single.get("next"),
            prev=single.get("prev"),
            hreflang=links.hreflang,
            alternates=links.alternates,
            feeds=links.feeds,
            icons=links.icons,
            manifest=single.get("manifest"),
            refresh=self._refresh(base),
            meta_robots=metas.robots(),
        )

    def _relations(self, base: str) -> Iterator[Link]:
        """Give the ``link`` elements that a field is made of."""
        attr = self._attr
        for node in self._links:
            rels = relation_types(attr(node, "rel"))
            if "canonical" in rels and not self._document.is_in_head(node):
                # Search engines take none from the body, where anybody's comment might put one.
                rels = tuple(rel for rel in rels if rel != "canonical")
            href = (attr(node, "href") or "").strip() if rels else ""
            if href and (url := resolve(base, href)):
                hreflang = attr(node, "hreflang")
                yield Link(
                    url,
                    rels,
                    hreflang=(hreflang,) if hreflang else (),
                    type=attr(node, "type"),
                    title=attr(node, "title"),
                    sizes=attr(node, "sizes"),
                )

    def _refresh(self, base: str) -> Refresh | None:
        """The header's comes first, as it does to a browser."""
        header = next((value for name, value in self._headers if name == "refresh"), None)
        return refresh_of(header, base=self.url) or refresh_of(self.metas.refresh, base=base)

    def _article_links(self, single: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for name in ("license", "image_src"):
            if name in single:
                found[name] = [(single[name], "")]
        for rel, node in self._anchors:
            name = "license" if rel == "copyright" else rel
            text = "" if name == "license" else self._short_text(node)
            found.setdefault(name, []).append((self._attr(node, "href") or "", text))
        return found

    def _said_time(self, node: Node) -> str:
        said = self._attr(node, "datetime")
        return self._short_text(node) if said is None else said

    def _short_text(self, node: Node) -> str:
        """Return a text that is a name or a date, or nothing: nested elements would repeat a page's."""
        return self._document.text(node)[0][: MAX_TEXT + 1]


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None


def announced(headers: Sequence[tuple[str, str]], *, url: str) -> Page:
    """Return what headers say of a document that is not parsed: a PDF has a canonical too."""
    values = [value for name, value in headers if name == "link"]
    refresh = next((value for name, value in headers if name == "refresh"), None)
    links = LinkRelations((), header=links_of(values, base=url))
    return Page(
        canonical_header=links.canonical_header,
        license=links.single.get("license"),
        next=links.single.get("next"),
        prev=links.single.get("prev"),
        amphtml=links.single.get("amphtml"),
        manifest=links.single.get("manifest"),
        hreflang=links.hreflang,
        alternates=links.alternates,
        feeds=links.feeds,
        icons=links.icons,
        refresh=refresh_of(refresh, base=url),
        cut=sorted(links.cut),
    )
