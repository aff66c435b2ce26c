"""What is kept of pages, for who shows it: the history of one URL, and a search by a part of it.

Everything here blocks, for up to half a second in a history of a million pages, and opens the file anew.
Reads go on while a run updates it: each sees the file as it was before, or after.
"""

from __future__ import annotations

import zlib
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.clock import rfc3339
from scraper.errors import InvalidUrl
from scraper.history.change_log import ChangeEntry, decode_entry
from scraper.history.file import opened_to_read, translated
from scraper.history.rows import PageRow, page_id
from scraper.record import ChangeStatus
from scraper.urls import parse_input

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_MAX_FOUND = 1_000
_MOST_WORDS = 10
_FIRST = -(2**63)
_ENTRIES = "SELECT entry FROM changes WHERE id = ? ORDER BY rowid DESC"
_decode_row = msgspec.json.Decoder(PageRow).decode


class PageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one page."""

    number: int
    """What it goes by in the file."""
    url: str
    key: str
    """What it is found by."""
    is_gone: bool
    status: ChangeStatus
    """Its last change: new, changed, gone or recovered."""
    first_seen: str
    last_changed: str
    seen_at: str
    """When it was last there."""
    run: str
    """The last run that learnt anything of it."""
    misses: int
    """How many runs in a row it was missing."""
    changes: int
    """How many changes of it are kept, without that it was new."""
    next_due: str | None
    """When it is to be asked for again (``history.adaptive``); ``None`` where that was not said."""


class PageTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """The history of one page."""

    page: PageSummary
    entries: list[ChangeEntry]
    """Its changes, newest first; the last one is that it was new."""
    record: dict[str, Any]
    """The page as it was when it was last there, as its record has it; empty when that is not kept."""


class PagesFound(msgspec.Struct, frozen=True, kw_only=True):
    """What a search has found."""

    pages: list[PageSummary]
    has_more: bool
    """Those behind ``after`` the last page's number."""


def find_pages(
    path: Path, text: str, *, limit: int = 100, gone: bool | None = None, after: int | None = None
) -> PagesFound:
    """Return the pages that have all words of a text in their URL, in the order of their numbers.

    Args:
        path: The history.
        text: Words, compared as they are, but for the case of ASCII letters; all pages when it is empty.
        limit: No more pages than this, nor than 1,000.
        gone: Only pages that are gone, or that are not.
        after: Only pages behind the one with this number.

    Raises:
        UsageError: The history can't be read.
        StateError: It is damaged.
    """
    limit = max(1, min(limit, _MAX_FOUND))
    words = [_pattern(word) for word in text.split()[:_MOST_WORDS]]
    first = _FIRST if after is None else after
    query = (
        "SELECT id, page FROM pages WHERE id > ?"  # noqa: S608 - no value is in it
        + " AND json_extract(page, '$[0]') LIKE ? ESCAPE '\\'" * len(words)
        + " AND (? IS NULL OR json_extract(page, ?) = ?) ORDER BY id LIMIT ?"
    )
    with closing(opened_to_read(path)) as db, translated(path):
        rows = db.execute(query, (first, *words, gone, _GONE_AT, gone, limit + 1)).fetchall()
    found = [_summary(number, _decode_row(page)) for number, page in rows]
    return PagesFound(pages=found[:limit], has_more=len(found) > limit)


def _pattern(word: str) -> str:
    return "%" + "".join(f"\\{char}" if char in "%_\\" else char for char in word) + "%"


_GONE_AT = f"$[{PageRow.__struct_fields__.index('is_gone')}]"


def timeline(path: Path, url: str) -> PageTimeline | None:
    """Return the history of a URL, also of its key; ``None`` when nothing is known of it.

    Raises:
        UsageError: The history can't be read.
        StateError: It is damaged.
    """
    keys = [url]
    with suppress(InvalidUrl):  # it may be a key all the same: that of a sitemap
        keys.append(parse_input(url).key)
    with closing(opened_to_read(path)) as db, translated(path):
        for key in dict.fromkeys(keys):
            found = _timeline(db, page_id(key))
            if found is not None and found.page.key == key:
                return found
    return None


def numbered_timeline(path: Path, number: int) -> PageTimeline | None:
    """Return the history of the page with a number; ``None`` when there is none such.

    Raises:
        UsageError: The history can't be read.
        StateError: It is damaged.
    """
    with closing(opened_to_read(path)) as db, translated(path):
        return _timeline(db, number)


def _timeline(db: sqlite3.Connection, number: int) -> PageTimeline | None:
    found = db.execute("SELECT page FROM pages WHERE id = ?", (number,)).fetchone()
    if found is None:
        return None
    row = _decode_row(found[0])
    kept = db.execute(_ENTRIES, (number,)).fetchall()
    content = db.execute("SELECT record FROM contents WHERE id = ?", (number,)).fetchone()
    return PageTimeline(
        page=_summary(number, row),
        entries=[*(decode_entry(entry) for (entry,) in kept), _beginning(row)],
        record=unpacked(content[0]) if content else {},
    )


def _beginning(row: PageRow) -> ChangeEntry:
    """Return that a page was new: it is not kept as an entry, since most pages have no other."""
    return ChangeEntry(
        status=ChangeStatus.NEW,
        url=row.url,
        key=row.own_key,
        run=row.first_run,
        at=row.first_seen,
        first_seen=row.first_seen,
    )


def _summary(number: int, row: PageRow) -> PageSummary:
    due = None
    if row.due_s > 0:
        due = rfc3339(datetime.fromtimestamp(min(row.due_s, _LAST_S), UTC))
    return PageSummary(
        number=number,
        url=row.url,
        key=row.own_key,
        is_gone=row.is_gone,
        status=ChangeStatus(row.last_status),
        first_seen=row.first_seen,
        last_changed=row.last_changed,
        seen_at=row.seen_at,
        run=row.run,
        misses=row.misses,
        changes=row.changes,
        next_due=due,
    )


_LAST_S = 253_402_300_799.0
"""The last second of the year 9999, which is as far as Python's dates go."""


def packed(record: bytes) -> bytes:
    """Return a record as it is kept."""
    return zlib.compress(record, level=1)


def unpacked(kept: bytes) -> dict[str, Any]:
    """Return a record that is kept; empty when it is damaged."""
    try:
        found = msgspec.json.decode(zlib.decompress(kept))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
