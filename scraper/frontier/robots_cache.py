"""What is kept of robots.txt files: in the run's own state, or in a file that further runs share."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper import urls
from scraper.errors import StateError, UsageError
from scraper.frontier.rows import host_id
from scraper.robots.access import FORBIDDEN_STATUSES, Access, RobotsFile, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.clock import Clock
    from scraper.settings.model import RobotsSettings

_TABLE = """
CREATE TABLE IF NOT EXISTS robots (
    host INTEGER, origin TEXT, bytes INTEGER NOT NULL, file TEXT NOT NULL, PRIMARY KEY (host, origin)
) WITHOUT ROWID
"""
# One step, whatever the number of hosts: see ``statements``. The lengths are a column of their own, since to
# measure a text SQLite has to read it.
_RECALL = """
SELECT json_group_array(json_array(host, file)) FROM robots WHERE (host, origin) IN (
    SELECT host, origin FROM (
        SELECT host, origin, bytes, sum(bytes) OVER (ORDER BY host, origin) AS total
        FROM robots WHERE host IN (SELECT value FROM json_each(?))
    ) WHERE total <= ? OR total = bytes
)
"""
_KNOWN = "SELECT json_group_array(DISTINCT host) FROM robots WHERE host IN (SELECT value FROM json_each(?))"
_RECALLED_BYTES = 1024 * 1024
"""Read and parsed in one go: the worst files take half a second by then, and 20 MB."""
_WAIT_S = 10.0
"""How long another run that writes to the same file is waited for."""
_SIDES = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database. It takes such files for its own, whatever they hold."""


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """What lies in the table, in JSON."""

    file: RobotsFile
    by: str
    """Who kept it: a name of the cache's, other for each run and each part of one."""


class Recalled(NamedTuple):
    """What is kept of hosts, by their ids."""

    access: dict[int, list[Access]]
    put_off: frozenset[int]
    """Hosts of which something is kept that was too much for one go."""


class RobotsCache:
    """Robots files by host id and origin. Used from the state's thread only."""

    def __init__(
        self, shared: sqlite3.Connection | None, *, settings: RobotsSettings, token: str, clock: Clock
    ) -> None:
        """Use an open database, whose transactions are then the caller's, or the file of the settings.

        ``token`` is whom the rules are read for; the settings say what is believed, and how long.

        Raises:
            UsageError: The file can't be opened or made, or is something else.
        """
        self._token = token
        self._name = secrets.token_hex(8)
        self._clock = clock
        self._denies_forbidden = settings.forbidden == "deny"
        self._age_s = settings.max_age_s
        self._error_age_s = min(settings.error_age_s, settings.max_age_s)
        self._path = None if shared else settings.cache
        if shared:
            self._db = shared
            self._db.execute(_TABLE)
        else:
            self._db = _opened(settings.cache)

    def recall(self, hosts: Sequence[int]) -> Recalled:
        """Return what is kept of these hosts, also what has expired.

        It is what this run's settings make of it, whatever those of the run that has read it were. When
        there is a lot, some hosts are put off to the next call.
        """
        found: dict[int, list[Access]] = {}
        with self._translated():
            (known,) = self._db.execute(_KNOWN, (_encoded(hosts),)).fetchone()
            (rows,) = self._db.execute(_RECALL, (_encoded(hosts), _RECALLED_BYTES)).fetchone()
        recalled: list[tuple[int, str]] = msgspec.json.decode(rows)
        put_off = frozenset(msgspec.json.decode(known)) - {host for host, _ in recalled}
        for host, text in recalled:
            # Of another version, or damaged: it is read anew.
            with contextlib.suppress(msgspec.DecodeError, UnicodeEncodeError):
                file = self._believed(msgspec.json.decode(text, type=_Kept))
                access = Access.of(file, token=self._token)
                found.setdefault(host, []).append(access)
        return Recalled(found, put_off)

    def _believed(self, kept: _Kept) -> RobotsFile:
        """Return what a kept file means to this run, and until when.

        Its age counts from when it was read, but from now where that lies ahead: a clock that was set
        back makes no copy last longer. What this very run has kept has its time by these settings: it may
        be an old copy that stands in for a file that can't be had, until that is to be asked for again.
        """
        file, now_s = kept.file, self._clock.utc().timestamp()
        standing = file.standing
        if file.status in FORBIDDEN_STATUSES and standing in {Standing.FORBIDDEN, Standing.UNAVAILABLE}:
            standing = Standing.FORBIDDEN if self._denies_forbidden else Standing.UNAVAILABLE
        age_s = self._error_age_s if standing is Standing.UNREACHABLE else self._age_s
        since_s = now_s if kept.by == self._name else min(file.read_at_s, now_s)
        return msgspec.structs.replace(
            file, standing=standing, expires_at_s=min(file.expires_at_s, since_s + age_s)
        )

    def keep(self, files: Sequence[RobotsFile]) -> None:
        """Keep files, in place of older ones of the same origins."""
        rows = [
            (host_id(urls.host_key(f"{file.origin}/")), file.origin, len(text), text)
            for file in files
            for text in [_encoded(_Kept(file, self._name))]
        ]
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO robots VALUES (?, ?, ?, ?)", rows)
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
            if self._path is None:  # whose database it is knows its name
                raise
            raise StateError(f"robots.cache {self._path}: {error}") from error


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _opened(place: str) -> sqlite3.Connection:
    """Open the file at a path, which is made if there is none, and must be ours if there is one.

    Raises:
        UsageError: It can't be, or isn't.
    """
    # Absolute, for some names mean something else to SQLite (``:memory:``).
    path = Path(os.path.realpath(place))
    try:
        if not path.exists():
            _make(path)
        if not path.is_file():
            raise UsageError(f"robots.cache {place}: is there and is no file; name another")
        if not path.stat().st_size:  # SQLite takes it for a new database, and its owner has other plans
            raise UsageError(f"robots.cache {place}: is there and is empty; remove it, or name another")
        db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        try:
            _check(db)
        except BaseException:
            db.close()
            raise
    except OSError as error:
        raise UsageError(f"robots.cache {place}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise UsageError(f"robots.cache {place}: {error}") from error
    return db


def _make(path: Path) -> None:
    """Make an empty cache, whole at once: what is there under the name meanwhile stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for end in _SIDES:
        if Path(f"{path}{end}").exists():
            raise UsageError(
                f"robots.cache {path}: {path.name}{end} is there without it; remove or rename that"
            )
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        # As private as the state: whom one asks for robots.txt is nobody else's business.
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(_TABLE)
        with contextlib.suppress(FileExistsError):  # another run was quicker
            os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def _check(db: sqlite3.Connection) -> None:
    """Leave another program's database as it is.

    Raises:
        UsageError: It is one.
        sqlite3.Error: It is no database, or its table is another.
    """
    if db.execute("SELECT type, name FROM sqlite_master").fetchall() != [("table", "robots")]:
        (_, _, path), *_ = db.execute("PRAGMA database_list")
        raise UsageError(f"robots.cache {path}: it is the database of something else")
    db.execute("SELECT host, origin, bytes, file FROM robots LIMIT 1")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
