"""What runs attempts somewhere: the little that the director needs to know of it.

An engine promises little, since none promises much: that what is submitted is begun sometime, perhaps twice,
and that its end is told, perhaps never. Everything else (one worker at a time, nothing lost, nothing twice)
rests on leases and the manifest, whatever the engine does.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

from scraper.cluster.task import carried_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Ended(NamedTuple):
    """An attempt that the engine knows the end of."""

    shard: int
    attempt: int
    answer: bytes | None
    """``None`` when its worker died."""
    is_gone: bool = False
    """Nothing of the attempt can be running any more: its process was seen to end."""
    why: str = ""
    """How the worker died, for people: the end of a sentence that begins with the worker."""
    worker: str = ""
    """What the engine calls it."""


class Engine(Protocol):
    """Runs ``cluster.task.work`` on workers. Opened and closed as an asynchronous context."""

    dashboard: str | None
    """Where the engine's own page is: a URL of http or https, by what somebody else says."""
    shares_memory: bool
    """Whether attempts are in this very process."""

    async def room(self) -> int:
        """Return how many more attempts can be begun just now.

        Raises:
            RunError: The engine is lost.
        """
        ...

    async def submit(self, shard: int, attempt: int, order: bytes) -> str:
        """Send an attempt off; it does not wait for its begin. Return who has it, for people.

        Raises:
            RunError: The engine is lost.
        """
        ...

    async def wait_any(self) -> Ended:
        """Wait for the end of any attempt. May be cancelled without losing one.

        Raises:
            RunError: The engine is lost.
        """
        ...

    async def abandon(self, shard: int, attempt: int) -> None:
        """Give an attempt up that nothing was heard of; if it can be ended, it is."""
        ...

    def avoid(self, worker: str) -> None:
        """Send nothing to a worker for a while: what fails there may come out well elsewhere."""
        ...


class InProcess:
    """Attempts in this process, one at a time; for tests, and for where no process can be started."""

    dashboard: str | None = None
    shares_memory = True

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._running: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._ended: asyncio.Queue[Ended] = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator[InProcess]:
        """Give an engine; what it runs is given up in the end."""
        async with asyncio.TaskGroup() as tasks:
            engine = cls(tasks)
            try:
                yield engine
            finally:
                for task in list(engine._running.values()):
                    task.cancel()

    async def room(self) -> int:
        """Return 1, or 0 while an attempt is under way."""
        return 0 if self._running else 1

    async def submit(self, shard: int, attempt: int, order: bytes) -> str:
        """Begin an attempt."""
        name = f"part-{shard}-{attempt}"
        task = self._tasks.create_task(self._run(shard, attempt, order), name=name)
        self._running[shard, attempt] = task
        # Not by the task itself: one that is cancelled before it begins never runs.
        task.add_done_callback(lambda _done: self._running.pop((shard, attempt), None))
        return "this process"

    async def _run(self, shard: int, attempt: int, order: bytes) -> None:
        answer = await carried_out(order)
        self._running.pop((shard, attempt), None)  # before who hears of its end asks for room
        self._ended.put_nowait(Ended(shard, attempt, answer, is_gone=True))

    async def wait_any(self) -> Ended:
        """Wait for an end."""
        return await self._ended.get()

    async def abandon(self, shard: int, attempt: int) -> None:
        """Cancel an attempt."""
        if (task := self._running.get((shard, attempt))) is not None:
            task.cancel()
            self._ended.put_nowait(Ended(shard, attempt, None, is_gone=True, why="was cancelled"))

    def avoid(self, worker: str) -> None:
        """Do nothing: there is no other."""
