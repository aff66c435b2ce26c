"""The file that a run's state is in.

``synchronous=NORMAL`` keeps a committed transaction over a crash of the process; a power cut may lose the
last one, as a whole.
"""

from __future__ import annotations

from scraper.errors import StateError
from scraper.frontier import statements
from scraper.frontier.held_file import HeldFile

LAYOUT_VERSION = 5
"""Of the tables below. A state of another version can't be resumed."""

_CACHE_KIB = 4096
_LOG_PAGES = 8192
"""How long the write-ahead log grows, 32 MiB, before its pages go into the file. A batch of lines touches
nearly as many pages; with the 1,000 that SQLite begins with each batch would wait for the disk."""


class StateFile(HeldFile):
    """An open state file. Used from one thread only."""

    HOLDER = "another run is writing there"
    HAS_LOG = True

    def _hold(self) -> None:
        super()._hold()
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        self._db.execute(f"PRAGMA journal_size_limit={_LOG_PAGES * 4096}")

    def _lay_out(self) -> None:
        for statement in statements.TABLES.split(";"):
            self._db.execute(statement)
        self._put(layout=LAYOUT_VERSION, lines=0, found=0, places=0, done=0, output_bytes=0)

    def _check_layout(self) -> None:
        if self._get("layout") != LAYOUT_VERSION:
            raise StateError(f"{self._path} was written by another version: finish it there, or --fresh")

    def _number(self, name: str) -> int:
        return int(str(self._get(name)))

    def _value(self, query: str, *parameters: object) -> str:
        """Return the one value that a query gives."""
        value: str = self._db.execute(query, parameters).fetchone()[0]
        return value

    def _add(self, **amounts: int) -> None:
        self._db.executemany(
            "UPDATE meta SET value = value + ? WHERE name = ?", [(n, name) for name, n in amounts.items()]
        )

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
