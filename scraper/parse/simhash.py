"""A fingerprint that texts share nearly when they are nearly the same.

Charikar's simhash ("Similarity estimation techniques from rounding algorithms", 2002) in the use of Manku,
Jain and Das Sarma ("Detecting near-duplicates for web crawling", 2007, who take 3 of 64 bits as near): each
sequence of three words votes with its hash on each bit, as often as it occurs.
"""

from __future__ import annotations

import re
from struct import pack
from zlib import crc32

BITS = 64
MAX_WORDS = 1024
"""So many words of a text are read at the most: more take longer and tell no more pages apart. Of 492 pages
of a documentation no two are within 6 bits, whether 512 words are read or 2,048. A sample from all over a
text would change with each word that is put in before it."""
MAX_CHARACTERS = 16 * MAX_WORDS
"""So many characters are looked at for them, so that long words cost no more than short ones."""

_SPREAD = 0x9E3779B1
"""2^32 by the golden ratio: it spreads the 32 bits of a checksum over 64, and ends that checksums are linear,
by which words with letters in common would vote alike."""
_TURNS = (5, 11)
"""By how many bits the hashes of the second and the third word are shifted. What comes in at the other end is
of the word behind, which is half the work of turning each by itself, and as much a part of the text."""
# Scripts that do not set words apart: each character is a word, or one changed letter would change a whole
# sentence. Thai, Lao, Myanmar, Khmer; kana, bopomofo and Han. Compiled when a text needs it: sets as wide as
# this take 2 ms each, as much of the program's start as all patterns of a module elsewhere.
_UNSPACED_CHARACTER = (
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]"
)


def simhash(text: str) -> str | None:
    """Return 16 hexadecimal digits for a text, ``None`` without a word. Case makes no difference.

    A sequence's hash is made of its words' by tabulation (Zobrist): those of three neighbours, each shifted
    by its place, are combined by XOR. So a word is hashed once, by a checksum, and the rest is arithmetic on
    integers as long as the text. A dictionary of the hashes of known words took twice as long in a crawl, but
    0.09 ms where it was measured alone: between two pages the processor's cache loses it.

    Args:
        text: white space folded to single spaces, without what is not printable.
    """
    text = text[:MAX_CHARACTERS].lower()
    if not text.isascii():
        text = re.sub(_UNSPACED_CHARACTER, r" \g<0> ", text)
    words = text.encode(errors="surrogatepass").split(None, MAX_WORDS)[:MAX_WORDS]
    if not words:
        return None
    rows = int.from_bytes(pack(f"<{len(words)}Q", *map(crc32, words)), "little") * _SPREAD
    votes = rows
    for place, turn in enumerate(_TURNS, 1):
        votes ^= rows >> BITS * place + turn
    # A text shorter than a sequence is one.
    count = max(1, len(words) - len(_TURNS))
    value = _majority(votes & (1 << BITS * count) - 1, count)
    return f"{value:016x}"


def _majority(votes: int, count: int) -> int:
    """Return for each of ``BITS`` bits whether more than half of ``count`` hashes have it.

    They stand one behind the other; the second half of them is added to the first until one is left. Sums
    lie in slices: the first integer has their lowest bits, the next one the second, so that all sums are
    added by the same few operations. For 1,000 hashes it takes 0.02 ms, counting the ones of each bit 0.3.
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
