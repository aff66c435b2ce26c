"""What a run reads: of each line that is loaded, what is known of its page; of some pages, their records."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec.structs import replace

from scraper.errors import StateError
from scraper.history.file import opened_to_read, translated
from scraper.history.interval import is_due
from scraper.history.reading import unpacked
from scraper.history.rows import PageRow, page_id
from scraper.messages import Known, Request, Settled
from scraper.record import Outcome

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from scraper.clock import Clock
    from scraper.history.validators import Asking
    from scraper.settings.model import Settings

# One step for all lines of a batch: each gives the interpreter's lock away, see ``frontier.statements``.
_RECALL = """
SELECT '[' || ifnull(group_concat('[' || id || ',' || page || ']'), '') || ']' FROM pages
WHERE id IN (SELECT value FROM json_each(?))
"""
_NOT_DUE = Settled(Outcome.NOT_MODIFIED)


class Reader:
    """The file, and the thread that alone reads it."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Self]:
        """Open the file, which has to be there, and close it in the end.

        Raises:
            UsageError: It can't be read, or is something else.
        """
        db = await asyncio.to_thread(opened_to_read, path)
        reader = cls(db, path)
        try:
            yield reader
        finally:
            # What was asked for and is not wanted any more still uses the database.
            await asyncio.to_thread(reader._executor.shutdown)
            db.close()

    async def rows(self, keys: Sequence[str]) -> dict[str, PageRow]:
        """Return what lies there for these pages, by their keys.

        Raises:
            StateError: The file is damaged.
        """
        numbers = [page_id(key) for key in keys]
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._rows, numbers)

    async def record(self, key: str) -> dict[str, Any]:
        """Return the record of a page when it was there last, without what was the line's own.

        It is empty when there is none, or it can't be read: then the page has to be fetched.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._record, page_id(key))

    def _rows(self, numbers: Sequence[int]) -> dict[str, PageRow]:
        with translated(self._path):
            (found,) = self._db.execute(_RECALL, (msgspec.json.encode(numbers).decode(),)).fetchone()
        try:
            return {row.own_key: row for _, row in _decode_rows(found)}
        except msgspec.DecodeError as error:
            raise StateError(f"history.file {self._path} is damaged ({error}): name another file") from error

    def _record(self, number: int) -> dict[str, Any]:
        with translated(self._path):
            found = self._db.execute("SELECT record FROM contents WHERE id = ?", (number,)).fetchone()
        return unpacked(found[0]) if found else {}


_decode_rows = msgspec.json.Decoder(list[tuple[int, PageRow]]).decode


class Recall:
    """Gives each line that is loaded what is known of its page."""

    def __init__(
        self, reader: Reader, *, settings: Settings, extraction: str, asking: Asking, clock: Clock
    ) -> None:
        self._reader = reader
        self._depth = settings.follow.depth
        self._adaptive = settings.history.adaptive
        self._extraction = extraction
        self._asking = asking
        self._clock = clock

    async def of(self, rows: Mapping[int, Sequence[Request]]) -> dict[int, list[Request]]:
        """Return lines, by host, with what is known of them; one that is not due is settled by that."""
        keys = [line.key for lines in rows.values() for line in lines if line.key and line.settled is None]
        if not keys:
            return {host: list(lines) for host, lines in rows.items()}
        known = await self._reader.rows(keys)
        now_s = self._clock.utc().timestamp()
        return {host: [self._with(line, known, now_s) for line in lines] for host, lines in rows.items()}

    def _with(self, line: Request, known: Mapping[str, PageRow], now_s: float) -> Request:
        row = known.get(line.key or "") if line.settled is None else None
        if row is None:
            return line
        is_other = row.extraction != self._extraction
        # A page whose links are wanted, or a list of pages, has to be there to be read.
        is_read = line.is_sitemap or line.depth < self._depth
        is_usable = not (is_other or is_read or row.failed or row.is_gone or row.misses)
        line = replace(line, known=self._known(row, is_usable=is_usable, is_other=is_other))
        if not (self._adaptive and is_usable) or row.due_s <= 0:
            return line
        if is_due(row.due_s, interval_s=row.interval_s, now_s=now_s):
            return line
        return replace(line, settled=_NOT_DUE)

    def _known(self, row: PageRow, *, is_usable: bool, is_other: bool) -> Known:
        is_usable = is_usable and row.variant == self._asking.variant(row.vary)
        return Known(
            run=row.run,
            first_seen=row.first_seen,
            last_changed=row.last_changed,
            digest=row.digest,
            final_url=row.final_url or row.url,
            etag=row.etag if is_usable else None,
            last_modified=row.last_modified if is_usable else None,
            misses=row.misses,
            is_gone=row.is_gone,
            is_other=is_other,
        )
