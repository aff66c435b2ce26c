from __future__ import annotations

import io

from scraper.observe.counts import Counts
from scraper.observe.events import Admitted, Observers, RunEnded, Sealed, Stalled
from scraper.observe.plain import PlainProgress
from scraper.observe.status import HostsWaiting
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import batch, started


class Bench:
    """A run with plain progress on a text stream."""

    def __init__(self, stream: io.StringIO | None = None) -> None:
        self.clock = FakeClock()
        self.stream = stream or io.StringIO()
        counts = Counts(clock=self.clock)
        self.progress = PlainProgress(
            self.stream,
            counts=counts,
            waiting=lambda: HostsWaiting(ready=1, held=2, in_memory=3),
            clock=self.clock,
        )
        self.observers = Observers(counts, self.progress)

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_at_most_a_line_in_ten_seconds_and_one_at_the_end() -> None:
    bench = Bench()
    bench.observers.notice(started())
    bench.observers.notice(Admitted(400))
    bench.observers.notice(Sealed(400))
    for _ in range(25):
        bench.clock.move(1)
        bench.observers.notice(batch(10))
    assert [line.split(" done")[0] for line in bench.lines()] == ["100 of 400", "200 of 400"]
    bench.observers.notice(RunEnded(complete=False, elapsed_s=25.0))
    assert bench.lines()[2:] == ["250 of 400 done, 0 failed, 10.0/s on average, 25 s, incomplete"]


def test_a_short_run_says_its_end() -> None:
    bench = Bench()
    for event in (started(), Admitted(2), Sealed(2), batch(2), RunEnded(complete=True, elapsed_s=0.5)):
        bench.observers.notice(event)
    assert bench.lines() == ["2 of 2 done, 0 failed, 4.0/s on average, 500 ms, complete"]


def test_a_stall_is_told_at_once() -> None:
    bench = Bench()
    bench.observers.notice(Stalled(silent_s=3.0, waits=("worker 1: body of https://a.example/",)))
    assert bench.lines() == [
        "No page was finished for 3.0 s. Waiting for:",
        "  worker 1: body of https://a.example/",
    ]


class BrokenPipe(io.StringIO):
    """A stream whose reader is gone."""

    writes = 0

    def write(self, text: str, /) -> int:
        self.writes += 1
        raise BrokenPipeError(32, "Broken pipe", text)


def test_a_reader_that_left_is_left_alone() -> None:
    stream = BrokenPipe()
    bench = Bench(stream)
    for _ in range(3):
        bench.progress.say(("line",))
    assert stream.writes == 1


def test_a_closed_stream_is_left_alone() -> None:
    bench = Bench()
    bench.stream.close()
    bench.observers.notice(RunEnded(complete=True, elapsed_s=1.0))
