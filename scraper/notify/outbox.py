"""What the daemon has to tell: each target has a task of its own, and none of them holds up a run or another.

A target that can't be reached is tried again with growing pauses, a bounded number of times; what is given up
is a line in the log, and is named in the target's next message.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from scraper.notify.delivery import NotDelivered
from scraper.notify.digest import digests
from scraper.notify.message import shown
from scraper.notify.notice import kind_of
from scraper.notify.pending import Pending
from scraper.notify.targets import target_of
from scraper.observe.figures import counted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from scraper.clock import Clock
    from scraper.notify.delivery import Target
    from scraper.notify.notice import Notice, PageChange
    from scraper.notify.pending import Batch
    from scraper.notify.table import NotifyTable


class Tries(NamedTuple):
    """How often delivering a message is tried, and how long."""

    most: int = 6
    first_s: float = 2.0
    """The bound of the first pause, below which it is drawn; each further one is twice that."""
    longest_s: float = 120.0
    """No pause is longer, but for what the receiver asks for."""
    total_s: float = 600.0
    """No attempt begins later than so long after the first."""


class TargetState(msgspec.Struct, frozen=True, kw_only=True):
    """What has come of a target so far, for people."""

    job: str
    target: str
    """Without secrets."""
    delivered: int
    """Messages."""
    given_up: int
    """Messages."""
    waiting: int
    """Notices."""
    error: str | None
    """Of the last attempt; ``None`` when it succeeded, or there was none."""


class Outbox:
    """Takes notices and sees to their delivery. ``open`` gives one; leaving it delivers what waits."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        *,
        environment: Mapping[str, str],
        clock: Clock,
        log: Callable[[str], None],
        tries: Tries,
    ) -> None:
        self._group = group
        self._environment = environment
        self._clock = clock
        self._log = log
        self._tries = tries
        self._lanes: dict[str, list[_Lane]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        jobs: Mapping[str, Sequence[NotifyTable]],
        *,
        environment: Mapping[str, str],
        clock: Clock,
        log: Callable[[str], None],
        drain_s: float = 10.0,
        tries: Tries = Tries(),  # noqa: B008 - it is immutable
    ) -> AsyncIterator[Self]:
        """Open an outbox; left without an exception, it still delivers what waits.

        Args:
            jobs: The tables of each job, by its name.
            environment: Where ``env:NAME`` is looked for.
            clock: For intervals and the times of signatures.
            log: Takes a line without secrets: of what could not be delivered.
            drain_s: How long delivering may still take in the end; what is not delivered then is dropped,
                with a line.
            tries: How often one delivery is tried.

        Raises:
            UsageError: A table can't work, as ``problems`` would have said.
        """
        async with asyncio.TaskGroup() as group:
            outbox = cls(group, environment=environment, clock=clock, log=log, tries=tries)
            outbox.set_jobs(jobs)
            yield outbox
            await outbox._drain(drain_s)

    def set_jobs(self, jobs: Mapping[str, Sequence[NotifyTable]]) -> None:
        """Take other tables. A target whose table is the same goes on; one that is gone delivers what it has.

        Raises:
            UsageError: A table can't work; then all stays as it was.
        """
        lanes: dict[str, list[_Lane]] = {}
        kept: set[_Lane] = set()
        new: list[_Lane] = []
        for job, tables in jobs.items():
            lanes[job] = []
            for table in tables:
                before = self._lanes.get(job, ())
                lane = next((lane for lane in before if lane.table == table and lane not in kept), None)
                if lane is None:
                    lane = self._lane(job, table)
                    new.append(lane)
                kept.add(lane)
                lanes[job].append(lane)
        for lane in (lane for old in self._lanes.values() for lane in old if lane not in kept):
            lane.close()
        self._lanes = lanes
        for lane in new:
            task = self._group.create_task(lane.run(), name=f"notify: {lane.job}, {lane.target.shown}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _lane(self, job: str, table: NotifyTable) -> _Lane:
        target = target_of(table, self._environment, clock=self._clock)
        return _Lane(job, table, target, clock=self._clock, log=self._log, tries=self._tries)

    def offer(self, notice: Notice) -> None:
        """Take a notice for those targets of its job that want to know; never waits.

        A ``ChangeNotice`` is not for here: each target has its own, see ``offer_changes``.
        """
        for lane in self._lanes.get(notice.job, ()):
            if kind_of(notice) in lane.table.on:
                lane.offer(notice)

    def wants_changes(self, job: str) -> bool:
        """Whether a target of the job is told of changes; if not, they need not be read."""
        return any("change" in lane.table.on for lane in self._lanes.get(job, ()))

    async def offer_changes(self, changes: Iterable[PageChange], *, job: str, run: str, at: datetime) -> None:
        """Take the changes of a run, any number: a target is told what its filter lets through, at once.

        They are gone through in a thread, and whatever the iterator raises comes through.
        """
        lanes = [lane for lane in self._lanes.get(job, ()) if "change" in lane.table.on]
        if not lanes:
            return
        tables = [lane.table for lane in lanes]
        notices = await asyncio.to_thread(_digests, tables, changes, job=job, run=run, at=at)
        for lane, notice in zip(lanes, notices, strict=True):
            if notice is not None:
                lane.offer(notice)

    def states(self) -> list[TargetState]:
        """Return what has come of each target, in the order of the tables."""
        return [lane.state() for lanes in self._lanes.values() for lane in lanes]

    async def _drain(self, within_s: float) -> None:
        self.set_jobs({})  # closes all
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()


class _Lane:
    """One target of one job, and what it has not been told."""

    def __init__(
        self,
        job: str,
        table: NotifyTable,
        target: Target,
        *,
        clock: Clock,
        log: Callable[[str], None],
        tries: Tries,
    ) -> None:
        self.job = job
        self.table = table
        self.target = target
        self._clock = clock
        self._log = log
        self._tries = tries
        self._pending = Pending(interval_s=table.interval_s)
        self._under_way: Batch | None = None
        self._has_more = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._delivered = 0
        self._given_up = 0
        self._error: str | None = None

    def offer(self, notice: Notice) -> None:
        """Take a notice."""
        self._pending.add(notice)
        self._has_more.set()

    def close(self) -> None:
        """Take no more; what waits is delivered without further pauses."""
        self._is_closing.set()
        self._has_more.set()

    def state(self) -> TargetState:
        """Return what has come of it."""
        return TargetState(
            job=self.job,
            target=self.target.shown,
            delivered=self._delivered,
            given_up=self._given_up,
            waiting=len(self._pending) + len(self._under_way or ()),
            error=self._error,
        )

    async def run(self) -> None:
        """Deliver what comes until it is closed and nothing waits."""
        try:
            while await self._is_due():
                self._under_way = self._pending.take()
                await self._deliver(self._under_way)
                self._under_way = None
        finally:
            left = len(self._under_way or ()) + len(self._pending)
            if self._under_way is not None or self._pending.wait_s(0) is not None:
                self._say(f"{counted(left, one='notice', many='notices')} not delivered before the end")

    async def _is_due(self) -> bool:
        """Wait until there is a message whose time has come; return whether there is one."""
        while True:
            wait_s = self._pending.wait_s(self._clock.monotonic())
            if self._is_closing.is_set():
                return wait_s is not None
            if wait_s == 0:
                return True
            self._has_more.clear()
            await _wait(self._has_more, wait_s)

    async def _deliver(self, batch: Batch) -> None:
        message = batch.message
        began_s = self._clock.monotonic()
        for tried in range(1, self._tries.most + 1):
            try:
                await self.target.deliver(message)
            except NotDelivered as failure:
                self._error = str(failure)
                pause_s = self._pause_s(tried, failure)
                left_s = began_s + self._tries.total_s - self._clock.monotonic()
                if failure.is_final or tried == self._tries.most or pause_s > left_s:
                    break
                await self._pause(pause_s)
            else:
                self._error = None
                self._delivered += 1
                self._pending.told(self._clock.monotonic())
                return
        self._given_up += 1
        self._pending.give_back(batch)
        attempts = f" after {tried} attempts" if tried > 1 else ""
        self._say(f"{message.title!r} not delivered{attempts}: {self._error}")

    async def _pause(self, pause_s: float) -> None:
        """Wait between two attempts. One that has begun when it is closed ends then, later ones do not."""
        if self._is_closing.is_set():
            await asyncio.sleep(pause_s)
        else:
            await _wait(self._is_closing, pause_s)

    def _pause_s(self, tried: int, failure: NotDelivered) -> float:
        bound_s = min(self._tries.longest_s, self._tries.first_s * 2 ** (tried - 1))
        return max(failure.retry_after_s, random.uniform(0, bound_s))  # noqa: S311 - no secret

    def _say(self, what: str) -> None:
        self._log(f"notify: {self.job}: {self.target.shown}: {what}")


def _digests(
    tables: Sequence[NotifyTable], changes: Iterable[PageChange], *, job: str, run: str, at: datetime
) -> list[Notice | None]:
    """Return the notices as they are told, so that the event loop has little to do with long texts."""
    return [notice and shown(notice) for notice in digests(tables, changes, job=job, run=run, at=at)]


async def _wait(event: asyncio.Event, at_most_s: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(at_most_s):
            await event.wait()
