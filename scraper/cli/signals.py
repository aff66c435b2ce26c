"""Signals: the first drains, the second aborts, the third exits on the spot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = {signal.SIGINT: "SIGINT", signal.SIGTERM: "SIGTERM"}


class Stoppable(Protocol):
    """A run, whole or in parts, or the daemon that has runs of its own."""

    def drain(self, reason: str) -> None:
        """Start nothing new and finish what is under way."""
        ...

    def abort(self, reason: str) -> None:
        """Give up what is under way."""
        ...


class Stops:
    """What signals have come, and what they did to the run."""

    def __init__(self, run: Stoppable) -> None:
        self._run = run
        self.first: signal.Signals | None = None
        """The signal that stopped the run; ``None`` while there was none."""
        self._count = 0

    def take(self, number: signal.Signals) -> None:
        """Act on a signal."""
        self._count += 1
        if self._count == 1:
            self.first = number
            self._run.drain(_NAMES[number])
        elif self._count == 2:  # noqa: PLR2004 counted just above
            self._run.abort(f"{_NAMES[number]} again")
        else:
            os._exit(128 + number)


@contextlib.contextmanager
def signals_stop(run: Stoppable) -> Iterator[Stops]:
    """Let SIGINT and SIGTERM stop the run while the block lasts; in the running event loop's thread.

    Where the loop takes no signal handlers (Windows), Python's own are used.
    """
    loop = asyncio.get_running_loop()
    stops = Stops(run)
    before: dict[signal.Signals, Any] = {}
    for number in _NAMES:
        try:
            loop.add_signal_handler(number, stops.take, number)
        except NotImplementedError:
            before[number] = signal.signal(
                number, lambda got, _frame: loop.call_soon_threadsafe(stops.take, signal.Signals(got))
            )
    try:
        yield stops
    finally:
        for number in _NAMES:
            if number in before:
                signal.signal(number, before[number])
            else:
                loop.remove_signal_handler(number)
