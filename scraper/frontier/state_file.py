"""The file that a run's state is in: one SQLite database that this process holds alone.

``synchronous=NORMAL`` keeps a committed transaction over a crash of the process; a power cut may lose the
last one, as a whole.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from scraper.errors import OutputLocked, StateError, UsageError
from scraper.frontier import statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYOUT_VERSION = 5
"""Of the tables below. A state of another version can't be resumed."""

_CACHE_KIB = 4096
_LOG_PAGES = 8192
"""How long the write-ahead log grows, 32 MiB, before its pages go into the file. A batch of lines touches
nearly as many pages; with the 1,000 that SQLite begins with each batch would wait for the disk."""


class StateFile:
    """An open state file, and the named values in it. Every method may raise ``StateError``.

    Used from one thread only. None of its methods leaves a transaction open.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, making it if need be, and hold it alone until ``close``. It follows no links.

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
                for statement in statements.TABLES.split(";"):
                    self._db.execute(statement)
                self._put(layout=LAYOUT_VERSION, lines=0, found=0, places=0, done=0, output_bytes=0)
            layout = self._get("layout")
            if layout != LAYOUT_VERSION:
                raise StateError(f"{self._path} was written by another version: finish it there, or --fresh")
        finally:
            self._db.execute("COMMIT" if self._db.in_transaction else "SELECT 1")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        self._db.execute(f"PRAGMA journal_size_limit={_LOG_PAGES * 4096}")

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
                self._undone()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _get(self, name: str) -> object:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _number(self, name: str) -> int:
        return int(str(self._get(name)))

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

    def _undone(self) -> None:
        """A transaction is rolled back: let go of what is known of it in memory."""

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
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error
