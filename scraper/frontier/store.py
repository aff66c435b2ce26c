"""The state of a run on disk: which lines are not yet done, and which keys were seen.

Used from one thread only (``StateThread``). Rows leave ``waiting`` when their records are written, so
that the file shrinks with the work, and *what is not done* is simply what is still there.

The promise over crashes: ``finish`` deletes a batch's rows and notes the output's length in one
transaction, after the batch itself was synced. Whatever moment the process dies at, cutting the output
to the noted length and going on with the rows that are left loses nothing and doubles nothing.

``synchronous=NORMAL`` keeps that also over a power cut: a lost last transaction only means an older
length, never one that the output does not have.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.errors import OutputLocked, StateError, UsageError
from scraper.frontier.rows import Line, Row, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scraper.messages import Batch, Finished, Request

LAYOUT_VERSION = 1
"""Of the tables below. A state of another version can't be resumed."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources (number INTEGER PRIMARY KEY, consumed INTEGER NOT NULL, ended INTEGER NOT NULL);
CREATE TABLE seen (high INTEGER, low INTEGER, seq INTEGER NOT NULL, PRIMARY KEY (high, low)) WITHOUT ROWID;
CREATE TABLE waiting (host INTEGER, seq INTEGER, line TEXT NOT NULL, PRIMARY KEY (host, seq)) WITHOUT ROWID;
"""

# Every step of a statement gives the interpreter's lock away and has to win it back from a busy event
# loop, which takes up to 5 ms. So a batch goes in and out as one JSON text and costs a handful of steps,
# however many rows it has: statements row by row took 114 ms to admit 500 lines, and slowed the loop.
_SEE = """
INSERT OR IGNORE INTO seen
SELECT json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[0]') FROM json_each(?)
"""
_DUPLICATES = """
SELECT json_group_array(json_array(json_extract(value, '$[0]'), seen.seq)) FROM json_each(?) JOIN seen
ON seen.high = json_extract(value, '$[1]') AND seen.low = json_extract(value, '$[2]')
WHERE seen.seq <> json_extract(value, '$[0]')
"""
_ADMIT = """
INSERT INTO waiting
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)
"""
_LOAD = """
SELECT group_concat('[' || json_extract(value, '$[0]') || ',[' || ifnull((
    SELECT group_concat(line) FROM (
        SELECT line FROM waiting
        WHERE host = json_extract(value, '$[0]') AND seq > json_extract(value, '$[1]') ORDER BY seq LIMIT ?
    )
), '') || ']]') FROM json_each(?)
"""
_HOSTS = """
WITH RECURSIVE found (id, n) AS (
    SELECT (SELECT host FROM waiting WHERE host > ? ORDER BY host LIMIT 1), 1
    UNION ALL
    SELECT (SELECT host FROM waiting WHERE host > found.id ORDER BY host LIMIT 1), n + 1
    FROM found WHERE id IS NOT NULL AND n < ?
)
SELECT json_group_array(id) FROM found WHERE id IS NOT NULL
"""
_FINISH = """
DELETE FROM waiting WHERE (host, seq) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
)
"""


class Progress(NamedTuple):
    """How far the run has come, as the state knows it."""

    lines: int
    """Admitted so far; the next line's ``seq``."""
    done: int
    """Records written and noted."""
    output_bytes: int
    """The output's length with them."""


class SourceProgress(NamedTuple):
    """How far one source was read."""

    consumed: int
    ended: bool


class Admission(NamedTuple):
    """What became of a batch of lines."""

    lines: int
    hosts: tuple[int, ...]
    """The ids of the hosts that have new rows, in the order of the list."""


class Want(NamedTuple):
    """A host whose rows are to be loaded: those behind a ``seq``."""

    host_id: int
    after_seq: int


