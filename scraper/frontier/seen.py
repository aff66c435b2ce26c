"""Which keys were seen, and on which line first: exact, on disk, and quick while a long list is read.

Keys are random. Noted one batch after the other where they are looked for, in a tree by key, each would
change a page of its own, and the log would have 4 KiB for it. So they are noted as they come, in one row a
batch, and brought into the tree together when there are many, in its order. Until then they are in memory as
well, which is bounded by that; and a filter, of bounded size too, tells most keys that are in the tree from
those that are not, without a look at it.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import msgspec

from scraper.frontier import statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_MOST_FRESH = 32_000
"""Bringing so many into the tree takes a tenth of a second; in memory they take 5 MB."""
_FILTER_BYTES = 1 << 21
"""Of a million keys that are new, one in 17 is looked for in the tree; of ten million, every other."""

_DIGEST_BYTES = 16


class SeenKeys:
    """The keys of a state, by their digests of 16 bytes. What changes it belongs into a transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Take over the tables of a state."""
        self._db = db
        self._fresh: dict[bytes, int] | None = None
        """Keys that are not in the tree yet, with their lines; ``None``: to be read."""
        # Of a tree that is there already nothing is in the filter, so it would have to be read as a whole.
        has_tree = db.execute(statements.ANY_SEEN).fetchone() is not None
        self._filter = None if has_tree else bytearray(_FILTER_BYTES)

    def forget(self) -> None:
        """Go by the tables again: a transaction was rolled back."""
        self._fresh = None

    def see(self, keys: Sequence[tuple[int, bytes]]) -> dict[int, int]:
        """Note the keys of lines; return, for each line whose key was there before, that key's first line.

        Args:
            keys: The number of a line and its key's digest; of equal ones the first counts.
        """
        fresh = self._read_fresh()
        older = self._older(digest for _, digest in keys if digest not in fresh)
        firsts: dict[int, int] = {}
        seqs, digests = array("q"), []
        for seq, digest in keys:
            first = fresh.get(digest)
            if first is None and older:
                first = older.get(digest)
            if first is None:
                fresh[digest] = seq
                seqs.append(seq)
                digests.append(digest)
            else:
                firsts[seq] = first
        if digests:
            self._db.execute(statements.NOTE_FRESH, (seqs.tobytes(), b"".join(digests)))
        if len(fresh) >= _MOST_FRESH:
            self._merge(fresh)
        return firsts

    def known(self, digests: Sequence[bytes]) -> frozenset[bytes]:
        """Return those of the keys that were seen."""
        fresh = self._read_fresh()
        older = self._older(digest for digest in digests if digest not in fresh)
        return frozenset(digest for digest in digests if digest in fresh or digest in older)

    def _read_fresh(self) -> dict[bytes, int]:
        if self._fresh is None:
            self._fresh = {}
            for numbers, joined in self._db.execute(statements.FRESH):
                seqs = array("q", numbers)
                cuts = range(0, len(joined), _DIGEST_BYTES)
                digests = [joined[at : at + _DIGEST_BYTES] for at in cuts]
                self._fresh.update(zip(digests, seqs, strict=True))
        return self._fresh

    def _older(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Return those of the keys that are in the tree, with their lines."""
        bits, from_bytes = self._filter, int.from_bytes
        asked = [one for one in digests if bits is None or bits[from_bytes(one[:3]) >> 3] >> (one[3] & 7) & 1]
        if not asked:
            return {}
        numbers = _json(list(range(len(asked))))
        found = self._db.execute(statements.IN_TREE, {"keys": b"".join(asked), "asked": numbers}).fetchone()[
            0
        ]
        return {asked[number]: seq for number, seq in msgspec.json.decode(found)}

    def _merge(self, fresh: dict[bytes, int]) -> None:
        """Bring the keys that are not in the tree into it."""
        digests = sorted(fresh)  # so that each page of the tree is looked for once
        seqs = _json([fresh[digest] for digest in digests])
        self._db.execute(statements.MERGE_FRESH, (b"".join(digests), seqs))
        self._db.execute(statements.DROP_FRESH)
        if self._filter is not None:
            bits, from_bytes = self._filter, int.from_bytes
            for digest in digests:
                bits[from_bytes(digest[:3]) >> 3] |= 1 << (digest[3] & 7)
        self._fresh = {}


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
