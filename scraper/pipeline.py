"""One crawl, in the order in which data flows.

    seeds -> frontier -> requests -> visit -> records -> journal

One producer feeds a bounded queue, a pool of workers visits, one writer writes. A failed attempt and a
redirect go back to the frontier, and so do the links that were found, with the records of their pages;
nobody here waits for politeness. A worker whose host keeps it waiting stands aside, and another takes its
slot.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from scraper.channel import Channel
from scraper.errors import SourceError
from scraper.messages import NO_IMPRESSION, Again, Errand, Finished, Hop, RobotsRead
from scraper.observe.events import Admitted, LinksTaken, Redirected, RobotsKnown, Sealed, TriedAgain, Written
from scraper.slots import Slots

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from scraper.frontier.frontier import Frontier
    from scraper.messages import Batch, Verdict, Visited
    from scraper.observe.events import Observer
    from scraper.settings.model import OutputSettings
    from scraper.sinks.base import Archive, Journal


class Visitor(Protocol):
    """Does what is to be done about one errand."""

    async def visit(
        self, errand: Errand, *, departs: Callable[[], None], waits: Callable[[bool], None] | None = None
    ) -> Visited:
        """Return what came of it.

        Args:
            errand: What is to be done.
            departs: Called when its request is sent or can't be.
            waits: Called with ``True`` when its host keeps it waiting, and with ``False`` when no more.
        """
        ...


@dataclass(kw_only=True, slots=True)
class Crawl:
    """One run's flow. ``assembly`` makes it; nothing here knows settings files, paths or formats."""

    seeds: AsyncIterable[Batch]
    frontier: Frontier
    visitor: Visitor
    journal: Journal
    observer: Observer
    workers: int
    waiting: int = 0
    """So many workers more may wait for hosts that keep them waiting."""
    output: OutputSettings
    archive: Archive | None = None
    """What the visitor puts exchanges into; there only for some runs."""
    under_way: dict[str, Errand] = field(default_factory=dict, init=False)
    """What each worker is at, by its name, for the watchdog."""
    broken_source: SourceError | None = field(default=None, init=False)
    """Why the lines ended before their end."""
    _stoppable: list[asyncio.Task[None]] = field(default_factory=list, init=False)

    async def run(self) -> None:
        """Visit all that the frontier hands out. Raises an ``ExceptionGroup`` if a stage breaks."""
        # Small: what is in it was released by politeness and can't be called back.
        requests = Channel[Errand](max(1, self.workers // 8))
        records = Channel[Finished](self.workers)
        slots = Slots(self.workers, aside=self.waiting)
        async with asyncio.TaskGroup() as stages:
            seeder = stages.create_task(self._seed(), name="seeder")
            producer = stages.create_task(self._produce(requests, seeder), name="producer")
            stages.create_task(self._write(records), name="writer")
            async with asyncio.TaskGroup() as pool:
                work = [
                    pool.create_task(self._work(name, slots, requests, records), name=name)
                    for name in map("worker-{}".format, range(self.workers + self.waiting))
                ]
                self._stoppable = [seeder, producer, *work]
            await records.close()  # the pool has ended: nobody is left to send
        await self.frontier.lay_down()

    def drain(self) -> None:
        """Start nothing new; what is under way is still finished and written."""
        self.frontier.close()

    def abort(self) -> None:
        """Give up what is under way; what the writer has is still written. No task swallows this."""
        self.frontier.close()
        for task in self._stoppable:
            task.cancel()

    async def _seed(self) -> None:
        try:
            async for batch in self.seeds:
                lines = await self.frontier.admit(batch)  # waits while too much is unfinished
                self.observer.notice(Admitted(lines, share=batch.share))
        except SourceError as error:
            # The lines before the break are good: they are finished before the run ends with it.
            self.broken_source = error
        await self.frontier.seal()
        self.observer.notice(Sealed(self.frontier.lines))

    async def _produce(self, requests: Channel[Errand], seeder: asyncio.Task[None]) -> None:
        async for errand in self.frontier:  # ends when all is written, or when closed
            await requests.send(errand)  # waits while every worker is busy
        seeder.cancel()
        await requests.close()

    async def _work(
        self, name: str, slots: Slots, requests: Channel[Errand], records: Channel[Finished]
    ) -> None:
        def waits(is_kept_waiting: bool) -> None:  # noqa: FBT001 - it is what is told
            (slots.stand_aside if is_kept_waiting else slots.step_back)(name)

        # Whoever breaks keeps its slot: nobody is to take up anything in its place.
        await slots.take()
        async for errand in requests:
            if self.frontier.is_closed:
                continue  # released before the drain began, and not started: the state has it
            self.under_way[name] = errand
            impression = NO_IMPRESSION
            try:
                departs = partial(self.frontier.depart, errand)
                verdict, impression = await self.visitor.visit(errand, departs=departs, waits=waits)
            finally:
                self.frontier.come_back(errand, impression)
            slots.step_back(name)
            await self._pass_on(verdict, records)
            del self.under_way[name]
            await slots.renew()  # waits while more are at work than there are slots
        slots.give()

    async def _pass_on(self, verdict: Verdict, records: Channel[Finished]) -> None:
        match verdict:
            case Finished():
                await records.send(verdict)  # waits while the writer is behind
            case Again(again, wait_s):
                self.observer.notice(TriedAgain(errand=again, wait_s=wait_s))
                self.frontier.put_back(again, wait_s=wait_s)
            case Hop(onward):
                self.observer.notice(Redirected(onward))
                self.frontier.put_back(onward)
            case RobotsRead(access):
                self.observer.notice(RobotsKnown(access.file))
                self.frontier.open_gate(access)

    async def _write(self, records: Channel[Finished]) -> None:
        batches = records.batches(
            items=self.output.batch_records,
            weight=self.output.batch_bytes,
            within_s=self.output.batch_s,
            weigh=lambda finished: len(finished.line) + 100 * len(finished.found),
            # Otherwise the last batch, or a crawl of one page, waits for what can't come.
            is_last=lambda: not self.frontier.has_handed_out,
        )
        async for batch in batches:
            # The archive first: its pages are not in the journal before it has them for good.
            archived = await self.archive.sync() if self.archive else None
            length = await self.journal.append([finished.line for finished in batch])
            # After the append: a record that the state calls done must be in the output.
            taken = await self.frontier.finish(batch, output_bytes=length, archived=archived)
            if taken:
                self.observer.notice(LinksTaken(taken))
            self.observer.notice(Written(records=tuple(batch), output_bytes=length))
