"""What a page asks of crawlers: ``<meta name=robots>`` and the ``X-Robots-Tag`` header.

There is no standard. The rules are those that Google publishes ("Robots meta tag, data-nosnippet, and
X-Robots-Tag specifications") and Bing follows:

- Names, values and the names of crawlers are not case-sensitive; directives are separated by commas.
- What is said to everyone (``robots``) and what is said to one crawler by its name add up.
- Of directives that contradict each other the more restrictive one holds.
- In the header a crawler's name may stand before the directives (``otherbot: noindex, nofollow``). It is
  for all that follow, up to the next name.
- A directive that is not known, or whose value can't be read, has no effect.

Pages separate by blanks and semicolons too; that is understood where only known directives stand.
This module does no I/O.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from functools import lru_cache
from typing import TYPE_CHECKING

from scraper.parse.text import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DIRECTIVES = 1000
"""The most directives of a page."""
_MAX_TEXT = 100_000
_MAX_DIRECTIVE = 1000
_MAX_CACHED = 300
_MAX_CACHED_DIRECTIVES = 20

EVERYONE = "robots"
"""The name of the ``meta`` that is for every crawler."""
_EVERYONE = frozenset((EVERYONE, "*"))

_IMPLIED = {
    "none": ("noindex", "nofollow"),
    "max-snippet:0": ("nosnippet",),
    "nocache": ("noarchive",),  # Bing's name for it
}
# fmt: off
_RESTRICTIONS = (
    "noindex", "nofollow", "noarchive", "nosnippet", "noimageindex", "notranslate", "nositelinkssearchbox",
    "noodp", "noydir", "noai", "noimageai", "indexifembedded",
)
_PERMISSIONS = (
    "all", "index", "follow", "archive", "snippet", "imageindex", "translate", "odp", "ydir",
)
# fmt: on
_KNOWN = frozenset((*_RESTRICTIONS, *_PERMISSIONS, "none", "nocache"))
_PREVIEWS = ("none", "standard", "large")
_LIMITS = frozenset(("max-snippet", "max-image-preview", "max-video-preview"))
_VALUED = _LIMITS | {"unavailable_after"}

_agent = re.compile(r"\s*([\w*][\w*./-]{0,99})\s*:\s*").match
_valued = re.compile(r"([a-z]+[-_][a-z-]+)\s*:\s*(.*)", re.DOTALL).fullmatch
_words = re.compile(r"[\s;]+").split
_number = re.compile(r"-1|[0-9]{1,9}").fullmatch


def said_in_metas(token: str, *, metas: Iterable[tuple[str, str]], most: int = MAX_DIRECTIVES) -> list[str]:
    """Return the directives for us and for everyone as a document has them, lower case, in order.

    Args:
        token: our product token; empty when only what is said to everyone counts.
        metas: the ``name`` and ``content`` of ``meta`` elements; those by other names are passed over.
        most: how many directives are returned at the most.
    """
    names = {EVERYONE, token.lower()}
    said: list[str] = []
    for name, content in metas:
        if name.strip().lower() in names:
            said += _known_line(content) if len(content) <= _MAX_CACHED else _line(content)
        if len(said) > most:
            break
    return said[:most]


def said_in_headers(token: str, *, headers: Iterable[str]) -> list[str]:
    """Return the same of the values of ``X-Robots-Tag`` headers, without the crawlers' names."""
    names = {*_EVERYONE, token.lower()}
    said: list[str] = []
    for value in headers:
        ours = True
        for piece in _pieces(value.lower()):
            rest = piece[:_MAX_DIRECTIVE]
            while (found := _agent(rest)) and found[1] not in _VALUED and found[1] not in _KNOWN:
                ours = found[1] in names
                rest = rest[found.end() :]
            if ours:
                said += _several(rest)
    return said[:MAX_DIRECTIVES]


def directives_for(token: str, *, metas: Iterable[tuple[str, str]], headers: Iterable[str]) -> list[str]:
    """Return what holds for a crawler: all it is asked, the most restrictive of each.

    What only says the default (``index``, ``all``) is left out, and so is what is not known. ``none`` comes
    as the two that it stands for. A value has no blank before it: ``max-snippet:50``.
    """
    return combined([*said_in_metas(token, metas=metas), *said_in_headers(token, headers=headers)])


