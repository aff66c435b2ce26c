"""The report of a finished run: made once, in a thread, and kept beside the run's files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from scraper import __version__
from scraper.dashboard.problems import Refusal, not_there
from scraper.errors import UsageError
from scraper.report.render import render
from scraper.report.reporting import GivenUp, report_of
from scraper.run.results import run_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.schedule.model import RunRow

PATIENCE_S = 10.0
"""So long a request waits for a report. What takes longer is made all the same, and asked for again."""
_MOST_WAITING = 20
_NAME = f".report-{__version__}.html"


_LOG = logging.getLogger("scraper.dashboard")


class Reports:
    """The reports of finished runs.

    Args:
        group: Where the tasks belong that make them; its owner cancels them.
        patience_s: How long a request waits.
    """

    def __init__(self, group: asyncio.TaskGroup, *, patience_s: float = PATIENCE_S) -> None:
        self._group = group
        self._patience_s = patience_s
        self._under_way: dict[Path, asyncio.Task[bytes | Refusal]] = {}
        # One at a time: it takes a core, which the jobs want too.
        self._turn = asyncio.Lock()
        self._is_ending = False

    async def get(self, run: RunRow) -> bytes | None:
        """Return a run's report as a page; ``None`` when it is still being made.

        Raises:
            Refusal: Its files are not there, can't be read, or too many reports are asked for.
        """
        if run.folder is None:
            raise not_there("The files of this run are not there.")
        task = self._under_way.get(run.folder)
        if task is None:
            if len(self._under_way) >= _MOST_WAITING:
                raise Refusal(
                    HTTPStatus.SERVICE_UNAVAILABLE, "Too many reports are being made.", retry_after_s=30
                )
            task = self._group.create_task(self._made(run.folder), name=f"dashboard: report of {run.id}")
            self._under_way[run.folder] = task
        # The task goes on when whoever asked has gone.
        await asyncio.wait([task], timeout=self._patience_s)
        if not task.done():
            return None
        found = task.result()
        if isinstance(found, Refusal):
            raise found
        return found

    def cancel(self) -> None:
        """Give up those that are being made."""
        self._is_ending = True
        for task in self._under_way.values():
            task.cancel()

    async def _made(self, folder: Path) -> bytes | Refusal:
        """Return the page, or why there is none: what a task raises would end the daemon with its group."""
        try:
            async with self._turn:
                return await asyncio.to_thread(_report, folder, lambda: not self._is_ending)
        except Refusal as refusal:
            return refusal
        except Exception:  # noqa: BLE001 see above
            _LOG.exception("the report of %s could not be made", folder)
            return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong with this report.")
        finally:
            del self._under_way[folder]


def _report(folder: Path, is_wanted: Callable[[], bool]) -> bytes:
    kept = folder / _NAME
    try:
        records = run_file(folder)
        # A run that was resumed after its report was made has a newer file of records.
        if kept.exists() and kept.stat().st_mtime_ns >= records.stat().st_mtime_ns:
            return kept.read_bytes()
        page = render(report_of(records, is_wanted=is_wanted)).encode("utf-8", "replace")
    except GivenUp as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "The daemon ends.") from error
    except (UsageError, OSError) as error:
        raise not_there("The records of this run are not there, or can't be read.") from error
    # A report that can't be kept, on a full disk, is shown all the same.
    with contextlib.suppress(OSError):
        _keep(kept, page)
    return page


def _keep(kept: Path, page: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=kept.parent, prefix=".report-", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(page)
        Path(name).replace(kept)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
