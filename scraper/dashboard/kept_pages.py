"""The history of pages that jobs keep in their folders, for the dashboard. Files are read in threads."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from scraper.dashboard.known_pages import (
    FieldChange,
    PageChange,
    PageEvent,
    PageRow,
    PageSlice,
    Slice,
)
from scraper.errors import UsageError
from scraper.history import change_log
from scraper.history.change_log import read_changes
from scraper.history.reading import find_pages, numbered_timeline
from scraper.history.rows import page_id
from scraper.schedule.job import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from scraper.history.change_log import ChangeEntry
    from scraper.history.reading import PageSummary
    from scraper.record import ChangeStatus
    from scraper.schedule.model import JobRow, RunRow

T = TypeVar("T")
_AT_ONCE = 2
"""So many files are read at the same time; others wait, within their request's time."""
_number = re.compile(r"-?[0-9]{1,19}", re.ASCII).fullmatch
_MOST_NUMBER = 2**63


class KeptPages:
    """Reads the files that the jobs' runs write."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def changes(
        self,
        job: JobRow,  # noqa: ARG002 - the interface's
        run: RunRow,
        *,
        statuses: Collection[ChangeStatus],
        words: str,
        after: str | None,
        limit: int,
    ) -> Slice:
        """Return what a run has found changed; see ``KnownPages``."""
        offset = _place(after) if after is not None else 0
        if run.folder is None:
            raise UsageError("The files of this run are not there.")
        path = run.folder / change_log.NAME
        parts = words.split()

        def read() -> Slice:
            part = read_changes(path, offset=offset, limit=limit, statuses=statuses, words=parts)
            place = part.next_offset
            return Slice(rows=tuple(map(_change, part.entries)), next=None if place is None else str(place))

        return await self._in_thread(read)

    async def search(self, job: JobRow, *, words: str, after: str | None, limit: int) -> PageSlice:
        """Return the pages whose URL holds all of the words; see ``KnownPages``."""
        path = job.output / PAGES
        number = None if after is None else _place(after)

        def read() -> PageSlice:
            if not path.exists():
                return PageSlice(rows=())
            found = find_pages(path, words, limit=limit, after=number)
            rows = tuple(_row(page) for page in found.pages)
            return PageSlice(rows=rows, next=rows[-1].page if found.has_more else None)

        return await self._in_thread(read)

    async def page(self, job: JobRow, page: str) -> tuple[PageRow, Sequence[PageEvent]] | None:
        """Return what is known of a page; see ``KnownPages``."""
        if not _is_number(page):
            return None
        path = job.output / PAGES
        found = await self._in_thread(lambda: numbered_timeline(path, int(page)) if path.exists() else None)
        if found is None:
            return None
        title, status = found.record.get("title"), found.record.get("status")
        outcome = found.record.get("outcome")
        row = _row(
            found.page,
            title=title if isinstance(title, str) else None,
            outcome=outcome if isinstance(outcome, str) else None,
            http_status=status if isinstance(status, int) else None,
        )
        return row, [_event(entry) for entry in found.entries]

    async def _in_thread(self, read: Callable[[], T]) -> T:
        async with self._turns:
            return await asyncio.to_thread(read)


def _change(entry: ChangeEntry) -> PageChange:
    return PageChange(
        page=str(page_id(entry.key or entry.url)),
        url=entry.url,
        status=entry.status,
        fields=_fields(entry),
        title=entry.title,
    )


def _event(entry: ChangeEntry) -> PageEvent:
    return PageEvent(
        run=entry.run,
        at=_moment(entry.at),
        status=entry.status,
        outcome=entry.outcome,
        http_status=entry.http_status,
        fields=_fields(entry),
    )


def _fields(entry: ChangeEntry) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(name=name, old=values.old, new=values.new) for name, values in entry.fields.items()
    )


def _row(
    page: PageSummary,
    *,
    title: str | None = None,
    outcome: str | None = None,
    http_status: int | None = None,
) -> PageRow:
    return PageRow(
        page=str(page.number),
        url=page.url,
        title=title,
        outcome=outcome,
        http_status=http_status,
        last_change=page.status,
        first_seen=_moment(page.first_seen),
        last_seen=_moment(page.seen_at),
        last_changed=_moment(page.last_changed),
        is_gone=page.is_gone,
        next_due=None if page.next_due is None else _moment(page.next_due),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _place(after: str) -> int:
    if not _is_number(after):
        raise UsageError("There is no such part of the list.")
    return int(after)


def _is_number(text: str) -> bool:
    return _number(text) is not None and -_MOST_NUMBER <= int(text) < _MOST_NUMBER
