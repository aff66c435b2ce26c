"""Inputs made of other inputs by a generator with a seed: the same on every machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from random import Random

_MOST_BYTES = 4096
_BYTES = (
    b"\0",
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
)
_QUOTED = re.compile(rb'^[^#"]*"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_ESCAPED = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))")


def words_of(dictionary: Path) -> list[bytes]:
    """Return the words of a libFuzzer dictionary: one a line, in quotes, bytes perhaps in hex."""
    if not dictionary.is_file():
        return []
    found = _QUOTED.findall(dictionary.read_bytes())
    return [_ESCAPED.sub(lambda one: bytes((int(one[1], 16),)) if one[1] else one[2], word) for word in found]


def mutations(
    seeds: Sequence[bytes], *, count: int, chance: Random, words: Sequence[bytes]
) -> Iterator[bytes]:
    """Give ``count`` inputs, each one to four small changes away from a seed."""
    pieces = [*_BYTES, *words]
    for _ in range(count):
        data = chance.choice(seeds)
        for _ in range(chance.randint(1, 4)):
            data = _changed(data, other=chance.choice(seeds), pieces=pieces, chance=chance)
        yield data[:_MOST_BYTES]


def _changed(data: bytes, *, other: bytes, pieces: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randint(0, len(data))
    end = min(len(data), at + chance.choice((1, 1, 2, 4, 16, 64)))
    match chance.randrange(6):
        case 0:  # cut short
            return data[:at]
        case 1:  # lose a piece
            return data[:at] + data[end:]
        case 2:  # say a piece again, perhaps often
            return data[:at] + data[at:end] * chance.choice((2, 3, 50)) + data[end:]
        case 3:  # go on as another one does
            return data[:at] + other[chance.randint(0, len(other)) :]
        case 4:  # another byte
            return data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
        case _:
            return data[:at] + chance.choice(pieces) + data[at:]
