from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.messages import Request
from scraper.observe.counts import Counts
from scraper.observe.events import (
    Admitted,
    Draining,
    Event,
    LinksTaken,
    Redirected,
    RobotsKnown,
    RunEnded,
    Sealed,
    Stalled,
    TriedAgain,
    Written,
)
from scraper.record import Outcome
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import (
    batch,
    finished,
    request,
    robots_known,
    robots_request,
    started,
    written,
)

if TYPE_CHECKING:
    from scraper.messages import Finished

RECORDS = st.builds(
    finished,
    seq=st.integers(0, 10**6),
    host=st.sampled_from(["", "https://a.example", "https://b.example"]),
    outcome=st.sampled_from(Outcome),
    cause=st.none() | st.sampled_from(Outcome),
    status=st.none() | st.sampled_from([200, 204, 301, 404, 503, 0, 99, 600, 999]),
    elapsed_s=st.floats(0, 100, allow_nan=False),
    attempts=st.integers(0, 3),
    wire_bytes=st.integers(0, 10**7),
    size_bytes=st.integers(0, 10**7),
)
EVENTS = st.lists(
    st.one_of(
        st.builds(Admitted, st.integers(0, 5000)),
        st.lists(RECORDS, max_size=8).map(
            lambda records: Written(records=tuple(records), output_bytes=len(records) * 3)
        ),
        st.builds(LinksTaken, st.integers(0, 5000)),
        st.builds(Redirected, st.sampled_from([request(), robots_request()])),
        st.builds(
            TriedAgain,
            errand=st.sampled_from([request(), robots_request()]),
            wait_s=st.sampled_from([0.0, 1.0]),
        ),
        st.just(robots_known()),
        st.just(Stalled(silent_s=60.0, waits=())),
    ),
    max_size=20,
)


GOOD_ONES = {"ok", "not_modified", "duplicate", "filtered"}


def _class(status: int | None) -> str:
    if status is None:
        return "none"
    return f"{status // 100}xx" if 100 <= status < 600 else "other"


@given(EVENTS, st.integers(0, 50), st.integers(0, 50))
def test_counts_agree_with_a_list_of_all_that_happened(
    events: list[Event], already_done: int, more: int
) -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(started(already_done=already_done, known=already_done + more, resumed=already_done > 0))
    for event in events:
        counts.notice(event)
    got = counts.snapshot(hosts=5)
    records: list[Finished] = [
        record for event in events if isinstance(event, Written) for record in event.records
    ]
    admitted = sum(event.lines for event in events if isinstance(event, Admitted | LinksTaken))
    assert got.known == already_done + more + admitted
    assert (got.done, got.written) == (already_done + len(records), len(records))
    before = Counter({Outcome.OK: already_done})
    assert +Counter(got.by_outcome) == +before + Counter(record.outcome for record in records)
    classes = Counter({"2xx": already_done}) + Counter(_class(record.status) for record in records)
    assert got.by_status_class == classes
    assert got.by_status == Counter({200: already_done}) + Counter(
        record.status for record in records if record.status is not None and 100 <= record.status < 600
    )
    assert got.found == sum(event.lines for event in events if isinstance(event, LinksTaken))
    assert got.failed == sum(record.outcome not in GOOD_ONES for record in records)
    assert got.wire_bytes == sum(record.wire_bytes for record in records)
    assert got.size_bytes == sum(record.size_bytes for record in records)
    tried = [event.errand for event in events if isinstance(event, TriedAgain)]
    assert got.retries == sum(isinstance(errand, Request) and not errand.is_anew for errand in tried)
    hops = [event.errand for event in events if isinstance(event, Redirected)]
    assert got.redirects == sum(isinstance(errand, Request) for errand in hops)
    files = [event.file.cause for event in events if isinstance(event, RobotsKnown)]
    assert got.robots_read == files.count(None)
    assert got.robots_failed == Counter(cause for cause in files if cause is not None)
    unreachable = [record for record in records if record.outcome is Outcome.ROBOTS_UNREACHABLE]
    assert got.by_cause == Counter(record.cause for record in unreachable if record.cause is not None)
    assert got.stalls == sum(isinstance(event, Stalled) for event in events)
    asked = [record for record in records if record.attempts and record.host]
    assert {host.host: host.pages for host in got.slowest_hosts} == Counter(record.host for record in asked)
    assert got.longest_s == max(
        (record.elapsed_s for record in records if record.status is not None), default=0
    )


