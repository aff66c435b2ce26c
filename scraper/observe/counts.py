"""What a run came to so far, in numbers. Pure: the clock is a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from scraper.messages import Request
from scraper.observe.events import (
    Aborting,
    Admitted,
    ChangesKnown,
    Draining,
    Event,
    LinksTaken,
    Redirected,
    RobotsKnown,
    RunEnded,
    RunStarted,
    Sealed,
    Stalled,
    TriedAgain,
    Written,
)
from scraper.observe.own_fields import OwnFieldsTally, OwnFigures
from scraper.observe.tally import Durations, HostFigures, RecentRate, SlowestHosts
from scraper.record import Outcome
from scraper.robots.access import RobotsFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.clock import Clock
    from scraper.messages import Finished

GOOD = frozenset(
    {*(outcome for outcome in Outcome if outcome.is_success), Outcome.DUPLICATE, Outcome.FILTERED}
)
"""The outcomes that are no failure."""

_RATE_WINDOW_S = 10
_ESTIMATE_WINDOW_S = 60
_STATUSES = range(100, 600)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one moment; it does not change and may be read in any thread.

    Lines, ``done``, ``failed`` and what is counted by outcome and status include what interrupted runs
    before this one have done; every other number is of this part alone.
    """

    run: str
    resumed: bool
    already_done: int
    known: int
    """Lines so far: read, or found."""
    found: int
    """Of the known lines, those that pages and sitemaps led to."""
    total: int | None
    """Lines altogether; ``None`` while the sources are still read."""
    read_share: float | None
    """How much of the sources was read, from 0 to 1; ``None`` when that can't be told, or all of it was."""
    done: int
    """Records on disk."""
    written: int
    """Records on disk that this run wrote."""
    failed: int
    """Of those on disk, the ones whose outcome is not one of ``GOOD``."""
    retryable: int
    """Of those that this run wrote, the ones that may well come out better later."""
    by_outcome: dict[Outcome, int]
    by_status: dict[int, int]
    """By status code, 100 to 599."""
    by_status_class: dict[str, int]
    """By ``1xx`` to ``5xx``, ``other`` for codes beyond these, ``none`` for no response."""
    retries: int
    redirects: int
    robots_read: int
    """How many robots.txt were asked for and could be had, those that are not there included."""
    robots_failed: dict[Outcome, int]
    """How many could not be had, by why."""
    by_cause: dict[Outcome, int]
    """What lay behind lines that are ``robots_unreachable``."""
    wire_bytes: int
    size_bytes: int
    """Bytes of the bodies after decompression."""
    output_bytes: int
    taken_s: float
    """Monotonic: when this was taken."""
    elapsed_s: float
    rate: float
    """Records a second over the last 10 s."""
    mean_rate: float
    """Records a second since this run's start."""
    left_s: float | None
    """About how long it still takes at the rate of the last 60 s; ``None`` when that can't be told.
    While ``total`` is ``None`` it is the time for the known lines, and more may come."""
    median_s: float | None
    """Half of the responses took no longer."""
    p95_s: float | None
    p99_s: float | None
    longest_s: float
    hosts: int | None
    """How many hosts were asked; ``None`` when too many to tell."""
    slowest_hosts: tuple[HostFigures, ...]
    own: OwnFigures | None
    """What came of the user's own fields; ``None`` when none were asked for."""
    changes: dict[str, int]
    """How many pages are new, changed, unchanged, gone and recovered since the run before; empty where nobody
    keeps that, and until all is known."""
    stalls: int
    stopping: str | None
    """Why the run was asked to stop; ``None`` when it was not."""
    ended: bool
    complete: bool


class Counted(Protocol):
    """What gives snapshots: the counts of one run, or the sums of several parts'."""

    def snapshot(self, *, hosts: int = 0) -> Snapshot:
        """Return the numbers as they are now."""
        ...


