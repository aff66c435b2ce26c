"""An observer that makes a ``LiveRun`` of what a run tells, with bounded memory."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from scraper.observe.counts import GOOD, Counts
from scraper.observe.events import Written
from scraper.observe.printable import printable, printable_url, without_secrets
from scraper.schedule.model import TOOK_BOUNDS_S, Failure, HostRow, LiveRun

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.cluster.totals import Totals
    from scraper.frontier.frontier import Frontier
    from scraper.messages import Finished
    from scraper.observe.counts import Snapshot
    from scraper.observe.events import Event

_SHOWN: Final = 50
_MOST_HOSTS: Final = 4096
"""Of further ones it is not counted what they came to."""
_MOST_CHARACTERS: Final = 300


class _Told(msgspec.Struct):
    message: str | None = None


class _Brief(msgspec.Struct):
    error: _Told | None = None


_brief = msgspec.json.Decoder(_Brief).decode


class Reporter:
    """Counts one run; ``live`` says how far it is."""

    def __init__(self, *, run: str, job: str, clock: Clock) -> None:
        self._run = run
        self._job = job
        self._clock = clock
        self._counts = Counts(clock=clock)
        self._failures: deque[Failure] = deque(maxlen=_SHOWN)
        self._hosts: dict[str, tuple[int, int]] = {}
        self.took = [0] * (len(TOOK_BOUNDS_S) + 1)
        """As ``LiveRun.took``."""
        self.took_s = 0.0
        self.frontier: Frontier | None = None
        """Where the hosts wait; not there before the run is put together."""
        self.totals: Totals | None = None
        """What is known of a run in parts, of which events tell little."""

    def notice(self, event: Event) -> None:
        """Count an event."""
        self._counts.notice(event)
        if isinstance(event, Written):
            for record in event.records:
                self._count(record)

    def _count(self, record: Finished) -> None:
        failed = record.outcome not in GOOD
        if record.status is not None:
            self.took[bisect_left(TOOK_BOUNDS_S, record.elapsed_s)] += 1
            self.took_s += record.elapsed_s
        if record.host and (record.host in self._hosts or len(self._hosts) < _MOST_HOSTS):
            done, failures = self._hosts.get(record.host, (0, 0))
            self._hosts[record.host] = (done + 1, failures + failed)
        if failed:
            error = _brief(record.line).error
            self._failures.appendleft(
                Failure(
                    at=self._clock.utc(),
                    seq=record.seq,
                    url=printable_url(record.url, limit=_MOST_CHARACTERS),
                    outcome=record.outcome.value,
                    status=record.status,
                    message=_shown(error.message) if error and error.message else None,
                )
            )

    def snapshot(self) -> Snapshot:
        """Return the numbers as they are now."""
        return (self.totals or self._counts).snapshot()

    def live(self) -> LiveRun:
        """Return how far the run is."""
        counts = self.snapshot()
        stands = self.frontier.occupancy() if self.frontier else None
        waiting = self.totals.waiting() if self.totals else None
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
            hosts_ready=waiting.ready if waiting else stands.hosts_ready if stands else 0,
            hosts_held=waiting.held if waiting else stands.hosts_held if stands else 0,
            hosts=tuple(self._host_rows()),
            failures=tuple(self._failures),
            took=tuple(self.took),
            took_s=self.took_s,
        )

    def _host_rows(self) -> list[HostRow]:
        rows = []
        for stands in self.frontier.busiest(_SHOWN) if self.frontier else ():
            done, failed = self._hosts.get(stands.host, (0, 0))
            rows.append(
                HostRow(
                    host=stands.host,
                    done=done,
                    failed=failed,
                    waiting=stands.waiting,
                    backs_off_s=stands.held_s,
                )
            )
        return rows


def _shown(message: str) -> str:
    return printable(without_secrets(message), limit=_MOST_CHARACTERS)
