"""Two runs compared page by page, in memory that does not depend on their size.

Each file is read twice. The first time only digests are kept, in a temporary SQLite database which spills to
disk; a join of the two tells which pages differ. The second time the values of those alone are read: the old
ones are laid into the database, the new ones meet them in the order of the new run.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from scraper.comparing.changes import Digests, compared_values, course, is_missing, is_same
from scraper.comparing.names import FieldPath, shown_path
from scraper.errors import RunError, UsageError
from scraper.record import ChangeStatus, Outcome
from scraper.run.results import raw_records, record_values, values_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

_BATCH = 1000
Row = TypeVar("Row", bound=tuple[Any, ...])
# Filled in the order of the key: a tree that grows at random places is slow once it is larger than the cache.
# A million records on each side took 152 s with it, and 64 s so.
_SORT = (
    (
        "CREATE TABLE {side} (page BLOB PRIMARY KEY, n INTEGER, digest BLOB, content BLOB, missing INTEGER)"
        " WITHOUT ROWID"
    ),
    "INSERT OR IGNORE INTO {side} SELECT * FROM {side}_read ORDER BY page, n",
    "DROP TABLE {side}_read",
)
_TABLE = "CREATE TABLE {side}_read (page BLOB, n INTEGER, digest BLOB, content BLOB, missing INTEGER)"
# A page whose server says that it is gone may have moved, as one that is not in the run any more.
_JOIN = (
    "CREATE TABLE pairs (new_n INTEGER PRIMARY KEY, old_n INTEGER)",
    "INSERT INTO pairs SELECT new.n, old.n FROM new JOIN old USING (page) WHERE new.digest <> old.digest",
    "CREATE TABLE added (n INTEGER PRIMARY KEY, content BLOB)",
    (
        "INSERT INTO added SELECT n, content FROM new"
        " WHERE NOT EXISTS (SELECT 1 FROM old WHERE old.page = new.page)"
    ),
    "CREATE TABLE lost (n INTEGER PRIMARY KEY, new_n INTEGER, content BLOB)",
    (
        "INSERT INTO lost SELECT old.n, new.n, old.content FROM old LEFT JOIN new USING (page)"
        " WHERE new.n IS NULL OR (new.missing AND NOT old.missing AND new.digest <> old.digest)"
    ),
    # Only what is the one page of its content on both sides: of pages that are all alike none has moved.
    "CREATE TABLE moved (new_n INTEGER PRIMARY KEY, old_n INTEGER, gone_n INTEGER)",
    (
        "INSERT INTO moved SELECT max(added.n), max(lost.n), max(lost.new_n)"
        " FROM added JOIN lost USING (content)"
        " GROUP BY content HAVING count(*) = 1"
    ),
    "CREATE TABLE wanted (n INTEGER PRIMARY KEY)",
    "INSERT INTO wanted SELECT old_n FROM pairs UNION SELECT n FROM lost",
    "CREATE TABLE olds (n INTEGER PRIMARY KEY, old BLOB)",
)
_ENTRIES = """
SELECT pairs.new_n, 'pair', olds.old FROM pairs JOIN olds ON olds.n = pairs.old_n
    WHERE pairs.new_n NOT IN (SELECT gone_n FROM moved WHERE gone_n IS NOT NULL)
UNION ALL SELECT moved.new_n, 'moved', olds.old FROM moved JOIN olds ON olds.n = moved.old_n
UNION ALL SELECT n, 'new', NULL FROM added WHERE n NOT IN (SELECT new_n FROM moved)
ORDER BY 1
"""
_LOST = """
SELECT olds.old FROM lost JOIN olds USING (n)
WHERE new_n IS NULL AND n NOT IN (SELECT old_n FROM moved) ORDER BY n
"""
_SAME = "SELECT count(*) FROM new JOIN old USING (page) WHERE new.digest = old.digest"


class Difference(NamedTuple):
    """The values of a field before and after."""

    old: Any
    new: Any


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One page that is not as it was."""

    status: str
    """A ``ChangeStatus``, or ``moved``."""
    url: str
    """The line's text when it is no URL."""
    moved_from: str | None = None
    """Where the same content was before; only of what has moved."""
    title: str | None = None
    """The page's; only where there is a record on one side only."""
    fields: dict[str, Difference] = {}
    """By field, what differs; empty when there is a record on one side only."""


class Totals(msgspec.Struct):
    """How many pages there are of each kind; complete when the entries have been read."""

    new: int = 0
    changed: int = 0
    recovered: int = 0
    moved: int = 0
    gone: int = 0
    unchanged: int = 0

    @property
    def differing(self) -> int:
        """How many pages are not as they were."""
        return self.new + self.changed + self.recovered + self.moved + self.gone


