from __future__ import annotations

import asyncio

import pytest

from scraper.observe.events import Admitted, Event, RunEnded, Stalled, Written
from scraper.observe.watchdog import Watchdog, wait_for
from tests.support.fakes import FakeClock
from tests.unit.observe.samples import batch, started


class Heard:
    """Keeps the events it is told of."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notice(self, event: Event) -> None:
        self.events.append(event)


class Bench:
    """A watchdog whose waits are played by a script: each step says what happens meanwhile.

    A step is a number of seconds after which an event comes, and the event, or ``None`` for nothing
    before the deadline. After the last step the run ends.
    """

    def __init__(self, *steps: tuple[float, Event] | None, early_s: float = 0.0) -> None:
        self.clock = FakeClock()
        self.heard = Heard()
        self.timeouts: list[float] = []
        self._steps = list(steps)
        self._early_s = early_s
        self.dog = Watchdog(
            self.heard, waits=lambda: ("worker 1: a",), silence_s=60.0, clock=self.clock, wait=self._wait
        )

    async def _wait(self, event: asyncio.Event, timeout_s: float) -> bool:
        self.timeouts.append(timeout_s)
        assert not event.is_set()
        step = self._steps.pop(0) if self._steps else (0.0, RunEnded(complete=True, elapsed_s=1.0))
        if step is None:
            self.clock.move(timeout_s - self._early_s)
            return False
        self.clock.move(step[0])
        self.dog.notice(step[1])
        return event.is_set()

    async def silences(self) -> list[float]:
        await self.dog.watch()
        assert all(isinstance(event, Stalled) for event in self.heard.events)
        return [event.silent_s for event in self.heard.events if isinstance(event, Stalled)]


async def test_nothing_is_said_while_records_come() -> None:
    assert await Bench((59.0, batch(1)), (59.0, batch(1))).silences() == []


async def test_a_silence_is_told_once_and_again_when_it_doubled() -> None:
    bench = Bench(None, None, None)
    assert await bench.silences() == [60.0, 120.0, 240.0]
    assert bench.heard.events[0] == Stalled(silent_s=60.0, waits=("worker 1: a",))
    assert bench.timeouts == [60.0, 60.0, 120.0, 240.0]


async def test_a_record_ends_the_silence_and_the_doubling() -> None:
    bench = Bench(None, None, (10.0, batch(1)), None)
    assert await bench.silences() == [60.0, 120.0, 60.0]


async def test_the_beginning_of_the_run_counts_as_news() -> None:
    assert await Bench((50.0, started()), None).silences() == [60.0]


async def test_an_empty_batch_and_other_events_are_no_news() -> None:
    clock = FakeClock()
    dog = Watchdog(Heard(), waits=tuple, silence_s=60.0, clock=clock)
    dog.notice(Written(records=(), output_bytes=0))
    dog.notice(Admitted(5))
    assert not dog._news.is_set()
    dog.notice(batch(1))
    assert dog._news.is_set()


async def test_a_timer_that_fires_early_says_it_once() -> None:
    assert await Bench(None, None, early_s=0.001).silences() == pytest.approx([59.999, 119.999])


async def test_with_real_timers_it_stops_when_the_run_ends() -> None:
    heard = Heard()
    dog = Watchdog(heard, waits=tuple, silence_s=60.0, clock=FakeClock())
    async with asyncio.timeout(5):
        watch = asyncio.create_task(dog.watch())
        await asyncio.sleep(0)
        dog.notice(RunEnded(complete=True, elapsed_s=1.0))
        await watch
    assert heard.events == []


async def test_wait_for_tells_the_event_from_the_deadline() -> None:
    event = asyncio.Event()
    assert not await wait_for(event, 0.0)
    event.set()
    assert await wait_for(event, 60.0)


async def test_wait_for_lets_cancellation_through() -> None:
    task = asyncio.create_task(wait_for(asyncio.Event(), 60.0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
