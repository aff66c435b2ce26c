"""From settings, archives and outputs to an extraction."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from scraper.archives.ledger import Ledger
from scraper.archives.reading import ArchiveReader
from scraper.archives.saved import FolderReader
from scraper.archives.sources import Archives
from scraper.clock import SystemClock
from scraper.extracting.extraction import Extraction
from scraper.extracting.kept import Kept, kept_on_disk
from scraper.extracting.lines import Lines
from scraper.run.files import Mode, RunFiles, new_run_id
from scraper.verdict.retries import RunBudget
from scraper.visit.assembly import check_visits, decider_for, product_token, retries_for, visitor_for
from scraper.visit.visit import Settler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.archives.sources import SavedPages
    from scraper.clock import Clock
    from scraper.extracting.extraction import Concluder
    from scraper.extracting.lines import Reader
    from scraper.messages import Response
    from scraper.observe.events import Observer
    from scraper.settings.model import Settings
    from scraper.sinks.base import Journal

_AT_ONCE = 16
"""Pages that are worked at at the same time: parsing holds the interpreter, but a function of the user's may
wait."""
_AT_EACH = 4
"""The same, of each child process."""


class NoNetwork:
    """A fetcher of nothing: what is not in the archive is not asked for."""

    async def fetch(self, url: str, **_: Any) -> Response:
        """Refuse."""
        raise AssertionError(url)


@contextlib.asynccontextmanager
async def open_extraction(
    source: Archives | SavedPages,
    target: RunFiles | Journal,
    *,
    settings: Settings,
    observer: Observer,
    mode: Mode = Mode.NEW,
    clock: Clock | None = None,
) -> AsyncIterator[Extraction]:
    """Put an extraction together, and close all of its parts in the end.

    ``target`` is files, or a journal that takes the records as they come (and is not closed here).

    Raises:
        OutputExists: Something is there that the mode does not allow to replace.
        OutputLocked: Another run writes there.
        SettingsError: A selector is none, or the user's function can't be loaded.
        UsageError: What is to be resumed is another extraction, or the output can't be written.
    """
    clock = clock or SystemClock()
    settings = _offline(settings)
    check_visits(settings)
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(target, RunFiles):
            kept = await stack.enter_async_context(kept_on_disk(target, source, mode=mode, clock=clock))
        else:
            kept = Kept(target, run=new_run_id(clock.utc()), tally={})
        token = product_token(settings)
        budget = RunBudget(settings.retry)
        decider = decider_for(settings, retries=retries_for(settings, budget=budget))
        reader: Reader = (
            ArchiveReader(source, settings.fetch)
            if isinstance(source, Archives)
            else FolderReader(source, settings.fetch)
        )
        lines = Lines(reader, stack.enter_context(Ledger()), decider=decider)
        here = partial(
            visitor_for, fetcher=NoNetwork(), token=token, run=kept.run, clock=clock, budget=budget
        )
        concluder: Concluder = here(settings)
        at_once = _AT_ONCE
        if settings.run.processes:
            from scraper.processes.pool import ProcessPool  # noqa: PLC0415 - most runs have no child processes

            concluder = await stack.enter_async_context(
                ProcessPool.open(settings, token=token, run=kept.run, clock=clock, observer=observer)
            )
            at_once = _AT_EACH * settings.run.processes
        yield Extraction(
            lines=lines,
            concluder=concluder,
            last=here(_unrefreshed(settings)) if settings.follow.meta_refresh else concluder,
            settler=Settler(decider=decider, run=kept.run, clock=clock),
            kept=kept,
            files=target if isinstance(target, RunFiles) else None,
            observer=observer,
            output=settings.output,
            at_once=at_once,
            is_refreshing=settings.follow.meta_refresh,
            drain_s=settings.run.drain_s,
            clock=clock,
        )


def _unrefreshed(settings: Settings) -> Settings:
    return replace(settings, follow=replace(settings.follow, meta_refresh=False))


def _offline(settings: Settings) -> Settings:
    """Return settings by which nothing is asked again, no link followed, and no run before remembered."""
    return replace(
        settings,
        retry=replace(settings.retry, retries=0),
        follow=replace(settings.follow, depth=0),
        history=replace(settings.history, file=""),
    )
