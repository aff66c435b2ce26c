"""The figures of all parts as those of one run, for the displays that any run has."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING

from scraper.cluster.orders import Figures
from scraper.observe.counts import GOOD, Snapshot
from scraper.observe.particulars import Failure, HostRow, busiest, latest
from scraper.observe.status import HostsWaiting
from scraper.observe.tally import RecentRate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scraper.clock import Clock
    from scraper.cluster.manifest import Shard

_RATE_WINDOW_S = 10
_ESTIMATE_WINDOW_S = 60


class Totals:
    """Sums of what is known of each part: exact when all have ended, a second old while they run.

    Quantiles and slowest hosts can't be summed, and are left out.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._began_s = clock.monotonic()
        self._rate = RecentRate(start_s=self._began_s)
        self._whole: dict[int, Figures] = {}
        """Of each part, what was heard last."""
        self._ended: list[Figures] = []
        """Of attempts that have ended, what is of them alone."""
        self._under_way: dict[int, Figures] = {}
        self._failures: tuple[Failure, ...] = ()
        """The latest of attempts that have ended."""
        self._done_before = 0
        self._done_seen = 0
        self._run = ""
        self._lines: int | None = None
        self.changes: dict[str, int] = {}
        """What has become of pages since the run before, when that is known."""
        self.stopping: str | None = None
        self.is_complete: bool | None = None
        """``None`` while it goes on."""

    def begin(
        self,
        run: str,
        shards: Iterable[Shard],
        *,
        lines: int,
        said: Mapping[int, Figures | None] | None = None,
    ) -> None:
        """Take over what the manifest says.

        It learns of an attempt when that is over. Of one that was killed with its director is known what
        its worker ``said`` last, by the part's number.
        """
        self._run = run
        self._lines = lines
        self._whole = {}
        for shard in shards:
            last = (said or {}).get(shard.shard)
            self._whole[shard.shard] = last if last and last.done > shard.figures.done else shard.figures
        self._done_before = self._done_seen = sum(one.done for one in self._whole.values())

    def hear(self, shard: int, figures: Figures) -> None:
        """Take what a part says of itself while it goes on."""
        self._under_way[shard] = figures
        if figures.done or figures.lines:
            self._whole[shard] = figures
        done = sum(one.done for one in self._whole.values())
        if done > self._done_seen:
            self._rate.add(done - self._done_seen, now_s=self._clock.monotonic())
            self._done_seen = done

    def end(self, shard: int, figures: Figures | None) -> None:
        """Note that an attempt is over; without its last figures those count that were heard before."""
        if figures is not None:
            self.hear(shard, figures)
        if (last := self._under_way.pop(shard, None)) is not None:
            self._failures = latest([*self._failures, *last.failures])
            self._ended.append(last)
            self._ended = [_sum(self._ended)]

    def of(self, shard: int) -> Figures:
        """Return what was heard of a part last."""
        return self._whole.get(shard) or Figures()

    def hosts(self) -> tuple[HostRow, ...]:
        """Return the busiest hosts of all parts that go on; each host is in one of them."""
        return busiest(row for one in self._under_way.values() for row in one.hosts)

    def failures(self) -> tuple[Failure, ...]:
        """Return the latest failures of all parts, newest first, by each worker's clock."""
        return latest([*self._failures, *(row for one in self._under_way.values() for row in one.failures)])

    def took(self) -> tuple[tuple[int, ...], float]:
        """Return how long answers took: see ``Particulars.took`` and ``took_s``."""
        part = _sum([*self._ended, *self._under_way.values()])
        return part.took, part.took_s

    def waiting(self) -> HostsWaiting:
        """Return what the frontiers of all parts have in hand."""
        running = self._under_way.values()
        return HostsWaiting(
            ready=sum(one.hosts_ready for one in running),
            held=sum(one.hosts_held for one in running),
            in_memory=sum(one.hosts_in_memory for one in running),
            least_s=max((one.least_s for one in running), default=0.0),
        )

    @property
    def output_bytes(self) -> int:
        """How much all parts have written."""
        return sum(one.output_bytes for one in self._whole.values())

    def snapshot(self, *, hosts: int = 0) -> Snapshot:
        """Return the figures of this moment; see ``Counts.snapshot``."""
        del hosts
        now_s = self._clock.monotonic()
        elapsed_s = now_s - self._began_s
        whole = list(self._whole.values())
        part = _sum([*self._ended, *self._under_way.values()])
        found = sum(one.found for one in whole)
        outcomes = sum((Counter(one.by_outcome) for one in whole), Counter())
        done = sum(one.done for one in whole)
        known = (self._lines or 0) + found
        written = done - self._done_before
        rate = self._rate.per_second(window_s=_ESTIMATE_WINDOW_S, now_s=now_s)
        return Snapshot(
            run=self._run,
            resumed=self._done_before > 0,
            already_done=self._done_before,
            known=known,
            found=found,
            total=None if self._lines is None else known,
            read_share=None,
            done=done,
            written=written,
            failed=sum(count for outcome, count in outcomes.items() if outcome not in GOOD),
            retryable=part.retryable,
            by_outcome=dict(outcomes),
            by_status=dict(sum((Counter(one.by_status) for one in whole), Counter())),
            by_status_class=dict(sum((Counter(one.by_status_class) for one in whole), Counter())),
            retries=part.retries,
            redirects=part.redirects,
            robots_read=part.robots_read,
            robots_failed=part.robots_failed,
            by_cause=part.by_cause,
            wire_bytes=part.wire_bytes,
            size_bytes=part.size_bytes,
            output_bytes=self.output_bytes,
            taken_s=now_s,
            elapsed_s=elapsed_s,
            rate=self._rate.per_second(window_s=_RATE_WINDOW_S, now_s=now_s),
            mean_rate=written / elapsed_s if elapsed_s > 0 else 0.0,
            left_s=0.0 if done >= known else (known - done) / rate if rate > 0 else None,
            median_s=None,
            p95_s=None,
            p99_s=None,
            longest_s=0.0,
            hosts=None,
            slowest_hosts=(),
            own=None,
            changes=self.changes,
            stalls=part.stalls,
            stopping=self.stopping,
            ended=self.is_complete is not None,
            complete=bool(self.is_complete),
        )


def _sum(parts: Iterable[Figures]) -> Figures:
    """Sum up what is of attempts alone."""
    total = Figures()
    failed: Counter[object] = Counter()
    causes: Counter[object] = Counter()
    for one in parts:
        total.written += one.written
        total.retryable += one.retryable
        total.retries += one.retries
        total.redirects += one.redirects
        total.robots_read += one.robots_read
        total.wire_bytes += one.wire_bytes
        total.size_bytes += one.size_bytes
        total.stalls += one.stalls
        total.took = tuple(map(sum, zip_longest(total.took, one.took, fillvalue=0)))
        total.took_s += one.took_s
        failed.update(one.robots_failed)
        causes.update(one.by_cause)
    total.robots_failed, total.by_cause = dict(failed), dict(causes)  # type: ignore[arg-type]
    return total
