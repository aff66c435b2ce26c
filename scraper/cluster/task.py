"""One attempt at one part, from the order to the answer: what a worker runs, whatever engine sent it.

A plain function with an event loop of its own: an engine's loop has its own work to do, and must answer while
a page is parsed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from scraper import loop
from scraper.assembly import open_run
from scraper.clock import SystemClock
from scraper.cluster.attempt_figures import AttemptFigures
from scraper.cluster.lease import Lease, awake_s
from scraper.cluster.orders import Answer, End, Figures, Forwarded, Order, encode
from scraper.cluster.places import OWNERS, ShardPlace, outbox_name
from scraper.cluster.storage import storage_at
from scraper.cluster.workspace import open_workspace
from scraper.errors import CountMismatch, OutputLocked, RunError, UsageError
from scraper.frontier.store import Store
from scraper.run.share import STATE, Share, archive_name
from scraper.settings.model import Settings
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scraper.cluster.workspace import Workspace
    from scraper.frontier.state_thread import StateThread
    from scraper.run.execution import Run

_READ_AT_ONCE = 2000


def work(order: bytes) -> bytes:
    """Carry out an order, and return the answer. Blocks until it is done.

    Raises:
        Exception: Only for a bug.
    """
    return loop.run(carried_out(order))


async def carried_out(order: bytes, *, driver_gone: asyncio.Event | None = None) -> bytes:
    """Carry out an order in the running loop; ``driver_gone`` makes it stop as soon as it can."""
    told = msgspec.json.decode(order, type=Order)
    answer = await Attempt(told, driver_gone=driver_gone).run()
    return encode(answer)


class Attempt:
    """One attempt under way."""

    def __init__(
        self,
        order: Order,
        *,
        driver_gone: asyncio.Event | None = None,
        clock: Callable[[], float] = awake_s,
    ) -> None:
        """Take the order; ``clock`` is what the lease goes by."""
        self._order = order
        self._driver_gone = driver_gone or asyncio.Event()
        self._storage = storage_at(order.work)
        self._place = ShardPlace(self._storage, order.shard, under=order.under)
        self._lease = Lease(self._place, order.attempt, run=order.run, lease_s=order.lease_s, clock=clock)
        self._counts = AttemptFigures(clock=SystemClock())
        self._renewed = asyncio.Event()
        """A sign of life was given, or what was learnt was told, since somebody has waited for it."""
        self._is_behind = False
        """What was learnt of hosts is not told in time: nothing more is asked for until it is."""
        self._run: Run | None = None
        self._state: StateThread | None = None
        self._workspace: Workspace | None = None
        self._is_stopping = False
        self._is_superseded = False

    async def run(self) -> Answer:
        """Do it, and let go of the part in the end, whatever comes."""
        try:
            # Engines send again what they think is lost.
            if not await asyncio.to_thread(self._place.claim, self._order.attempt):
                return Answer(end="taken")
            fence = await asyncio.to_thread(self._lease.renew, Figures())
            if not self._lease.is_mine(fence):
                return Answer(end="superseded")
            if fence.stop:
                return Answer(end="stopped")
            async with asyncio.TaskGroup() as tasks:
                beating = tasks.create_task(self._beat(tasks), name="lease")
                try:
                    answer = await self._work(tasks)
                finally:
                    beating.cancel()
        except BaseExceptionGroup as group:
            raise _only(group) from None
        except OSError as error:
            return self._unreached(error)
        with contextlib.suppress(OSError):  # whoever watches will see that nothing comes any more
            await asyncio.to_thread(self._lease.renew, answer.figures, released=True)
        return answer

    async def _work(self, tasks: asyncio.TaskGroup) -> Answer:
        try:
            workspace = open_workspace(self._order, self._place, every_s=self._lease.every_s)
            async with workspace as self._workspace:
                return await self._work_in(self._workspace, tasks)
        except CountMismatch:
            raise
        except OutputLocked as error:
            return Answer(end="locked", message=str(error))
        except RunError as error:
            return Answer(end="failed", message=str(error))
        except UsageError as error:
            return Answer(end="refused", message=str(error))
        except OSError as error:
            return self._unreached(error)

    def _unreached(self, error: OSError) -> Answer:
        return Answer(end="failed", message=f"{self._place.shown}: {error.strerror or error}")

    async def _work_in(self, workspace: Workspace, tasks: asyncio.TaskGroup) -> Answer:
        folder = await workspace.begin()
        if folder is None:
            return Answer(end="locked", message=f"{self._place.shown} is held by the attempt before")
        end = await self._crawl(folder, workspace, tasks)
        return await asyncio.to_thread(self._answer, folder, workspace, end)

    async def _crawl(self, folder: Path, workspace: Workspace, tasks: asyncio.TaskGroup) -> End:
        order = self._order
        owners = await asyncio.to_thread(self._storage.read, f"{order.under}{OWNERS}")
        share = Share(
            run=order.run,
            folder=folder,
            inputs=await workspace.inputs(order.inputs),
            number=order.shard,
            parts=order.shards,
            owners=owners,
            first_found=order.first_found,
            dealt=order.dealt,
            is_later=order.attempt > 1,
            archive=archive_name(order.run, order.shard) if order.archive else "",
            admission=self._admission,
            opened=self._opened,
        )
        settings = await self._settings(workspace)
        async with open_run([], share, settings=settings, observer=self._counts) as run:
            self._run, self._counts.frontier = run, run.crawl.frontier
            if self._is_stopping:
                run.drain("asked to stop")
            assert self._state is not None  # noqa: S101 - the run has it
            shipping = tasks.create_task(workspace.ship_regularly(self._state), name="checkpoints")
            try:
                result = await run.execute()
            finally:
                shipping.cancel()
                self._run = self._counts.frontier = None
        if result.complete:
            return "complete"
        if self._is_superseded:
            return "superseded"
        return "stopped" if self._is_stopping else "lease_lost"

    def _opened(self, state: StateThread) -> None:
        self._state = state
        assert self._workspace is not None  # noqa: S101 - it is what the run works in
        self._workspace.opened(state)

    async def _settings(self, workspace: Workspace) -> Settings:
        """Return the run's settings, with its history where the part can read it."""
        settings = msgspec.convert(self._order.settings, Settings)
        if not settings.history.file:
            return settings
        known = str(await workspace.known())
        return replace(settings, history=replace(settings.history, file=known))

    def _answer(self, folder: Path, workspace: Workspace, end: End) -> Answer:
        """Say what came of it, by what the state says; nobody else is at it now."""
        store = Store(folder / STATE)
        try:
            progress = store.progress()
            outbox = folder.with_name(outbox_name(self._order.attempt))
            last = 0
            if end == "complete" and store.handed_over_last() > self._order.dealt:
                with whole_file(outbox) as file:
                    while rows := store.handed_over(max(last, self._order.dealt), _READ_AT_ONCE):
                        file.writelines(
                            encode(Forwarded(part, bool(listed), msgspec.Raw(row))) + b"\n"
                            for _, part, listed, row in rows
                        )
                        last = rows[-1][0]
                workspace.give(outbox)
            # Without a lease the storage is hardly there, and somebody else may be at it by now.
            name = workspace.leave(store, ships=end != "lease_lost")
        finally:
            store.close(remove=False)
        figures = self._counts.figures()
        figures.lines, figures.found = progress.lines, progress.found
        figures.done, figures.output_bytes = progress.done, progress.output_bytes
        return Answer(
            end=end,
            figures=figures,
            folder=name,
            outbox=outbox.name if last else "",
            dealt=max(last, self._order.dealt),
        )

    async def _beat(self, tasks: asyncio.TaskGroup) -> None:
        """Renew the lease until cancelled; act on what is to be done, and on a lease that runs out.

        A renewal that hangs, as file systems of other machines do, must not keep the lease from running out.
        Nor may what was learnt of hosts, which is much longer than a sign, keep signs from being given.
        """
        renewal: asyncio.Task[None] | None = None
        telling: asyncio.Task[None] | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lease.every_s):
                    await self._driver_gone.wait()
            if self._driver_gone.is_set():
                self._stop("the program that directs the run is gone")
                self._driver_gone = asyncio.Event()  # told once
            if renewal is None or renewal.done():
                renewal = tasks.create_task(self._renew(), name="renewal")
            if self._workspace is not None and (telling is None or telling.done()):
                telling = tasks.create_task(self._tell_learnt(self._workspace), name="learnt")
            elif telling is not None:
                self._is_behind = True
            if self._run is not None and self._lease.is_over():
                self._run.abort("the lease ran out")

    async def _admission(self) -> None:
        """Wait until a request may be begun; the end of the lease puts an end to that, too.

        A machine that is busy or a storage that is slow may be late with a sign. That is no reason to leave:
        as long as nobody has taken the part, the next sign makes it ours again.
        """
        while self._is_behind or not self._lease.may_ask():
            self._renewed.clear()
            await self._renewed.wait()

    async def _renew(self) -> None:
        try:
            fence = await asyncio.to_thread(self._lease.renew, self._counts.figures())
        except OSError:
            return  # the lease is as old as before, and is looked at all the time
        self._renewed.set()
        if not self._lease.is_mine(fence):
            self._is_superseded = True
            self._stop("another attempt goes on with this part")
        elif fence.stop:
            self._stop("asked to stop")

    async def _tell_learnt(self, workspace: Workspace) -> None:
        with contextlib.suppress(OSError):  # the next time, then
            await asyncio.to_thread(workspace.tell_learnt)
        self._is_behind = False
        self._renewed.set()

    def _stop(self, reason: str) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._drain(reason)

    def _drain(self, reason: str) -> None:
        if self._run is not None and not self._run.crawl.frontier.is_closed:
            self._run.drain(reason)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error in a group, the group itself when there are several."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _directed() -> bytes:
    """Carry out the order on standard input, which stays open while there is somebody to answer to."""
    lines = asyncio.StreamReader(limit=1 << 24)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    order = await lines.readline()
    gone = asyncio.Event()

    async def watch() -> None:
        await lines.read()
        gone.set()

    try:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch(), name="driver")
            answer = await carried_out(order, driver_gone=gone)
            watching.cancel()
    finally:
        transport.close()
    return answer


def main() -> None:
    """Be a worker process: an order comes in, its answer goes out, and that was it."""
    answer = loop.run(_directed())
    try:
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # who sent it is dead; all that the answer says is in the part's state as well
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter writes it again
