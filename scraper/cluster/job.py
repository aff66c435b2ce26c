"""A run in parts from its list to its records: begun or gone on with, split, directed, put together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
from typing import TYPE_CHECKING

import msgspec

from scraper.cluster.begun import named
from scraper.cluster.director import Director
from scraper.cluster.discarding import clear, discard_unfinished, remove
from scraper.cluster.gathering import check_counts, gather
from scraper.cluster.local import LocalProcesses
from scraper.cluster.manifest import Manifest
from scraper.cluster.part import row_of
from scraper.cluster.places import LIST, known_file
from scraper.cluster.split import Stopped, split
from scraper.errors import ScraperError, UsageError
from scraper.observe.events import Aborting, ChangesKnown, Draining, RunEnded, RunStarted
from scraper.observe.parts import Parts, parts_of
from scraper.run.execution import RunResult
from scraper.run.files import Mode, keep_cache_apart
from scraper.run.history import open_remembered
from scraper.run.history_places import check_history
from scraper.run.parts import part_files
from scraper.run.same_settings import same_extraction, same_history
from scraper.sinks.claim import claimed
from scraper.visit.assembly import check_visits, product_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.cluster.engine import Engine
    from scraper.cluster.job_place import JobPlace
    from scraper.cluster.manifest import Shard
    from scraper.cluster.totals import Totals
    from scraper.history.remembered import History
    from scraper.observe.events import Observer
    from scraper.settings.model import ClusterSettings, Settings
    from scraper.sources.source import Source


_is_address = re.compile(r"[a-z]+://[^/\s]+:[0-9]{1,5}").fullmatch


def check_cluster(settings: ClusterSettings) -> None:
    """Refuse what does not go together, and a library that is missing.

    Raises:
        UsageError: The settings contradict each other, or the engine is not installed.
    """
    if settings.scheduler and settings.engine != "dask":
        raise UsageError("--scheduler (cluster.scheduler) is of a Dask cluster: add --engine dask")
    if settings.engine == "dask":
        from scraper.cluster.dask_engine import require_library  # noqa: PLC0415 - an extra

        require_library()
    if settings.scheduler and not _is_address(settings.scheduler):
        raise UsageError(
            f"--scheduler (cluster.scheduler) {settings.scheduler!r} is no address: write tcp://host:8786"
        )


@contextlib.asynccontextmanager
async def open_engine(settings: ClusterSettings, shards: int) -> AsyncIterator[Engine]:
    """Give the engine that the settings name.

    Raises:
        UsageError: The cluster can't be reached.
    """
    workers = min(shards, settings.workers or os.cpu_count() or 1)
    if settings.engine == "local":
        async with LocalProcesses.open(workers=workers) as local:
            yield local
        return
    from scraper.cluster.dask_engine import DaskCluster  # noqa: PLC0415 - an extra

    async with DaskCluster.open(settings.scheduler, workers=workers) as cluster:
        yield cluster


class Job:
    """A run in parts; ``execute`` it once. It can be asked to stop meanwhile, in the loop's thread."""

    def __init__(
        self,
        sources: Sequence[Source],
        place: JobPlace,
        *,
        settings: Settings,
        mode: Mode,
        observer: Observer,
        totals: Totals,
        clock: Clock,
        engine: Callable[[ClusterSettings, int], AbstractAsyncContextManager[Engine]] = open_engine,
        opened: Callable[[Engine], None] = lambda _engine: None,
        name: str | None = None,
    ) -> None:
        """Take what is to be done.

        ``opened`` is told of the engine when it is there; ``name`` is what a new run is to be called.
        """
        self._sources = sources
        self._place = place
        self._settings = settings
        self._mode = mode
        self._observer = observer
        self.totals = totals
        self._clock = clock
        self._engine = engine
        self._opened = opened
        self._name = name
        self._history: History | None = None
        self._director: Director | None = None
        self._stopped = threading.Event()
        self._work: asyncio.Task[None] | None = None
        self._has_begun = False
        self._shards: list[Shard] = []
        """As they stood when it began."""
        self.is_complete = False

    async def execute(self) -> RunResult:
        """Run to the end, or until drained or aborted; then put the records together.

        Raises:
            UsageError: Something is there that the mode does not allow to replace, a list can't be read, the
                run was begun with other lists or outputs, or the cluster can't be reached.
            RunError: The run broke; it can be gone on with.
        """
        place, settings = self._place, self._settings
        check_cluster(settings.cluster)
        check_visits(settings)  # here rather than at each worker
        lists = [source.name for source in self._sources if source.kind == "file"]
        keep_cache_apart(settings.robots.cache, files=place.files, others=lists)
        if place.files:
            place.files.keep_apart(lists)
        changes = check_history(settings, place, mode=self._mode, others=lists)
        await asyncio.to_thread(place.check, self._mode)
        try:
            for path in (*place.claims, place.state):
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"can't write {path}: {error.strerror}") from error
        with claimed(place.claims):
            if self._mode is Mode.FRESH:
                lease_s = settings.cluster.lease_s
                await discard_unfinished(place, lease_s=lease_s, clock=self._clock)
            manifest = await asyncio.to_thread(Manifest, place.state)
            begun = False
            try:
                begun = await self._execute(manifest, changes)
            finally:
                manifest.close(remove=self.is_complete or (not begun and manifest.fact("lines") is None))
            if self.is_complete:
                await asyncio.to_thread(remove, place.work)
        return self._result()

    def _result(self) -> RunResult:
        snapshot, place = self.totals.snapshot(), self._place
        return RunResult(
            run=snapshot.run,
            complete=self.is_complete,
            lines=snapshot.known,
            records=snapshot.done,
            outputs=place.files_made(),
            uploaded=tuple(remote.shown for remote in place.files.remotes) if place.files else (),
            elapsed_s=snapshot.elapsed_s,
            changes=snapshot.changes,
            resumable=not self.is_complete,
        )

    async def _execute(self, manifest: Manifest, changes: Path | None) -> bool:
        """Do it, and return whether the list is split."""
        began_s, settings, clock = self._clock.monotonic(), self._settings, self._clock
        run, self._sources = named(
            manifest, self._place, self._sources, settings=settings, clock=clock, name=self._name
        )
        same_history(manifest, settings.history.file)
        same_extraction(manifest, settings.parse)
        try:
            async with (
                open_remembered(
                    settings, changes=changes, run=run, token=product_token(settings), clock=clock
                ) as (_, self._history),
                asyncio.TaskGroup() as tasks,
            ):
                self._work = tasks.create_task(self._direct(manifest, run), name="director")
        except BaseExceptionGroup as group:
            known, unknown = group.split(ScraperError)
            if known is None or unknown is not None:
                raise
            first: BaseException = known
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from first.__cause__
        finally:
            self.totals.is_complete = self.is_complete
            elapsed_s = self._clock.monotonic() - began_s
            if self._has_begun:
                self._observer.notice(RunEnded(complete=self.is_complete, elapsed_s=elapsed_s))
        return manifest.fact("lines") is not None

    async def _direct(self, manifest: Manifest, run: str) -> None:
        if manifest.fact("lines") is None or any(shard.open for shard in manifest.shards()):
            parts = int(manifest.fact("parts") or 0)
            # Before the list is split: that takes its time, and a cluster that is not there is soon seen.
            async with self._engine(self._settings.cluster, parts) as engine:
                self._opened(engine)
                if manifest.fact("lines") is None and not await self._split(manifest):
                    return
                self._begin(manifest, run)
                self._director = Director(
                    work=self._place.work,
                    manifest=manifest,
                    engine=engine,
                    settings=self._settings,
                    run=run,
                    archive=self._place.has_archive,
                    observer=self._observer,
                    totals=self.totals,
                )
                if self._stopped.is_set():
                    return
                await self._director.run()
                if not self._director.is_over:
                    return
        else:
            self._begin(manifest, run)
        shards = manifest.shards()
        check_counts(shards, lines=int(manifest.fact("lines") or 0))
        await asyncio.to_thread(gather, self._place, shards, run=run, settings=self._settings)
        if self._history is not None:
            totals = await self._history.complete(part_files(self._place.parts))
            self.totals.changes = msgspec.structs.asdict(totals)
            self._observer.notice(ChangesKnown(self.totals.changes))
        self.is_complete = True

    def _begin(self, manifest: Manifest, run: str) -> None:
        """Tell that the run begins, or goes on."""
        shards = self._shards = manifest.shards()
        self.totals.begin(run, shards, lines=int(manifest.fact("lines") or 0))
        snapshot = self.totals.snapshot()
        self._has_begun = True
        self._observer.notice(
            RunStarted(
                run=run,
                resumed=any(shard.attempt for shard in shards),
                already_done=snapshot.done,
                known=snapshot.known,
                found=snapshot.found,
            )
        )

    def parts(self) -> Parts:
        """Return how each part stands; there are none before the list is split."""
        if self._director is not None:
            return parts_of(self._director.parts())
        return parts_of([row_of(shard, self.totals.of(shard.shard)) for shard in self._shards])

    def drain(self, reason: str) -> None:
        """Begin nothing new; what is under way may finish."""
        self._stopped.set()
        if self._director is not None:
            self._director.drain(reason)
        else:
            self.totals.stopping = reason
            self._observer.notice(Draining(reason=reason, deadline_s=self._settings.run.drain_s))

    def abort(self, reason: str) -> None:
        """Give up what is under way."""
        self._stopped.set()
        self._observer.notice(Aborting(reason))
        if self._work is not None:
            self._work.cancel()

    async def _split(self, manifest: Manifest) -> bool:
        """Split the list; return whether that was done to the end."""
        place, settings, history = self._place, self._settings, self._history
        shards = int(manifest.fact("parts") or 0)

        def goes_on() -> bool:
            return not self._stopped.is_set()

        def work() -> bool:
            try:
                weighed = split(
                    self._sources,
                    place.work,
                    shards=shards,
                    politeness=settings.politeness,
                    goes_on=goes_on,
                )
            except Stopped:
                return False
            # Also for workers on this machine: what a run that goes on compares with stays the same.
            if history and not history.copy(known_file(place.work), goes_on=goes_on):
                return False
            manifest.begin(lines=weighed.lines, parts=[(*part, LIST) for part in weighed.parts])
            return True

        await asyncio.to_thread(clear, place.work)
        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            self._stopped.set()
            raise
