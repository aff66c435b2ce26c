"""A run in parts from its list to its records: begun or gone on with, split, directed, put together."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

import msgspec

from scraper.cluster.begun import named
from scraper.cluster.director import Director
from scraper.cluster.discarding import clear, clear_store, discard_unfinished, remove
from scraper.cluster.engines import check_cluster, open_engine
from scraper.cluster.gathering import check_counts, gather, run_in
from scraper.cluster.known import parts_here, put_known
from scraper.cluster.lease import last_figures
from scraper.cluster.manifest import Manifest
from scraper.cluster.part import row_of
from scraper.cluster.places import LIST, ShardPlace
from scraper.cluster.split import Stopped, split_in
from scraper.cluster.storage import all_at_once
from scraper.errors import RunError, ScraperError, UsageError
from scraper.observe.events import Aborting, ChangesKnown, Draining, RunEnded, RunStarted
from scraper.observe.parts import Parts, parts_of
from scraper.run.execution import RunResult
from scraper.run.files import Mode, keep_cache_apart
from scraper.run.history import open_remembered
from scraper.run.history_places import check_history
from scraper.run.same_settings import same_extraction, same_history
from scraper.sinks.claim import claimed
from scraper.visit.assembly import check_visits, product_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.cluster.engine import Engine
    from scraper.cluster.job_place import JobPlace
    from scraper.cluster.manifest import Shard
    from scraper.cluster.orders import Figures
    from scraper.cluster.totals import Totals
    from scraper.history.remembered import History
    from scraper.observe.events import Observer
    from scraper.settings.model import ClusterSettings, Settings
    from scraper.sources.source import Source


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
        place.check_settings(settings)
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
                if self.is_complete and place.store:  # while there is what says whose it was
                    await self._clear(str(manifest.fact("run")))
            finally:
                has_come_to_nothing = not begun and manifest.fact("lines") is None
                if has_come_to_nothing and place.store and (run := manifest.fact("run")):
                    with contextlib.suppress(RunError):  # it is what can't be reached
                        await self._clear(run)
                manifest.close(remove=self.is_complete or has_come_to_nothing)
            if self.is_complete:
                await asyncio.to_thread(remove, place.work)
        return self._result()

    async def _clear(self, run: str) -> None:
        try:
            await asyncio.to_thread(clear_store, self._place, run)
        except OSError as error:
            raise RunError(f"can't remove what is left in {self._place.name}: {error}") from error

    def _result(self) -> RunResult:
        snapshot, place = self.totals.snapshot(), self._place
        return RunResult(
            run=snapshot.run,
            complete=self.is_complete,
            lines=snapshot.known,
            records=snapshot.done,
            outputs=place.files_made(),
            uploaded=place.uploaded(),
            elapsed_s=snapshot.elapsed_s,
            changes=snapshot.changes,
            resumable=not self.is_complete,
        )

    async def _execute(self, manifest: Manifest, changes: Path | None) -> bool:
        """Do it, and return whether the list is split."""
        began_s, settings, clock = self._clock.monotonic(), self._settings, self._clock
        if self._place.store and manifest.fact("replaces") is None:
            manifest.note(replaces=await asyncio.to_thread(run_in, self._place.store))
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
                if self._place.store and self._place.store.is_of_one_process and not engine.shares_memory:
                    raise UsageError(
                        f"{self._place.store} is in the memory of one process: name a storage that all "
                        "workers reach, such as s3://bucket/pages"
                    )
                self._opened(engine)
                if manifest.fact("lines") is None and not await self._split(manifest, run):
                    return
                await self._begin(manifest, run)
                self._director = Director(
                    storage=self._place.storage,
                    under=self._place.under(run),
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
            await self._begin(manifest, run)
        shards = manifest.shards()
        check_counts(shards, lines=int(manifest.fact("lines") or 0))
        replaces = manifest.fact("replaces") or ""
        await asyncio.to_thread(
            gather, self._place, shards, run=run, settings=self._settings, replaces=replaces
        )
        if self._history is not None:
            async with parts_here(self._place, scratch=self._settings.cluster.scratch) as files:
                totals = await self._history.complete(files)
            self.totals.changes = msgspec.structs.asdict(totals)
            self._observer.notice(ChangesKnown(self.totals.changes))
        self.is_complete = True

    async def _begin(self, manifest: Manifest, run: str) -> None:
        """Tell that the run begins, or goes on."""
        shards = self._shards = manifest.shards()
        said = await asyncio.to_thread(self._said, shards, run)
        self.totals.begin(run, shards, lines=int(manifest.fact("lines") or 0), said=said)
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

    def _said(self, shards: Sequence[Shard], run: str) -> dict[int, Figures | None]:
        """Return what the last worker of each part said of it."""
        storage, under = self._place.storage, self._place.under(run)
        said: dict[int, Figures | None] = {}

        def ask(shard: str) -> None:
            said[int(shard)] = last_figures(ShardPlace(storage, int(shard), under=under), run=run)

        all_at_once(storage, ask, [str(one.shard) for one in shards])
        return said

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

    async def _split(self, manifest: Manifest, run: str) -> bool:
        """Split the list; return whether that was done to the end."""
        place, settings, history = self._place, self._settings, self._history
        shards = int(manifest.fact("parts") or 0)

        def goes_on() -> bool:
            return not self._stopped.is_set()

        def work() -> bool:
            try:
                weighed = split_in(
                    place.storage,
                    self._sources,
                    under=place.under(run),
                    scratch=settings.cluster.scratch,
                    shards=shards,
                    politeness=settings.politeness,
                    goes_on=goes_on,
                )
            except Stopped:
                return False
            # Also for workers on this machine: what a run that goes on compares with stays the same.
            if history and not put_known(
                place, history, run=run, scratch=settings.cluster.scratch, goes_on=goes_on
            ):
                return False
            manifest.begin(lines=weighed.lines, parts=[(*part, LIST) for part in weighed.parts])
            return True

        if not place.store:
            await asyncio.to_thread(clear, place.work)
        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            self._stopped.set()
            raise
