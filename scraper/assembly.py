"""From settings, sources and outputs to a run: the only module that knows every part."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from scraper.clock import SystemClock
from scraper.frontier.frontier import Frontier
from scraper.frontier.gatekeeper import Gatekeeper
from scraper.messages import Request
from scraper.observe.events import Observers
from scraper.observe.watchdog import Watchdog
from scraper.pipeline import Crawl
from scraper.run.archive import open_archive
from scraper.run.execution import Run
from scraper.run.files import Mode, RunFiles, keep_cache_apart
from scraper.run.history import open_remembered
from scraper.run.history_places import check_history
from scraper.run.same_settings import same_extraction, same_history
from scraper.run.share import Share, dealt_seeds, kept_by
from scraper.run.state import kept_for_now, kept_on_disk, remaining_seeds, run_name
from scraper.slots import most_aside
from scraper.sources.source import Source
from scraper.verdict.retries import RunBudget
from scraper.visit.assembly import archivist_for, check_visits, product_token, remembering, visitor_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from scraper.clock import Clock
    from scraper.exchange import Put
    from scraper.fetch.http import HttpFetcher
    from scraper.frontier.facts import Progress
    from scraper.frontier.part import Part
    from scraper.observe.events import Observer
    from scraper.pipeline import Visitor
    from scraper.processes.pool import ProcessPool
    from scraper.run.state import Kept
    from scraper.settings.model import Settings
    from scraper.sinks.base import Journal
    from scraper.sources.lines_given import GivenLines
    from scraper.sources.stream import SeedStream


@contextlib.asynccontextmanager
async def open_run(
    sources: Sequence[Source | GivenLines],
    target: RunFiles | Journal | Share,
    *,
    settings: Settings,
    observer: Observer,
    mode: Mode = Mode.NEW,
    clock: Clock | None = None,
    name: str | None = None,
) -> AsyncIterator[Run]:
    """Put a run together, and close all of its parts in the end.

    ``target`` is files, or a journal that takes the records as they come (and is not closed here):
    then the state is temporary and the run can't be resumed. Or it is a share of a larger run, which knows
    its sources itself. ``sources`` may be empty when resuming: they are those of the run before.
    ``name`` is what a new run is to be called in its records.

    Raises:
        OutputExists: Something is there that the mode does not allow to replace.
        OutputLocked: Another run writes there.
        SettingsError: A selector is none, or the user's function can't be loaded.
        UsageError: The sources are not those of the run that is to be resumed, or have changed; or
            the output can't be written, or is also the cache of robots.txt files or the history.
    """
    clock = clock or SystemClock()
    files = target if isinstance(target, RunFiles) else None
    lists = [source.name for source in sources if isinstance(source, Source) and source.kind == "file"]
    check_visits(settings)
    keep_cache_apart(settings.robots.cache, files=files, others=lists)
    share = target if isinstance(target, Share) else None
    changes = None if share else check_history(settings, files, mode=mode, others=lists)
    token = product_token(settings)
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(target, RunFiles):
            target.keep_apart(lists)
        kept, part, before, seeds, run_id = await stack.enter_async_context(
            _begun(sources, target, settings=settings, mode=mode, token=token, clock=clock, name=name)
        )
        recall, history = await stack.enter_async_context(
            open_remembered(settings, changes=changes, run=run_id, token=token, clock=clock)
        )
        first = share.archive_file if share else files.archive if files else None
        archive = await stack.enter_async_context(
            open_archive(first, kept, settings=settings, run=run_id, clock=clock)
        )

        def waits() -> tuple[str, ...]:
            return _waits(crawl, visits, clock)

        watchdog = Watchdog(observer, waits=waits, silence_s=settings.run.watchdog_s, clock=clock)
        everyone = Observers(watchdog, observer)
        visitor: Visitor
        visits, visitor = await stack.enter_async_context(
            _open_visits(
                settings,
                token=token,
                run=run_id,
                clock=clock,
                observer=everyone,
                put=archive.put if archive else None,
            )
        )
        crawl = Crawl(
            seeds=seeds,
            frontier=Frontier(
                state=kept.state,
                settings=settings.frontier,
                politeness=settings.politeness,
                gatekeeper=Gatekeeper(settings.robots, clock=clock),
                clock=clock,
                progress=before,
                territory=part.territory if part else None,
                asked_before=share is not None and share.is_later,
                memory=recall,
            ),
            visitor=share.fenced(visitor) if share else visitor,
            journal=kept.journal,
            observer=everyone,
            workers=settings.run.workers,
            waiting=most_aside(settings.run),
            output=settings.output,
            archive=archive,
        )
        run = Run(
            name=run_id,
            crawl=crawl,
            watchdog=watchdog,
            observer=everyone,
            files=files,
            drain_s=settings.run.drain_s,
            clock=clock,
            before=before,
            history=history,
        )
        try:
            yield run
        finally:
            kept.complete = run.is_complete


class _Begun(NamedTuple):
    """A run that has a name, or has found it again, and what it is to read."""

    kept: Kept
    part: Part | None
    before: Progress
    """How far it has come before."""
    seeds: SeedStream
    name: str


@contextlib.asynccontextmanager
async def _begun(
    sources: Sequence[Source | GivenLines],
    target: RunFiles | Journal | Share,
    *,
    settings: Settings,
    mode: Mode,
    token: str,
    clock: Clock,
    name: str | None,
) -> AsyncIterator[_Begun]:
    """Open state, journal and lists, and close them in the end."""
    share = target if isinstance(target, Share) else None
    part = share.part() if share else None
    async with _kept(target, mode) as kept:
        state, prepare = kept.state, kept.state.store.prepare
        await state.call(
            prepare, follow=settings.follow, robots=settings.robots, token=token, clock=clock, part=part
        )
        before = await state.call(state.store.progress)
        remaining = dealt_seeds(share, state) if share else remaining_seeds(sources, state)
        async with await remaining as seeds:
            name = await run_name(state, clock, given=name)
            if not share:  # whoever began the larger run has looked
                await state.call(same_history, state.store, settings.history.file)
                await state.call(same_extraction, state.store, settings.parse)
            yield _Begun(kept, part, before, seeds, name)


def _kept(target: RunFiles | Journal | Share, mode: Mode) -> AbstractAsyncContextManager[Kept]:
    """Return what opens the state and the journal of a run."""
    if isinstance(target, RunFiles):
        return kept_on_disk(target, mode)
    return kept_by(target) if isinstance(target, Share) else kept_for_now(target)


@contextlib.asynccontextmanager
async def _open_visits(
    settings: Settings, *, token: str, run: str, clock: Clock, observer: Observer, put: Put | None
) -> AsyncIterator[tuple[ProcessPool | HttpFetcher, ProcessPool | Visitor]]:
    """Give who knows what a visit waits for, and who visits: here, or in child processes."""
    known = remembering(settings, run=run, token=token, clock=clock)
    if settings.run.processes:
        from scraper.processes.pool import ProcessPool  # noqa: PLC0415 - most runs have no child processes

        async with (
            known as memory,
            ProcessPool.open(
                settings, token=token, run=run, clock=clock, observer=observer, memory=memory, put=put
            ) as pool,
        ):
            yield pool, pool
        return
    from scraper.fetch.http import HttpFetcher  # noqa: PLC0415 - with child processes only they need aiohttp

    async with known as memory, HttpFetcher.open(settings.fetch, clock=clock) as fetcher:
        visitor = visitor_for(
            settings,
            fetcher,
            token=token,
            run=run,
            clock=clock,
            budget=RunBudget(settings.retry),
            memory=memory,
            archivist=archivist_for(put, run=run) if put else None,
        )
        yield fetcher, visitor


def _waits(crawl: Crawl, visits: ProcessPool | HttpFetcher, clock: Clock) -> tuple[str, ...]:
    """Return a line for each worker that is at something, and one for the frontier."""
    now_s = clock.monotonic()
    stands = crawl.frontier.occupancy()
    frontier = (
        f"frontier: {stands.unfinished} lines unfinished, {stands.hosts_ready} hosts ready, "
        f"{stands.hosts_held} held back, {stands.handed_out} requests handed out"
    )
    lines = [frontier]
    for name, request in crawl.under_way.items():
        phase = visits.phase_of(name) or "the writer"
        since_s = now_s - request.released_at_s
        what = request.target or (request.input if isinstance(request, Request) else "")
        lines.append(f"{name}: {what} waits for {phase}, {since_s:.0f} s by now")
    return tuple(lines)
