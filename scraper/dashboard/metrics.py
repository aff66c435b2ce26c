"""Figures of the daemon's jobs for Prometheus, by prometheus-client; ``metric_list`` says which.

What runs count is added up from when the dashboard began.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from scraper.dashboard.metric_list import METRICS
from scraper.dashboard.views import live_of
from scraper.observe.particulars import TOOK_BOUNDS_S
from scraper.schedule.model import JobState, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.metrics_core import Metric

    from scraper.schedule.model import Control, JobRow, LiveRun, RunRow

_FAMILIES: Final[dict[str, Any]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class _Counted:
    """What one job's runs came to since the dashboard began."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.took = [0] * (len(TOOK_BOUNDS_S) + 1)
        self.took_s = 0.0
        self.runs: Counter[RunState] = Counter()
        self.live: LiveRun | None = None
        self.known: set[str] = set()
        """Runs that are counted, or had ended before."""

    def add(self, run: RunRow | LiveRun) -> None:
        """Count a run that has ended."""
        self.outcomes.update(run.outcomes)
        self.took = _sum(self.took, run.took)
        self.took_s += run.took_s

    def with_live(self) -> tuple[Counter[str], list[int], float]:
        """Return the counts with those of the run that goes on."""
        if self.live is None:
            return self.outcomes, self.took, self.took_s
        took = _sum(self.took, self.live.took)
        return self.outcomes + Counter(self.live.outcomes), took, self.took_s + self.live.took_s


def _sum(one: list[int], other: Sequence[int]) -> list[int]:
    # A history that was written before runs kept their times has none.
    return [a + b for a, b in zip(one, other, strict=True)] if other else one


class Metrics:
    """Collects figures, also of runs that begin and end between two questions.

    Args:
        control: The daemon.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._counted: dict[str, _Counted] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for job in control.jobs():
            self._of(job).known.update(run.id for run in job.recent if run.state is not RunState.RUNNING)

    def page(self) -> tuple[bytes, str]:
        """Return the figures and their media type."""
        self.look()
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    async def follow(self) -> None:
        """Count what runs do, until the daemon ends."""
        with self._control.changed() as changes:
            async for _ in changes:
                self.look()

    def look(self) -> None:
        """Take what has changed."""
        jobs = self._control.jobs()
        for gone in self._counted.keys() - {job.name for job in jobs}:
            del self._counted[gone]
        for job in jobs:
            counted = self._of(job)
            live = live_of(self._control, job.name)
            if counted.live is not None and (live is None or live.run != counted.live.run):
                self._fold(counted, job)
            counted.live = live
            for run in job.recent:
                if run.state is not RunState.RUNNING and run.id not in counted.known:
                    self._end(counted, run)
            # What is known of runs is no more than what is shown of them.
            counted.known &= {run.id for run in job.recent}

    def _of(self, job: JobRow) -> _Counted:
        return self._counted.setdefault(job.name, _Counted())

    def _fold(self, counted: _Counted, job: JobRow) -> None:
        """Keep what the run that has ended counted last, with its outcomes as its history has them."""
        live = counted.live
        if live is None:
            return
        row = next((run for run in job.recent if run.id == live.run), None)
        is_over = row is not None and row.state is not RunState.RUNNING
        counted.live = None
        if row is not None and is_over:
            self._end(counted, row)
        else:
            counted.add(live)

    def _end(self, counted: _Counted, run: RunRow) -> None:
        counted.known.add(run.id)
        counted.runs[run.state] += 1
        counted.add(run)

    def collect(self) -> Iterator[Metric]:
        """Give the figures: prometheus-client's interface of a collector."""
        told: dict[str, Any] = {
            metric.name: _FAMILIES[metric.kind](metric.name, metric.meaning, labels=metric.labels)
            for metric in METRICS
        }
        for job in self._control.jobs():
            self._tell_of_runs(job, told)
            self._tell_of_job(job, told)
            self._tell_of_queues(job, told)
        yield from told.values()

    def _tell_of_runs(self, job: JobRow, told: dict[str, Any]) -> None:
        counted = self._of(job)
        outcomes, parts, took_s = counted.with_live()
        for outcome, number in sorted(outcomes.items()):
            told["scraper_records_total"].add_metric((job.name, outcome), number)
        for state, number in sorted(counted.runs.items()):
            told["scraper_runs_total"].add_metric((job.name, state), number)
        bounds = (*map(str, TOOK_BOUNDS_S), "+Inf")
        buckets = list(zip(bounds, accumulate(parts), strict=True))
        told["scraper_answer_seconds"].add_metric((job.name,), buckets, took_s)

    def _tell_of_job(self, job: JobRow, told: dict[str, Any]) -> None:
        name = (job.name,)
        begun = next((run for run in job.recent if run.started is not None), None)
        if begun is not None:
            told["scraper_job_late_seconds"].add_metric(name, begun.late_s)
        done = next((run.ended for run in job.recent if run.state is RunState.COMPLETE and run.ended), None)
        if done is not None:
            told["scraper_job_last_success_timestamp_seconds"].add_metric(name, done.timestamp())
        if job.next_due is not None:
            told["scraper_job_next_due_timestamp_seconds"].add_metric(name, job.next_due.timestamp())
        told["scraper_job_silent"].add_metric(name, job.silent_since is not None)
        told["scraper_job_paused"].add_metric(name, job.state is JobState.PAUSED)
        told["scraper_job_running"].add_metric(name, job.state is JobState.RUNNING)

    def _tell_of_queues(self, job: JobRow, told: dict[str, Any]) -> None:
        live = self._of(job).live
        if live is None:
            return
        name = (job.name,)
        known = live.known if live.total is None else live.total
        told["scraper_run_urls_waiting"].add_metric(name, max(known - live.done, 0))
        told["scraper_run_pages_per_second"].add_metric(name, live.rate)
        told["scraper_run_hosts_ready"].add_metric(name, live.hosts_ready)
        told["scraper_run_hosts_held"].add_metric(name, live.hosts_held)
        backed_off = sum(host.backs_off_s > 0 for host in live.hosts)
        told["scraper_run_hosts_backed_off"].add_metric(name, backed_off)
