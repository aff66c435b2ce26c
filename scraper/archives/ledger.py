"""What is kept of the answers that were read, on disk: where they are, and what still waits for another.

A redirect waits for the answer that it leads to, a revisit for a body that comes later. None of it may grow
in memory: archives hold what they like.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec
from msgspec.structs import replace

from scraper.archives.archived import Archived, Place
from scraper.errors import StateError
from scraper.messages import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

_SCHEMA = (
    "CREATE TABLE places (key BLOB PRIMARY KEY, source INTEGER, at INTEGER) WITHOUT ROWID",
    "CREATE TABLE waiting (n INTEGER PRIMARY KEY, key BLOB, request BLOB, answer BLOB, leads_on INTEGER)",
    "CREATE INDEX by_key ON waiting (key, n)",
    "CREATE TABLE expected (key BLOB PRIMARY KEY, answers INTEGER) WITHOUT ROWID",
)


_WAITING = "SELECT n, request, answer, leads_on FROM waiting"


class Waiting(NamedTuple):
    """Something that waits."""

    request: Request
    """As it goes on."""
    answer: Archived
    """What it has come to so far."""
    leads_on: bool = False
    """It waits for an answer of the request's target, and not for a further one of its line."""


_encode_request = msgspec.json.Encoder().encode
"""A line's other columns may hold numbers that MessagePack has no room for."""
_decode_request = msgspec.json.Decoder(Request).decode
_encode_answer = msgspec.msgpack.Encoder().encode
_decode_answer = msgspec.msgpack.Decoder(Archived).decode


class Ledger:
    """A temporary database; it is gone with the process at the latest. For one thread at a time."""

    def __init__(self) -> None:
        # An unnamed database of SQLite's: in memory while it is small, then in a file without a name.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for statement in _SCHEMA:
            self._db.execute(statement)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def note_place(self, place: Place, keys: Iterable[str]) -> None:
        """Remember where an answer is; of several with one key the last."""
        for key in keys:
            self._done("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", _digest(key), place.source, place.at)

    def place_of(self, keys: Iterable[str]) -> Place | None:
        """Return where the answer is that the first of the keys names which is known."""
        for key in keys:
            row = self._done("SELECT source, at FROM places WHERE key = ?", _digest(key))
            if row is not None:
                return Place(*row)
        return None

    def put_aside(self, key: str, waiting: Waiting) -> None:
        """Let something wait for what has this key."""
        answer = replace(waiting.answer, line=None)
        self._done(
            "INSERT INTO waiting (key, request, answer, leads_on) VALUES (?, ?, ?, ?)",
            _digest(key),
            _encode_request(waiting.request),
            _encode_answer(answer),
            waiting.leads_on,
        )

    def claim(self, key: str) -> Waiting | None:
        """Take out what has waited longest for what has this key."""
        row = self._done(f"{_WAITING} WHERE key = ? ORDER BY n LIMIT 1", _digest(key))
        return None if row is None else self._taken(*row)

    def left(self) -> Iterator[Waiting]:
        """Take out all that waits, in its order."""
        while (row := self._done(f"{_WAITING} ORDER BY n LIMIT 1")) is not None:
            yield self._taken(*row)

    def expect(self, key: str) -> None:
        """Note that there is a further answer to a line."""
        self._done(
            "INSERT INTO expected VALUES (?, 1) ON CONFLICT DO UPDATE SET answers = answers + 1", _digest(key)
        )

    def is_last(self, key: str) -> bool:
        """Take note of an answer to a line; return whether no further one is expected."""
        left = self._done(
            "UPDATE expected SET answers = answers - 1 WHERE key = ? RETURNING answers", _digest(key)
        )
        return left is None or left[0] <= 0

    def _taken(self, n: int, request: bytes, answer: bytes, leads_on: int) -> Waiting:
        self._done("DELETE FROM waiting WHERE n = ?", n)
        return Waiting(_decode_request(request), _decode_answer(answer), bool(leads_on))

    def _done(self, statement: str, *values: object) -> Any:
        """Carry out a statement, and return its first row if it has any.

        Raises:
            StateError: The disk for temporary files is full, or fails.
        """
        try:
            return self._db.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise StateError(f"can't keep what was read, in {tempfile.gettempdir()}: {error}") from error


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
