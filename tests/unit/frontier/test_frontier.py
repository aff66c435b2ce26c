"""The frontier step by step; what holds for every schedule is in ``test_schedules``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from scraper.errors import StateError
from scraper.frontier.frontier import Frontier
from scraper.record import Outcome
from scraper.settings.model import FrontierSettings, PolitenessSettings
from tests.support.fakes import FakeClock, FakeState, batch, finished, pass_s, play, request, settle

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.messages import Request


def frontier_of(
    state: FakeState,
    clock: Clock,
    *,
    hosts_in_memory: int = 10,
    lookahead: int = 1000,
    per_host: int = 2,
    delay_s: float = 0.0,
) -> Frontier:
    return Frontier(
        state=state,
        settings=FrontierSettings(hosts_in_memory=hosts_in_memory, lookahead=lookahead),
        politeness=PolitenessSettings(per_host=per_host, delay_s=delay_s),
        clock=clock,
        progress=state.store.progress(),
    )


async def visit(frontier: Frontier, clock: Clock) -> Request:
    """Take the next request through a visit that takes no time."""
    request = await anext(frontier)
    frontier.depart(request)
    frontier.come_back(request)
    assert request.released_at_s <= clock.monotonic()
    return request


def test_empty_is_not_over() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(visit(frontier, clock))
            await pass_s(1000.0)
            assert not waiting.done()
            await frontier.admit(batch("http://a.example/"))
        frontier.seal()
        assert not frontier.is_over
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(anext(frontier, None))
            await pass_s(1000.0)
            assert not ending.done(), "its record is not written yet"
            await frontier.finish([finished(waiting.result())], output_bytes=3)
        assert ending.result() is None
        assert frontier.is_over

    play(act)


def test_an_empty_list_is_over_when_it_is_sealed() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock)
        assert not frontier.is_over
        frontier.seal()
        assert [request async for request in frontier] == []
        assert frontier.is_over

    play(act)


def test_a_closed_frontier_hands_out_nothing_and_still_takes_what_is_finished() -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        frontier = frontier_of(state, clock)
        await frontier.admit(batch("http://a.example/", "http://a.example/2"))
        first = await visit(frontier, clock)
        frontier.close()
        assert [request async for request in frontier] == []
        await frontier.finish([finished(first)], output_bytes=3)
        assert not frontier.is_over
        assert state.store.progress() == (2, 1, 3)

    play(act)


def test_who_waits_for_a_request_is_woken_by_the_closing() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(frontier, None))
            await settle()
            frontier.close()
        assert waiting.result() is None

    play(act)


def test_a_full_lookahead_makes_a_list_wait_until_lines_are_finished() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, lookahead=2)
        await frontier.admit(batch("http://a.example/1", "http://a.example/2"))
        async with asyncio.TaskGroup() as tasks:
            admitting = tasks.create_task(frontier.admit(batch("http://a.example/3", consumed=3)))
            first, second = await visit(frontier, clock), await visit(frontier, clock)
            await settle()
            assert not admitting.done()
            assert frontier.lines == 2
            await frontier.finish([finished(first)], output_bytes=3)
        assert frontier.lines == 3
        await frontier.finish([finished(second)], output_bytes=6)

    play(act)


def test_a_list_that_cannot_wait_is_taken_in_at_once() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, lookahead=1)
        for number in range(5):
            one = batch(f"http://a.example/{number}", consumed=number + 1)
            await frontier.admit(type(one)(seeds=one.seeds, source=0, consumed=1, ended=False, waits=False))
        assert frontier.lines == 5

    play(act)


def test_a_run_goes_on_with_what_was_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "state"

    async def first_part(clock: FakeClock) -> None:
        state = FakeState(path=path)
        frontier = frontier_of(state, clock)
        await frontier.admit(batch(*(f"http://h{n % 3}.example/{n}" for n in range(9)), "no URL"))
        requests = [await visit(frontier, clock) for _ in range(7)]
        await frontier.finish([finished(one) for one in requests[:4]], output_bytes=12)
        written.extend(one.seq for one in requests[:4])
        state.store.close(remove=False)

    async def second_part(clock: FakeClock) -> None:
        state = FakeState(path=path)
        frontier = frontier_of(state, clock, hosts_in_memory=1)
        assert frontier.lines == 10
        frontier.seal()
        async for one in frontier:
            frontier.depart(one)
            frontier.come_back(one)
            await frontier.finish([finished(one)], output_bytes=12 + len(written))
            written.append(one.seq)
        assert frontier.is_over
        assert state.store.progress().done == 10
        state.store.close(remove=True)

    written: list[int] = []
    play(first_part)
    assert len(written) == 4
    play(second_part)
    assert sorted(written) == list(range(10))


def test_another_try_goes_not_before_its_wait_and_then_before_the_queue() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, per_host=1)
        await frontier.admit(batch(*(f"http://a.example/{n}" for n in range(4))))
        first = await visit(frontier, clock)
        frontier.put_back(first, wait_s=2.0)
        assert (await visit(frontier, clock)).seq == 1
        clock.move(2.0)
        again = await visit(frontier, clock)
        assert (again.seq, again.waited_s, again.known_at_s) == (0, 2.0, clock.now_s - 2.0)
        assert (await visit(frontier, clock)).seq == 2

    play(act)


def test_lines_that_ask_nobody_pass_a_full_window() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, hosts_in_memory=1)
        await frontier.admit(batch("http://a.example/", "http://b.example/", "no URL", "http://a.example/"))
        handed_out = {(one.input, one.settled) for one in [await visit(frontier, clock) for _ in range(3)]}
        assert handed_out == {
            ("http://a.example/", None),
            ("no URL", Outcome.INVALID_URL),
            ("http://a.example/", Outcome.DUPLICATE),
        }

    play(act)


def test_between_release_and_departure_a_host_with_a_delay_has_no_other_turn() -> None:
    """The delay counts from the departure, however long the request waited for a worker."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, per_host=2, delay_s=0.5)
        await frontier.admit(batch("http://a.example/1", "http://a.example/2"))
        first = await anext(frontier)
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(visit(frontier, clock))
            await pass_s(8.0)
            assert not second.done()
            frontier.depart(first)
            departed_s = clock.now_s
        assert second.result().released_at_s == departed_s + 0.5

    play(act)


