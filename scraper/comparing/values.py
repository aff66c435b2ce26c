"""How the values of a record are compared by the conditions of ``--where``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SEARCHED = 10_000
"""Characters of a value that a regular expression sees: pages choose what is in it."""


def kind(value: Any) -> str:
    """Return what a value can be compared with: values of the same kind."""
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def _equal(left: Any, right: Any) -> bool:
    return kind(left) == kind(right) and bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: (
        kind(left) == kind(right) and kind(left) in {"number", "str"} and compare(left, right)
    )


COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
}


def is_found(search: Callable[[str], object], value: Any) -> bool:
    """Return whether a search finds anything in a text, or in any text of a list."""
    if isinstance(value, list):
        return any(isinstance(one, str) and search(one[:MAX_SEARCHED]) is not None for one in value)
    return isinstance(value, str) and search(value[:MAX_SEARCHED]) is not None


def contains(whole: Any, part: Any) -> bool:
    """Return whether a value is in a list, a text in a text, or a name in an object."""
    if isinstance(whole, list):
        return any(_equal(one, part) for one in whole)
    if isinstance(whole, dict):
        return isinstance(part, str) and part in whole
    return isinstance(whole, str) and isinstance(part, str) and part in whole
