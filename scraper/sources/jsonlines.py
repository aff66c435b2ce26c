"""Lists in JSON Lines: an object with the URL in a named field, or the URL alone as a string, each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.messages import Seed
from scraper.sources.lines import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_DEPTH = 64
"""Deeper values could be read here and then not be written: encoding a record nests further."""

_decode = msgspec.json.Decoder().decode


def json_seeds(lines: Iterable[bytes], *, column: str) -> Iterator[Seed]:
    """Yield a seed for each line that is not blank.

    An object's other fields go into ``extra`` as they are. A line that is no JSON, no object with a
    text in that field, or nested deeper than 64 levels, is itself the input: it becomes a record that
    says so, and ends no run.
    """
    for line in lines:
        content = line.strip()
        if content:
            yield _seed(content, column)


def _seed(content: bytes, column: str) -> Seed:
    try:
        value = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Seed(decoded(content))
    if isinstance(value, str):
        return Seed(value)
    if not isinstance(value, dict) or not isinstance(value.get(column), str):
        return Seed(decoded(content))
    if content.count(b"[") + content.count(b"{") > _MAX_DEPTH and is_deep(value):
        return Seed(decoded(content))
    url = value.pop(column)
    return Seed(url, value or None)


def is_deep(value: object) -> bool:
    """Return whether a value is nested deeper than a record can hold."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
