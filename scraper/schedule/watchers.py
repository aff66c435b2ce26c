"""Who wants to know that something has changed. Changes that nobody took yet are one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Watchers:
    """Streams of changes, one for each that watches."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()
        self._is_closed = False

    def note(self) -> None:
        """Tell all that something has changed."""
        for event in self._events:
            event.set()

    def close(self) -> None:
        """End the streams."""
        self._is_closed = True
        self.note()

    @contextlib.contextmanager
    def watching(self) -> Iterator[AsyncIterator[None]]:
        """Give a stream of changes from now on, until the block is left or these are closed."""
        event = asyncio.Event()
        self._events.add(event)

        async def changes() -> AsyncIterator[None]:
            while not self._is_closed:
                await event.wait()
                event.clear()
                if not self._is_closed:
                    yield

        try:
            yield changes()
        finally:
            self._events.discard(event)
