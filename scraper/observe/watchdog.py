"""The watchdog: when nothing is finished for a while, it says what everybody waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from scraper.observe.events import Event, Observer, RunEnded, RunStarted, Stalled, Written

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from scraper.clock import Clock

Wait: TypeAlias = "Callable[[asyncio.Event, float], Awaitable[bool]]"
"""Waits for an event at most so many seconds; false when they passed without it."""


async def wait_for(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait until ``event`` is set; return False when ``timeout_s`` passed first."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Watchdog:
    """Notices when no record was written for ``silence_s``, and tells an observer.

    It is told of the run as an observer and runs as a task beside it. One silence is told of once,
    then again when it has lasted twice, four times, ... as long. It changes nothing in the run.

    Args:
        observer: Is sent ``Stalled``; it need not know the watchdog.
        waits: Called when a silence is told of; a line for each thing that is waited for.
        silence_s: Seconds, more than 0.
        clock: Measures the silence.
        wait: How to wait, for tests.
    """

    def __init__(
        self,
        observer: Observer,
        *,
        waits: Callable[[], tuple[str, ...]],
        silence_s: float,
        clock: Clock,
        wait: Wait = wait_for,
    ) -> None:
        self._observer = observer
        self._waits = waits
        self._silence_s = silence_s
        self._clock = clock
        self._wait = wait
        self._news = asyncio.Event()
        self._ended = False
        self._last_s = clock.monotonic()

    def notice(self, event: Event) -> None:
        """Take note that something was finished, or that the run began or ended."""
        match event:
            case Written(records=records) if not records:
                return
            case Written() | RunStarted():
                self._last_s = self._clock.monotonic()
            case RunEnded():
                self._ended = True
            case _:
                return
        self._news.set()

    async def watch(self) -> None:
        """Watch until ``RunEnded`` or cancellation."""
        patience_s = self._silence_s
        while not self._ended:
            self._news.clear()
            due_s = self._last_s + patience_s
            if await self._wait(self._news, max(due_s - self._clock.monotonic(), 0.0)):
                patience_s = self._silence_s
                continue
            silent_s = self._clock.monotonic() - self._last_s
            self._observer.notice(Stalled(silent_s=silent_s, waits=self._waits()))
            # Doubled at least once: a timer may fire a little early, and would be set again for nothing.
            patience_s *= 2
            while patience_s <= silent_s:
                patience_s *= 2
