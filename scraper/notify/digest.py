"""The changes of a run as one notice for each target, whatever their number. Pure.

One pass over all changes serves all targets; memory depends on how many pages are named, not on how many
there are.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from scraper.notify.notice import ChangeNotice, PageChange
from scraper.notify.size import page_size
from scraper.record import ChangeStatus
from scraper.settings.url_patterns import url_searcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from scraper.notify.notice import FieldChange
    from scraper.notify.table import NotifyTable

MAX_NAMES = 50
"""The names of so many fields are counted: below ``og`` and the like pages make them up."""
MAX_SEARCHED = 10_000
"""Characters of a URL that the user's pattern sees."""


def page_filter(table: NotifyTable) -> Callable[[PageChange], PageChange | None]:
    """Return what a target's table makes of a page: the page with the fields that count, or nothing.

    A page that is new, gone or there again has no fields, so ``fields`` says nothing of it.
    """
    search = url_searcher(table.url) if table.url else None
    exact = frozenset(table.fields)
    below = tuple(f"{name}." for name in table.fields)
    statuses = frozenset(table.changes)

    def counts(field: FieldChange) -> bool:
        return field.name in exact or field.name.startswith(below)

    def filtered(page: PageChange) -> PageChange | None:
        if page.status not in statuses or (search and not search(page.url[:MAX_SEARCHED])):
            return None
        fields = page.fields
        if exact:
            fields = tuple(field for field in fields if counts(field))
            if page.status is ChangeStatus.CHANGED and not fields:
                return None
        if table.least_size and page_size(page.status, fields) < table.least_size:
            return None
        return PageChange(url=page.url, status=page.status, fields=fields)

    return filtered


class Digest:
    """Gathers what one target is told of a run."""

    def __init__(self, table: NotifyTable) -> None:
        self._filter = page_filter(table)
        self._least = table.least_pages
        self._most = table.most_pages
        self._statuses: Counter[str] = Counter()
        self._fields: Counter[str] = Counter()
        self._pages: list[PageChange] = []

    def add(self, change: PageChange) -> None:
        """Take what has become of one more page."""
        page = self._filter(change)
        if page is None:
            return
        self._statuses[page.status.value] += 1
        for name in {field.name for field in page.fields}:
            if name in self._fields or len(self._fields) < MAX_NAMES:
                self._fields[name] += 1
        if len(self._pages) < self._most:
            self._pages.append(page)

    def notice(self, *, job: str, run: str, at: datetime) -> ChangeNotice | None:
        """Return what there is to tell, ``None`` when that is nothing."""
        total = self._statuses.total()
        if total < self._least:
            return None
        return ChangeNotice(
            job=job,
            at=at,
            run=run,
            total=total,
            statuses=dict(self._statuses),
            fields=dict(self._fields.most_common()),
            pages=tuple(self._pages),
        )


def digests(
    tables: Sequence[NotifyTable], changes: Iterable[PageChange], *, job: str, run: str, at: datetime
) -> list[ChangeNotice | None]:
    """Return for each table what its target is told of a run's changes, ``None`` for nothing."""
    gathered = [Digest(table) for table in tables]
    for change in changes:
        for digest in gathered:
            digest.add(change)
    return [digest.notice(job=job, run=run, at=at) for digest in gathered]
