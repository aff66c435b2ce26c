"""Server-sent events (HTML Standard, 9.2): what changes is told to pages that are open.

A client costs no queue: changes that come while it takes one are one. How many there are is bounded, how slow
one may be, and how long it may stay: a browser comes back by itself.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from scraper.dashboard.answering import SENDING_S
from scraper.dashboard.places import LIMIT
from scraper.dashboard.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from scraper.schedule.model import Control

MOST_STREAMS = 24
STAY_S = 3600.0
SILENCE_S = 15.0
"""Something is sent so often at least: who has gone is noticed by that."""
PACE_S = 0.5
"""And no oftener than this."""
_AGAIN_MS = 3000


class Streams:
    """All streams of events that are open.

    Args:
        control: Tells of changes.
        most: How many clients there may be.
        pace_s: The shortest time between two events to a client.
    """

    def __init__(self, control: Control, *, most: int = MOST_STREAMS, pace_s: float = PACE_S) -> None:
        self._control = control
        self._most = most
        self._pace_s = pace_s
        self._open = 0
        self._waiting: set[asyncio.Event] = set()
        self._is_ending = False

    async def send(
        self, request: web.Request, look: Callable[[], Mapping[str, object] | None]
    ) -> web.StreamResponse:
        """Send what ``look`` gives whenever it has changed, until the client or the daemon goes.

        Args:
            request: Who asked.
            look: Gives named values; only those are sent that are not as they were. ``None`` ends the stream,
                and tells the page to load itself again.

        Raises:
            Refusal: There are too many clients.
        """
        if self._open >= self._most:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open that follow a run.", retry_after_s=30
            )
        self._open += 1
        try:
            request[LIMIT].reschedule(asyncio.get_running_loop().time() + STAY_S + SENDING_S)
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
            )
            await response.prepare(request)
            if await _write(response, f"retry: {_AGAIN_MS}\n\n"):
                with self._control.changed() as changes:
                    await self._follow(response, look, changes)
            return response
        finally:
            self._open -= 1

    def close(self) -> None:
        """End all streams."""
        self._is_ending = True
        for news in self._waiting:
            news.set()

    async def _follow(
        self,
        response: web.StreamResponse,
        look: Callable[[], Mapping[str, object] | None],
        changes: AsyncIterator[None],
    ) -> None:
        news, is_over = asyncio.Event(), False
        self._waiting.add(news)

        async def listen() -> None:
            nonlocal is_over
            async for _ in changes:
                news.set()
            is_over = True
            news.set()

        loop = asyncio.get_running_loop()
        leaves = loop.time() + STAY_S
        told: dict[str, object] = {}
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(listen(), name="dashboard: changes for a page")
            try:
                while not (is_over or self._is_ending) and loop.time() < leaves:
                    news.clear()
                    seen = look()
                    if seen is None:
                        await _write(response, "event: over\ndata: {}\n\n")
                        break
                    fresh = {name: value for name, value in seen.items() if told.get(name) != value}
                    if fresh:
                        told.update(fresh)
                        text = msgspec.json.encode(fresh).decode()
                        if not await _write(response, f"event: regions\ndata: {text}\n\n"):
                            break
                        # Many jobs may change at once, and often: a page takes them together.
                        await asyncio.sleep(self._pace_s)
                    if not await _news_or_silence(news) and not await _write(response, ": still here\n\n"):
                        break
            finally:
                self._waiting.discard(news)
                listener.cancel()


async def _news_or_silence(news: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(SILENCE_S):
            await news.wait()
    except TimeoutError:
        return False
    return True


async def _write(response: web.StreamResponse, text: str) -> bool:
    """Return whether the client took it; one that does not take it in time is cut off."""
    try:
        async with asyncio.timeout(SENDING_S):
            await response.write(text.encode())
    except (TimeoutError, ConnectionError):
        return False
    return True
