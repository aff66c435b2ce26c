"""A fingerprint that texts share nearly when they are nearly the same.

Charikar's simhash ("Similarity estimation techniques from rounding algorithms", 2002) in the use of Manku,
Jain and Das Sarma ("Detecting near-duplicates for web crawling", 2007, who take 3 of 64 bits as near): each
sequence of three words votes with its hash on each bit, as often as it occurs.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BITS = 64
MAX_WORDS = 2048
"""So many words of a text are read at the most: more take longer and tell no more pages apart. A sample from
all over it would change with each word that is put in before it."""

_PLACES = (0, 3, 5)
"""By how many bytes the hash of a word is turned for each of its places in a sequence."""
_BYTES = BITS // 8
_TURNS = tuple(
    (
        int.from_bytes((b"\xff" * (_BYTES - turn) + bytes(turn)) * MAX_WORDS, "little"),
        8 * turn,
        int.from_bytes((b"\xff" * turn + bytes(_BYTES - turn)) * MAX_WORDS, "little"),
    )
    for turn in _PLACES[1:]
)
"""For the second and the third place: what stays within a hash that is turned, by how many bits that is, and
what comes in at its other end."""
# Scripts that do not set words apart: each character is a word, or one changed letter would change a whole
# sentence. Thai, Lao, Myanmar, Khmer; kana, bopomofo and Han. Compiled when a text needs it: sets as wide as
# this take 2 ms each, as much of the program's start as all patterns of a module elsewhere.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = rf"[{_UNSPACED}]"
_WORD = rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+"

_MAX_KNOWN = 50_000
_MAX_KNOWN_CHARACTERS = 32
"""Longer words are no vocabulary, and would make it as large as someone likes."""


class _Vocabulary(dict[str, bytes]):
    """The hashes of words, whatever their case.

    Pages share most of their words, and looking them up here takes 40 ns against 900 to hash one. It takes
    8 MB at the most.
    """

    def __missing__(self, word: str) -> bytes:
        row = blake2b(word.lower().encode(), digest_size=_BYTES).digest()
        if len(word) <= _MAX_KNOWN_CHARACTERS:
            if len(self) >= _MAX_KNOWN:
                self.clear()
            self[word] = row
        return row


_vocabulary = _Vocabulary()


def simhash(words: Sequence[str]) -> str | None:
    """Return 16 hexadecimal digits for a text, ``None`` without a word. Case makes no difference.

    A sequence's hash is made of its words' by tabulation (Zobrist): those of three neighbours, each turned
    by its place, are combined by XOR. So a word is hashed once, and the rest is arithmetic on integers as
    long as the text, which hold one byte of every hash.

    Args:
        words: the text, split at white space, without what is not printable.
    """
    words = words[:MAX_WORDS]
    joined = "".join(words)
    if not joined.isascii() and re.search(_UNSPACED_CHARACTER, joined):
        words = re.findall(_WORD, " ".join(words))[:MAX_WORDS]
    if not words:
        return None
    # A text shorter than a sequence is one.
    padding = bytes(_BYTES * max(0, len(_PLACES) - len(words)))
    rows = int.from_bytes(b"".join(map(_vocabulary.__getitem__, words)) + padding, "little")
    count = max(len(words), len(_PLACES)) - len(_PLACES) + 1
    votes = rows
    for place, (kept, turn, carried) in enumerate(_TURNS, 1):
        votes ^= ((rows >> turn & kept) | (rows & carried) << BITS - turn) >> BITS * place
    value = _majority(votes & (1 << BITS * count) - 1, count)
    return f"{value:016x}"


def _majority(votes: int, count: int) -> int:
    """Return for each of ``BITS`` bits whether more than half of ``count`` hashes have it.

    They stand one behind the other; the second half of them is added to the first until one is left. Sums
    lie in slices: the first integer has their lowest bits, the next one the second, so that all sums are
    added by the same few operations. For 2,000 hashes it takes half of counting the ones of each bit.
    """
    slices = [votes]
    left = 1 << (count - 1).bit_length()
    while left > 1:
        left //= 2
        size = BITS * left
        mask = (1 << size) - 1
        carry = 0
        sums = []
        for one in slices:
            low, high = one & mask, one >> size
            either = low ^ high
            sums.append(either ^ carry)
            carry = low & high | either & carry
        slices = [*sums, carry]
    half = count // 2
    more, alike = 0, (1 << BITS) - 1
    for place in reversed(range(len(slices))):
        if half >> place & 1:
            alike &= slices[place]
        else:
            more |= alike & slices[place]
            alike &= ~slices[place]
    return more


def distance(a: str, b: str) -> int:
    """Return in how many of the 64 bits two fingerprints differ: 0 alike, 3 near, 32 unrelated."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
