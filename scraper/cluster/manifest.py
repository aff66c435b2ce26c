"""What the one who directs a run in parts knows, on disk: so that the run outlives it.

Which parts there are, how often each was begun, what it was given, and which of its attempts counts. A part's
end, what it has for others, and what they are given because of it are one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.cluster.orders import Figures, encode
from scraper.errors import StateError
from scraper.frontier.held_file import HeldFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LAYOUT = "parts-1"
_APPLICATION_ID = 0x53_63_50_61
"""What SQLite writes into the file's head ("Database File Format" 1.3.16): any number that others don't."""
_MAGIC = b"SQLite format 3\0"
_ID_BEGINS, _ID_ENDS = 68, 72
_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """CREATE TABLE shards (
        shard INTEGER PRIMARY KEY, weight_s REAL NOT NULL, attempt INTEGER NOT NULL, open INTEGER NOT NULL,
        dealt INTEGER NOT NULL, completions INTEGER NOT NULL, folder TEXT NOT NULL, figures TEXT NOT NULL
    )""",
    """CREATE TABLE inputs (
        shard INTEGER, number INTEGER, name TEXT NOT NULL, lines INTEGER NOT NULL, PRIMARY KEY (shard, number)
    ) WITHOUT ROWID""",
)


class Shard(msgspec.Struct, kw_only=True):
    """One part, as it stands."""

    shard: int
    weight_s: float
    attempt: int
    """The number of the last attempt; 0 before the first."""
    open: bool
    """It has something to do: its list, or what it was given since it was complete."""
    dealt: int
    completions: int
    """How often it was complete."""
    listed: int
    """How many lines its list has."""
    folder: str
    """Where its records are, when it is complete."""
    figures: Figures


class Manifest(HeldFile):
    """The SQLite file, held alone until ``close``. Every method may raise ``StateError``."""

    HOLDER = "another program directs this run"

    def __init__(self, path: Path) -> None:
        """Open it as ``HeldFile`` does, making it if need be."""
        super().__init__(path, any_thread=True)

    def _lay_out(self) -> None:
        for statement in _TABLES:
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        self._put(layout=LAYOUT)

    def _check_layout(self) -> None:
        if self._get("layout") != LAYOUT:
            raise StateError(
                f"{self._path} is the state of a run in one part, or of another version: finish it as it "
                "was begun, or start over with --fresh"
            )

    def begin(self, *, lines: int, parts: Sequence[tuple[int, float, str]]) -> None:
        """Note that the list is split: how long it is, and of each part lines, weight and list."""
        empty = encode(Figures()).decode()
        with self._transaction():
            self._db.executemany(
                "INSERT INTO shards VALUES (?, ?, 0, ?, 0, 0, '', ?)",
                [
                    (shard, weight_s, int(count > 0), empty)
                    for shard, (count, weight_s, _) in enumerate(parts)
                ],
            )
            self._db.executemany(
                "INSERT INTO inputs VALUES (?, 1, ?, ?)",
                [(shard, name, count) for shard, (count, _, name) in enumerate(parts)],
            )
            self._put(lines=lines, shards=len(parts))

    def shards(self) -> list[Shard]:
        """Return all parts by their number."""
        with self._translated():
            rows = self._db.execute(
                "SELECT shards.*, inputs.lines FROM shards"
                " JOIN inputs ON inputs.shard = shards.shard AND inputs.number = 1 ORDER BY shards.shard"
            ).fetchall()
        return [
            Shard(
                shard=shard,
                weight_s=weight_s,
                attempt=attempt,
                open=bool(is_open),
                dealt=dealt,
                completions=completions,
                listed=listed,
                folder=folder,
                figures=msgspec.json.decode(figures, type=Figures),
            )
            for shard, weight_s, attempt, is_open, dealt, completions, folder, figures, listed in rows
        ]

    def inputs(self, shard: int) -> tuple[str, ...]:
        """Return the names of the files that a part was given, in their order."""
        with self._translated():
            rows = self._db.execute("SELECT name FROM inputs WHERE shard = ? ORDER BY number", (shard,))
            return tuple(name for (name,) in rows.fetchall())

    def next_attempt(self, shard: int) -> int:
        """Count a new attempt at a part, and return its number."""
        with self._transaction():
            self._db.execute("UPDATE shards SET attempt = attempt + 1 WHERE shard = ?", (shard,))
            row = self._db.execute("SELECT attempt FROM shards WHERE shard = ?", (shard,)).fetchone()
        return int(row[0])

    def complete(
        self,
        shard: int,
        *,
        given: int,
        folder: str,
        figures: Figures,
        dealt: int,
        deals: Sequence[tuple[int, int, str, int]],
    ) -> None:
        """Note that a part is complete with its first ``given`` inputs, and what others are given for it.

        ``deals`` are part, number, name and lines of each file. The part stays open if it was given more.
        """
        figures = msgspec.structs.replace(figures, hosts=(), failures=())  # of a moment that is over
        with self._transaction():
            more = self._db.execute(
                "SELECT count(*) FROM inputs WHERE shard = ? AND number > ?", (shard, given)
            ).fetchone()[0]
            self._db.execute(
                "UPDATE shards SET open = ?, dealt = ?, completions = completions + 1, folder = ?,"
                " figures = ? WHERE shard = ?",
                (int(more > 0), dealt, folder, encode(figures).decode(), shard),
            )
            self._db.executemany("INSERT INTO inputs VALUES (?, ?, ?, ?)", deals)
            opened = [(deal[0],) for deal in deals]
            self._db.executemany("UPDATE shards SET open = 1 WHERE shard = ?", opened)

    def close(self, *, remove: bool) -> None:
        """Let go of the file; with ``remove`` it is deleted first, while it is still held."""
        with self._translated():
            if remove:
                self._path.unlink(missing_ok=True)
            self._db.close()


def is_manifest(path: Path) -> bool:
    """Return whether a state is that of a run in parts; also while somebody holds it."""
    try:
        with path.open("rb") as file:
            head = file.read(_ID_ENDS)
    except OSError:
        return False
    return head.startswith(_MAGIC) and head[_ID_BEGINS:] == _APPLICATION_ID.to_bytes(4)