class Comparison:
    """Two runs and how they differ: ``entries`` can be read once, ``totals`` stands when that is done.

    Pages are matched by ``key``, lines that are no URL by their text. Of several records of one key the first
    counts; a duplicate's record (``duplicate_of``) is passed over.
    """

    def __init__(self, old: Path, new: Path, *, fields: Sequence[FieldPath]) -> None:
        """Take two files of records.

        Raises:
            UsageError: One is no regular file: each is read twice.
        """
        for path in (old, new):
            if not path.is_file():
                raise UsageError(f"{path}: is read twice, which only a file can be; write it to one first")
        self._old, self._new, self._fields = old, new, fields
        self._digests = Digests(fields)
        self.totals = Totals()

    def entries(self) -> Iterator[Entry]:
        """Give the pages that differ: in the order of the new run, then those that are only in the old.

        The temporary database goes with the iterator.

        Raises:
            UsageError: A file can't be read, holds something else, or has changed meanwhile.
            RunError: There is no room for the temporary database.
        """
        try:
            # Without a name: a file of its own that SQLite deletes, and makes only when the cache is full.
            with contextlib.closing(sqlite3.connect("", isolation_level=None)) as db:
                yield from self._entries(db)
        except sqlite3.Error as error:
            raise RunError(f"the temporary database of the comparison: {error}") from error

    def _entries(self, db: sqlite3.Connection) -> Iterator[Entry]:
        was = [_stamp(path) for path in (self._old, self._new)]
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA cache_size=-16384")
        db.execute("BEGIN")
        for side, path in (("old", self._old), ("new", self._new)):
            db.execute(_TABLE.format(side=side))
            self._index(db, side, path)
            for statement in _SORT:
                db.execute(statement.format(side=side))
        for statement in _JOIN:
            db.execute(statement)
        self.totals.unchanged = db.execute(_SAME).fetchone()[0]
        self._lay_in_old(db)
        yield from self._of_new(db)
        for (old,) in db.execute(_LOST):
            self.totals.gone += 1
            kept = msgspec.json.decode(old)
            yield Entry(status=ChangeStatus.GONE, url=kept["name"], title=kept["title"])
        if was != [_stamp(path) for path in (self._old, self._new)]:
            raise UsageError(f"{self._old} or {self._new} has changed while it was read: compare again")

    def _index(self, db: sqlite3.Connection, side: str, path: Path) -> None:
        rows = self._rows(path)
        insert = f"INSERT INTO {side}_read VALUES (?, ?, ?, ?, ?)"  # noqa: S608 - one of two names of ours
        while batch := list(islice(rows, _BATCH)):
            db.executemany(insert, batch)

    def _rows(self, path: Path) -> Iterator[tuple[bytes, int, bytes, bytes | None, bool]]:
        for number, record in enumerate(record_values(path)):
            if record.get("duplicate_of") is None:
                digest = self._digests.of(record)
                yield _page(record), number, digest, _content(record), is_missing(record)

    def _lay_in_old(self, db: sqlite3.Connection) -> None:
        """Keep of the old records that are wanted what an entry shows."""
        kept = (
            (number, msgspec.json.encode(self._kept(record)))
            for (number,), record in _beside(self._old, db.execute("SELECT n FROM wanted ORDER BY n"))
        )
        db.executemany("INSERT INTO olds VALUES (?, ?)", kept)

    def _of_new(self, db: sqlite3.Connection) -> Iterator[Entry]:
        told = db.execute(_ENTRIES)
        for (_, kind, old), record in _beside(self._new, told):
            url = _name(record)
            if kind == "new":
                self.totals.new += 1
                yield Entry(status=ChangeStatus.NEW, url=url, title=record.get("title"))
                continue
            before = msgspec.json.decode(old)
            if kind == "moved":
                self.totals.moved += 1
                yield Entry(status="moved", url=url, moved_from=before["name"])
                continue
            status = course(before, record)
            match status:
                case ChangeStatus.GONE:
                    self.totals.gone += 1
                case ChangeStatus.RECOVERED:
                    self.totals.recovered += 1
                case _:
                    self.totals.changed += 1
            pairs = zip(self._fields, before["values"], compared_values(record, self._fields), strict=True)
            fields = {
                shown_path(at): Difference(one, other) for at, one, other in pairs if not is_same(one, other)
            }
            yield Entry(status=status, url=url, fields=fields)

    def _kept(self, record: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": _name(record),
            "status": record.get("status"),
            "outcome": record.get("outcome"),
            "title": record.get("title"),
            "values": compared_values(record, self._fields),
        }


def _beside(path: Path, rows: Iterable[Row]) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Give rows that begin with the number of a record, in order of it, each with that record."""
    rows = iter(rows)
    row = next(rows, None)
    with contextlib.closing(_closable(raw_records(path))) as lines:
        for number, line in enumerate(lines):
            if row is None:
                return
            if number == row[0]:
                yield row, values_of(line, path=path, number=number + 1)
                row = next(rows, None)
    if row is not None:
        raise UsageError(f"{path} has changed while it was read: compare again")


def _closable(lines: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield from lines


def _name(record: dict[str, Any]) -> str:
    return str(record.get("url") or record.get("input") or "")


def _page(record: dict[str, Any]) -> bytes:
    """Return what a page's records are matched by."""
    key = record.get("key")
    name = f"key {key}" if key else f"input {record.get('input')}"
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _content(record: dict[str, Any]) -> bytes | None:
    """Return what a page has in it, by which it is known at another URL; ``None`` when that is nothing.

    The text where there is one, since much of the markup around it holds the page's own URL.
    """
    if record.get("outcome") not in (Outcome.OK, Outcome.NOT_MODIFIED):
        return None
    for name, size in (("text_sha256", "text_length"), ("body_sha256", "size")):
        if record.get(name) and record.get(size):
            return f"{name} {record[name]}".encode()
    return None


def _stamp(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from error
    return about.st_size, about.st_mtime_ns
