"""One page, from bytes to the part of the record that the document gives."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.parse.bounds import MAX_PAGE_BYTES, bounded, holding
from scraper.parse.decode import decode
from scraper.parse.document import open_document
from scraper.parse.fields import Fields, FieldSelectors
from scraper.parse.links import LinkCounter, targets
from scraper.parse.metadata import Gatherer
from scraper.parse.simhash import simhash
from scraper.parse.text import figures
from scraper.record import Head, Heading, ImageCounts, Page

if TYPE_CHECKING:
    from scraper.parse.document import Document
    from scraper.parse.links import Target
    from scraper.settings.model import ParseSettings

_LEVELS = {f"h{level}": level for level in range(1, 7)}
_TAGS = ("a", "area", "base", "form", "html", "iframe", "img", "link", "meta", "script", "title", *_LEVELS)
_HEAD_FIELDS = Head.__struct_fields__
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class _Metadata(msgspec.Struct, frozen=True):
    """What change detection compares: statements of the page, no counts."""

    head: Head
    og: dict[str, list[str]]
    twitter: dict[str, str]
    headings: list[Heading]
    structured: dict[str, Any]


class Parsed(NamedTuple):
    """What was found in a page."""

    page: Page
    targets: list[Target]
    """Where its links lead; empty when that was not asked for."""
    fields: Fields = Fields()
    """The user's own."""


class PageParser:
    """Parses pages. It keeps nothing between them, so one serves any number of workers."""

    def __init__(self, settings: ParseSettings) -> None:
        """Take the settings.

        Raises:
            SettingsError: A selector of the user's is none.
        """
        self._parser = settings.parser
        self._selectors = FieldSelectors(settings.select, parser=settings.parser) if settings.select else None

    def parse(
        self, *, body: bytes, url: str, content_type_charset: str | None, links: bool = False
    ) -> Parsed:
        """Find all that a document says of itself.

        Args:
            body: the page after content decoding; it may be cut anywhere.
            url: the final URL, which relative URLs are resolved against.
            content_type_charset: the ``charset`` parameter of ``Content-Type`` as sent, or ``None``.
            links: also return where its links lead.

        Raises:
            BrokenDocument: a ``PageError``; the HTML parser gave up on the page.
        """
        decoded = decode(body, http_charset=content_type_charset)
        document = open_document(decoded.text, parser=self._parser)
        found = _Extraction(document, url=url)
        head, gathered = found.gatherer.head(), found.gatherer
        structured = gathered.structured()
        fields = Fields()
        if self._selectors:
            base = gathered.base or url
            fields = self._selectors.find(document, html=decoded.text, base=base, lang=head.lang)
        visible = document.visible_text()  # it takes the tree apart
        text = figures(visible)
        metadata = _encode_sorted(
            _Metadata(head, gathered.og, gathered.twitter, gathered.headings, structured.fields)
        )
        said = {
            **{name: getattr(head, name) for name in _HEAD_FIELDS},
            "og": gathered.og,
            "twitter": gathered.twitter,
            "headings": gathered.headings,
            **structured.fields,
        }
        cut = gathered.cut | structured.cut
        if not document.is_whole:
            cut = cut | {"document"}
        if len(metadata) > MAX_PAGE_BYTES:
            said, shortened = bounded(said)
            cut = cut | shortened
        page = Page(
            **said,
            word_count=text.word_count,
            text_length=text.text_length,
            links=found.links,
            images=ImageCounts(total=found.images, missing_alt=found.missing_alt),
            forms=found.forms,
            scripts=found.scripts,
            iframes=found.iframes,
            text_sha256=text.text_sha256,
            simhash=simhash(visible),
            metadata_sha256=hashlib.sha256(metadata).hexdigest(),
            charset=decoded.charset,
            charset_source=decoded.source,
            encoding_errors=decoded.errors,
        )
        if gathered.cut_texts:
            cut = cut | holding(page, gathered.cut_texts)
        if cut:
            page = msgspec.structs.replace(page, cut=sorted(cut))
        return Parsed(page, found.targets() if links else [], fields)


class _Extraction:
    """One pass over the elements of interest, dispatched by tag, the most frequent first."""

    def __init__(self, document: Document, *, url: str) -> None:
        self.images = self.missing_alt = self.forms = self.scripts = self.iframes = 0
        self.gatherer = gatherer = Gatherer(document, url=url)
        self._url = url
        tag_of, attr = document.tag, document.attr
        # Links wait for <base>, which may follow them.
        hrefs: list[tuple[str, str | None]] = []
        self._hrefs = hrefs
        for node in document.elements(_TAGS):
            tag = tag_of(node)
            if tag in {"a", "area"}:
                href = attr(node, "href")
                if href is not None:
                    hrefs.append((href, attr(node, "rel")))
            elif tag == "img":
                self.images += 1
                if attr(node, "alt") is None:
                    self.missing_alt += 1
            elif tag in _LEVELS:
                gatherer.on_heading(node, level=_LEVELS[tag])
            else:
                self._seldom(node, tag=tag)
        self.links = LinkCounter(final_url=url, base=gatherer.base or url).count(hrefs)

    def targets(self) -> list[Target]:
        """Return where the page's links lead."""
        return targets(self._hrefs, final_url=self._url, base=self.gatherer.base or self._url)

    def _seldom(self, node: object, *, tag: str) -> None:
        match tag:
            case "meta":
                self.gatherer.on_meta(node)
            case "link":
                self.gatherer.on_link(node)
            case "script":
                self.scripts += 1
                self.gatherer.on_script(node)
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
