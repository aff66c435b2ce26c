"""What a page's links to other resources announce, by their relation types (HTML Standard 4.6.7).

One reading for ``link`` elements and the ``Link`` header, since they say the same. This module does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scraper.parse.bounds import MAX_ENTRIES
from scraper.parse.text import MAX_NAME, MAX_TEXT, Texts, fold
from scraper.record import Feed, Hreflang, Icon

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from scraper.parse.link_header import Link


SINGLE = {
    "canonical": "canonical",
    "amphtml": "amphtml",
    "next": "next",
    "prev": "prev",
    "previous": "prev",  # a synonym by the Standard, as the next but one is
    "manifest": "manifest",
    "license": "license",
    "copyright": "license",
    "image_src": "image_src",
}
"""The field of each relation of which the first link counts."""
LINK_FIELDS = frozenset(
    (
        "hreflang",
        "alternates",
        "feeds",
        "icons",
        "image",
        *(name for name in SINGLE.values() if name != "image_src"),
    )
)
"""The record's fields that are made of links, or may be."""

_ICONS = frozenset(("icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "fluid-icon"))
_WANTED = _ICONS.union(SINGLE, ("alternate",))
_FEEDS = frozenset(("application/rss+xml", "application/atom+xml", "application/feed+json"))
"""Two by the Standard (4.6.7.1), one by jsonfeed.org. ``application/rdf+xml`` was once for RSS 1.0; what is
announced by it today is a description in RDF."""

_Entry = TypeVar("_Entry")


def relation_types(rel: str | None) -> tuple[str, ...]:
    """Return the relation types of a ``rel``, lower case; none when no field is made of any of them.

    Most links are stylesheets and preloads: a caller need not look any further at those. A stylesheet that
    is ``alternate`` is another one to choose from, no other form of the page (HTML Standard 4.6.7.1).
    """
    if not rel:
        return ()
    rels = rel[:MAX_TEXT].lower().split()
    if _WANTED.isdisjoint(rels):
        return ()
    if "stylesheet" in rels:
        rels = [one for one in rels if one != "alternate"]
    return () if _WANTED.isdisjoint(rels) else tuple(rels)


class LinkRelations:
    """Links sorted by what they announce, those of the document before those of the header.

    Nothing is listed twice: a feed or language version by its URL and type or language, an icon by all that
    is said of it.
    """

    def __init__(
        self, links: Iterable[Link], *, header: Iterable[Link] = (), texts: Texts | None = None
    ) -> None:
        """Take the links, those of the header, and what makes fields of their texts."""
        self._field = (texts or Texts()).field
        self.single: dict[str, str] = {}
        """URLs by the values of ``SINGLE``; ``canonical`` is the document's own."""
        self.canonical_header: str | None = None
        self.hreflang: list[Hreflang] = []
        self.alternates: list[str] = []
        """What is neither a feed nor a language version."""
        self.feeds: list[Feed] = []
        self.icons: list[Icon] = []
        self.cut: set[str] = set()
        """The lists that have more entries than are kept."""
        self._seen: set[Hashable] = set()
        for link in links:
            self._add(link)
        canonical = self.single.pop("canonical", None)
        for link in header:
            self._add(link)
        self.canonical_header = self.single.pop("canonical", None)
        if canonical:
            self.single["canonical"] = canonical

    def _add(self, link: Link) -> None:
        is_icon = False
        for rel in link.rels:
            if rel in SINGLE:
                self.single.setdefault(SINGLE[rel], link.url)
            elif rel == "alternate":
                if "stylesheet" not in link.rels:
                    self._add_alternate(link)
            elif rel in _ICONS:
                is_icon = True
        if is_icon:
            self._add_icon(link)

    def _add_alternate(self, link: Link) -> None:
        kind = (link.type or "")[:MAX_NAME].partition(";")[0].strip().lower()
        if kind in _FEEDS:
            feed = Feed(type=kind, title=self._field(link.title), url=link.url)
            self._keep(self.feeds, feed, name="feeds", key=(kind, link.url))
            return
        languages = [text for one in link.hreflang if (text := self._field(one))]
        for lang in languages:
            entry = Hreflang(lang=lang, url=link.url)
            self._keep(self.hreflang, entry, name="hreflang", key=(lang.lower(), link.url))
        if not languages:
            self._keep(self.alternates, link.url, name="alternates", key=link.url)

    def _add_icon(self, link: Link) -> None:
        rel = fold(" ".join(link.rels)[:MAX_NAME])
        if len(rel) == MAX_NAME:
            self.cut.add("icons")
        icon = Icon(rel=rel, sizes=self._field(link.sizes), url=link.url)
        self._keep(self.icons, icon, name="icons", key=(icon.rel, icon.sizes, icon.url))

    def _keep(self, entries: list[_Entry], entry: _Entry, *, name: str, key: Hashable) -> None:
        if (name, key) in self._seen:
            return
        if len(entries) < MAX_ENTRIES:
            self._seen.add((name, key))
            entries.append(entry)
        else:
            self.cut.add(name)