class Store:
    """The SQLite file. Every method may raise ``StateError``; none leaves a transaction open."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it if need be, and hold it alone until ``close``.

        Raises:
            OutputLocked: Another process holds it.
            UsageError: It can't be written there.
            StateError: It is no state, one of another version, or can't be opened.
        """
        self._path = path
        with self._translated():
            # The user's own: it holds the list, whose URLs may hold what is nobody else's business.
            if path.name != ":memory:":
                _make_private(path)
            self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    def _open(self) -> None:
        # Exclusive locking is what makes a second run on the same output fail at once, also on
        # systems without flock, and spares the shared-memory file.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise OutputLocked(f"{self._path} is in use: another run is writing there") from error
            raise
        try:
            if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                self._put(layout=LAYOUT_VERSION, lines=0, done=0, output_bytes=0)
            layout = self._get("layout")
            if layout != LAYOUT_VERSION:
                raise StateError(f"{self._path} was written by another version: finish it there, or --fresh")
        finally:
            self._db.execute("COMMIT" if self._db.in_transaction else "SELECT 1")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA cache_size=-4096")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"state {self._path}: {error}") from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _get(self, name: str) -> object:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _value(self, query: str, *parameters: object) -> str:
        """Return the one value that a query gives."""
        value: str = self._db.execute(query, parameters).fetchone()[0]
        return value

    def _put(self, **values: object) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def _add(self, **amounts: int) -> None:
        self._db.executemany(
            "UPDATE meta SET value = value + ? WHERE name = ?", [(n, name) for name, n in amounts.items()]
        )

    def note(self, **facts: str) -> None:
        """Keep facts about the run, such as its id and its sources."""
        with self._transaction():
            self._put(**facts)

    def fact(self, name: str) -> str | None:
        """Return a fact kept by ``note``, ``None`` when there is none by that name."""
        with self._translated():
            value = self._get(name)
        return None if value is None else str(value)

    def progress(self) -> Progress:
        """Return how far the run has come."""
        with self._translated():
            rows = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        return Progress(rows["lines"], rows["done"], rows["output_bytes"])

    def sources(self) -> dict[int, SourceProgress]:
        """Return how far each source was read, by its number."""
        with self._translated():
            rows = self._db.execute("SELECT number, consumed, ended FROM sources").fetchall()
        return {number: SourceProgress(consumed, bool(ended)) for number, consumed, ended in rows}

    def admit(self, batch: Batch) -> Admission:
        """Take in a batch of lines, and with it how far its source was read.

        A line that is no URL or has been seen goes to ``NOBODY`` with its outcome, so that it too
        comes out as a record.
        """
        with self._transaction():
            first = int(str(self._get("lines")))
            lines = [Line.of(seq, seed) for seq, seed in enumerate(batch.seeds, first)]
            keys = _json([(line.seq, *line.digest) for line in lines if line.key])
            self._db.execute(_SEE, (keys,))
            firsts: dict[int, int] = dict(msgspec.json.decode(self._value(_DUPLICATES, keys)))
            rows = [(line.home(firsts), line.seq, line.row(firsts)) for line in lines]
            self._db.execute(_ADMIT, (_json(rows),))
            self._db.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?)",
                (batch.source, batch.consumed, int(batch.ended)),
            )
            self._add(lines=len(lines))
        return Admission(len(lines), tuple(dict.fromkeys(home for home, _, _ in rows)))

    def load(self, wants: Sequence[Want], *, limit: int) -> dict[int, list[Request]]:
        """Return the next rows of each host by its id, in the order of the list, at most ``limit``."""
        with self._translated():
            found = self._value(_LOAD, limit, _json(wants))
        hosts = msgspec.json.decode(f"[{found or ''}]", type=list[tuple[int, list[Row]]])
        return {
            home: [request_of(home, row) for row in sorted(rows, key=lambda row: row.seq)]
            for home, rows in hosts
        }

    def hosts_after(self, host_id: int, limit: int) -> list[int]:
        """Return up to ``limit`` hosts with waiting rows whose id is greater than ``host_id``, sorted.

        Each is one seek in the primary key, however many rows a host has.
        """
        with self._translated():
            found: list[int] = msgspec.json.decode(self._value(_HOSTS, host_id, limit))
        return sorted(found)

    def finish(self, finished: Sequence[Finished], *, output_bytes: int) -> None:
        """Note that these records are on disk and that the output has this length with them."""
        with self._transaction():
            rows = _json([(one.home, one.seq) for one in finished])
            gone = self._db.execute(_FINISH, (rows,)).rowcount
            if gone != len(finished):
                raise StateError(f"state {self._path}: {len(finished)} records written, {gone} lines waited")
            self._add(done=len(finished))
            self._put(output_bytes=output_bytes)

    def close(self, *, remove: bool) -> None:
        """Let go of the file; with ``remove`` it is deleted first, while it is still held.

        Held, so that no other run can have opened it in between.
        """
        with self._translated():
            if not remove:
                self._db.close()
                return
            # Leaving WAL mode folds the side file in and deletes it.
            self._db.execute("PRAGMA journal_mode=DELETE")
            try:
                self._path.unlink(missing_ok=True)
            except PermissionError:  # Windows deletes no open file
                self._db.close()
                self._path.unlink()
            self._db.close()


def _make_private(path: Path) -> None:
    """Make the file, if need be, for the user's own eyes."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()
