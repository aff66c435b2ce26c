"""The runs of a job, in SQLite beside its outputs: what was due, what became of it, from the first day on.

One process at a time writes, the daemon; others may read meanwhile, and note a pause while there is none.
Every call is one transaction, synced: ``kill -9`` leaves what was said before it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from scraper.errors import StateError, UsageError
from scraper.planted import refuse_planted
from scraper.schedule.model import Cause, RunRow, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILE_NAME: Final = "history.sqlite"
RUNS: Final = "runs"
"""The folder, in the job's, of the folders of its runs."""
_VERSION: Final = 1
_APPLICATION: Final = 0x73637268
"""``scrh``: what tells the file from another program's (SQLite's ``application_id``)."""
_WAIT_S: Final = 5.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS runs (
    job TEXT NOT NULL, id TEXT NOT NULL, due TEXT NOT NULL, state TEXT NOT NULL, scheduled INTEGER NOT NULL,
    has_files INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (job, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_due ON runs (job, due);
CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
"""
_PUT: Final = """
INSERT INTO runs VALUES (:job, :id, :due, :state, :scheduled, :has_files, :row)
ON CONFLICT (job, id) DO UPDATE SET state = excluded.state, has_files = excluded.has_files, row = excluded.row
"""
_NO_RUNS: Final = (RunState.SKIPPED_OVERLAP,)


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a job besides its runs."""

    known_since: datetime
    """When it was first seen; by this it is silent if it never succeeded."""
    schedule: str
    zone: str
    counts_from: datetime
    """No due time up to this one counts as missed: the schedule was another, or the job paused."""
    is_paused: bool = False
    silence_told: datetime | None = None
    """Since when it had no success when it was reported as silent; nobody is to be told of that again."""


class RunHistory:
    """A job's history. Blocking; to be used in one thread at a time, and closed in the end."""

    def __init__(self, folder: Path, job: str, *, make: bool = True) -> None:
        """Open the history in a job's folder; with ``make`` it is made if there is none.

        Raises:
            UsageError: It can't be opened or made, is another program's, or there is none.
        """
        self._folder = folder
        self._job = job
        path = folder / FILE_NAME
        try:
            if make:
                refuse_planted(path)
                folder.mkdir(parents=True, exist_ok=True)
                # As private as a run's state.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
            elif not path.is_file():
                raise UsageError(f"{path}: no history; the job has had no run")
            self._db = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=rw",
                uri=True,
                timeout=_WAIT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        except OSError as error:
            raise UsageError(f"{path}: can't be opened: {error.strerror}") from error
        except sqlite3.Error as error:
            raise UsageError(f"{path}: can't be opened: {error}") from error
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: Path) -> None:
        try:
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if application != _APPLICATION:
                if self._db.execute("SELECT name FROM sqlite_master").fetchone():
                    raise UsageError(f"{path}: it is the database of something else")
                self._db.executescript(
                    f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION};"
                    f" PRAGMA user_version = {_VERSION}; COMMIT;"
                )
            elif version != _VERSION:
                raise UsageError(f"{path}: of version {version}, and this program knows {_VERSION}")
        except sqlite3.Error as error:
            raise UsageError(f"{path}: can't be read: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def begin(self, row: RunRow) -> bool:
        """Note a new run, or one that was skipped; return whether its due time had none yet.

        Raises:
            StateError: It can't be written.
        """
        with self._written():
            taken = self._db.execute(
                "SELECT 1 FROM runs WHERE job = ? AND id = ?", (self._job, row.id)
            ).fetchone()
            if taken is None:
                self._db.execute(_PUT, self._columns(row))
        return taken is None

    def put(self, row: RunRow) -> None:
        """Note what has become of a run.

        Raises:
            StateError: It can't be written.
        """
        with self._written():
            self._db.execute(_PUT, self._columns(row))

    def remembered(self) -> Remembered | None:
        """Return what is kept of the job, ``None`` before it is first seen."""
        with self._translated():
            found = self._db.execute("SELECT row FROM jobs WHERE name = ?", (self._job,)).fetchone()
            return None if found is None else msgspec.json.decode(found[0], type=Remembered)

    def remember(self, remembered: Remembered) -> None:
        """Keep what is to be known of the job.

        Raises:
            StateError: It can't be written.
        """
        text = msgspec.json.encode(remembered).decode()
        with self._written():
            self._db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?)", (self._job, text))

    def latest(self, limit: int, *, before: datetime | None = None) -> list[RunRow]:
        """Return runs that were due before a time, the newest first."""
        until = "9" if before is None else _sortable(before)
        return self._rows("due < ? ORDER BY due DESC, id DESC LIMIT ?", until, limit)

    def run(self, run: str) -> RunRow | None:
        """Return a run by its id."""
        return next(iter(self._rows("id = ?", run)), None)

    def unfinished(self) -> list[RunRow]:
        """Return the runs that go on, or did when the daemon ended, the oldest first."""
        rows = self._rows("state IN (?, ?) ORDER BY due", RunState.RUNNING, RunState.STOPPED)
        return [row for row in rows if row.state is RunState.RUNNING or row.goes_on]

    def last_accounted(self, now: datetime) -> datetime | None:
        """Return the latest due time up to now that was seen to, ``None`` without any."""
        found = self._rows("scheduled = 1 AND due <= ? ORDER BY due DESC LIMIT 1", _sortable(now))
        return found[0].due if found else None

    def last_success(self) -> RunRow | None:
        """Return the newest run that is complete."""
        rows = self._rows("state = ? ORDER BY due DESC LIMIT 1", RunState.COMPLETE)
        return rows[0] if rows else None

    def with_files(self) -> list[RunRow]:
        """Return the runs that have a folder, the newest first."""
        return self._rows("has_files = 1 ORDER BY due DESC, id DESC")

    def _rows(self, condition: str, *values: object) -> list[RunRow]:
        with self._translated():
            statement = f"SELECT row FROM runs WHERE job = ? AND {condition}"  # noqa: S608 - our own texts
            found: Sequence[tuple[str]] = self._db.execute(statement, (self._job, *values)).fetchall()
            return [self._decoded(text) for (text,) in found]

    def _columns(self, row: RunRow) -> dict[str, Any]:
        values = msgspec.to_builtins(msgspec.structs.replace(row, folder=None))
        values["folder"] = None if row.folder is None else row.folder.name
        return {
            "job": self._job,
            "id": row.id,
            "due": _sortable(row.due),
            "state": row.state.value,
            "scheduled": row.cause is not Cause.MANUAL,
            "has_files": row.folder is not None,
            "row": msgspec.json.encode(values).decode(),
        }

    def _decoded(self, text: str) -> RunRow:
        values = msgspec.json.decode(text)
        name = values.pop("folder", None)
        row = msgspec.convert(values, RunRow)
        return msgspec.structs.replace(row, folder=None if name is None else self._folder / RUNS / name)

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"{self._folder / FILE_NAME}: {error}") from error


def _sortable(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"
