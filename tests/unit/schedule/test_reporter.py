"""How far a run is, and which hosts it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from scraper.frontier.occupancy import Largest, busiest
from scraper.observe.events import RunStarted, Sealed, Written
from scraper.observe.particulars import TOOK_BOUNDS_S
from scraper.record import Outcome
from scraper.schedule.reporter import Reporter
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import finished

if TYPE_CHECKING:
    from scraper.messages import Finished


def failed(seq: int, **values: Any) -> Finished:
    line = msgspec.json.encode({"error": {"type": "T", "message": "no https://ann:pw@b.example/ \x1b[1m"}})
    one = finished(seq=seq, outcome=Outcome.TIMEOUT, status=None, **values)
    return msgspec.structs.replace(one, line=line + b"\n")


def test_a_live_run_is_what_the_events_say() -> None:
    clock = FakeClock()
    reporter = Reporter(run="r", job="a", clock=clock)
    reporter.notice(RunStarted(run="r", resumed=False, already_done=0, known=0))
    reporter.notice(Sealed(lines=9))
    good = finished(seq=1, host="a.example", elapsed_s=0.2)
    reporter.notice(Written(records=(good, failed(2, host="b.example")), output_bytes=10))
    live = reporter.live()
    assert (live.run, live.job, live.done, live.total, live.failed) == ("r", "a", 2, 9, 1)
    assert live.outcomes == {"ok": 1, "timeout": 1}
    assert live.took == (0, 0, 1, *([0] * (len(TOOK_BOUNDS_S) - 2)))
    (told,) = live.failures
    assert (told.seq, told.outcome, told.message) == (2, "timeout", "no https://***@b.example/ ")


def test_failures_are_the_latest_and_bounded() -> None:
    reporter = Reporter(run="r", job="a", clock=FakeClock())
    reporter.notice(Written(records=tuple(map(failed, range(200))), output_bytes=10))
    failures = reporter.live().failures
    assert [failure.seq for failure in failures] == list(range(199, 149, -1))


def test_no_host_is_busy_where_none_waits() -> None:
    assert busiest([], Largest(), most=5, now_s=0.0) == []
