"""How much memory all bodies under way may take together."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Room:
    """Bytes to be had; who asks first gets first. Used in one event loop.

    It is for the few bodies that are large. Without it each of 64 workers could hold one of the largest
    kind: measured, 65 bodies without end took 755 MiB.
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = self._left_bytes = size_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def of(self, wanted_bytes: int) -> AsyncIterator[None]:
        """Wait for so much room, and hold it while the block lasts.

        What is more than all there is counts as all.
        """
        wanted_bytes = min(wanted_bytes, self._size_bytes)
        await self._take(wanted_bytes)
        try:
            yield
        finally:
            self._left_bytes += wanted_bytes
            self._serve()

    async def _take(self, wanted_bytes: int) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted_bytes, place))
        self._serve()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was served in the very moment of leaving
                self._left_bytes += wanted_bytes
            elif (wanted_bytes, place) in self._waiting:
                self._waiting.remove((wanted_bytes, place))
            self._serve()
            raise

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._left_bytes:
            wanted_bytes, place = self._waiting.popleft()
            if not place.done():  # else it is leaving, and has not come to do so
                self._left_bytes -= wanted_bytes
                place.set_result(None)
