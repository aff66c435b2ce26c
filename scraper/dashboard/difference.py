"""Where two values of a field differ, so that a reader sees it. This module does no I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

_words = re.compile(r"\s+|[^\s]+").findall


class Pieces(NamedTuple):
    """A text in three: what it shares with the other one at either end, and what differs between."""

    before: str
    differs: str
    after: str


class Sides(NamedTuple):
    """Both texts; ``None`` for one that is not there."""

    old: Pieces | None
    new: Pieces | None


def difference(old: str | None, new: str | None) -> Sides:
    """Return both texts with what differs, word by word. It takes time in proportion to their length.

    What stands between the first and the last word that differ counts as differing.
    """
    if old is None or new is None:
        return Sides(*(None if text is None else Pieces("", text, "") for text in (old, new)))
    olds, news = _words(old), _words(new)
    shared = min(len(olds), len(news))
    start = next((place for place in range(shared) if olds[place] != news[place]), shared)
    end = next((n for n in range(shared - start) if olds[-1 - n] != news[-1 - n]), shared - start)
    return Sides(_pieces(olds, start, end), _pieces(news, start, end))


def _pieces(words: list[str], start: int, end: int) -> Pieces:
    last = len(words) - end
    return Pieces("".join(words[:start]), "".join(words[start:last]), "".join(words[last:]))
