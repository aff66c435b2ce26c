"""The file itself: an SQLite database that is ours, made when there is none, and held by one run at a time.

It is in WAL mode, so that whoever shows it can read while a run updates it. A second, empty database beside
it (``pages.sqlite.lock``) is the lock of the run: SQLite's own locks work wherever SQLite does, and die with
their process.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING

from scraper.errors import OutputLocked, StateError, UsageError
from scraper.planted import refuse_planted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LAYOUT_VERSION = 1
"""Of the tables below."""
_APPLICATION_ID = 0x73637072
"""What SQLite's ``application_id`` says of a file of ours."""
_WAIT_S = 30.0
"""How long a reader waits that comes while the log is put into the file."""
_CACHE_KIB = 16_384
_COPIED_AT_ONCE = 4096
"""Pages of the database, after which it is looked whether the copy is still wanted."""

# A page's number is a key of SQLite's fastest kind, and what is large lies by itself: most look-ups want
# little. ``page`` is a ``PageRow`` in JSON, ``record`` a record, compressed, ``entry`` a ``ChangeEntry``.
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE runs (run TEXT PRIMARY KEY, at TEXT NOT NULL, totals TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pages (id INTEGER PRIMARY KEY, page TEXT NOT NULL);
CREATE TABLE contents (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE changes (id INTEGER, run TEXT, entry BLOB NOT NULL, PRIMARY KEY (id, run))
"""


def made(path: Path) -> None:
    """Make the file where there is none, and look whether one that is there is ours. Blocking.

    Raises:
        UsageError: It can't be made or read, is something else, or of another version.
    """
    refuse_planted(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # As private as the state: which pages somebody watches is nobody else's business.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise UsageError(f"history.file {path}: {error.strerror}") from error
    with _told(path), contextlib.closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as db:
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (ours,) = db.execute("PRAGMA application_id").fetchone()
        if not tables and not ours:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('salt', ?)", (secrets.token_bytes(16),))
            db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={LAYOUT_VERSION}")
            db.execute("COMMIT")
            return
        _check(db, path)


def _check(db: sqlite3.Connection, path: Path) -> None:
    (ours,) = db.execute("PRAGMA application_id").fetchone()
    if ours != _APPLICATION_ID:
        raise UsageError(f"history.file {path}: it is the database of something else; name another file")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version != LAYOUT_VERSION:
        raise UsageError(
            f"history.file {path}: it was written by another version ({version}); name another file"
        )


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise UsageError(f"history.file {path}: {error}; name another file, or remove it") from error


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Let errors of SQLite end the run as what they are.

    Raises:
        StateError: There was one.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise StateError(f"history.file {path}: {error}") from error


def opened_to_read(path: Path) -> sqlite3.Connection:
    """Open the file for reading; close it in the end. It may be used from any one thread at a time.

    Raises:
        UsageError: It is not there, or is something else.
    """
    with _told(path):
        # A URI, since that alone can say so; quoted, since a path may hold what means something in one.
        address = f"{path.absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(
            address, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _check(db, path)
        except BaseException:
            db.close()
            raise
    return db


def opened_to_write(path: Path) -> sqlite3.Connection:
    """Open the file to update it; close it in the end.

    Raises:
        sqlite3.Error: It can't be.
    """
    db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous=FULL")  # what the state is removed after must be there
        db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        db.execute("PRAGMA temp_store=FILE")
    except sqlite3.Error:  # it may be no database
        db.close()
        raise
    return db


def tidy(path: Path) -> None:
    """Put the log into the file and remove it, unless somebody else reads just now. Blocking.

    The last one to close a database does that, but not one that may only read it.
    """
    with contextlib.suppress(sqlite3.Error), contextlib.closing(opened_to_write(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copied(path: Path, target: Path, *, goes_on: Callable[[], bool]) -> bool:
    """Write all that the file holds to another one, whole or not at all; return false if ``goes_on`` did.

    Blocking. The copy has no log, so that it can be read where nobody may write beside it.

    Raises:
        StateError: The file is damaged, or the copy can't be written.
    """
    temporary = target.with_name(f".{target.name}.part")
    try:
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StateError(f"can't write {target}: {error.strerror}") from error

    def look(_status: int, _left: int, _pages: int) -> None:
        if not goes_on():
            raise _Stopped

    try:
        with (
            translated(path),
            contextlib.closing(opened_to_read(path)) as source,
            contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as copy,
        ):
            source.backup(copy, pages=_COPIED_AT_ONCE, progress=look)
            copy.execute("PRAGMA journal_mode=DELETE")
        temporary.replace(target)
    except _Stopped:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


class _Stopped(Exception):
    """The copy was asked to stop."""


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the file for a run: what the run compares with stays as it is until the run updates it.

    Raises:
        OutputLocked: Another run holds it.
        UsageError: The lock can't be made.
    """
    lock = path.with_name(f"{path.name}.lock")
    refuse_planted(lock)
    try:
        os.close(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise UsageError(f"history.file {path}: {lock.name}: {error.strerror}") from error
    with contextlib.closing(
        sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
    ) as db:
        try:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise OutputLocked(f"history.file {path} is in use: another run goes by it") from error
            raise UsageError(f"history.file {path}: {lock.name}: {error}") from error
        yield


def salt_of(db: sqlite3.Connection) -> bytes:
    """Return what is mixed into digests of the user's settings."""
    row = db.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()
    return bytes(row[0]) if row else b""
