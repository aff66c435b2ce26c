"""How far a run is, for programs: what is told, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.observe.events import RunEnded, Sealed
from scraper.observe.told_progress import Progress
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import batch, started

if TYPE_CHECKING:
    from scraper.observe.counts import Snapshot


def test_it_tells_at_the_beginning_at_the_end_and_not_too_often_between() -> None:
    clock, told = FakeClock(), list["tuple[Snapshot, str]"]()
    progress = Progress(lambda one: told.append((one.snapshot(), str(one))), every_s=2.0, clock=clock)
    progress.notice(started())
    progress.notice(Sealed(100))
    for _ in range(5):
        clock.move(1)
        progress.notice(batch(10))
    progress.notice(RunEnded(complete=True, elapsed_s=5.0))

    assert [snapshot.done for snapshot, _ in told] == [0, 20, 40, 50]
    assert told[1][1] == "20 of 100 done, 0 failed, 10.0/s, about 8 s left"
    assert told[-1][1].endswith("complete")
    assert progress.snapshot().done == 50


def test_who_is_told_nothing_may_ask() -> None:
    progress = Progress(clock=FakeClock())
    progress.notice(started())
    progress.notice(batch(3))
    assert progress.snapshot().done == 3
