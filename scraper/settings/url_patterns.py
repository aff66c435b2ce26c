"""Regular expressions that users write and that are searched for in URLs which pages and servers write.

Python's ``re`` goes back and tries again: ``(a+)+$`` takes longer than anybody waits on a URL of forty
characters, and a page may hold thousands of them. So a pattern is judged once, before anything is asked
for. One that ``re`` can't be slow with is left to it, since it is the quickest; any other is given to
google-re2, whose time grows with the URL's length alone, where that is installed and knows the pattern's
syntax; else ``re`` gets it if its time grows with the square of the length at worst. The rest is refused.
Pure.
"""

from __future__ import annotations

import re
import warnings
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

# How Python itself reads a pattern. Not public: a test holds what is used of it.
from re import _parser  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FEW: Final = 16
"""A repeat that varies by more than this counts as one without end."""
_ENDLESS: Final = 1_000
"""The degree of what can take exponential time."""
_MOST_WAYS: Final = {0: 10_000, 1: 10_000, 2: 100}
"""How many ways through a pattern there may be, by the degree of its time: more than this is refused."""
_REPEATS: Final = {_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT}
_STARTS: Final = {_parser.AT_BEGINNING, _parser.AT_BEGINNING_STRING}
_HELD: Final[dict[Any, Any]] = {
    _parser.SUBPATTERN: itemgetter(3),
    _parser.ATOMIC_GROUP: lambda body: body,
    _parser.ASSERT: itemgetter(1),
    _parser.ASSERT_NOT: itemgetter(1),
}
"""What is within another part, by where it has it."""
# A search begins and ends anywhere as it is; by these it would do so twice.
_beginning_anywhere = re.compile(r"(?:\.\*\??(?![*+?{]))+").match
_ending_anywhere = re.compile(r"(?<!\\)(?:\.\*\??)\Z").search


class _Work(NamedTuple):
    """A bound of what a match takes: ``ways`` times the URL's length to the power of ``degree``."""

    degree: int
    ways: int


def url_searcher(pattern: str) -> Callable[[str], object]:
    """Return the search of a regular expression in URLs: truthy where it is found.

    Raises:
        ValueError: It is none, or some URL could make it take too long; the message has the remedy.
    """
    if (anywhere := _beginning_anywhere(pattern)) is not None:
        pattern = pattern[anywhere.end() :]
    if (anywhere := _ending_anywhere(pattern)) is not None:
        pattern = pattern[: anywhere.start()]
    try:
        with warnings.catch_warnings():
            # Python's plans for "[[" are no concern of who writes a pattern today.
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(pattern)
            work = _work_of(_parser.parse(pattern))
    except re.error as error:
        raise ValueError(f"not a regular expression: {' '.join(str(error).split())}") from None
    except (OverflowError, RecursionError) as error:
        # What is raised for a{99999999999} and for thousands of nested groups.
        raise ValueError(f"not a regular expression: {error}") from None
    if work.degree <= 1 and work.ways <= _MOST_WAYS[1]:
        return compiled.search
    linear, why_not = _linear(pattern)
    if linear is not None:
        return linear
    if work.ways <= _MOST_WAYS.get(work.degree, 0):
        return compiled.search
    raise ValueError(f"some URL could make it take for ever: {why_not}")


def _linear(pattern: str) -> tuple[Callable[[str], object] | None, str]:
    """Return the search by google-re2, or ``None`` and what the user can do about that."""
    simpler = "write it without a repeat within a repeat, with fewer repeats, or with ^ before it"
    try:
        import re2  # noqa: PLC0415 - few patterns need it

        options = re2.Options()
        options.log_errors = False
    except (ImportError, AttributeError):  # another package has the name, too
        return None, f"{simpler}, or `pip install google-re2`, which takes any in linear time"
    try:
        return partial(_found, re2.compile(pattern, options)), ""
    except re2.error:
        return None, f"{simpler}; google-re2 would take it but for look-around and references to groups"


def _found(compiled: Any, url: str) -> bool:
    return compiled.search(url) is not None


def _work_of(tree: Iterable[tuple[Any, Any]]) -> _Work:
    """Return what a search takes; one that does not say where it begins is tried at each place."""
    parts = list(tree)
    work = _sequence(parts)
    is_held = bool(parts) and parts[0][0] is _parser.AT and parts[0][1] in _STARTS
    return work if is_held else work._replace(degree=work.degree + 1)


def _sequence(parts: Iterable[tuple[Any, Any]]) -> _Work:
    degree, ways = 0, 1
    for name, value in parts:
        part = _part(name, value)
        degree, ways = min(degree + part.degree, _ENDLESS), min(ways * part.ways, _MOST_WAYS[0] + 1)
    return _Work(degree, ways)


def _part(name: Any, value: Any) -> _Work:
    if name in _REPEATS:
        return _repeat(*value)
    if name is _parser.BRANCH:
        return _either(value[1])
    if name is _parser.GROUPREF_EXISTS:
        return _either([one for one in value[1:] if one is not None])
    if name in _HELD:
        return _sequence(_HELD[name](value))
    # A reference is compared character by character; all else is one character, or a place.
    return _Work(1 if name is _parser.GROUPREF else 0, 1)


def _either(branches: Iterable[Any]) -> _Work:
    works = list(map(_sequence, branches))
    return _Work(max(work.degree for work in works), sum(work.ways for work in works))


def _repeat(least: int, most: int, body: Any) -> _Work:
    inner = _sequence(body)
    is_plain = inner == _Work(0, 1)
    if most - least > _FEW:
        return _Work(1 if is_plain else _ENDLESS, 1)
    times = int(min(most, _ENDLESS))
    ways = 1 if inner.ways == 1 else min(inner.ways ** min(times, _FEW), _MOST_WAYS[0] + 1)
    return _Work(min(inner.degree * times, _ENDLESS), ways * (most - least + 1))
