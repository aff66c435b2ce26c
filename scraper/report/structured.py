"""Which structured data pages use, by syntax and type. This module does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scraper.report.model import Rows, Structured
from scraper.report.shown import shown_place, shown_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scraper.record import Record

_NAME_LIMIT = 80
_MOST_TYPES = 2000
_PER_PAGE = 50
_VOCABULARY = ("https://schema.org/", "http://schema.org/", "schema:")


class StructuredData:
    """Counts pages by what they use; each page once for each type."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str]] = {}
        self._left_out = 0

    def add(self, record: Record) -> None:
        """Count what a page uses."""
        for kind in dict.fromkeys(_kinds(record)):
            if kind in self._found:
                count, example = self._found[kind]
                self._found[kind] = count + 1, example
            elif len(self._found) < _MOST_TYPES:
                self._found[kind] = 1, shown_place(record)
            else:
                self._left_out += 1

    def rows(self, limit: int) -> Rows[Structured]:
        """Return the types, the most used first."""
        ranked = sorted(self._found.items(), key=lambda item: (-item[1][0], item[0]))
        return Rows(
            [Structured(*kind, *found) for kind, found in ranked[:limit]], len(ranked) + self._left_out
        )


def _kinds(record: Record) -> Iterator[tuple[str, str]]:
    yield from (("JSON-LD", name) for item in record.jsonld[:_PER_PAGE] for name in _types(item.get("@type")))
    yield from (
        ("Microdata", name) for item in record.microdata[:_PER_PAGE] for name in _types(item.get("type"))
    )
    if record.og:
        yield from (("OpenGraph", shown_text(name, _NAME_LIMIT)) for name in record.og.get("type", ["-"])[:1])
    if record.twitter:
        yield "Twitter card", shown_text(record.twitter.get("card", "-"), _NAME_LIMIT)
    if record.dublin_core:
        yield "Dublin Core", "-"
    if record.citation:
        yield "Citation", "-"


def _types(given: Any) -> Iterable[str]:
    """Return the short names of a type, a list of types, or of none; JSON may hold anything there."""
    names = given if isinstance(given, list) else [given]
    for name in names[:_PER_PAGE]:
        if isinstance(name, str) and name:
            for prefix in _VOCABULARY:
                name = name.removeprefix(prefix)  # noqa: PLW2901 - the same name, shorter
            yield shown_text(name, _NAME_LIMIT)
        else:
            yield "-"