class Counts:
    """An observer that counts. One for each run.

    Memory does not grow with the list. Exact: lines, records, outcomes, statuses, retries,
    redirects, bytes. Approximate: quantiles (to 2.5 %, see ``Durations``), and per host what
    ``SlowestHosts`` says: exact up to 4,096 hosts; beyond, which hosts are slowest and their slowest
    page still are, their other figures may miss pages. Quantiles are of pages with a response,
    hosts of all pages that were asked for; duplicates and invalid lines are in neither.

    Not for use in several threads: snapshots are.

    Args:
        clock: Read once for each batch of records and each snapshot.
        fields: The names of the fields that the user selects.
        has_function: Whether a function of the user's gives further ones.
    """

    def __init__(self, *, clock: Clock, fields: Sequence[str] = (), has_function: bool = False) -> None:
        self._own = OwnFieldsTally(fields, has_function=has_function)
        self._clock = clock
        self._started_s = clock.monotonic()
        self._recent = RecentRate(start_s=self._started_s)
        self._durations = Durations()
        self._hosts = SlowestHosts()
        self._start: RunStarted | None = None
        self._admitted = 0
        self._found = 0
        self._total: int | None = None
        self._read_share: float | None = None
        self._written = 0
        self._outcomes: dict[Outcome, int] = {}
        self._statuses: dict[int | None, int] = {}
        self._retries = 0
        self._retryable = 0
        self._redirects = 0
        self._robots_read = 0
        self._robots_failed: dict[Outcome, int] = {}
        self._causes: dict[Outcome, int] = {}
        self._wire_bytes = 0
        self._size_bytes = 0
        self._output_bytes = 0
        self._changes: dict[str, int] = {}
        self._stalls = 0
        self._stopping: str | None = None
        self._end: RunEnded | None = None
        self._ended_s = 0.0

    def notice(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Written():
                self._count_written(event)
            case TriedAgain(errand=Request(is_anew=False)):
                self._retries += 1
            case Redirected(errand=Request()):
                self._redirects += 1
            case TriedAgain() | Redirected():
                pass  # of robots.txt, or because a kept connection had died: nothing that a line has to tell
            case Admitted() | LinksTaken() | Sealed():
                self._count_lines(event)
            case RobotsKnown(file=RobotsFile(cause=None)):
                self._robots_read += 1
            case RobotsKnown(file=RobotsFile(cause=Outcome() as cause)):
                self._robots_failed[cause] = self._robots_failed.get(cause, 0) + 1
            case _:
                self._note_course(event)

    def _count_lines(self, event: Admitted | LinksTaken | Sealed) -> None:
        if isinstance(event, Sealed):
            self._total, self._read_share = event.lines, None
            return
        self._admitted += event.lines
        if isinstance(event, LinksTaken):
            self._found += event.lines
        else:
            self._read_share = event.share
        if self._total is not None:
            self._total += event.lines

    def _note_course(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._start = event
                for outcome, status, records in event.tally:
                    self._count_result(outcome, status, records)
                self._started_s = self._clock.monotonic()
                self._recent = RecentRate(start_s=self._started_s)
            case Stalled():
                self._stalls += 1
            case Draining() | Aborting():
                self._stopping = event.reason
            case ChangesKnown():
                self._changes = event.pages
            case RunEnded():
                self._end = event
                self._ended_s = self._clock.monotonic()

    def _count_written(self, event: Written) -> None:
        self._written += len(event.records)
        self._output_bytes = event.output_bytes
        self._recent.add(len(event.records), now_s=self._clock.monotonic())
        for record in event.records:
            self._count_record(record)

    def _count_record(self, record: Finished) -> None:
        self._count_result(record.outcome, record.status, 1)
        if record.cause is not None and record.outcome is Outcome.ROBOTS_UNREACHABLE:
            self._causes[record.cause] = self._causes.get(record.cause, 0) + 1
        self._retryable += record.retryable
        self._wire_bytes += record.wire_bytes
        self._size_bytes += record.size_bytes
        if record.own is not None:
            self._own.add(record.own)
        if record.status is not None and record.elapsed_s:  # of what comes from an archive it is not known
            self._durations.add(record.elapsed_s)
        if record.attempts and record.host:
            self._hosts.add(record.host, seconds=record.took_s, failed=record.outcome not in GOOD)

    def _count_result(self, outcome: Outcome, status: int | None, records: int) -> None:
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + records
        # A server may send any three digits, and a broken one more: they share one entry.
        slot = status if status is None or status in _STATUSES else -1
        self._statuses[slot] = self._statuses.get(slot, 0) + records

    def snapshot(self, *, hosts: int = 0) -> Snapshot:
        """Return the numbers as they are now; after ``RunEnded``, as they were then.

        Args:
            hosts: How many of the slowest hosts to list; they cost a look at all that are kept.
        """
        now_s = self._ended_s if self._end else self._clock.monotonic()
        elapsed_s = self._end.elapsed_s if self._end else now_s - self._started_s
        start = self._start
        already_done = start.already_done if start else 0
        known = (start.known if start else 0) + self._admitted
        done = already_done + self._written
        lines = known if self._total is None else self._total
        return Snapshot(
            run=start.run if start else "",
            resumed=start.resumed if start else False,
            already_done=already_done,
            known=known,
            found=(start.found if start else 0) + self._found,
            total=self._total,
            read_share=self._read_share,
            done=done,
            written=self._written,
            failed=sum(count for outcome, count in self._outcomes.items() if outcome not in GOOD),
            retryable=self._retryable,
            by_outcome=dict(self._outcomes),
            by_status={status: count for status, count in self._statuses.items() if status and status > 0},
            by_status_class=self._by_status_class(),
            retries=self._retries,
            redirects=self._redirects,
            robots_read=self._robots_read,
            robots_failed=dict(self._robots_failed),
            by_cause=dict(self._causes),
            wire_bytes=self._wire_bytes,
            size_bytes=self._size_bytes,
            output_bytes=self._output_bytes,
            taken_s=now_s,
            elapsed_s=elapsed_s,
            rate=self._recent.per_second(window_s=_RATE_WINDOW_S, now_s=now_s),
            mean_rate=self._written / elapsed_s if elapsed_s > 0 else 0.0,
            left_s=self._left_s(lines - done, now_s=now_s),
            median_s=self._durations.quantile(0.5),
            p95_s=self._durations.quantile(0.95),
            p99_s=self._durations.quantile(0.99),
            longest_s=self._durations.most_s,
            hosts=self._hosts.distinct,
            slowest_hosts=self._hosts.slowest(hosts),
            own=self._own.figures(),
            changes=self._changes,
            stalls=self._stalls,
            stopping=self._stopping,
            ended=self._end is not None,
            complete=self._end.complete if self._end else False,
        )

    def _left_s(self, remaining: int, *, now_s: float) -> float | None:
        if remaining <= 0:
            # With the sources still read, nothing known to be left says nothing.
            return None if self._total is None else 0.0
        rate = self._recent.per_second(window_s=_ESTIMATE_WINDOW_S, now_s=now_s)
        return remaining / rate if rate > 0 else None

    def _by_status_class(self) -> dict[str, int]:
        classes: dict[str, int] = {}
        for status, count in self._statuses.items():
            if status is None:
                name = "none"
            elif status < 0:
                name = "other"
            else:
                name = f"{status // 100}xx"
            classes[name] = classes.get(name, 0) + count
        return classes
