"""What only a second look at the records tells: who links to what is broken, which pages share a text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.report.gathering import WHOLE, Broken, Gathering, digest, is_page
from scraper.report.model import BrokenLink, Rows, SharedText
from scraper.report.shown import shown_text, shown_url

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator

SHOWN_SOURCES = 10
_SHOWN_PAGES = 10


class _Link(msgspec.Struct):
    url: str


class _Seen(msgspec.Struct):
    """The fields of a record that are looked at again."""

    seq: int
    outcome: str
    url: str | None = None
    final_url: str | None = None
    content_type: str | None = None
    title: str | None = None
    description: str | None = None
    indexable_reason: str | None = None
    link_list: list[_Link] = []


class SecondLook(NamedTuple):
    """What it found."""

    broken: Rows[BrokenLink]
    shared: Rows[SharedText]


def second_look(gathered: Gathering, lines: Iterable[bytes], *, limit: int) -> SecondLook:
    """Find the sources of the broken links and the pages that share a title or a description.

    Args:
        gathered: All records of the run.
        lines: The same records, as JSON.
        limit: The most rows that a table is to have.
    """
    sources = _Sources(gathered.broken.shown)
    groups = _Groups(gathered, limit)
    if sources.are_wanted or groups.are_wanted:
        decode = msgspec.json.Decoder(_Seen).decode
        for line in lines:
            seen = decode(line)
            sources.add(seen)
            groups.add(seen)
    return SecondLook(Rows(sources.links(), gathered.broken.total), groups.rows())


class _Sources:
    """Pages that link to what is broken: the parent of a record, and with ``--links`` all the others."""

    def __init__(self, broken: list[Broken]) -> None:
        self._broken = broken
        self._by_parent: dict[int, list[Broken]] = {}
        for one in broken:
            if one.parent is not None:
                self._by_parent.setdefault(one.parent, []).append(one)
        self._by_url = {one.url: one for one in broken if one.url is not None}
        self.are_wanted = bool(broken)

    def add(self, seen: _Seen) -> None:
        """Note what a page links to."""
        found = dict.fromkeys(self._by_parent.get(seen.seq, ()))
        for link in seen.link_list:
            one = self._by_url.get(link.url.partition("#")[0])
            if one is not None:
                found[one] = None
        for one in found:
            one.sources += 1
            if len(one.found_on) < SHOWN_SOURCES:
                one.found_on[seen.seq] = shown_url(seen.final_url or seen.url or "")

    def links(self) -> list[BrokenLink]:
        """Return the links, the most linked first."""
        whole = [
            one.link._replace(found_on=list(one.found_on.values()), sources=one.sources)
            for one in self._broken
        ]
        return sorted(whole, key=lambda link: -link.sources)


class _Group:
    __slots__ = ("kind", "pages", "text", "urls")

    def __init__(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text
        self.pages: set[int] = set()
        self.urls: list[str] = []


class _Groups:
    """Pages by a text that several have."""

    def __init__(self, gathered: Gathering, limit: int) -> None:
        self._limit = limit
        self._wanted = {
            "title": set(_repeated(gathered.titles)),
            "description": set(_repeated(gathered.descriptions)),
        }
        self._groups: dict[tuple[str, int], _Group] = {}
        self.are_wanted = any(self._wanted.values())

    def add(self, seen: _Seen) -> None:
        """Note a page."""
        if seen.outcome not in WHOLE or not is_page(seen.content_type):
            return
        if seen.indexable_reason == "canonicalised":
            return
        for kind, text in (("title", seen.title), ("description", seen.description)):
            if text and (number := digest(text)) in self._wanted[kind]:
                group = self._groups.get((kind, number))
                if group is None:
                    group = self._groups[kind, number] = _Group(kind, shown_text(text))
                url = seen.final_url or seen.url or ""
                page = digest(url)
                if page not in group.pages:
                    group.pages.add(page)
                    if len(group.urls) < _SHOWN_PAGES:
                        group.urls.append(shown_url(url))

    def rows(self) -> Rows[SharedText]:
        """Return the texts, those of the most pages first."""
        several = [group for group in self._groups.values() if len(group.pages) > 1]
        several.sort(key=lambda group: -len(group.pages))
        shown = [SharedText(one.kind, one.text, len(one.pages), one.urls) for one in several[: self._limit]]
        return Rows(shown, len(several))


def _repeated(digests: array[int]) -> Iterator[int]:
    return (one for one, following in pairwise(sorted(digests)) if one == following)
