"""How large the part of a record may become that a document gives, and what is said when it is cut.

A text is cut at ``text.MAX_TEXT`` and a list at ``MAX_ENTRIES`` where they are made. Together
they could still be as large as the page, so the longest lists are cut until all of it fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from scraper.record import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper.record import Record

MAX_ENTRIES = 1000
"""The most entries of a list: headings, language versions, keywords, values of a name and the like."""
MAX_KEYS = 200
"""The most names that a page may make up in one vocabulary: OpenGraph, Twitter cards, Dublin Core."""
MAX_PAGE_TEXT = 1_000_000
"""Characters of a page's text that are kept, where it is asked for."""
MAX_PAGE_BYTES = 512 * 1024
"""Bytes of JSON that a document may add to a record. Headings of a long manual take 50 KB; more than ten
times as much is no metadata. With the headers, which have a limit too, a record stays below 1 MiB."""

# fmt: off
_LISTS = (
    "headings", "og", "twitter", "hreflang", "alternates", "feeds", "icons", "titles", "keywords", "tags",
    "author", "meta_robots", "link_list", "jsonld", "jsonld_errors", "microdata", "dublin_core", "citation",
    "fields", "field_errors",
)
# fmt: on
_EMPTY_BYTES = len("[]")
_encode = msgspec.json.Encoder(order="sorted").encode


def bounded(fields: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Cut what a document says to ``MAX_PAGE_BYTES``, each time the field that takes most.

    Args:
        fields: by the record's names; lists, and dictionaries of them, may be cut at their end.

    Returns:
        The fields, and the names of those that were cut.
    """
    sizes = {name: len(_encode(value)) for name, value in fields.items()}
    fields, cut = dict(fields), set[str]()
    while sum(sizes.values()) > MAX_PAGE_BYTES:
        name = max(_LISTS, key=lambda name: sizes.get(name, 0))
        if sizes.get(name, 0) <= _EMPTY_BYTES:
            break  # nothing is left to be cut
        # Half of what is too much: the longest first, and none to nothing.
        others = sum(sizes.values()) - sizes[name]
        room = max(MAX_PAGE_BYTES - others, sizes[name] // 2) - _EMPTY_BYTES
        fields[name] = _beginning(fields[name], room_bytes=room)
        sizes[name] = len(_encode(fields[name]))
        cut.add(name)
    return fields, cut


def bounded_record(record: Record) -> Record:
    """Cut what the document and the user's own fields take together, as ``bounded`` does.

    The page's text does not count: it has a limit of its own, ``MAX_PAGE_TEXT``.
    """
    names = (*(name for name in Page.__struct_fields__ if name != "text"), "fields", "field_errors")
    said, cut = bounded({name: getattr(record, name) for name in names if getattr(record, name)})
    if not cut:
        return record
    return msgspec.structs.replace(record, **{**said, "cut": sorted({*record.cut, *cut})})


def _beginning(value: Any, *, room_bytes: int) -> Any:
    """Return the first entries of a list, or of a dictionary, that fit."""
    items = list(value.items()) if isinstance(value, dict) else value
    kept: list[Any] = []
    for item in items:
        entry, size = item, len(_encode(item)) + 1
        if size > room_bytes and isinstance(item, tuple) and isinstance(item[1], list):
            name_bytes = len(_encode(item[0]))
            entry = (item[0], _beginning(item[1], room_bytes=room_bytes - name_bytes - 8))
            size = room_bytes
        if size > room_bytes or (isinstance(entry, tuple) and not entry[1]):
            break
        kept.append(entry)
        room_bytes -= size
    return dict(kept) if isinstance(value, dict) else kept


def holding(page: Page, texts: set[str]) -> set[str]:
    """Return the names of the fields in which one of the texts stands."""
    names = (name for name in page.__struct_fields__ if not texts.isdisjoint(_texts(getattr(page, name))))
    return set(names)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _texts(getattr(value, name))
        case _:
            pass