class TickingClock(FakeClock):
    """Goes on a little whenever somebody looks."""

    def monotonic(self) -> float:
        self.move(2**-10)
        return self.now_s


@pytest.mark.parametrize("ticks", range(16))
def test_a_back_off_that_ends_while_the_frontier_looks_is_no_trouble(ticks: int) -> None:
    """A host may be due a moment before its back-off ends, which ends at the second look."""

    async def act(clock: FakeClock) -> None:
        ticking = TickingClock()
        frontier = frontier_of(FakeState(), ticking, delay_s=0.5)
        await frontier.admit(batch("http://a.example/"))
        first = await visit(frontier, ticking)
        onward = request("http://b.example/", seq=first.seq)
        frontier.put_back(onward)
        onward = await visit(frontier, ticking)
        async with asyncio.TaskGroup() as tasks:
            again = tasks.create_task(visit(frontier, ticking))
            await settle()
            host = frontier._hosts[onward.home]
            assert host.is_spent
            # It has nothing left but its delay; what comes now is due a few looks after that.
            left_s = host.turn.not_before_s - ticking.now_s
            frontier.put_back(onward, wait_s=left_s + (ticks - 8) * 2**-10)
            ticking.move(left_s - 4 * 2**-10)
            while not again.done():
                await pass_s(0.25)
        assert again.result().target == "http://b.example/"

    play(act)


def test_what_the_state_raises_reaches_who_asked() -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        frontier = frontier_of(state, clock)
        await frontier.admit(batch("http://a.example/"))
        state.store.close(remove=False)
        with pytest.raises(StateError, match="closed"):
            await anext(frontier)

    play(act)
