"""How far one attempt at a part is, in the figures that its worker tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scraper.cluster.orders import Figures
from scraper.observe.counts import Counts
from scraper.observe.particulars import SHOWN, Particulars

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.frontier.frontier import Frontier
    from scraper.observe.events import Event

_FAILURES: Final = 20
"""Told with every sign of life, by every part: more would be much to write, and few are lost by it."""


class AttemptFigures:
    """An observer that counts an attempt."""

    def __init__(self, *, clock: Clock) -> None:
        self._counts = Counts(clock=clock)
        self._particulars = Particulars(clock=clock, failures=_FAILURES)
        self.frontier: Frontier | None = None
        """Where its hosts wait, while they do."""

    def notice(self, event: Event) -> None:
        """Count an event."""
        self._counts.notice(event)
        self._particulars.notice(event)

    def figures(self) -> Figures:
        """Return the numbers as they are now."""
        snapshot, particulars = self._counts.snapshot(), self._particulars
        figures = Figures(
            lines=snapshot.known,
            found=snapshot.found,
            done=snapshot.done,
            output_bytes=snapshot.output_bytes,
            by_outcome=snapshot.by_outcome,
            by_status=snapshot.by_status,
            by_status_class=snapshot.by_status_class,
            written=snapshot.written,
            retryable=snapshot.retryable,
            retries=snapshot.retries,
            redirects=snapshot.redirects,
            robots_read=snapshot.robots_read,
            robots_failed=snapshot.robots_failed,
            by_cause=snapshot.by_cause,
            wire_bytes=snapshot.wire_bytes,
            size_bytes=snapshot.size_bytes,
            stalls=snapshot.stalls,
            took=tuple(particulars.took),
            took_s=particulars.took_s,
            failures=particulars.failures,
        )
        if self.frontier is not None:
            stands = self.frontier.occupancy()
            figures.lines = self.frontier.lines
            figures.hosts_ready, figures.hosts_held = stands.hosts_ready, stands.hosts_held
            figures.hosts_in_memory, figures.least_s = stands.hosts_in_memory, stands.least_s
            figures.hosts = particulars.hosts(self.frontier.busiest(SHOWN))
        return figures
