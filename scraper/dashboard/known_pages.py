"""What the dashboard asks of the history of pages. This module does no I/O."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from scraper.record import ChangeStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from scraper.schedule.model import JobRow, RunRow


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs between two runs."""

    name: str
    old: Any = None
    new: Any = None


class PageChange(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of one page in a run."""

    page: str
    """The page's name in its job, by which its history is asked for."""
    url: str
    status: ChangeStatus
    fields: tuple[FieldChange, ...] = ()
    title: str | None = None


class PageEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What one run found of a page."""

    run: str
    at: datetime
    status: ChangeStatus
    outcome: str | None = None
    http_status: int | None = None
    fields: tuple[FieldChange, ...] = ()


class PageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a page over all runs of a job."""

    page: str
    url: str
    title: str | None = None
    outcome: str | None = None
    http_status: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    last_changed: datetime | None = None
    last_change: ChangeStatus | None = None
    """What the last change was."""
    is_gone: bool = False
    next_due: datetime | None = None
    """When it is to be asked for again, where pages have intervals of their own."""


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a long list of changes."""

    rows: tuple[PageChange, ...]
    next: str | None = None
    """Where it goes on; ``None`` at its end."""


class PageSlice(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a long list of pages."""

    rows: tuple[PageRow, ...]
    next: str | None = None


class KnownPages(Protocol):
    """What is asked of the history of pages. Nothing here blocks the loop."""

    async def changes(
        self,
        job: JobRow,
        run: RunRow,
        *,
        statuses: Collection[ChangeStatus],
        words: str,
        after: str | None,
        limit: int,
    ) -> Slice:
        """Return what a run has found changed, in the run's order.

        Args:
            job: The run's job.
            run: A run.
            statuses: Which are wanted; all but unchanged ones when empty.
            words: What their URLs hold, in any case.
            after: ``Slice.next`` of the part before.
            limit: The most rows.

        Raises:
            UsageError: ``after`` is of no slice, or the files are not there any more.
        """
        ...

    async def search(self, job: JobRow, *, words: str, after: str | None, limit: int) -> PageSlice:
        """Return the pages whose URL holds all of the words, in an order that stays.

        Raises:
            UsageError: ``after`` is of no slice.
        """
        ...

    async def page(self, job: JobRow, page: str) -> tuple[PageRow, Sequence[PageEvent]] | None:
        """Return what is known of a page, and what its latest runs have found, newest first.

        ``None`` when no page has this name.
        """
        ...
