"""Runs in parts in the test's own loop: the parts too, one after the other, without a process for each."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from scraper.clock import SystemClock
from scraper.cluster.engine import InProcess
from scraper.cluster.job import Job
from scraper.cluster.job_place import job_place
from scraper.cluster.totals import Totals
from scraper.observe.events import Observers
from scraper.run.files import Mode
from scraper.run.results import raw_records, run_file
from scraper.sources.arguments import sources_from_arguments
from tests.support import crawling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scraper.cluster.engine import Engine
    from scraper.observe.events import Observer
    from scraper.run.execution import RunResult
    from scraper.settings.model import ClusterSettings

    OpenEngine = Callable[[ClusterSettings, int], AbstractAsyncContextManager[Engine]]


@contextlib.asynccontextmanager
async def in_process(settings: ClusterSettings, shards: int) -> AsyncIterator[Engine]:
    """Give the engine that needs no processes."""
    del settings, shards
    async with InProcess.open() as engine:
        yield engine


async def run_in_parts(
    sources: Sequence[str],
    output: Path | str,
    *,
    mode: Mode = Mode.NEW,
    engine: OpenEngine = in_process,
    observer: Observer | None = None,
    begun: Callable[[Job, Totals], None] = lambda _job, _totals: None,
    **sections: dict[str, Any],
) -> RunResult:
    """Do what ``scraper crawl --shards`` does; a table for each section of the settings.

    ``begun`` is given what can be asked meanwhile how far the run is.
    """
    settings = crawling.settings(**{"cluster": {"shards": 3}, **sections})
    totals = Totals(clock=SystemClock())
    job = Job(
        sources_from_arguments(sources, settings.sources),
        job_place([str(output)], ordered=settings.output.ordered),
        settings=settings,
        mode=mode,
        observer=observer or Observers(),
        totals=totals,
        clock=SystemClock(),
        engine=engine,
    )
    begun(job, totals)
    return await job.execute()


def records_of(output: Path) -> list[dict[str, Any]]:
    """Return the records of a complete run by ``seq``, whatever its parts."""
    found = [json.loads(line) for line in raw_records(run_file(output))]
    return sorted(found, key=lambda record: int(record["seq"]))
