"""Whole crawls in the test's own loop, with settings fit for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

import scraper
from scraper.assembly import open_run
from scraper.clock import SystemClock
from scraper.observe.events import Observers, Written
from scraper.run.files import Mode, run_files
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from pathlib import Path

    from scraper import Record, Settings
    from scraper.observe.events import Event
    from scraper.run.execution import Run, RunResult

_QUICK: dict[str, dict[str, Any]] = {
    "run": {"workers": 16},
    "politeness": {"delay_s": 0.0, "adaptive": False},
    "retry": {"base_s": 0.0},
    # Only a hang comes to these.
    "fetch": {"connect_s": 20.0, "read_s": 20.0, "total_s": 20.0},
    "output": {"batch_s": 0.02},
}


def settings(**sections: dict[str, Any]) -> Settings:
    """Return settings without waits, but for the changes: a table for each section."""
    tables = {name: {**_QUICK.get(name, {}), **sections.get(name, {})} for name in {*_QUICK, *sections}}
    return msgspec.convert(tables, scraper.Settings)


async def crawled(lines: Iterable[str | scraper.Seed], **sections: dict[str, Any]) -> list[Record]:
    """Crawl to the end, and return the records by ``seq``; fails when one is missing or double."""
    async with scraper.crawl(list(lines), settings=settings(**sections)) as records:
        found = sorted([record async for record in records], key=lambda record: record.seq)
    assert [record.seq for record in found] == list(range(len(found)))
    return found


class ShiftedClock(SystemClock):
    """The machine's time, but another date."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def utc(self) -> datetime:
        """Return the present time in UTC, moved."""
        return super().utc() + self._by


class _Drainer:
    """Asks a run to stop when so many records are written."""

    def __init__(self, after: int) -> None:
        self._left = after
        self.run: Run | None = None

    def notice(self, event: Event) -> None:
        if isinstance(event, Written) and self.run is not None:
            self._left -= len(event.records)
            if self._left <= 0:
                self.run.crawl.drain()


async def run_to_file(
    sources: Iterable[str],
    path: Path,
    *,
    resume: bool = False,
    drain_after: int | None = None,
    by: timedelta | None = None,
    **sections: dict[str, Any],
) -> RunResult:
    """Crawl to a file; ``drain_after`` so many records it is asked to stop, ``by`` moves the date."""
    chosen = settings(**sections)
    drainer = _Drainer(drain_after or 0)
    opened = open_run(
        sources_from_arguments(list(sources), chosen.sources),
        run_files([path]),
        settings=chosen,
        observer=Observers(drainer),
        mode=Mode.RESUME if resume else Mode.NEW,
        clock=ShiftedClock(by) if by else None,
    )
    async with opened as run:
        drainer.run = run if drain_after is not None else None
        return await run.execute()