def test_at_the_start_nothing_is_claimed() -> None:
    got = Counts(clock=FakeClock()).snapshot()
    assert (got.done, got.known, got.total, got.rate, got.mean_rate) == (0, 0, None, 0.0, 0.0)
    assert (got.left_s, got.median_s, got.ended, got.complete) == (None, None, False, False)


def test_time_left_goes_by_the_rate_of_this_run_also_when_resumed() -> None:
    clock = FakeClock()
    counts = Counts(clock=clock)
    clock.move(100)  # preparing takes its time and is no part of the rate
    counts.notice(started(already_done=900_000, known=1_000_000, resumed=True))
    counts.notice(Sealed(1_000_000))
    assert counts.snapshot().left_s is None
    clock.move(10)
    counts.notice(batch(200))
    got = counts.snapshot()
    assert (got.done, got.written) == (900_200, 200)
    assert got.rate == got.mean_rate == 20.0
    assert got.left_s == pytest.approx(99_800 / 20)


def test_time_left_outlives_a_pause_and_then_gives_up() -> None:
    clock = FakeClock()
    counts = Counts(clock=clock)
    counts.notice(started())
    counts.notice(Sealed(1000))
    clock.move(5)
    counts.notice(batch(100))
    clock.move(25)
    got = counts.snapshot()
    assert got.rate == 0.0
    assert got.left_s == pytest.approx(900 / (100 / 30))
    clock.move(60)
    assert counts.snapshot().left_s is None


def test_time_left_is_nothing_when_all_is_done() -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(started())
    counts.notice(Admitted(2))
    counts.notice(batch(2))
    assert counts.snapshot().left_s is None  # the sources may hold more
    counts.notice(Sealed(2))
    assert counts.snapshot().left_s == 0.0


def test_links_are_lines_too_before_and_after_the_sources_end() -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(started(already_done=1, known=3, resumed=True))
    counts.notice(LinksTaken(4))
    got = counts.snapshot()
    assert (got.known, got.total) == (7, None)
    counts.notice(Sealed(7))
    counts.notice(LinksTaken(2))
    got = counts.snapshot()
    assert (got.known, got.total) == (9, 9)


def test_a_snapshot_keeps_its_causes() -> None:
    counts = Counts(clock=FakeClock())
    unreachable = finished(outcome=Outcome.ROBOTS_UNREACHABLE, cause=Outcome.DNS_ERROR, status=None)
    counts.notice(written(unreachable))
    before = counts.snapshot()
    counts.notice(written(unreachable, finished()))
    assert before.by_cause == {Outcome.DNS_ERROR: 1}
    assert counts.snapshot().by_cause == {Outcome.DNS_ERROR: 2}


def test_after_the_end_the_numbers_stand() -> None:
    clock = FakeClock()
    counts = Counts(clock=clock)
    counts.notice(started())
    clock.move(4)
    counts.notice(batch(8))
    counts.notice(Draining(reason="SIGINT", deadline_s=30.0))
    counts.notice(RunEnded(complete=True, elapsed_s=4.0))
    at_end = counts.snapshot()
    clock.move(1000)
    assert counts.snapshot() == at_end
    assert (at_end.elapsed_s, at_end.mean_rate, at_end.complete, at_end.stopping) == (
        4.0,
        2.0,
        True,
        "SIGINT",
    )


def test_a_snapshot_does_not_change() -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(batch(1))
    before = counts.snapshot()
    counts.notice(batch(1))
    assert before.by_outcome == {Outcome.OK: 1}
    assert counts.snapshot().by_outcome == {Outcome.OK: 2}


def test_memory_does_not_grow_with_the_hosts() -> None:
    counts = Counts(clock=FakeClock())
    for first in range(0, 20_000, 200):
        hosts = range(first, first + 200)
        counts.notice(
            written(*(finished(n, host=f"https://h{n}.example", elapsed_s=n / 1000) for n in hosts))
        )
    assert len(counts._hosts._hosts) <= 4096
    got = counts.snapshot(hosts=2)
    assert [host.host for host in got.slowest_hosts] == ["https://h19999.example", "https://h19998.example"]
    assert got.hosts is None
