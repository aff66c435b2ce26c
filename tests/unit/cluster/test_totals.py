"""The figures of all parts as those of one run."""

from __future__ import annotations

from datetime import UTC, datetime

from scraper.cluster.manifest import Shard
from scraper.cluster.orders import Figures
from scraper.cluster.totals import Totals
from scraper.observe.particulars import Failure, HostRow
from scraper.record import Outcome
from tests.support.fakes import FakeClock


def _shard(number: int, figures: Figures) -> Shard:
    return Shard(
        shard=number,
        weight_s=1.0,
        attempt=0,
        open=True,
        dealt=0,
        completions=0,
        listed=0,
        folder="",
        figures=figures,
    )


def test_parts_add_up_and_what_died_still_counts_what_it_said_last() -> None:
    clock = FakeClock()
    totals = Totals(clock=clock)
    assert totals.snapshot().total is None
    before = Figures(lines=5, done=5, by_outcome={Outcome.OK: 5}, output_bytes=50)
    totals.begin("a run", [_shard(0, before), _shard(1, Figures()), _shard(2, Figures())], lines=20)
    clock.move(10)

    totals.hear(
        1, Figures(lines=8, done=3, written=3, by_outcome={Outcome.TIMEOUT: 3}, retries=2, hosts_held=4)
    )
    totals.hear(2, Figures(lines=9, found=2, done=2, written=2, by_outcome={Outcome.OK: 2}, hosts_held=1))
    assert totals.waiting().held == 5
    totals.end(1, None)  # its worker was killed
    totals.hear(1, Figures())  # the next one has not begun yet
    snapshot = totals.snapshot()
    assert (snapshot.known, snapshot.total, snapshot.found) == (22, 22, 2)
    assert (snapshot.already_done, snapshot.done, snapshot.written) == (5, 10, 5)
    assert (snapshot.failed, snapshot.retries) == (3, 2)
    assert snapshot.by_outcome == {Outcome.OK: 7, Outcome.TIMEOUT: 3}
    assert snapshot.rate > 0
    assert not snapshot.ended

    totals.end(
        1, Figures(lines=8, done=8, written=5, by_outcome={Outcome.TIMEOUT: 3, Outcome.OK: 5}, retries=1)
    )
    totals.end(2, Figures(lines=9, found=2, done=9, written=9, by_outcome={Outcome.OK: 9}))
    totals.is_complete = True
    snapshot = totals.snapshot()
    assert (snapshot.done, snapshot.left_s, snapshot.retries) == (22, 0.0, 3)
    assert (snapshot.ended, snapshot.complete) == (True, True)


def _failure(second: int) -> Failure:
    return Failure(
        at=datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC),
        seq=second,
        url="https://a.example/",
        outcome="timeout",
    )


def _host(name: str, waiting: int, backs_off_s: float = 0.0) -> HostRow:
    return HostRow(host=name, done=1, failed=0, waiting=waiting, backs_off_s=backs_off_s)


def test_hosts_failures_and_times_of_all_parts_are_put_together() -> None:
    totals = Totals(clock=FakeClock())
    totals.begin("a run", [_shard(0, Figures()), _shard(1, Figures())], lines=20)
    assert (totals.hosts(), totals.failures(), totals.took()) == ((), (), ((), 0.0))
    first = Figures(
        lines=8,
        done=2,
        hosts=(_host("a.example", 5),),
        failures=(_failure(3), _failure(1)),
        took=(1, 2),
        took_s=0.5,
    )
    totals.hear(0, first)
    totals.hear(
        1,
        Figures(
            lines=9,
            done=1,
            hosts=(_host("b.example", 9), _host("c.example", 1, 30.0)),
            failures=(_failure(2),),
            took=(0, 1, 4),
            took_s=2.0,
        ),
    )
    assert [row.host for row in totals.hosts()] == ["c.example", "b.example", "a.example"]
    assert [one.seq for one in totals.failures()] == [3, 2, 1]
    assert totals.took() == ((1, 3, 4), 2.5)

    totals.end(0, None)  # its worker was killed: its hosts are in nobody's hands
    assert [row.host for row in totals.hosts()] == ["c.example", "b.example"]
    assert [one.seq for one in totals.failures()] == [3, 2, 1]
    totals.hear(0, Figures(lines=8, done=3, failures=tuple(_failure(second) for second in range(59, 9, -1))))
    assert [one.seq for one in totals.failures()] == list(range(59, 9, -1))
    assert totals.took() == ((1, 3, 4), 2.5)
    assert totals.of(0).done == 3
    assert totals.of(7) == Figures()


def test_of_an_attempt_that_was_killed_with_its_director_counts_what_its_worker_said_last() -> None:
    totals = Totals(clock=FakeClock())
    before, said = Figures(done=5), Figures(done=7, by_outcome={Outcome.OK: 7})
    shards = [_shard(0, before), _shard(1, before), _shard(2, Figures())]
    totals.begin("a run", shards, lines=30, said={0: said, 1: Figures(done=4), 2: None})
    snapshot = totals.snapshot()
    assert (snapshot.already_done, snapshot.done, snapshot.written) == (12, 12, 0)
