"""A journal's records as lines without their ends, as they were written or in input order."""

from __future__ import annotations

import heapq
from array import array
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 16
"""So many records are sorted at once; what is known of the others takes 16 bytes each."""


class _Place(msgspec.Struct):
    seq: int


_place_of = msgspec.json.Decoder(_Place).decode


def record_lines(journal: BinaryIO, *, ordered: bool) -> Iterator[bytes]:
    """Give the records of a journal one after the other, from its beginning.

    Args:
        journal: A file that can be sought in; it is not closed.
        ordered: By ``seq``, the number of the input line. That reads the file twice and keeps 16 bytes for
            each record in memory.

    Raises:
        msgspec.DecodeError: In order, and a line is no record.
    """
    journal.seek(0)
    if not ordered:
        yield from (line.removesuffix(b"\n") for line in journal)
        return
    for offset in _offsets(journal):
        journal.seek(offset)
        yield journal.readline().removesuffix(b"\n")


def _offsets(journal: BinaryIO) -> Iterator[int]:
    """Give where each record begins, by ``seq``; those of the same as they stand in the file."""
    sorted_chunks: list[tuple[array[int], array[int]]] = []
    chunk: list[tuple[int, int]] = []
    offset = 0
    for line in chain(journal, (b"",)):
        if line:
            chunk.append((_place_of(line).seq, offset))
            offset += len(line)
        if len(chunk) == _CHUNK or not line:
            chunk.sort()
            sorted_chunks.append(
                (array("q", map(itemgetter(0), chunk)), array("q", map(itemgetter(1), chunk)))
            )
            chunk = []
    merged = heapq.merge(*(zip(seqs, offsets, strict=True) for seqs, offsets in sorted_chunks))
    yield from (offset for _, offset in merged)
