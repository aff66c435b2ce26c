"""Markup that would cost an HTML parser too much, made harmless before it is parsed.

The HTML Standard has a tree built that can grow with the square of the page:

- Formatting elements (``b``, ``font``, ...) that are left open are opened again in each further
  paragraph (13.2.4.3, "reconstruct the active formatting elements"): 500 KB of ``<p><b id=...>`` took
  2 GB.
- Each further ``html`` and ``body`` start tag adds its attributes to the first one (13.2.6.4.7), for
  which turbohtml copies those that are there: 200 KB took 1.8 GB.

Nothing here needs to be exact but in one direction: what passes untouched can't be dangerous. Browsers
have no such limits, but they lose a tab and not a crawl.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHARACTERS = 3_000_000
"""So many characters of a page are parsed at the most; the metadata stands in the first few thousand. The
parsers keep several copies of a text: 20 MB of plain words took 600 MB, these take 80."""
MAX_CLONES = 1_000_000
"""Formatting elements that may be opened again in a page; each takes some 100 bytes."""
MAX_COPIED_BYTES = 8_000_000
"""Characters of a page times its ``html`` and ``body`` start tags; each makes ten bytes or so."""

_ROOTS = frozenset(("html", "body"))
_FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_SHORTEST_TAG = len("<a>")
# All that is looked for and a little more, each up to its end if that is plain to see. Most pages need no
# other search. It is about as quick as counting tags: a set of characters first and what it leads to behind
# it, where alternatives ("b|big|code") take five times as long.
_perhaps = re.compile(
    r"<[biuscefnthBIUSCEFNTH](?:>|[\t\n\f\r /iIoOmMtT]"
    r"(?:(?<=[\t\n\f\r /])|(?<=[iI])[gG]|(?<=[oO])[dDnNbB]|(?<=[^iI][mMtT]))[^<>]*+>?)"
).findall
_risky = re.compile(rf"<(html|body|{_FORMATTING})(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII)
# Attributes without anything that could end a tag elsewhere than here; \s would match more than the
# Standard's white space, and so take for an end tag what is none.
_ATTRIBUTES = (
    r"(?:[\t\n\f\r ]++[a-z][\w:-]*+(?:=(?:\"[^\"<>]*+\"|'[^'<>]*+'|[\w./:#%?;,+-]++))?+)*+[\t\n\f\r ]*+"
)
_is_plain = re.compile(rf"<[a-z]++{_ATTRIBUTES}/?>", re.IGNORECASE | re.ASCII).fullmatch
_ALIKE = 3
"""So many elements with the same name and attributes are opened again at the most (13.2.4.3, "push onto the
list of active formatting elements")."""
_empty = re.compile(rf"<(?:br|wbr|img){_ATTRIBUTES}/?>", re.IGNORECASE | re.ASCII)
_closed = re.compile(
    rf"<(a|span|{_FORMATTING}){_ATTRIBUTES}>[^<]*+</\1[\t\n\f\r ]*+>", re.IGNORECASE | re.ASCII
)
_ROUNDS = 4
"""Depth to which formatting elements that hold others are recognised as closed."""
_HARMLESS = "<wbr"
"""Stands for a start tag that is taken out: an element without content, at which no word ends."""


def harmless(text: str, *, most_tags: int) -> str:
    """Return the beginning of a page that has no more tags than these, tamed."""
    text = text[:MAX_CHARACTERS]
    # To count them takes as long as to look for those that matter.
    if len(text) // _SHORTEST_TAG > most_tags:
        text = first_tags(text, count=most_tags)
    return tamed(text)


def first_tags(text: str, *, count: int) -> str:
    """Return what is before the ``<`` with this number, from 0, and no more than ``MAX_CHARACTERS``."""
    text = text[:MAX_CHARACTERS]
    if text.count("<") <= count:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning with no more than so many
        middle = (low + high + 1) // 2
        if text.count("<", 0, middle) <= count:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def tamed(text: str) -> str:
    """Return a page's markup with the start tags replaced that would make its tree grow beyond bounds.

    Nearly every page comes back as it is, the sooner the smaller it is and the less it formats.
    """
    most = len(text) // _SHORTEST_TAG
    if _are_few(most, text):
        return text
    roots, kept_open = _most_kept(text)
    allowed = max(2, MAX_COPIED_BYTES // len(text))
    if roots <= allowed and kept_open * most <= MAX_CLONES:
        return text
    tags = text.count("<")
    if _are_few(tags, text):
        return text
    if roots > allowed:
        text = _risky.sub(_after(allowed), text)
    # The last search only when the first, which is quicker, does not do.
    if kept_open * tags > MAX_CLONES and _left_open(text) * tags > MAX_CLONES:
        text = _risky.sub(_unformatted, text)
    return text


def _are_few(tags: int, text: str) -> bool:
    """Whether so many tags are harmless whatever they are: at the worst, half of them open the others."""
    return tags * tags <= 4 * MAX_CLONES and tags * len(text) <= 4 * MAX_COPIED_BYTES


def _most_kept(text: str) -> tuple[int, int]:
    """Return how many ``html`` and ``body`` tags there are, and formatting elements to be opened again.

    Both at the most. Of elements that are written alike the parser keeps few. Start tags that are not plain
    count each for itself, since they may end elsewhere than they seem to.
    """
    roots = kept_open = 0
    for tag, count in Counter(_perhaps(text)).items():
        risky = _risky.match(tag)
        if risky is None:
            continue
        if risky[1].lower() in _ROOTS:
            roots += count
        else:
            kept_open += min(count, _ALIKE) if _is_plain(tag) else count
    return roots, kept_open


def _left_open(text: str) -> int:
    """Return how many formatting elements may be left open, at the most.

    An element that holds text alone and is closed behind it leaves nothing, whatever is around it.
    """
    text = _empty.sub("", text)
    for _ in range(_ROUNDS):
        text, replaced = _closed.subn("", text)
        if not replaced:
            break
    return sum(name.lower() not in _ROOTS for name in _risky.findall(text))


def _after(allowed: int) -> Callable[[re.Match[str]], str]:
    """Return what keeps so many ``html`` and ``body`` start tags and replaces the others."""
    left = allowed

    def replaced(tag: re.Match[str]) -> str:
        nonlocal left
        if tag[1].lower() not in _ROOTS:
            return tag[0]
        left -= 1
        return tag[0] if left >= 0 else _HARMLESS

    return replaced


def _unformatted(tag: re.Match[str]) -> str:
    return tag[0] if tag[1].lower() in _ROOTS else _HARMLESS
