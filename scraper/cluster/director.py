"""Who directs a run in parts: hands them to workers, watches over them, deals out what they have for others.

A part goes from hand to hand like this: a new attempt is counted in the manifest and said in the part's
folder, so that whoever is still at it leaves; when nobody can be at it any more (it was released, or its
lease is over), the attempt is submitted. What the engine says of an attempt is believed of its end only, and
a worker that is not heard of for a lease has lost its part, whatever the engine says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from scraper.cluster.dealing import Deal, deal_in
from scraper.cluster.lease import write_fence
from scraper.cluster.orders import Answer, Fence, Order, encode
from scraper.cluster.part import Part
from scraper.cluster.places import ShardPlace
from scraper.cluster.storage import Folder, all_at_once
from scraper.errors import RunError, ScraperError
from scraper.observe.events import Draining, PartLost, Written

if TYPE_CHECKING:
    from scraper.cluster.engine import Ended, Engine
    from scraper.cluster.manifest import Manifest
    from scraper.cluster.storage import Storage
    from scraper.cluster.totals import Totals
    from scraper.observe.events import Observer
    from scraper.observe.parts import PartRow
    from scraper.settings.model import Settings

_LOOKS_EVERY_S = 1.0
_LOOKS_IN_STORE_S = 2.0
_LOOKS_A_LEASE = 6
_BEGINS_WITHIN_S = 60.0
"""How long a worker may take to give its first sign: a Python has to start, and to import what it needs."""
_NO_WORKER_S = 300.0
"""How long it is waited for a worker when there is none: clusters start some when there is work."""
_WHY = {
    "taken": "was sent the same twice",
    "superseded": "was told to leave",
    "lease_lost": "could not say in time that it lives",
    "locked": "found the state still held",
    "failed": "failed",
    "refused": "failed",
}


class Director:
    """Directs one run, once."""

    def __init__(
        self,
        *,
        storage: Storage,
        under: str = "",
        manifest: Manifest,
        engine: Engine,
        settings: Settings,
        run: str,
        archive: bool,
        observer: Observer,
        totals: Totals,
    ) -> None:
        """Take over a run whose list is split; ``under`` is where in the storage it is."""
        self._storage = storage
        self._under = under
        self._manifest = manifest
        self._engine = engine
        self._settings = settings
        self._carried = msgspec.to_builtins(_anywhere(settings))
        self._run = run
        self._archive = archive
        self._observer = observer
        self._totals = totals
        self._lines = int(manifest.fact("lines") or 0)
        lease_s = settings.cluster.lease_s
        self._parts = [
            Part(shard, ShardPlace(storage, shard.shard, under=under), run=run, lease_s=lease_s)
            for shard in manifest.shards()
        ]
        # The longest first: what is long and begins late is what all others wait for.
        self._in_order = sorted(self._parts, key=lambda part: -part.shard.weight_s)
        self._error: ScraperError | None = None
        self._is_stopping = False
        self._untold = False
        """Workers have still to be told to stop."""
        self._look_at: asyncio.Timeout | None = None
        """Ends the wait for an engine."""
        is_folder = isinstance(storage, Folder)
        self._look_every_s = 0.0 if is_folder else min(_LOOKS_IN_STORE_S, lease_s / _LOOKS_A_LEASE)
        self._settle_s = 0.0 if is_folder else min(storage.sign_every_s, lease_s / _LOOKS_A_LEASE)
        """What a worker has learnt of its hosts in so long before its death may be lost with it: hosts are
        left alone for longer than any delay that could have been learnt, obeyed and lost in that time."""
        self._looked_s = float("-inf")
        self._some_worker_s = asyncio.get_running_loop().time()
        """When there was one the last time."""

    @property
    def is_over(self) -> bool:
        """Whether no part has anything to do."""
        return not any(part.shard.open for part in self._parts)

    def parts(self) -> list[PartRow]:
        """Return how each part stands."""
        return [part.row(self._totals.of(part.shard.shard)) for part in self._parts]

    async def run(self) -> None:
        """Direct until no part has anything to do, or until it was asked to stop and all have.

        Raises:
            RunError: A part breaks wherever it is, or the engine is lost; what was written is kept.
        """
        try:
            await self._direct()
        except OSError as error:
            raise RunError(f"{self._storage.shown} can't be reached: {error.strerror or error}") from error
        if self._error is not None:
            raise self._error

    async def _direct(self) -> None:
        while not self.is_over:
            if not self._is_stopping:
                await self._submit()
            elif not any(part.running for part in self._parts):
                break
            if self._untold:
                await self._tell_to_stop()
            try:
                async with asyncio.timeout(_LOOKS_EVERY_S) as self._look_at:
                    ended = await self._engine.wait_any()
            except TimeoutError:
                pass
            else:
                await self._see_off(ended)
            await self._look()

    def drain(self, reason: str) -> None:
        """Begin nothing new, and have all parts finish what is under way."""
        self._totals.stopping = reason
        deadline_s = self._settings.run.drain_s
        self._observer.notice(Draining(reason=reason, deadline_s=deadline_s))
        self._stop()

    def _stop(self) -> None:
        self._is_stopping = self._untold = True
        if self._look_at is not None:
            with contextlib.suppress(RuntimeError):  # it is at something else just now
                self._look_at.reschedule(asyncio.get_running_loop().time())

    async def _tell_to_stop(self) -> None:
        self._untold = False
        fences = {
            part.place.name: (part.place, Fence(run=self._run, attempt=part.attempt, stop=True))
            for part in self._parts
            if part.running
        }
        await asyncio.to_thread(all_at_once, self._storage, lambda name: write_fence(*fences[name]), fences)

    # --- from hand to hand ----------------------------------------------------------------------

    async def _submit(self) -> None:
        """Submit as many parts as there is room for, if nobody can be at them any more."""
        waiting = [part for part in self._in_order if part.shard.open and not part.running]
        if not waiting:
            return
        room, now_s = await self._engine.room(), asyncio.get_running_loop().time()
        if room or any(part.running for part in self._parts):
            self._some_worker_s = now_s
        elif now_s - self._some_worker_s > _NO_WORKER_S:
            raise RunError("there is no worker left that anything could be sent to")
        for part in waiting:
            if not part.attempt:
                await self._take(part)
            if room > 0 and part.watch.is_free() and part.not_before_s <= now_s:
                room -= 1
                await self._send(part)

    async def _take(self, part: Part) -> None:
        """Say in a part's folder that it is for a new attempt, then look whether anybody is at it."""
        part.attempt = self._manifest.next_attempt(part.shard.shard)
        await asyncio.to_thread(write_fence, part.place, Fence(run=self._run, attempt=part.attempt))
        await asyncio.to_thread(part.watch.look)

    async def _send(self, part: Part) -> None:
        shard = part.shard
        inputs = self._manifest.inputs(shard.shard)
        part.given = len(inputs)
        order = Order(
            work=self._storage.place,
            under=self._under,
            run=self._run,
            shard=shard.shard,
            shards=len(self._parts),
            attempt=part.attempt,
            inputs=inputs,
            first_found=self._lines,
            dealt=shard.dealt,
            may_begin_anew=not shard.completions,
            lease_s=self._settings.cluster.lease_s,
            checkpoint_s=self._settings.cluster.checkpoint_s,
            scratch=self._settings.cluster.scratch,
            archive=self._archive,
            settings=self._carried,
        )
        part.watch.begin(part.attempt)
        part.begin(now_s=asyncio.get_running_loop().time())
        part.worker = await self._engine.submit(shard.shard, part.attempt, encode(order))

    async def _see_off(self, ended: Ended) -> None:
        part = self._parts[ended.shard]
        if not part.running or ended.attempt != part.attempt:
            return  # given up before
        await asyncio.to_thread(part.watch.look)
        if ended.is_gone:
            part.watch.bury()
        if ended.answer is None:
            self._lose(part, ended.why)
            return
        answer = msgspec.json.decode(ended.answer, type=Answer)
        self._totals.end(ended.shard, answer.figures if answer.folder else None)
        number = part.attempt
        part.end()
        if answer.end == "complete":
            await self._complete(part, answer)
        elif answer.end != "stopped":
            # Also what the user would have to mend may be the fault of one machine: one without storage.
            if answer.end in {"failed", "refused"}:
                self._engine.avoid(ended.worker)
            why = f"failed ({answer.message})" if answer.message else _WHY[answer.end]
            self._observer.notice(PartLost(part=ended.shard, attempt=number, why=why))
            self._count_vain(part, answer.figures.done, why)

    async def _complete(self, part: Part, answer: Answer) -> None:
        shard = part.shard.shard
        deals: list[Deal] = []
        if answer.outbox:
            given = {one.shard.shard: len(self._manifest.inputs(one.shard.shard)) for one in self._parts}
            write = partial(
                deal_in,
                self._storage,
                f"{part.place.name}/{answer.outbox}",
                under=self._under,
                scratch=self._settings.cluster.scratch,
                shards=len(self._parts),
                next_input=lambda to: given[to] + 1,
            )
            deals = await asyncio.to_thread(write)
        self._manifest.complete(
            shard,
            given=part.given,
            folder=answer.folder,
            figures=answer.figures,
            dealt=answer.dealt,
            deals=deals,
        )
        for one in self._manifest.shards():
            self._parts[one.shard].shard = one
        for handed in deals:
            self._parts[handed.shard].ahead += handed.lines
        part.come(answer.figures.done)

    def _lose(self, part: Part, why: str) -> None:
        """Note that a worker is gone or given up; another is to go on."""
        done = part.watch.beat.figures.done if part.watch.beat else 0
        self._totals.end(part.shard.shard, None)
        self._observer.notice(PartLost(part=part.shard.shard, attempt=part.attempt, why=why))
        part.end()
        self._count_vain(part, done, why)

    def _count_vain(self, part: Part, done: int, why: str) -> None:
        part.lose(done, why, now_s=asyncio.get_running_loop().time(), settle_s=self._settle_s)
        if part.vain >= self._settings.cluster.attempts:
            self._break(
                RunError(
                    f"part {part.shard.shard} was begun {part.vain} times without coming any further "
                    f"(cluster.attempts); the last worker {why}"
                )
            )

    def _break(self, error: ScraperError) -> None:
        """End the run with an error when the other parts have stopped."""
        self._error = self._error or error
        self._stop()

    # --- watching -------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Look at all signs of life; give up workers that are not heard of."""
        now_s = asyncio.get_running_loop().time()
        # In a store each look is a request that costs money; signs are given there more rarely, too.
        if now_s - self._looked_s < self._look_every_s:
            return
        self._looked_s = now_s
        looked_at = {part.place.name: part for part in self._parts if part.running or part.attempt}
        await asyncio.to_thread(
            all_at_once, self._storage, lambda name: looked_at[name].watch.look(), looked_at
        )
        for part in looked_at.values():
            if not part.running:
                continue
            beat = part.watch.hears(part.attempt)
            if beat is not None:
                self._totals.hear(part.shard.shard, beat.figures)
            late = part.watch.is_silent() and (beat is not None or now_s - part.begun_s > _BEGINS_WITHIN_S)
            if late:
                await self._engine.abandon(part.shard.shard, part.attempt)
                self._lose(part, "was not heard of any more")
        self._observer.notice(Written(records=(), output_bytes=self._totals.output_bytes))


def _anywhere(settings: Settings) -> Settings:
    """Return settings that mean the same in whatever folder a worker was started."""
    if not settings.robots.cache:
        return settings
    robots = msgspec.structs.replace(settings.robots, cache=os.path.abspath(settings.robots.cache))  # noqa: PTH100
    return msgspec.structs.replace(settings, robots=robots)
