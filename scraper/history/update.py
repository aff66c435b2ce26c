"""At the end of a run: what its records say becomes what is known of their pages, all of it or nothing.

One transaction holds the update and the run's name, so that it may be begun again after a crash at any point:
what was not committed is as if it had never been, and a run that is known is not taken in twice. Pages are
looked at in the order of their numbers, since a tree that is written to at random places is slow once it is
larger than the cache. Memory does not depend on how many there are.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from scraper.clock import rfc3339
from scraper.errors import StateError
from scraper.history.after import Circumstances, kept, row_after, said_at, title_of
from scraper.history.change_log import ChangeEntry, encode_entry, field_changes
from scraper.history.file import opened_to_write, translated
from scraper.history.reading import packed, unpacked
from scraper.history.record_lines import RecordLines
from scraper.history.rows import PageRow, Standing, failed_again, missed, page_id, standing
from scraper.record import Change, ChangeStatus, Outcome
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from scraper.history.judging import Compared
    from scraper.history.validators import Asking
    from scraper.settings.model import HistorySettings

KEPT_CHANGES = 100
"""How many changes of a page are kept, the last ones."""
_BATCH = 500
_INDEX = (
    "CREATE TEMP TABLE read_now (id INTEGER, at INTEGER, seq INTEGER, told INTEGER)",
    "CREATE TEMP TABLE now (id INTEGER PRIMARY KEY, at INTEGER, seq INTEGER, told INTEGER)",
    "CREATE TEMP TABLE told_now (n INTEGER PRIMARY KEY, seq INTEGER, entry BLOB)",
    "CREATE TEMP TABLE excused (id INTEGER PRIMARY KEY)",
)
_SORT = (
    "INSERT OR IGNORE INTO now SELECT * FROM read_now ORDER BY id, seq",
    "DROP TABLE read_now",
    "CREATE INDEX temp.now_by_seq ON now (seq)",
)
_ABSENT = """
SELECT pages.id, pages.page FROM pages LEFT JOIN now ON now.id = pages.id
WHERE now.id IS NULL AND pages.id > ? ORDER BY pages.id LIMIT ?
"""
_FOUND_ON = f"json_extract(pages.page, '$[{PageRow.__struct_fields__.index('found_on')}]')"
# What was found on a page that could not be had this time may be there still; and so on from page to page.
_EXCUSE = f"""
INSERT OR IGNORE INTO excused
SELECT pages.id FROM pages LEFT JOIN now ON now.id = pages.id
LEFT JOIN now AS parent ON parent.id = {_FOUND_ON}
WHERE now.id IS NULL AND {_FOUND_ON} IS NOT NULL
AND (parent.told = 0 OR parent.id IS NULL AND {_FOUND_ON} IN (SELECT id FROM excused))
"""  # noqa: S608 - a number of ours
_PRUNE = """
DELETE FROM changes WHERE id = :page AND run NOT IN (
    SELECT run FROM changes WHERE id = :page ORDER BY rowid DESC LIMIT :kept
)
"""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """How many pages are what after a run."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    recovered: int = 0


class Finished(NamedTuple):
    """A run that is complete."""

    run: str
    records: tuple[Path, ...]
    """Its records, as JSON Lines, in one file or in several."""
    changes: Path
    """Where it is written what has changed."""
    extraction: str
    """See ``scraper.history.extraction``."""


def update(
    path: Path,
    finished: Finished,
    *,
    settings: HistorySettings,
    compared: Compared,
    asking: Asking,
    now: datetime,
) -> Totals:
    """Take a complete run in, and write what has changed; a run that is known already changes nothing.

    Blocking, for about as long as the run's records take to be read some times over.

    Raises:
        StateError: The history is damaged, or can't be written.
        SinkError: The changes can't be written.
    """
    with translated(path), contextlib.closing(opened_to_write(path)) as db:
        for statement in _INDEX:
            db.execute(statement)
        db.execute("BEGIN IMMEDIATE")
        try:
            totals = _known_totals(db, finished.run)
            if totals is None:
                totals = _Update(
                    db, finished, settings=settings, compared=compared, asking=asking, now=now
                ).carry_out()
                db.execute(
                    "INSERT INTO runs VALUES (?, ?, ?)",
                    (finished.run, rfc3339(now), msgspec.json.encode(totals).decode()),
                )
            db.execute("COMMIT")
        except msgspec.DecodeError as error:
            raise StateError(f"history.file {path} is damaged ({error}): name another file") from error
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
        # The log has grown to the size of what was written. It stays so where somebody reads just now.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return totals


