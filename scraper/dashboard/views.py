"""What the pages and the API show, asked once for both.

Names from a request are looked up, never made a path of: what is not known is refused here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec

from scraper.dashboard.answers import PageHistory
from scraper.dashboard.problems import Refusal, not_there
from scraper.errors import ScraperError, UsageError
from scraper.report.shown import shown_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Sequence
    from datetime import datetime

    from scraper.dashboard.known_pages import FieldChange, KnownPages, PageSlice, Slice
    from scraper.record import ChangeStatus
    from scraper.schedule.model import Control, JobRow, LiveRun, RunRow

T = TypeVar("T")
_LONGEST_ID = 200


class Views:
    """Asks the daemon and the history of pages.

    Args:
        control: The daemon.
        pages: What is known of pages.
    """

    def __init__(self, control: Control, pages: KnownPages) -> None:
        self.control = control
        self._pages = pages

    def jobs(self) -> Sequence[JobRow]:
        """Return all jobs."""
        return self.control.jobs()

    def job(self, name: str) -> JobRow:
        """Return a job.

        Raises:
            Refusal: There is none by that name.
        """
        for row in self.control.jobs():
            if row.name == name:
                return row
        raise not_there("There is no job by this name.")

    async def runs(
        self, job: str, *, limit: int, before: datetime | None
    ) -> tuple[Sequence[RunRow], datetime | None]:
        """Return a part of a job's history, and before when it goes on.

        Raises:
            Refusal: There is no such job.
        """
        rows = await _asked(self.control.history(self.job(job).name, limit=limit + 1, before=before))
        return rows[:limit], rows[limit - 1].due if len(rows) > limit else None

    async def run(self, job: str, run: str) -> RunRow:
        """Return a run.

        Raises:
            Refusal: There is no such job or run.
        """
        row = None
        name = self.job(job).name
        if len(run) <= _LONGEST_ID:
            row = await _asked(self.control.run(name, run))
        if row is None:
            raise not_there("There is no run by this name in the job's history.")
        return row

    def live(self, job: str, run: str | None = None) -> LiveRun | None:
        """Return how far the job's run is; ``None`` when none goes on, or another than this one.

        Raises:
            Refusal: There is no such job.
        """
        live = live_of(self.control, self.job(job).name)
        if live is None or run not in {None, live.run}:
            return None
        failures = tuple(msgspec.structs.replace(one, url=shown_url(one.url)) for one in live.failures)
        page = None if live.cluster_page is None else shown_url(live.cluster_page)
        return msgspec.structs.replace(live, failures=failures, cluster_page=page)

    async def changes(
        self,
        job: str,
        run: str,
        *,
        statuses: Collection[ChangeStatus],
        words: str,
        after: str | None,
        limit: int,
    ) -> tuple[RunRow, Slice]:
        """Return a run and a part of what it has found changed.

        Raises:
            Refusal: There is no such job or run, or no such part.
        """
        row = await self.run(job, run)
        found = await _asked(
            self._pages.changes(self.job(job), row, statuses=statuses, words=words, after=after, limit=limit)
        )
        rows = tuple(
            msgspec.structs.replace(one, url=shown_url(one.url), fields=_shown(one.fields))
            for one in found.rows
        )
        return row, msgspec.structs.replace(found, rows=rows)

    async def search(self, job: str, *, words: str, after: str | None, limit: int) -> PageSlice:
        """Return a part of the pages that a job knows.

        Raises:
            Refusal: There is no such job, or no such part.
        """
        found = await _asked(self._pages.search(self.job(job), words=words, after=after, limit=limit))
        rows = tuple(msgspec.structs.replace(row, url=shown_url(row.url)) for row in found.rows)
        return msgspec.structs.replace(found, rows=rows)

    async def page(self, job: str, page: str) -> PageHistory:
        """Return the history of one page.

        Raises:
            Refusal: There is no such job or page.
        """
        row = self.job(job)
        found = None if len(page) > _LONGEST_ID else await _asked(self._pages.page(row, page))
        if found is None:
            raise not_there("The job knows no page by this name.")
        known, events = found
        return PageHistory(
            msgspec.structs.replace(known, url=shown_url(known.url)),
            tuple(msgspec.structs.replace(one, fields=_shown(one.fields)) for one in events),
        )

    async def act(self, job: str, action: str) -> None:
        """Do something with a job: ``trigger``, ``pause``, ``resume``, ``stop``.

        Raises:
            Refusal: There is no such job or action, or it can't be done now.
        """
        name = self.job(job).name
        control = self.control
        try:
            match action:
                case "trigger":
                    await control.trigger(name)
                case "pause":
                    await control.pause(name)
                case "resume":
                    await control.resume(name)
                case "stop":
                    await control.stop_run(name)
                case _:
                    raise not_there("There is no such action.")
        except UsageError as error:
            raise Refusal(HTTPStatus.CONFLICT, str(error)) from error


def live_of(control: Control, job: str) -> LiveRun | None:
    """Return how far a job's run is; ``None`` also for one that can't run: its folder can't be used."""
    try:
        return control.live(job)
    except UsageError:
        return None


def _shown(fields: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """Mask the secrets in URLs that are values of fields."""
    return tuple(
        msgspec.structs.replace(one, old=_shown_value(one.old), new=_shown_value(one.new)) for one in fields
    )


def _shown_value(value: object) -> object:
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        return shown_url(value)
    return value


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except UsageError as error:
        raise not_there(str(error)) from error
    except ScraperError as error:
        raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from error
