"""What is kept of robots.txt files: in the run's own state, or in a file that further runs share."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper import urls
from scraper.errors import StateError, UsageError
from scraper.frontier.rows import host_id
from scraper.robots.access import Access, RobotsFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TABLE = """
CREATE TABLE IF NOT EXISTS robots (
    host INTEGER, origin TEXT, file TEXT NOT NULL, PRIMARY KEY (host, origin)
) WITHOUT ROWID
"""
_WAIT_S = 10.0
"""How long another run that writes to the same file is waited for."""


class RobotsCache:
    """Robots files by host id and origin. Used from the state's thread only."""

    def __init__(self, place: str | sqlite3.Connection, *, token: str) -> None:
        """Open the file at a path, or use an open database, whose transactions are then the caller's.

        ``token`` is whom the rules are read for.

        Raises:
            UsageError: It can't be opened, or is something else.
        """
        self._token = token
        self._path = place if isinstance(place, str) else None
        if not isinstance(place, str):
            self._db = place
            self._db.execute(_TABLE)
            return
        try:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(place, timeout=_WAIT_S, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise UsageError(f"robots.cache {place}: {error}") from error
        try:
            self._open()
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise UsageError(f"robots.cache {place}: {error}") from error
            raise

    def _open(self) -> None:
        """Make the table, if need be; another program's database is left as it is."""
        with contextlib.closing(self._db.cursor()) as cursor:
            if cursor.execute("SELECT 1 FROM sqlite_master WHERE name <> 'robots'").fetchone():
                raise UsageError(f"robots.cache {self._path}: it is the database of something else")
            cursor.execute(_TABLE)
            cursor.execute("SELECT host, origin, file FROM robots LIMIT 1")
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")

    def recall(self, hosts: Sequence[int]) -> dict[int, list[Access]]:
        """Return what is kept of these hosts by their ids, also what has expired."""
        query = "SELECT host, file FROM robots WHERE host IN (SELECT value FROM json_each(?))"
        found: dict[int, list[Access]] = {}
        with self._translated():
            rows = self._db.execute(query, (msgspec.json.encode(hosts).decode(),)).fetchall()
        for host, text in rows:
            with contextlib.suppress(msgspec.DecodeError):  # of another version: it is read anew
                file = msgspec.json.decode(text, type=RobotsFile)
                found.setdefault(host, []).append(Access.of(file, token=self._token))
        return found

    def keep(self, files: Sequence[RobotsFile]) -> None:
        """Keep files, in place of older ones of the same origins."""
        rows = [
            (host_id(urls.host_key(f"{file.origin}/")), file.origin, msgspec.json.encode(file).decode())
            for file in files
        ]
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO robots VALUES (?, ?, ?)", rows)
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close a file of its own."""
        if self._path is not None:
            self._db.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"robots.cache {self._path or '(state)'}: {error}") from error