def combined(said: Iterable[str]) -> list[str]:
    """Return what holds of directives from ``said_in_metas`` and ``said_in_headers``; see there."""
    found = tuple(said)
    if not found:
        return []
    is_short = len(found) <= _MAX_CACHED_DIRECTIVES
    return list(_known_combination(found) if is_short else _combination(found))


def _combination(said: tuple[str, ...]) -> tuple[str, ...]:
    plain: set[str] = set()
    least: dict[str, tuple[float, str]] = {}  # of each directive with a value: how restrictive, and itself
    for directive in said:
        if directive in _KNOWN:
            plain.update(_IMPLIED.get(directive, (directive,)))
        elif (found := _valued(directive)) and (rank := _rank(found[1], found[2])) is not None:
            written = f"{found[1]}:{found[2]}"
            if written in _IMPLIED:
                plain.update(_IMPLIED[written])
            least[found[1]] = min(least.get(found[1], (rank, written)), (rank, written))
    if "nosnippet" in plain:
        least.pop("max-snippet", None)
    return *(one for one in _RESTRICTIONS if one in plain), *(least[name][1] for name in sorted(least))


_known_combination = lru_cache(maxsize=256)(_combination)


def forbids_following(directives: Iterable[str]) -> bool:
    """Return whether the links of a page are to be left alone, by directives combined or not."""
    return any(one in {"nofollow", "none"} for one in directives)


def expires_at(directives: Iterable[str]) -> datetime | None:
    """Return when a page wants to be forgotten (``unavailable_after``), with a zone; the earliest time."""
    found = (_valued(one) for one in directives if one.startswith("unavailable_after"))
    dates = (_date(one[2]) for one in found if one)
    return min((date for date in dates if date), default=None)


def _line(content: str) -> tuple[str, ...]:
    return tuple(one for piece in _pieces(content.lower()) for one in _several(piece))


# The pages of a site say the same. To read and combine what most of them have (WordPress) took 36 us, now 2.
_known_line = lru_cache(maxsize=256)(_line)


def _pieces(text: str) -> Iterator[str]:
    """Split at commas, but for those of a date: what follows ``unavailable_after`` and begins with a digit.

    RFC 850 has one behind the day of the week (``Saturday, 25-Jun-11``), Americans before the year.
    """
    pieces = text[:_MAX_TEXT].split(",", MAX_DIRECTIVES)[:MAX_DIRECTIVES]
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        if "unavailable_after" in piece:
            for following in pieces[at : at + 2]:
                if not following.lstrip()[:1].isdigit():
                    break
                piece = f"{piece},{following}"
                at += 1
        yield piece


def _several(piece: str) -> list[str]:
    """Return the directives of one piece; several where blanks or semicolons stand between known ones."""
    text = fold(piece[:_MAX_DIRECTIVE]).strip("; ")
    if not text:
        return []
    if " " in text or ";" in text:
        words = [word for word in _words(text) if word]
        # "max-snippet: 50" is one directive, not two: 50 is none.
        if all(word in _KNOWN or word.partition(":")[0] in _LIMITS for word in words):
            return words
    return [text]


def _rank(name: str, value: str) -> float | None:
    """Return how restrictive a value is, less being more; ``None`` when it means nothing."""
    if name == "max-image-preview":
        return _PREVIEWS.index(value) if value in _PREVIEWS else None
    if name == "unavailable_after":
        date = _date(value)
        return date.timestamp() if date else None
    if name not in _VALUED or not _number(value):
        return None
    return float("inf") if value == "-1" else float(value)


def _date(text: str) -> datetime | None:
    """Read a date of RFC 822, RFC 850 or ISO 8601; without a zone that is known, it is UTC's."""
    text = text[:100].strip().upper()
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return _mail_date(text) or _mail_date(f"{text} 00:00:00 GMT")
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _mail_date(text: str) -> datetime | None:
    # Its parser takes much, and trips over some of the rest.
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        return datetime(*parts[:6], tzinfo=timezone(timedelta(seconds=parts[9] or 0)))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
