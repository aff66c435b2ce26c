"""From settings, sources and outputs to a run: the only module that knows every part."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.clock import SystemClock
from scraper.errors import StateError, UsageError
from scraper.execution import Run
from scraper.fetch.http import HttpFetcher
from scraper.frontier.frontier import Frontier
from scraper.frontier.state_thread import StateThread
from scraper.observe.events import Observers
from scraper.observe.watchdog import Watchdog
from scraper.parse.page import PageParser
from scraper.pipeline import Crawl
from scraper.runs import Mode, RunFiles, new_run_id
from scraper.sinks.jsonl import JsonLinesJournal
from scraper.sources.source import Identity, Source
from scraper.sources.stream import SeedStream
from scraper.verdict import Decider
from scraper.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from scraper.clock import Clock
    from scraper.observe.events import Observer
    from scraper.settings.model import Settings
    from scraper.sinks.base import Journal
    from scraper.sources.lines_given import GivenLines


@contextlib.asynccontextmanager
async def open_run(
    sources: Sequence[Source | GivenLines],
    target: RunFiles | Journal,
    *,
    settings: Settings,
    observer: Observer,
    mode: Mode = Mode.NEW,
    clock: Clock | None = None,
) -> AsyncIterator[Run]:
    """Put a run together, and close all of its parts in the end.

    ``target`` is files, or a journal that takes the records as they come (and is not closed here):
    then the state is temporary and the run can't be resumed. ``sources`` may be empty when resuming:
    they are those of the run before.

    Raises:
        OutputExists: Something is there that the mode does not allow to replace.
        OutputLocked: Another run writes there.
        UsageError: The sources are not those of the run that is to be resumed, or have changed; or
            the output can't be written.
    """
    clock = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(target, RunFiles):
            disk = await stack.enter_async_context(_files(target, mode))
        else:
            disk = await stack.enter_async_context(_no_files(target))
        before = await disk.state.call(disk.state.store.progress)
        seeds = await stack.enter_async_context(await _seeds(sources, disk.state))
        name = await _named(disk.state, clock)
        fetcher = await stack.enter_async_context(HttpFetcher.open(settings.fetch, clock=clock))

        def waits() -> tuple[str, ...]:
            return _waits(crawl, fetcher, clock)

        watchdog = Watchdog(observer, waits=waits, silence_s=settings.run.watchdog_s, clock=clock)
        everyone = Observers(watchdog, observer)
        crawl = Crawl(
            seeds=seeds,
            frontier=Frontier(
                state=disk.state,
                settings=settings.frontier,
                politeness=settings.politeness,
                clock=clock,
                progress=before,
            ),
            visitor=Visitor(
                fetcher=fetcher,
                decider=Decider(
                    settings.retry,
                    max_redirects=settings.fetch.max_redirects,
                    chance=random.Random(),  # noqa: S311 for jitter, not for secrets
                ),
                parser=PageParser(settings.parse),
                run=name,
                clock=clock,
            ),
            journal=disk.journal,
            observer=everyone,
            workers=settings.run.workers,
            output=settings.output,
        )
        run = Run(
            name=name,
            crawl=crawl,
            watchdog=watchdog,
            observer=everyone,
            files=target if isinstance(target, RunFiles) else None,
            drain_s=settings.run.drain_s,
            clock=clock,
            before=before,
        )
        disk.runs.append(run)
        yield run


class _Disk(NamedTuple):
    """What a run keeps on disk."""

    state: StateThread
    journal: Journal
    runs: list[Run]
    """The run, once it is made: what stays behind depends on how it ended."""


@contextlib.asynccontextmanager
async def _files(files: RunFiles, mode: Mode) -> AsyncIterator[_Disk]:
    """Open the state and the journal of a run with files; leave behind what its end calls for."""
    files.check(mode)
    try:
        files.state.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't write {files.outputs[0]}: {error.strerror}") from error
    if mode is Mode.FRESH:
        await _discard(files.state)
    state = await StateThread.open(files.state)
    runs: list[Run] = []
    try:
        await _same_outputs(files, state)
        before = await state.call(state.store.progress)
        journal = await JsonLinesJournal.reopen(files.journal, length=before.output_bytes)
        try:
            yield _Disk(state, journal, runs)
        finally:
            await journal.close()
    finally:
        complete = any(run.is_complete for run in runs)
        untouched = (await state.call(state.store.progress)).lines == 0
        await state.close(remove=complete or untouched)
        # After the state: one that is killed in between would leave a state that wants its journal back.
        if (complete and not files.keeps_journal) or (untouched and not complete):
            await asyncio.to_thread(_remove_journal, files, complete=complete)


async def _same_outputs(files: RunFiles, state: StateThread) -> None:
    """Keep the outputs' names with a new run; refuse to resume one with others.

    Raises:
        UsageError: They differ: an output would never be made, or nobody asked for it.
    """
    names = [path.name for path in files.outputs]
    remembered = await state.call(state.store.fact, "outputs")
    if remembered is None:
        await state.call(state.store.note, outputs=msgspec.json.encode(names).decode())
    elif sorted(names) != sorted(before := msgspec.json.decode(remembered, type=list[str])):
        raise UsageError(f"the unfinished run writes {', '.join(before)}: resume it with the same outputs")


async def _discard(state_path: Path) -> None:
    """Remove a state, also one that is damaged or of another version, unless another run holds it."""
    try:
        state = await StateThread.open(state_path)  # only so is it known that nobody holds it
    except StateError:
        await asyncio.to_thread(state_path.unlink)
    else:
        await state.close(remove=True)


def _remove_journal(files: RunFiles, *, complete: bool) -> None:
    """Remove a journal that is of no use any more, or one that nothing was written to."""
    with contextlib.suppress(FileNotFoundError):
        if complete or not files.journal.stat().st_size:
            files.journal.unlink()


@contextlib.asynccontextmanager
async def _no_files(journal: Journal) -> AsyncIterator[_Disk]:
    """Give a run that writes elsewhere a state that does not outlive it."""
    with tempfile.TemporaryDirectory(prefix="scraper-", ignore_cleanup_errors=True) as folder:
        state = await StateThread.open(Path(folder, "state"))
        try:
            yield _Disk(state, journal, [])
        finally:
            await state.close(remove=True)


class _Listed(msgspec.Struct, frozen=True):
    """A source as the state remembers it."""

    source: Source
    identity: Identity | None


async def _seeds(sources: Sequence[Source | GivenLines], state: StateThread) -> SeedStream:
    """Return the lines that are still to be read, of the sources given or remembered.

    Lines that a program gave can't be remembered; a run with them has a state that does not outlive it.

    Raises:
        UsageError: They are not the same, or a list that is still to be read has changed.
    """
    remembered = await state.call(state.store.fact, "sources")
    if remembered is None:
        listed = [_Listed(source, source.identity()) for source in sources if isinstance(source, Source)]
        await state.call(state.store.note, sources=msgspec.json.encode(listed).decode())
        return SeedStream(sources)
    listed = msgspec.json.decode(remembered, type=list[_Listed])
    if sources and list(sources) != [one.source for one in listed]:
        names = ", ".join(one.source.name for one in listed)
        raise UsageError(
            f"the unfinished run read from {names}: resume it with the same, or start over with --fresh"
        )
    read = await state.call(state.store.sources)
    for number, (source, identity) in enumerate((one.source, one.identity) for one in listed):
        if number in read and read[number].ended:
            continue
        if identity is not None and source.identity() != identity:
            raise UsageError(
                f"{source.name} has changed since the run began and was not read to its end: "
                "put it back, or start over with --fresh"
            )
        if source.kind == "stdin" and not sources:
            lines = read[number].consumed if number in read else 0
            raise UsageError(
                f"standard input was not read to its end ({lines} lines were): "
                "pipe the same list in again, with - as the source"
            )
    skip = [
        None if one is not None and one.ended else one.consumed if one else 0
        for one in (read.get(number) for number in range(len(listed)))
    ]
    return SeedStream([one.source for one in listed], skip=skip)


async def _named(state: StateThread, clock: Clock) -> str:
    """Return the run's name, the same in all of its parts."""
    name = await state.call(state.store.fact, "run")
    if name is None:
        name = new_run_id(clock.utc())
        await state.call(state.store.note, run=name)
    return name


def _waits(crawl: Crawl, fetcher: HttpFetcher, clock: Clock) -> tuple[str, ...]:
    """Return a line for each worker that is at something, and one for the frontier."""
    now_s = clock.monotonic()
    stands = crawl.frontier.occupancy()
    frontier = (
        f"frontier: {stands.unfinished} lines unfinished, {stands.hosts_ready} hosts ready, "
        f"{stands.hosts_held} held back, {stands.handed_out} requests handed out"
    )
    lines = [frontier]
    for name, request in crawl.under_way.items():
        phase = fetcher.phase_of(name) or "the writer"
        since_s = now_s - request.released_at_s
        lines.append(f"{name}: {request.target or request.input} waits for {phase}, {since_s:.0f} s by now")
    return tuple(lines)
