"""Values of a record as people read them, and of two values what differs. Pure.

Values come from pages, and may be nested as JSON can be: what is looked at is bounded in depth and length.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH: Final = 8
"""Deeper than pages nest what they say; what is below is left out."""
_ENTRIES: Final = 1_000


def readable(old: Any, new: Any, *, limit: int) -> tuple[str | None, str | None]:
    """Return two values of a field as texts: of objects and lists only what the other one has not.

    Objects are ``name value, name value``, entries of a list stand between semicolons, and what is nested in
    brackets. ``None`` is what is not there.

    Args:
        old: As read from JSON.
        new: The same, and not equal.
        limit: The most characters of each.
    """
    old, new = _differing(old, new, _DEPTH)
    return _text(old, limit), _text(new, limit)


def _differing(old: Any, new: Any, depth: int) -> tuple[Any, Any]:
    if not depth:
        return old, new
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = {
            name: _differing(old.get(name), new.get(name), depth - 1)
            for name in islice(old | new, _ENTRIES)
            if name not in old or name not in new or old[name] != new[name]
        }
        return (
            {name: pair[0] for name, pair in pairs.items() if name in old},
            {name: pair[1] for name, pair in pairs.items() if name in new},
        )
    if isinstance(old, list) and isinstance(new, list):
        olds, news = _without(old, new), _without(new, old)
        if not olds and not news:  # the order is another
            return old, new
        if len(olds) == len(news):
            pairs_of = [_differing(*pair, depth - 1) for pair in zip(olds, news, strict=True)]
            return [one for one, _ in pairs_of], [one for _, one in pairs_of]
        return olds, news
    return old, new


def _without(entries: list[Any], others: list[Any]) -> list[Any]:
    """Return the entries that are not among the others as well, each as often as it is there more."""
    left = Counter(map(_key, others[:_ENTRIES]))
    kept = []
    for entry in entries[:_ENTRIES]:
        key = _key(entry)
        if left[key]:
            left[key] -= 1
        else:
            kept.append(entry)
    return kept


def _key(value: Any) -> str:
    # Not msgspec, which refuses lone surrogates.
    return json.dumps(value, sort_keys=True)


def _text(value: Any, limit: int) -> str | None:
    if value is None or (isinstance(value, (dict, list)) and not value):
        return None
    pieces, length = [], 0
    for piece in _pieces(value, _DEPTH):
        pieces.append(piece[:limit])
        length += len(piece)
        if length >= limit:
            break
    return "".join(pieces)[:limit]


def _pieces(value: Any, depth: int, *, is_inside: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif not isinstance(value, (dict, list)):
        yield "nothing" if value is None else json.dumps(value)
    elif not depth:
        yield "…"
    else:
        if is_inside:
            yield "("
        if isinstance(value, dict):
            for number, (name, one) in enumerate(value.items()):
                yield f"{', ' if number else ''}{name} "
                yield from _pieces(_alone(one), depth - 1, is_inside=True)
        else:
            nested = any(isinstance(one, (dict, list)) for one in value[:_ENTRIES])
            for number, one in enumerate(value):
                yield ("; " if nested else ", ") if number else ""
                yield from _pieces(one, depth - 1, is_inside=isinstance(one, list))
        if is_inside:
            yield ")"


def _alone(value: Any) -> Any:
    """Return the one entry of a list instead of the list, however often that is nested."""
    for _ in range(_DEPTH):
        if not (isinstance(value, list) and len(value) == 1):
            break
        value = value[0]
    return value
