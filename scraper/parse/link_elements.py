"""What the ``link`` elements of a document announce: its other addresses, versions, feeds and icons."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scraper.parse.text import MAX_NAME, MAX_TEXT, fold
from scraper.record import Feed, Hreflang, Icon
from scraper.urls import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.parse.document import Document, Node

_Entry = TypeVar("_Entry")

_FEEDS = frozenset(
    ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
)
_ICONS = frozenset(("icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "fluid-icon"))
_SINGLE = {
    "canonical": "canonical",
    "amphtml": "amphtml",
    "next": "next",
    "prev": "prev",
    "previous": "prev",
    "manifest": "manifest",
}
LINK_FIELDS = frozenset((*_SINGLE.values(), "hreflang", "alternates", "feeds", "icons"))
"""What of a record's head they say."""


class LinkElements:
    """The ``link`` elements, sorted by what they announce."""

    def __init__(
        self,
        nodes: list[Node],
        *,
        document: Document,
        base: str,
        most: int,
        field: Callable[[str | None], str | None],
    ) -> None:
        """Sort the elements.

        Args:
            nodes: Those of one document, in its order.
            document: What they belong to.
            base: The URL that their addresses are relative to.
            most: How many entries of a list are kept.
            field: Makes a field of an attribute's text; ``None`` when nothing is left of it.
        """
        self.single: dict[str, str] = {}
        self.hreflang: list[Hreflang] = []
        self.alternates: list[str] = []
        self.feeds: list[Feed] = []
        self.icons: list[Icon] = []
        self.cut: set[str] = set()
        """Names of fields that have more entries than are kept."""
        self._attr = document.attr
        self._most = most
        self._field = field
        for node in nodes:
            rel = self._attr(node, "rel")
            if not rel:
                continue
            # A rel of 20 MB would be ten million words.
            rels = rel[:MAX_TEXT].lower().split()
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
        if not _ICONS.isdisjoint(names):
            if len(rel) > MAX_NAME:  # also of one that was cut to MAX_TEXT
                self.cut.add("icons")
            icon = Icon(rel=fold(rel[:MAX_NAME]), sizes=self._field(self._attr(node, "sizes")), url=url)
            self._keep(self.icons, icon, name="icons")

    def _add_alternate(self, node: Node, *, url: str) -> None:
        kind = (self._attr(node, "type") or "").partition(";")[0].strip().lower()
        lang = self._field(self._attr(node, "hreflang"))
        if kind in _FEEDS:
            title = self._field(self._attr(node, "title"))
            self._keep(self.feeds, Feed(type=kind, title=title, url=url), name="feeds")
        elif lang:
            self._keep(self.hreflang, Hreflang(lang=lang, url=url), name="hreflang")
        else:
            self._keep(self.alternates, url, name="alternates")

    def _keep(self, entries: list[_Entry], entry: _Entry, *, name: str) -> None:
        if len(entries) < self._most:
            entries.append(entry)
        else:
            self.cut.add(name)
