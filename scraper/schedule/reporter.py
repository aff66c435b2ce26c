"""An observer that makes a ``LiveRun`` of what a run tells, with bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.observe.counts import Counts
from scraper.observe.particulars import SHOWN, Particulars
from scraper.observe.parts import Parts
from scraper.schedule.model import LiveRun

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.cluster.job import Job
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
        self.parted: Job | None = None
        """The run in parts, if it is one: it is asked, since its events tell little."""
        self.cluster_page: str | None = None
        """As ``LiveRun.cluster_page``."""

    @property
    def took(self) -> tuple[tuple[int, ...], float]:
        """As ``LiveRun.took`` and ``took_s``."""
        if self.parted is not None:
            return self.parted.totals.took()
        return tuple(self._particulars.took), self._particulars.took_s

    @property
    def parts(self) -> Parts:
        """As ``LiveRun.parts``."""
        return self.parted.parts() if self.parted else Parts()

    def notice(self, event: Event) -> None:
        """Count an event."""
        self._counts.notice(event)
        self._particulars.notice(event)

    def snapshot(self) -> Snapshot:
        """Return the numbers as they are now."""
        return self.parted.totals.snapshot() if self.parted else self._counts.snapshot()

    def live(self) -> LiveRun:
        """Return how far the run is."""
        counts = self.snapshot()
        took, took_s = self.took
        live = LiveRun(
            run=self._run,
            job=self._job,
            done=counts.done,
            total=counts.total,
            known=counts.known,
            failed=counts.failed,
            rate=counts.rate,
            left_s=counts.left_s,
            outcomes={outcome.value: count for outcome, count in counts.by_outcome.items()},
            hosts_ready=0,
            hosts_held=0,
            hosts=(),
            failures=self._particulars.failures,
            took=took,
            took_s=took_s,
            parts=self.parts,
            cluster_page=self.cluster_page,
        )
        if self.parted is not None:
            totals = self.parted.totals
            waiting, hosts = totals.waiting(), totals.hosts()
            live = replace(
                live,
                hosts_ready=waiting.ready,
                hosts_held=waiting.held,
                hosts=hosts,
                failures=totals.failures(),
            )
        elif self.frontier is not None:
            stands = self.frontier.occupancy()
            hosts = self._particulars.hosts(self.frontier.busiest(SHOWN))
            live = replace(live, hosts_ready=stands.hosts_ready, hosts_held=stands.hosts_held, hosts=hosts)
        return live
