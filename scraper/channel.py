"""A bounded queue that can be closed: what connects the stages of the pipeline.

From Python 3.13 ``asyncio.Queue.shutdown`` does the closing; until 3.11 and 3.12 are left behind, this
is it. The bound is the back-pressure: who sends into a full channel waits.
"""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")


class _End(enum.Enum):
    MARK = enum.auto()


class Channel(Generic[T]):
    """A bounded queue whose iteration ends once it is closed and empty.

    Any number of tasks may send and any number may iterate. Close it once, after the last send.
    A send or a receive that is cancelled leaves the channel as it was.
    """

    def __init__(self, capacity: int) -> None:
        self._queue: asyncio.Queue[T | _End] = asyncio.Queue(capacity)

    def __len__(self) -> int:
        """How many items wait in it: a full channel tells that its receiver is behind."""
        return self._queue.qsize()

    async def send(self, item: T) -> None:
        """Put an item in; waits while the channel is full."""
        await self._queue.put(item)

    async def close(self) -> None:
        """Let the iterations end when they have taken what is in; waits while the channel is full."""
        await self._queue.put(_End.MARK)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if item is _End.MARK:
            self._queue.put_nowait(item)  # the other receivers must see it too
            raise StopAsyncIteration
        return item

    async def batches(
        self,
        *,
        items: int,
        weight: int,
        within_s: float,
        weigh: Callable[[T], int],
        is_last: Callable[[], bool] = lambda: False,
    ) -> AsyncIterator[list[T]]:
        """Take what comes in batches, for a single receiver.

        A batch ends with the item that makes it ``items`` long or ``weight`` heavy (as ``weigh``
        counts), or ``within_s`` seconds after its first item, or with the channel, or when nothing waits
        and ``is_last`` says that nobody is about to send. None is empty.
        """
        loop = asyncio.get_running_loop()
        async for first in self:
            batch = [first]
            heft = weigh(first)
            deadline = loop.time() + within_s
            while len(batch) < items and heft < weight:
                if self._queue.empty() and is_last():
                    break
                item = await self._before(deadline)
                if item is None:
                    break
                batch.append(item)
                heft += weigh(item)
            yield batch

    async def _before(self, deadline: float) -> T | None:
        try:
            item = self._queue.get_nowait()
        except asyncio.QueueEmpty:
            try:
                async with asyncio.timeout_at(deadline):
                    item = await self._queue.get()
            except TimeoutError:
                return None
        if item is _End.MARK:
            self._queue.put_nowait(item)
            return None
        return item
