"""A fingerprint that texts share nearly when they are nearly the same.

Charikar's simhash ("Similarity estimation techniques from rounding algorithms", 2002) in the use of Manku,
Jain and Das Sarma ("Detecting near-duplicates for web crawling", 2007, who take 3 of 64 bits as near): each
sequence of three words votes with its hash on each bit, as often as it occurs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

from scraper.parse.text import fold

BITS = 64
MAX_CHARACTERS = 200_000
"""So much of a text is read at the most, some 30,000 words. A sample from all over it would change with
each word that is put in before it."""

_SHINGLE = 3
_BYTES = BITS // 8
_ROW = 32
"""Bytes of a word's hash; three places times eight are used."""
# Scripts that do not set words apart: each character is a word, or one changed letter would change a whole
# sentence. Thai, Lao, Myanmar, Khmer; kana, bopomofo and Han.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
_words = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+").findall
_has_unspaced = re.compile(rf"[{_UNSPACED}]").search

_MAX_KNOWN = 32
"""Longer words are no vocabulary, and would make the cache as large as someone likes."""


def _row(word: str) -> bytes:
    """Hash a word for each of the places it may have in a sequence."""
    return sha256(word.encode()).digest()


# Pages share most of their words. Hashing was two thirds of the time; this takes 5 MB at the most.
_known = lru_cache(maxsize=20_000)(_row)


def simhash(text: str) -> str | None:
    """Return 16 hexadecimal digits, ``None`` without a word. Case and white space make no difference.

    A sequence's hash is made of its words' by tabulation (Zobrist): each word has a hash for each of the
    three places, and those of three neighbours are combined by XOR. So a word is hashed once, and the rest
    is arithmetic on integers as long as the text, which hold one byte of every hash.
    """
    text = text[:MAX_CHARACTERS].lower()
    words = text.split()
    joined = "".join(words)
    if not joined.isascii() and _has_unspaced(joined):
        words = _words(fold(text))
    elif not joined.isprintable():
        words = fold(text).split()
    if not words:
        return None
    rows_of = {word: _known(word) if len(word) <= _MAX_KNOWN else _row(word) for word in set(words)}
    # A text shorter than a sequence is one.
    padding = bytes(_ROW * max(0, _SHINGLE - len(words)))
    rows = b"".join(map(rows_of.__getitem__, words)) + padding
    count = len(rows) // _ROW - _SHINGLE + 1
    ones = int.from_bytes(b"\x01" * count, "little")
    masks = [ones << bit for bit in range(8)]
    value = 0
    for byte in range(_BYTES):
        column = 0
        for place in range(_SHINGLE):
            hashes = rows[place * _BYTES + byte :: _ROW]
            column ^= int.from_bytes(hashes[place : place + count], "little")
        for bit, mask in enumerate(masks):
            if 2 * (column & mask).bit_count() > count:
                value |= 1 << 8 * byte + bit
    return f"{value:016x}"


def distance(a: str, b: str) -> int:
    """Return in how many of the 64 bits two fingerprints differ: 0 alike, 3 near, 32 unrelated."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
