"""A SQLite file that one process holds alone, and the named values in it.

It has a table ``meta`` of names and values; what else is in it, whoever derives from it says.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, ClassVar

from scraper.errors import OutputLocked, StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class HeldFile:
    """An open file. Every method may raise ``StateError``; none leaves a transaction open."""

    HOLDER: ClassVar[str]
    """Who else holds the file when it can't be had: ``another run is writing there``."""
    HAS_LOG: ClassVar[bool] = False
    """What is written goes into a write-ahead log first."""

    def __init__(self, path: Path, *, any_thread: bool = False) -> None:
        """Open the file, making it if need be, and hold it alone. It follows no links.

        Args:
            path: Where it is.
            any_thread: It is used from several threads, one at a time.

        Raises:
            OutputLocked: Another process holds it.
            UsageError: It can't be written there.
            StateError: It is something else, of another version, or can't be opened.
        """
        self._path = path
        with self._translated():
            # The user's own: it holds the list, whose URLs may hold what is nobody else's business.
            if path.name != ":memory:":
                _make_private(path)
            self._db = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=not any_thread
            )
            try:
                self._hold()
            except BaseException:
                self._db.close()
                raise

    def _hold(self) -> None:
        # Exclusive locking is what makes a second holder fail at once, also on systems without flock, and
        # spares the shared-memory file of a log.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            if self.HAS_LOG:
                self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise OutputLocked(f"{self._path} is in use: {self.HOLDER}") from error
            raise
        try:
            if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                self._lay_out()
            self._check_layout()
        finally:
            self._db.execute("COMMIT" if self._db.in_transaction else "SELECT 1")

    def _lay_out(self) -> None:
        """Make the tables of a new file, within a transaction."""
        raise NotImplementedError

    def _check_layout(self) -> None:
        """Raise ``StateError`` if the file is of another layout."""
        raise NotImplementedError

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

    def _undone(self) -> None:
        """A transaction is rolled back: let go of what is known of it in memory."""

    def _get(self, name: str) -> object:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _put(self, **values: object) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def copy_to(self, target: Path) -> None:
        """Write a copy as of the last transaction, also while the file is in use; not synced.

        It holds up whoever wants the file meanwhile: on a busy machine 1.7 s for a state of 213 MB.
        """
        with self._translated(), contextlib.closing(sqlite3.connect(target)) as copy:
            copy.execute("PRAGMA synchronous=OFF")
            self._db.backup(copy)

    def note(self, **facts: str | int) -> None:
        """Keep facts about the run, such as its id and its sources."""
        with self._transaction():
            self._put(**facts)

    def fact(self, name: str) -> str | None:
        """Return a fact kept by ``note``, ``None`` when there is none by that name."""
        with self._translated():
            value = self._get(name)
        return None if value is None else str(value)


def _make_private(path: Path) -> None:
    """Make the file, if need be, for the user's own eyes."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error
