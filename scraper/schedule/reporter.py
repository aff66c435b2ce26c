"""An observer that makes a ``LiveRun`` of what a run tells, with bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.observe.counts import Counts
from scraper.observe.particulars import SHOWN, Particulars
from scraper.schedule.model import LiveRun

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.frontier.frontier import Frontier
    from scraper.observe.counts import Snapshot
    from scraper.observe.events import Event


class Reporter:
    """Counts one run; ``live`` says how far it is."""

    def __init__(self, *, run: str, job: str, clock: Clock) -> None:
        self._run = run
        self._job = job
        self._counts = Counts(clock=clock)
        self._particulars = Particulars(clock=clock)
        self.frontier: Frontier | None = None
        """Where the hosts wait; not there before the run is put together."""

    @property
    def took(self) -> list[int]:
        """As ``LiveRun.took``."""
        return self._particulars.took

    @property
    def took_s(self) -> float:
        """As ``LiveRun.took_s``."""
        return self._particulars.took_s

    def notice(self, event: Event) -> None:
        """Count an event."""
        self._counts.notice(event)
        self._particulars.notice(event)

    def snapshot(self) -> Snapshot:
        """Return the numbers as they are now."""
        return self._counts.snapshot()

    def live(self) -> LiveRun:
        """Return how far the run is."""
        counts = self._counts.snapshot()
        stands = self.frontier.occupancy() if self.frontier else None
        busiest = self.frontier.busiest(SHOWN) if self.frontier else ()
        return LiveRun(
            run=self._run,
            job=self._job,
            done=counts.done,
            total=counts.total,
            known=counts.known,
            failed=counts.failed,
            rate=counts.rate,
            left_s=counts.left_s,
            outcomes={outcome.value: count for outcome, count in counts.by_outcome.items()},
            hosts_ready=stands.hosts_ready if stands else 0,
            hosts_held=stands.hosts_held if stands else 0,
            hosts=self._particulars.hosts(busiest),
            failures=self._particulars.failures,
            took=tuple(self.took),
            took_s=self.took_s,
        )
