"""What the record says of a page's visible text: how long it is, and the hashes that tell texts apart.

A word is what stands between white space: a sentence in Chinese, Japanese or Thai, which are written
without it, counts as one.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from scraper.parse.simhash import MAX_CHARACTERS, simhash
from scraper.parse.text import fold, unprintable

_STEP = 1_000_000
"""Characters that are split into words at once: ten million of them as objects took 400 MB."""
BEGINNING = 5_000
"""Characters of the folded text that are handed on."""


class TextFigures(NamedTuple):
    """What the record says of the visible text."""

    word_count: int
    text_length: int
    """Characters, white space folded."""
    text_sha256: str
    simhash: str | None


class Measured(NamedTuple):
    """The figures, and the beginning of the text that they are of."""

    figures: TextFigures
    beginning: str
    """No more than ``BEGINNING`` characters, white space folded: the same where the hash is the same."""


def measured(text: str) -> Measured:
    """Measure visible text that is not folded yet."""
    if len(text) > _STEP:
        return _measured_in_steps(text)
    shown = fold(text)
    encoded = shown.encode()
    # A quarter of the time that ``count`` takes.
    blanks = len(encoded) - len(encoded.translate(None, b" "))
    count = blanks + 1 if shown else 0
    digest = hashlib.sha256(encoded).hexdigest()
    return Measured(TextFigures(count, len(shown), digest, simhash(shown)), shown[:BEGINNING])


def _measured_in_steps(text: str) -> Measured:
    """Do the same for a text that is too long to be split at once."""
    beginning = ""
    count = length = 0
    digest = hashlib.sha256()
    is_inside = False  # the step before ended within a word
    for at in range(0, len(text), _STEP):
        piece = unprintable.sub("", text[at : at + _STEP])
        words = piece.split()
        if not words:
            is_inside = is_inside and not piece
            continue
        goes_on = is_inside and not piece[0].isspace()
        shown = " ".join(words) if goes_on or not count else " " + " ".join(words)
        if len(beginning) < MAX_CHARACTERS:
            beginning += shown[:MAX_CHARACTERS]
        count += len(words) - goes_on
        length += len(shown)
        digest.update(shown.encode())
        is_inside = not piece[-1].isspace()
    found = TextFigures(count, length, digest.hexdigest(), simhash(beginning))
    return Measured(found, beginning[:BEGINNING])
