"""One page, from bytes to the part of the record that the document gives."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.parse.bounds import MAX_PAGE_BYTES, MAX_PAGE_TEXT, bounded, holding
from scraper.parse.decode import decode
from scraper.parse.document import open_document
from scraper.parse.fields import Fields, FieldSelectors
from scraper.parse.language import language_detector
from scraper.parse.links import LinkCounter, listed, targets
from scraper.parse.metadata import Gatherer
from scraper.parse.text import lines
from scraper.parse.text_figures import measured
from scraper.record import Head, ImageCounts, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.parse.document import Document, Node
    from scraper.parse.links import Target
    from scraper.parse.metadata import Gathered
    from scraper.record import LinkEntry
    from scraper.settings.model import ParseSettings

_LEVELS = {f"h{level}": level for level in range(1, 7)}
# fmt: off
_TAGS = frozenset((
    "a", "area", "base", "form", "html", "iframe", "img", "link", "meta", "script", "time", "title", *_LEVELS,
))
# fmt: on
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class _Metadata(msgspec.Struct, frozen=True):
    """What change detection compares: statements of the page, no counts."""

    head: Head
    structured: dict[str, Any]


class Parsed(NamedTuple):
    """What was found in a page."""

    page: Page
    html: str
    """The page, decoded."""
    targets: list[Target]
    """Where its links lead; empty when that was not asked for."""
    fields: Fields = Fields()
    """The user's own."""


class PageParser:
    """Parses pages. It keeps nothing between them, so one serves any number of workers."""

    def __init__(self, settings: ParseSettings, *, token: str = "") -> None:
        """Take the settings, and the name by which robots directives may call us.

        Raises:
            UsageError: the settings ask for what needs a library that is missing, or a selector is none.
        """
        self._selectors = FieldSelectors(settings.select, parser=settings.parser) if settings.select else None
        self._parser = settings.parser
        self._keeps_text = settings.text == "visible"
        self._lists_links = settings.links
        self._language = language_detector() if settings.language else None
        self._token = token

    def parse(
        self,
        *,
        body: bytes,
        url: str,
        content_type_charset: str | None,
        headers: Sequence[tuple[str, str]] = (),
        links: bool = False,
    ) -> Parsed:
        """Find all that a document says of itself.

        Args:
            body: the page after content decoding; it may be cut anywhere.
            url: the final URL, which relative URLs are resolved against.
            content_type_charset: the ``charset`` parameter of ``Content-Type`` as sent, or ``None``.
            headers: the response's, by lower-case name.
            links: also return where its links lead.

        Raises:
            BrokenDocument: a ``PageError``; the HTML parser gave up on the page.
        """
        decoded = decode(body, http_charset=content_type_charset)
        document = open_document(decoded.text, parser=self._parser, tags=_TAGS)
        gatherer = Gatherer(document, url=url, token=self._token, headers=headers)
        found = _Extraction(document, gatherer=gatherer, keeps_nodes=self._lists_links)
        gathered = gatherer.gathered()
        links_listed, are_all = found.listed() if self._lists_links else ([], True)
        fields = Fields()
        if self._selectors:
            base, lang = gatherer.base or url, gathered.head.lang
            fields = self._selectors.find(document, html=decoded.text, base=base, lang=lang)
        visible = document.visible_text(in_lines=self._keeps_text)  # it takes the tree apart
        cut = gathered.cut
        if not document.is_whole:
            cut |= {"document"}
        if not are_all:
            cut |= {"link_list"}
        said, digest, shortened = _said(gathered, links=links_listed)
        page = Page(
            **said,
            **found.counts(),
            **self._of_text(visible),
            metadata_sha256=digest,
            charset=decoded.charset,
            charset_source=decoded.source,
            encoding_errors=decoded.errors,
        )
        cut |= shortened
        if page.text and len(page.text) == MAX_PAGE_TEXT:
            cut |= {"text"}
        if gathered.cut_texts:
            cut |= holding(page, gathered.cut_texts)
        if cut:
            page = msgspec.structs.replace(page, cut=sorted(cut))
        return Parsed(page, decoded.text, found.targets() if links else [], fields)

    def _of_text(self, visible: str) -> dict[str, Any]:
        """Return what the record says of the visible text."""
        figures, beginning = measured(visible)
        said: dict[str, Any] = figures._asdict()
        if self._language:
            # As it is hashed: white space, which parsers put where they like, sways the guess.
            said["language"] = self._language(beginning)
        if self._keeps_text:
            said["text"] = lines(visible)[:MAX_PAGE_TEXT] or None
        return said


