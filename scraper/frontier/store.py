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
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from scraper import urls
from scraper.errors import InvalidUrl, OutputLocked, StateError
from scraper.messages import Batch, Finished, Request, Seed
from scraper.record import Outcome

LAYOUT_VERSION = 1
"""Of the tables below. A state of another version can't be resumed."""

NOBODY = 0
"""The host id of lines that need no request: duplicates and invalid ones."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE sources (number INTEGER PRIMARY KEY, consumed INTEGER NOT NULL, ended INTEGER NOT NULL);
CREATE TABLE hosts (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE seen (key BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE waiting (
    host INTEGER NOT NULL, seq INTEGER NOT NULL, input TEXT NOT NULL, extra BLOB, url TEXT,
    guessed INTEGER NOT NULL, settled TEXT, why TEXT, duplicate_of INTEGER,
    PRIMARY KEY (host, seq)
) WITHOUT ROWID;
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
    hosts: dict[int, str]
    """The hosts that have new rows, by id, in the order of the list."""


class Want(NamedTuple):
    """A host whose rows are to be loaded."""

    host_id: int
    after_seq: int
    limit: int


class Store:
    """The SQLite file. Every method may raise ``StateError``; none leaves a transaction open."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it if need be, and hold it alone until ``close``.

        Raises:
            OutputLocked: Another process holds it.
            StateError: It is no state, one of another version, or can't be opened.
        """
        self._path = path
        with self._translated():
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
        self._db.execute("PRAGMA cache_size=-16384")

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
            lines = [_Line.of(seq, seed) for seq, seed in enumerate(batch.seeds, first)]
            firsts = self._first_seen(lines)
            rows = [line.row(firsts) for line in lines]
            hosts = {row[0]: line.host for row, line in zip(rows, lines, strict=True)}
            self._db.executemany("INSERT INTO waiting VALUES (?,?,?,?,?,?,?,?,?)", rows)
            self._db.executemany("INSERT OR IGNORE INTO hosts VALUES (?, ?)", list(hosts.items()))
            self._db.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?)",
                (batch.source, batch.consumed, int(batch.ended)),
            )
            self._add(lines=len(lines))
        return Admission(len(lines), hosts)

    def _first_seen(self, lines: Sequence[_Line]) -> dict[bytes, int]:
        """Return for each key the ``seq`` of the first line that has it, and note the new keys."""
        digests = list({line.digest for line in lines if line.digest})
        marks = ",".join("?" * len(digests))
        found = self._db.execute(f"SELECT key, seq FROM seen WHERE key IN ({marks})", digests)  # noqa: S608 marks only
        firsts: dict[bytes, int] = dict(found.fetchall())
        new: dict[bytes, int] = {}
        for line in lines:
            if line.digest and line.digest not in firsts:
                new.setdefault(line.digest, line.seq)
        self._db.executemany("INSERT INTO seen VALUES (?, ?)", sorted(new.items()))
        return firsts | new

    def load(self, wants: Sequence[Want]) -> list[list[Request]]:
        """Return the next rows of each host, in the order of the list, at most ``limit`` of each."""
        with self._translated():
            return [
                [
                    _request(row)
                    for row in self._db.execute(
                        "SELECT * FROM waiting WHERE host = ? AND seq > ? ORDER BY seq LIMIT ?", want
                    )
                ]
                for want in wants
            ]

    def hosts_after(self, host_id: int, limit: int) -> dict[int, str]:
        """Return up to ``limit`` hosts with waiting rows whose id is greater than ``host_id``.

        Each step is one seek in the primary key, however many rows a host has.
        """
        found: dict[int, str] = {}
        with self._translated():
            while len(found) < limit:
                row = self._db.execute(
                    "SELECT host, (SELECT name FROM hosts WHERE id = host) FROM waiting"
                    " WHERE host > ? ORDER BY host LIMIT 1",
                    (host_id,),
                ).fetchone()
                if row is None:
                    break
                host_id, found[row[0]] = row
        return found

    def finish(self, finished: Sequence[Finished], *, output_bytes: int) -> None:
        """Note that these records are on disk and that the output has this length with them."""
        with self._transaction():
            gone = self._db.executemany(
                "DELETE FROM waiting WHERE host = ? AND seq = ?", [(one.home, one.seq) for one in finished]
            ).rowcount
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
            with contextlib.suppress(PermissionError):  # Windows deletes no open file
                self._path.unlink()
            self._db.close()
            self._path.unlink(missing_ok=True)


class _Line(NamedTuple):
    """A seed on its way into the table."""

    seq: int
    seed: Seed
    url: str | None
    host: str
    guessed: bool
    digest: bytes | None
    why: str | None

    @classmethod
    def of(cls, seq: int, seed: Seed) -> _Line:
        try:
            parsed = urls.parse_input(seed.input)
        except InvalidUrl as error:
            return cls(seq, seed, None, "", guessed=False, digest=None, why=str(error))
        digest = urls.key_digest(urls.dedup_key(parsed.url))
        return cls(seq, seed, parsed.url, parsed.host, parsed.guessed_scheme, digest, None)

    def row(self, firsts: dict[bytes, int]) -> tuple[object, ...]:
        first = firsts[self.digest] if self.digest else self.seq
        if self.url is None:
            home, settled = NOBODY, Outcome.INVALID_URL.value
        elif first != self.seq:
            home, settled = NOBODY, Outcome.DUPLICATE.value
        else:
            home, settled = host_id(self.host), None
        extra = msgspec.json.encode(self.seed.extra) if self.seed.extra else None
        same = self.url == self.seed.input
        return (
            home,
            self.seq,
            self.seed.input,
            extra,
            None if same else self.url or "",
            int(self.guessed),
            settled,
            self.why,
            first if settled == Outcome.DUPLICATE.value else None,
        )


def host_id(host: str) -> int:
    """Return the number that a host goes by in the state.

    A hash rather than a count, so that nothing has to be looked up while lines are taken in. Two
    hosts that share one (by chance once in 10¹⁸ pairs) would share their limits, no more.
    """
    digest = hashlib.blake2b(host.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 1) or 1


def _request(row: tuple[int, int, str, bytes | None, str | None, int, str | None, str | None, int]) -> Request:
    home, seq, line, extra, url, guessed, settled, why, duplicate_of = row
    url = line if url is None else url
    return Request(
        seq=seq,
        home=home,
        input=line,
        extra=msgspec.json.decode(extra) if extra else None,
        url=url or None,
        key=urls.dedup_key(url) if url else None,
        target="" if settled else url,
        host="" if settled else urls.host_key(url),
        guessed_scheme=bool(guessed),
        settled=Outcome(settled) if settled else None,
        settled_why=why,
        duplicate_of=duplicate_of,
    )
