"""Threads for what can't be interrupted: each may hang for as long as it likes and holds up nobody."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class DaemonThreads:
    """Runs calls in threads that end with the process, whatever they are at.

    ``concurrent.futures`` waits for its threads when the interpreter exits: a run that was done would
    go on for as long as a name server is silent. Threads are started when there is none idle, up to
    ``most``; the caller asks ``has_room`` first, and all is done from one thread.
    """

    def __init__(self, *, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = 0
        self._busy = 0

    @property
    def has_room(self) -> bool:
        """Whether a further call would be run at once."""
        return self._busy < self._most

    def run(self, call: Callable[[], None]) -> None:
        """Run a call; its maker says by ``note_end`` that it has ended.

        Raises:
            RuntimeError: The system gives no further thread, and there are none to wait for.
        """
        if self._busy >= self._started:
            try:
                threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
            except RuntimeError:
                if not self._started:
                    raise
                # The call waits for one of those there are.
            else:
                self._started += 1
        self._busy += 1
        self._calls.put(call)

    def note_end(self) -> None:
        """Take in that a call has ended: its thread is free for another."""
        self._busy -= 1

    def close(self) -> None:
        """Let the threads end, each as soon as it is idle; nothing is waited for."""
        for _ in range(self._started):
            self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
