"""The package as a library: records as they come, or a run to files.

import scraper

async with scraper.crawl(["https://example.com/"]) as records:
    async for record in records:
        print(record.url, record.title)
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.assembly import open_run
from scraper.channel import Channel
from scraper.clock import SystemClock
from scraper.errors import SettingsError
from scraper.observe.events import Observers
from scraper.record import Record
from scraper.run.files import Mode, run_files
from scraper.settings.load import fold, table_layer
from scraper.settings.model import ClusterSettings, Settings
from scraper.sinks.stream import StreamJournal
from scraper.sources.arguments import sources_from_arguments
from scraper.sources.lines_given import GivenLines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from scraper.messages import Seed
    from scraper.observe.events import Observer
    from scraper.run.execution import Run, RunResult

_RECORDS_AHEAD = 64
"""Records that wait for whoever takes them; then the run waits."""


@contextlib.asynccontextmanager
async def crawl(
    lines: Iterable[str | Seed], *, settings: Settings | None = None, observer: Observer | None = None
) -> AsyncIterator[AsyncIterator[Record]]:
    """Visit URLs and give their records, in the order in which they are finished.

    ``lines`` is read as it is needed, in a thread: a generator may be endless and may block. Each
    line gives one record, also a line that is no URL. Who takes no records holds the crawl back.
    Leaving the block early stops it at once.

    It is a context manager, not a bare generator, because it owns tasks: they must have an end, also
    when the loop over the records is left by an exception.

    Args:
        lines: URLs as a list file has them, or ``Seed`` values that carry other columns along.
        settings: The defaults where not given.
        observer: Is told how the run goes on: a ``Progress``.

    Raises:
        SettingsError: A setting is out of its bounds.
        RunError: The run broke.
    """
    if isinstance(lines, str):
        lines = [lines]
    settings = _checked(settings)
    if settings.cluster.shards:
        raise SettingsError(
            "cluster.shards: `scraper.crawl` gives records while the run goes on, and those of a part count "
            "only when it is complete; `scraper.crawl_to_files` runs a list in parts"
        )
    channel = Channel[Record](_RECORDS_AHEAD)
    journal = StreamJournal(channel)
    opened = open_run([GivenLines(lines)], journal, settings=settings, observer=observer or Observers())
    async with opened as run, _alongside(run, journal):
        yield channel


@contextlib.asynccontextmanager
async def _alongside(run: Run, journal: StreamJournal) -> AsyncIterator[None]:
    """Execute a run while the block goes on."""

    async def execute() -> None:
        await run.execute()
        await journal.close()

    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(execute(), name="crawl")
            yield
            running.cancel()
    except BaseExceptionGroup as group:
        # A group of one is of no use to a caller who knows nothing of our tasks.
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if error is group:
            raise
        raise error from error.__cause__


async def crawl_to_files(
    sources: str | Path | Sequence[str | Path],
    outputs: str | Path | Sequence[str | Path],
    *,
    settings: Settings | None = None,
    resume: bool = False,
    fresh: bool = False,
    observer: Observer | None = None,
) -> RunResult:
    """Do what ``scraper crawl SOURCE... -o FILE`` does, and return how the run ended.

    With ``cluster.shards`` the list is run in parts, in processes of their own, and the output may be a
    folder; then the observer hears of the run and of lost workers, and not of each page.

    Args:
        sources: Files, URLs, or ``-``, as on the command line, one or several; may be empty with
            ``resume``.
        outputs: One path or several, texts also as URLs (``s3://bucket/pages.csv``); the endings name the
            formats.
        settings: The defaults where not given.
        resume: Go on with an unfinished run; begin it if there is none.
        fresh: Start over, and replace what is there.
        observer: Is told how the run goes on: a ``Progress``.

    Raises:
        UsageError: Nothing was started: an output is there already, a source can't be read, ...
        RunError: The run broke; what was written is kept, and it can be resumed.
    """
    settings = _checked(settings)
    sources = [sources] if isinstance(sources, str | Path) else sources
    paths = [outputs] if isinstance(outputs, str | Path) else outputs
    mode = Mode.RESUME if resume else Mode.FRESH if fresh else Mode.NEW
    found = sources_from_arguments([str(source) for source in sources], settings.sources)
    observer = observer or Observers()
    if resume or settings.cluster != ClusterSettings():
        from scraper.cluster.job import Job  # noqa: PLC0415 - most runs are whole
        from scraper.cluster.job_place import place_for  # noqa: PLC0415 - the same
        from scraper.cluster.totals import Totals  # noqa: PLC0415 - the same

        if (place := place_for([str(path) for path in paths], settings, mode)) is not None:
            clock = SystemClock()
            totals = Totals(clock=clock)
            return await Job(
                found, place, settings=settings, mode=mode, observer=observer, totals=totals, clock=clock
            ).execute()
    files = run_files(paths, ordered=settings.output.ordered)
    async with open_run(found, files, settings=settings, observer=observer, mode=mode) as run:
        return await run.execute()


def _checked(settings: Settings | None) -> Settings:
    """Return the settings, held to the bounds that a settings file is held to.

    Raises:
        SettingsError: A value is of the wrong type or out of its bounds.
    """
    try:
        given = msgspec.to_builtins(settings or Settings())
    except TypeError as error:
        extractor: object = settings.parse.extractor if settings else ""
        if callable(extractor):
            module = getattr(extractor, "__module__", "module")
            named = f"{module}:{getattr(extractor, '__qualname__', 'function')}"
            raise SettingsError(
                f"parse.extractor: expected 'module:function', such as {named!r}, found a function"
            ) from None
        raise SettingsError(str(error)) from error
    loaded, problems = fold([table_layer(given, origin="Settings")])
    if problems:
        raise SettingsError(problems[0])
    return loaded.settings