def _known_totals(db: sqlite3.Connection, run: str) -> Totals | None:
    row = db.execute("SELECT totals FROM runs WHERE run = ?", (run,)).fetchone()
    return msgspec.json.decode(row[0], type=Totals) if row else None


class _Told(msgspec.Struct, frozen=True):
    """What is read of each record to find it again."""

    seq: int
    outcome: Outcome
    attempts: int = 0
    key: str | None = None
    status: int | None = None
    fetched_at: str | None = None
    validated_at: str | None = None


class _Update:
    """One run being taken in, within a transaction."""

    def __init__(
        self,
        db: sqlite3.Connection,
        finished: Finished,
        *,
        settings: HistorySettings,
        compared: Compared,
        asking: Asking,
        now: datetime,
    ) -> None:
        self._db = db
        self._finished = finished
        self._run = finished.run
        self._settings = settings
        self._now = now
        self._circumstances = Circumstances(
            finished.run, finished.extraction, settings, compared, asking, now
        )
        self._counted: Counter[str] = Counter()
        self._entries = 0
        self._first_at: str | None = None
        """When the first server answered."""

    def carry_out(self) -> Totals:
        """Do it, but for the commit."""
        self._index()
        with RecordLines(self._finished.records) as lines:
            found = self._db.execute("SELECT id, at FROM now ORDER BY id")
            while batch := found.fetchmany(_BATCH):
                self._take_in(batch, lines)
        self._miss_absent()
        self._write_changes()
        return Totals(**self._counted)

    def _index(self) -> None:
        """Note where the record of each page is; of several records of one page the first counts."""
        rows = self._places()
        while batch := list(islice(rows, 10 * _BATCH)):
            self._db.executemany("INSERT INTO read_now VALUES (?, ?, ?, ?)", batch)
        for statement in _SORT:
            self._db.execute(statement)

    def _places(self) -> Iterator[tuple[int, int, int, int]]:
        decode = msgspec.json.Decoder(_Told).decode
        with RecordLines(self._finished.records) as lines:
            for at, line in lines:
                told = decode(line)
                said_at = told.validated_at or told.fetched_at
                if said_at and told.attempts and (self._first_at is None or said_at < self._first_at):
                    self._first_at = said_at
                if told.key is not None and told.outcome is not Outcome.DUPLICATE:
                    is_told = standing({"outcome": told.outcome, "status": told.status})
                    yield page_id(told.key), at, told.seq, int(is_told is not Standing.UNTOLD)

    def _take_in(self, places: Sequence[tuple[int, int]], lines: RecordLines) -> None:
        known = self._known([number for number, _ in places])
        pages: list[tuple[int, str]] = []
        contents: list[tuple[int, bytes]] = []
        for number, at in places:
            record: dict[str, Any] = msgspec.json.decode(lines.at(at))
            old = known.get(number)
            if old is not None and old.own_key != record["key"]:
                old = None  # another page that has the same number
            if old is not None and old.seen_at > (said_at(record) or old.seen_at):
                continue  # another run has asked since: this one was stopped and resumed
            row = self._row(number, old, record)
            if row is None or row is old:
                continue
            if standing(record) is Standing.THERE:
                contents.append((number, packed(kept(record, status=row.status))))
            pages.append((number, _encode(row)))
        self._db.executemany("INSERT OR REPLACE INTO pages VALUES (?, ?)", pages)
        self._db.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?)", contents)

    def _known(self, numbers: Sequence[int]) -> dict[int, PageRow]:
        rows = self._db.execute(
            "SELECT id, page FROM pages WHERE id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(numbers).decode(),),
        )
        return {number: _decode(page) for number, page in rows}

    def _row(self, number: int, old: PageRow | None, record: dict[str, Any]) -> PageRow | None:
        """Return what is known of a page now: ``None`` if it was never there, the same if nothing changes."""
        change = msgspec.convert(record.get("change"), Change | None)
        if change is not None:
            self._counted[change.status.value] += 1
        match standing(record):
            case Standing.UNTOLD:
                return failed_again(old, record) if old else None
            case Standing.MISSING:
                if old is None:
                    return None
                at = record.get("fetched_at") or rfc3339(self._now)
                row = missed(old, run=self._run, at=at, gone_after=self._settings.gone_after, failed=True)
                return self._noted(number, row, old, record, change)
        if record["outcome"] == Outcome.NOT_MODIFIED and not record.get("attempts"):
            return old  # it was not due
        row = row_after(old, record, change=change, found_on=self._parent(record), run=self._circumstances)
        return self._noted(number, row, old, record, change)

    def _parent(self, record: dict[str, Any]) -> int | None:
        seq = record.get("parent")
        if seq is None:
            return None
        found = self._db.execute("SELECT id FROM now WHERE seq = ?", (seq,)).fetchone()
        return None if found is None else int(found[0])

    def _noted(
        self,
        number: int,
        row: PageRow,
        old: PageRow | None,
        record: dict[str, Any],
        change: Change | None,
    ) -> PageRow:
        """Note a change that is one, and return the row with it."""
        if change is None or change.status is ChangeStatus.UNCHANGED:
            return row
        before = self._content(number) if old is not None else None
        fields, cut = field_changes(before, record, change.fields)
        entry = ChangeEntry(
            status=change.status,
            url=row.url,
            run=self._run,
            at=change.last_changed or row.seen_at,
            key=row.own_key,
            seq=record.get("seq"),
            outcome=record.get("outcome"),
            http_status=record.get("status"),
            title=title_of(record) or title_of(before),
            fields=fields,
            cut=cut,
            previous_run=change.previous_run,
            first_seen=change.first_seen,
            last_changed=old.last_changed if old else None,
        )
        return self._told(number, row, entry)

    def _told(self, number: int, row: PageRow, entry: ChangeEntry) -> PageRow:
        self._entries += 1
        line = encode_entry(entry)
        self._db.execute("INSERT INTO told_now VALUES (?, ?, ?)", (self._entries, entry.seq, line))
        if entry.status is ChangeStatus.NEW:
            return row  # its row says so, see ``reading.timeline``
        self._db.execute("INSERT OR REPLACE INTO changes VALUES (?, ?, ?)", (number, self._run, line))
        if row.changes < KEPT_CHANGES:
            return replace(row, changes=row.changes + 1)
        self._db.execute(_PRUNE, {"page": number, "kept": KEPT_CHANGES})
        return row

    def _content(self, number: int) -> dict[str, Any]:
        found = self._db.execute("SELECT record FROM contents WHERE id = ?", (number,)).fetchone()
        return unpacked(found[0]) if found else {}

    # --- pages that the run has no record of ------------------------------------------------------

    def _miss_absent(self) -> None:
        """Count the runs in which nothing led to a page; those found on what could not be had don't count."""
        while self._db.execute(_EXCUSE).rowcount > 0:
            pass
        last = -(2**63)
        while batch := self._db.execute(_ABSENT, (last, _BATCH)).fetchall():
            last = batch[-1][0]
            self._miss(batch)

    def _miss(self, absent: Iterable[tuple[int, str]]) -> None:
        pages: list[tuple[str, int]] = []
        for number, page in absent:
            if self._db.execute("SELECT 1 FROM excused WHERE id = ?", (number,)).fetchone():
                continue
            old = _decode(page)
            if old.seen_at > (self._first_at or old.seen_at):
                continue  # it was seen since this run began to ask
            at = rfc3339(self._now)
            row = missed(old, run=self._run, at=at, gone_after=self._settings.gone_after, failed=False)
            if row.misses >= self._settings.gone_after + self._settings.forget_after:
                for table in ("pages", "contents", "changes"):
                    self._db.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608 - ours
                continue
            if row.is_gone and not old.is_gone:
                self._counted[ChangeStatus.GONE.value] += 1
                entry = ChangeEntry(
                    status=ChangeStatus.GONE,
                    url=row.url,
                    run=self._run,
                    at=at,
                    key=row.own_key,
                    title=title_of(self._content(number)),
                    previous_run=old.run,
                    first_seen=row.first_seen,
                    last_changed=old.last_changed,
                )
                row = self._told(number, row, entry)
            pages.append((_encode(row), number))
        self._db.executemany("UPDATE pages SET page = ? WHERE id = ?", pages)

    def _write_changes(self) -> None:
        """Write the run's changes whole: before the commit, since after it what was before is not known."""
        entries = self._db.execute("SELECT entry FROM told_now ORDER BY seq IS NULL, seq, n")
        with whole_file(self._finished.changes) as file:
            for (entry,) in entries:
                file.write(entry + b"\n")


def _encode(row: PageRow) -> str:
    return msgspec.json.encode(row).decode()


_decode = msgspec.json.Decoder(PageRow).decode
