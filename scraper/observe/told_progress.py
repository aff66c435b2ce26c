"""How far a run is, for programs that use the package as a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.clock import SystemClock
from scraper.observe.counts import Counts
from scraper.observe.events import RunEnded, RunStarted
from scraper.observe.status import status_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.clock import Clock
    from scraper.observe.counts import Snapshot
    from scraper.observe.events import Event


class Progress:
    """An observer that knows how far its run is; as text it is one line for people.

    Given as ``observer=scraper.Progress(print)``, it prints a line each second: ``1,234 of 5,000 done, 12
    failed, 230/s, about 16 s left``.

    Args:
        tell: Called with this object when the run begins, then as often as something has happened and
            ``every_s`` is over, and when it has ended; on the loop's thread, so it must be quick. What it
            raises ends the run.
        every_s: The least time between two calls, in seconds.
        clock: What tells the time.
    """

    def __init__(
        self,
        tell: Callable[[Progress], object] | None = None,
        *,
        every_s: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self._tell = tell
        self._every_s = every_s
        self._clock = clock or SystemClock()
        self._counts = Counts(clock=self._clock)
        self._told_s = float("-inf")

    def notice(self, event: Event) -> None:
        """Take note of an event; the run calls it."""
        self._counts.notice(event)
        now_s = self._clock.monotonic()
        is_due = now_s - self._told_s >= self._every_s or isinstance(event, RunStarted | RunEnded)
        if self._tell is not None and is_due:
            self._told_s = now_s
            self._tell(self)

    def snapshot(self) -> Snapshot:
        """Return the numbers of this moment: ``done``, ``total``, ``failed``, ``left_s`` and others."""
        return self._counts.snapshot()

    def __str__(self) -> str:
        """Say the numbers of this moment in one line."""
        return status_line(self.snapshot(), waiting=None)