def _said(gathered: Gathered, *, links: list[LinkEntry]) -> tuple[dict[str, Any], str, set[str]]:
    """Return the statements of a page, within bounds; their hash before that; and what was cut."""
    metadata = _encode_sorted(_Metadata(gathered.head, gathered.structured))
    digest = hashlib.sha256(metadata).hexdigest()
    said = {**msgspec.structs.asdict(gathered.head), **gathered.structured, "link_list": links}
    if len(metadata) + (len(_encode_sorted(links)) if links else 0) <= MAX_PAGE_BYTES:
        return said, digest, set()
    said, shortened = bounded(said)
    return said, digest, shortened


class _Extraction:
    """One pass over the elements of interest, dispatched by tag, the most frequent first."""

    def __init__(self, document: Document, *, gatherer: Gatherer, keeps_nodes: bool) -> None:
        self.images = self.missing_alt = self.forms = self.scripts = self.iframes = 0
        self.gatherer = gatherer
        self._document = document
        self._nodes: list[Node] = []
        self._url = gatherer.url
        attr = document.attr
        # Links wait for <base>, which may follow them.
        hrefs: list[tuple[str, str | None]] = []
        self._hrefs = hrefs
        for tag, node in document.elements:
            if tag in {"a", "area"}:
                href = attr(node, "href")
                if href is not None:
                    rel = attr(node, "rel")
                    hrefs.append((href, rel))
                    if keeps_nodes:
                        self._nodes.append(node)
                    if rel:
                        gatherer.on_anchor(node, rel=rel)
            elif tag == "img":
                self.images += 1
                if attr(node, "alt") is None:
                    self.missing_alt += 1
            elif tag in _LEVELS:
                gatherer.on_heading(node, level=_LEVELS[tag])
            else:
                self._seldom(node, tag=tag)
        self.links = LinkCounter(final_url=self._url, base=gatherer.base or self._url).count(hrefs)

    def counts(self) -> dict[str, Any]:
        """Return the figures, by the record's names."""
        return {
            "links": self.links,
            "images": ImageCounts(total=self.images, missing_alt=self.missing_alt),
            "forms": self.forms,
            "scripts": self.scripts,
            "iframes": self.iframes,
        }

    def listed(self) -> tuple[list[LinkEntry], bool]:
        """Return the page's links as they are recorded, and whether these are all."""
        base = self.gatherer.base or self._url
        return listed(self._document, self._nodes, links=self._hrefs, base=base)

    def targets(self) -> list[Target]:
        """Return where the page's links lead."""
        return targets(self._hrefs, final_url=self._url, base=self.gatherer.base or self._url)

    def _seldom(self, node: object, *, tag: str) -> None:
        match tag:
            case "meta":
                self.gatherer.metas.add(node)
            case "link":
                self.gatherer.on_link(node)
            case "script":
                self.scripts += 1
                self.gatherer.on_script(node)
            case "time":
                self.gatherer.on_time(node)
            case "title":
                self.gatherer.on_title(node)
            case "html":
                self.gatherer.on_html(node)
            case "base":
                self.gatherer.on_base(node)
            case "form":
                self.forms += 1
            case "iframe":
                self.iframes += 1
            case _:
                pass
