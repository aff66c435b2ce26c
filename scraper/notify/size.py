"""How large a change is, from 0 (none) to 1 (nothing is left of it). Pure.

- Of two numbers: the difference by the larger of them, so that a price of 100 that becomes 95 is 0.05.
- Of two texts: the share of their pairs of neighbouring characters that the other does not have (the distance
  of Sørensen and Dice). The order of whole passages counts for nothing.
- Of lists and objects: the same of their JSON text.
- Where there is nothing on one side, or a number on one and a text on the other: 1.

Pages choose the values: it takes time in proportion to their length, and only the beginning is looked at.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from scraper.record import ChangeStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scraper.notify.notice import FieldChange

MAX_CHARACTERS = 10_000


def page_size(status: ChangeStatus, fields: Iterable[FieldChange]) -> float:
    """Return how large the change of a page is: that of the field with the largest.

    A page that is new, gone or there again has changed as a whole: 1.
    """
    if status is not ChangeStatus.CHANGED:
        return 0.0 if status is ChangeStatus.UNCHANGED else 1.0
    return max((change_size(field.old, field.new) for field in fields), default=0.0)


def change_size(old: Any, new: Any) -> float:
    """Return how large the change of a value is; both are as read from JSON."""
    if old == new and type(old) is type(new):
        return 0.0
    if _is_empty(old) or _is_empty(new):
        return 0.0 if _is_empty(old) and _is_empty(new) else 1.0
    if _is_number(old) and _is_number(new):
        return _number_size(old, new)
    if _is_number(old) or _is_number(new) or isinstance(old, str) != isinstance(new, str):
        return 1.0
    return _text_size(_text(old), _text(new))


def _number_size(old: float, new: float) -> float:
    if old == new:
        return 0.0
    larger = max(abs(old), abs(new))
    try:
        size = abs(old / larger - new / larger)  # divided first: no overflow of the difference
    except OverflowError:  # of an integer beyond all floats and a float
        return 1.0
    return 1.0 if math.isnan(size) else min(1.0, size)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    # Not msgspec, which refuses lone surrogates.
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text[:MAX_CHARACTERS]


def _text_size(old: str, new: str) -> float:
    if old == new:  # as far as they are looked at
        return 0.0
    old_pairs, new_pairs = (
        Counter(map("".join, itertools.pairwise(text))) for text in (f"\n{old}\n", f"\n{new}\n")
    )
    shared = sum((old_pairs & new_pairs).values())
    return 1.0 - 2 * shared / (old_pairs.total() + new_pairs.total())
