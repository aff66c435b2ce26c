"""Text as a reader sees it: what of a document counts, where words end, how white space folds.

The rules are shared by both parsers' backends. They follow the HTML Standard's rendering section:
what it displays as ``none`` is left out, what it displays inline does not end a word, and everything
else, elements it does not know included, does.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

# fmt: off
INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "blink", "cite", "code", "data", "del", "dfn",
    "em", "font", "i", "ins", "kbd", "label", "mark", "nobr", "q", "rb", "ruby", "s", "samp", "small",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))
# fmt: on
"""Elements whose edges do not end a word: ``foo<b>bar</b>`` is one."""

# fmt: off
INVISIBLE = frozenset((
    "audio", "canvas", "datalist", "head", "iframe", "noembed", "noframes", "noscript", "rp", "rt",
    "rtc", "script", "style", "template", "title", "video",
))
# fmt: on
"""Elements whose text is not read: never displayed, a fallback, or (rt) said beside another word."""

RAW = frozenset(("iframe", "noembed", "noframes", "noscript", "template"))
"""Elements whose markup is not part of the document: raw text where scripts run, and templates."""

MAX_TEXT = 10_000
"""The most characters of one field; what is longer is cut."""

# C0, DEL and C1 but for those that str.split() takes as white space; and lone surrogates, which no
# JSON encoder takes.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]+")


def fold(text: str) -> str:
    """Fold white space (Unicode's) to single spaces, strip the ends, remove control characters."""
    folded = " ".join(text.split())
    # One call in C settles it for nearly every text.
    if folded.isprintable():
        return folded
    if _UNPRINTABLE.search(folded) is None:
        return folded
    return " ".join(_UNPRINTABLE.sub("", folded).split())


def field(text: str | None) -> str | None:
    """Fold one field's text and cut it to ``MAX_TEXT``; ``None`` when nothing is left."""
    if not text:
        return None
    # Cut before folding too: a field of megabytes costs no more than a long one.
    return fold(text[: 4 * MAX_TEXT])[:MAX_TEXT].rstrip() or None


class TextFigures(NamedTuple):
    """What the record says of the visible text."""

    word_count: int
    text_length: int
    """Characters, white space folded."""
    text_sha256: str


def figures(text: str) -> TextFigures:
    """Measure visible text that is not folded yet.

    Splitting and joining is the quickest of what was tried: folding bytes by ``translate`` and
    ``replace``, without an object for each word, took 1.9 ms against 1.3 for 9,000 words.
    """
    words = text.split()
    folded = " ".join(words)
    if not folded.isprintable() and _UNPRINTABLE.search(folded):
        words = _UNPRINTABLE.sub("", folded).split()
        folded = " ".join(words)
    return TextFigures(len(words), len(folded), hashlib.sha256(folded.encode()).hexdigest())
