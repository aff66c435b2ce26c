"""The frontier step by step; what holds for every schedule is in ``test_schedules``."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from scraper.errors import StateError
from scraper.frontier import window
from scraper.frontier.rows import host_id
from scraper.messages import Found, Impression, Request, RobotsRequest, Sign
from scraper.record import Outcome, Redirect, Try
from scraper.settings.model import FrontierSettings, HostLimits
from tests.support.fakes import (
    ZERO_S,
    FakeClock,
    FakeState,
    access,
    batch,
    finished,
    pass_s,
    play,
    request,
    settle,
)
from tests.unit.frontier.steps import SILENT, frontier_of, robots_visit, visit

if TYPE_CHECKING:
    from pathlib import Path


def test_empty_is_not_over() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(visit(frontier, clock))
            await pass_s(1000.0)
            assert not waiting.done()
            await frontier.admit(batch("http://a.example/"))
        await frontier.seal()
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
        await frontier.seal()
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
        assert state.store.progress()[:3] == (2, 1, 3)

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


def test_the_end_of_a_list_waits_for_no_room() -> None:
    """A list as long as the look-ahead is read to its end before any of its lines is finished."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, lookahead=2)
        await frontier.admit(batch("http://a.example/1", "http://a.example/2"))
        await frontier.admit(batch(consumed=2, ended=True))
        assert frontier.lines == 2

    play(act)


def test_memory_holds_a_window_of_a_long_list() -> None:
    """20,000 lines over 500 hosts: no more of them are in memory than the window takes, at any time."""

    async def act(clock: FakeClock) -> None:
        window = 8
        frontier = frontier_of(FakeState(), clock, hosts_in_memory=window, lookahead=20_000)
        lines = [f"http://h{number % 500}.example/{number}" for number in range(20_000)]
        most_hosts = most_errands = done = 0
        for first in range(0, 20_000, 5000):
            await frontier.admit(batch(*lines[first : first + 5000], consumed=first + 5000))
        await frontier.seal()
        while not frontier.is_over:
            visited = [await visit(frontier, clock) for _ in range(40)]
            stands = frontier.occupancy()
            most_hosts = max(most_hosts, stands.hosts_in_memory)
            most_errands = max(most_errands, stands.in_memory)
            done += len(visited)
            await frontier.finish([finished(one) for one in visited], output_bytes=3 * done)
        assert done == 20_000
        assert most_hosts <= window
        assert most_errands <= window * FrontierSettings().urls_per_host_in_memory

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
        await frontier.seal()
        async for one in frontier:
            assert isinstance(one, Request)
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
        visited = [await visit(frontier, clock) for _ in range(3)]
        handed_out = {(one.input, one.settled and one.settled.outcome) for one in visited}
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
            assert frontier._window.get(onward.home) is None, "a spent host leaves"
            # It has nothing left but its delay; what comes now is due a few looks after that.
            left_s = frontier._window._resting._turns[onward.home].not_before_s - ticking.now_s
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


# --- hosts that are given up, or want to be left alone ------------------------------------------


def test_the_lines_of_a_host_that_is_given_up_go_at_once_those_in_back_off_too() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(
            FakeState(), clock, per_host=1, circuit_failures=1, circuit_probes=1, circuit_pause_s=2.0
        )
        await frontier.admit(batch(*(f"http://a.example/{n}" for n in range(5))))
        first = await visit(frontier, clock, impression=SILENT)
        frontier.put_back(first, wait_s=1000.0)
        await visit(frontier, clock, impression=SILENT)
        assert clock.now_s == ZERO_S + 2.0
        left = [await visit(frontier, clock) for _ in range(4)]
        assert clock.now_s == ZERO_S + 2.0
        assert {one.settled and one.settled.outcome for one in left} == {Outcome.HOST_UNAVAILABLE}
        assert {one.seq for one in left} == {0, 2, 3, 4}

    play(act)


def test_a_host_that_was_ready_is_held_by_what_came_back_since() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, per_host=2)
        await frontier.admit(batch(*(f"http://a.example/{n}" for n in range(3))))
        first = await anext(frontier)
        frontier.depart(first)
        assert frontier.occupancy().hosts_ready == 1
        frontier.come_back(first, Impression(Sign.OVERLOADED, 0.25, 16.0))
        assert (await anext(frontier)).released_at_s == ZERO_S + 16.0

    play(act)


@pytest.mark.parametrize("closes", [False, True])
def test_a_hold_is_kept_over_an_interruption(tmp_path: Path, *, closes: bool) -> None:
    """Whether the run had idled before it was killed, or was closed at once."""

    async def first_part(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        frontier = frontier_of(state, clock, per_host=1)
        await frontier.admit(batch("http://a.example/1", "http://a.example/2"))
        await visit(frontier, clock, impression=Impression(Sign.OVERLOADED, 0.25, 64.0))
        if closes:
            frontier.close()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(frontier, None))
            await settle()
            waiting.cancel()
        state.store.close(remove=False)

    async def second_part(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        assert (await visit(frontier_of(state, clock), clock)).released_at_s == ZERO_S + 64.0
        state.store.close(remove=True)

    play(first_part)
    play(second_part, now_s=ZERO_S + 8.0)


def test_after_a_resume_the_first_request_of_every_host_keeps_its_delay(tmp_path: Path) -> None:
    async def first_part(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        await frontier_of(state, clock).admit(batch("http://a.example/", "http://b.example/"))
        slow = access("http://b.example", body="User-agent: *\nCrawl-delay: 8\n")
        state.store.keep([slow.file, access("http://a.example").file], {})
        state.store.close(remove=False)

    async def second_part(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        frontier = frontier_of(state, clock, policy="obey", delay_s=0.5)
        visited = [await visit(frontier, clock) for _ in range(2)]
        waits = {one.host: one.released_at_s - ZERO_S for one in visited}
        assert waits == {"a.example": 0.5, "b.example": 8.0}
        state.store.close(remove=True)

    play(first_part)
    play(second_part)


# --- the window ---------------------------------------------------------------------------------


def test_a_spent_host_leaves_at_once_and_keeps_its_delay_when_it_comes_back() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, delay_s=0.5)
        await frontier.admit(batch("http://a.example/1"))
        first = await visit(frontier, clock)
        await frontier.finish([finished(first)], output_bytes=3)
        assert frontier.occupancy().hosts_in_memory == 0
        clock.move(0.25)
        await frontier.admit(batch("http://a.example/2", consumed=2))
        second = await visit(frontier, clock)
        assert second.released_at_s == first.released_at_s + 0.5
        await frontier.finish([finished(second)], output_bytes=6)
        clock.move(0.5)
        frontier._window.wake(clock.now_s)
        assert not frontier._window._resting._turns, "what is over is forgotten"

    play(act)


def test_the_last_of_a_host_is_known_as_such() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", per_host=1)
        await frontier.admit(batch("http://a.example/1", "http://a.example/2"))
        asked = await robots_visit(frontier, clock)
        frontier.open_gate(access("http://a.example"))
        first, second = [await visit(frontier, clock) for _ in range(2)]
        assert [asked.is_last, first.is_last, second.is_last] == [False, False, True]

    play(act)


HOP = Redirect(url="http://a.example/", status=302, location="", elapsed_s=0.25)
TRIED = Try(at="2026-01-31T09:30:00.000Z", error=Outcome.TIMEOUT)


def test_a_line_goes_on_in_the_next_run_from_the_host_it_was_moved_to(tmp_path: Path) -> None:
    async def first_part(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        frontier = frontier_of(state, clock, hosts_in_memory=1)
        await frontier.admit(batch("http://a.example/"))
        line = await visit(frontier, clock)
        onward = replace(
            line, target="http://b.example/x", host="b.example", redirects=(HOP,), tries=(TRIED,)
        )
        frontier.put_back(onward)
        onward = await visit(frontier, clock)
        assert "move" in state.calls
        assert (onward.home, onward.target) == (host_id("b.example"), "http://b.example/x")
        state.store.close(remove=False)

    async def second_part(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        frontier = frontier_of(state, clock)
        line = await visit(frontier, clock)
        assert (line.target, line.redirects, line.tries) == ("http://b.example/x", (HOP,), (TRIED,))
        assert (line.url, line.input) == ("http://a.example/", "http://a.example/")
        await frontier.finish([finished(line)], output_bytes=3)
        await frontier.seal()
        assert frontier.is_over
        state.store.close(remove=True)

    play(first_part)
    play(second_part)


def test_redirects_to_a_host_with_a_crowd_wait_in_the_state() -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        frontier = frontier_of(state, clock, hosts_in_memory=200, delay_s=1.0)
        await frontier.admit(batch(*(f"http://h{n}.example/" for n in range(100))))
        for line in [await visit(frontier, clock) for _ in range(100)]:
            frontier.put_back(replace(line, target=f"http://b.example/{line.seq}", host="b.example"))
        assert frontier._window[host_id("b.example")].in_memory == 64
        rest = [await visit(frontier, clock) for _ in range(100)]
        assert {one.target for one in rest} == {f"http://b.example/{number}" for number in range(100)}
        assert state.calls.count("move") == 1

    play(act)


def test_what_is_to_be_moved_while_the_frontier_closes_stays_where_it_was() -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        frontier = frontier_of(state, clock, hosts_in_memory=1)
        await frontier.admit(batch("http://a.example/"))
        line = await visit(frontier, clock)
        frontier.put_back(replace(line, target="http://b.example/x", host="b.example"))
        frontier.close()
        assert [one async for one in frontier] == []
        assert state.store.hosts_after(-1, 9) == [line.home]

    play(act)


def test_a_back_off_is_not_lost_in_a_full_window() -> None:
    """A moved line goes back to where it began for another try, and that host is not in memory."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, hosts_in_memory=1)
        await frontier.admit(batch("http://a.example/"))
        line = await visit(frontier, clock)
        frontier.put_back(replace(line, target="http://b.example/x", host="b.example"))
        moved = await visit(frontier, clock)
        frontier.put_back(replace(moved, target=line.target, host=line.host), wait_s=32.0)
        again = await visit(frontier, clock)
        assert (again.released_at_s, again.waited_s) == (ZERO_S + 32.0, 32.0)

    play(act)


def test_a_host_has_the_limits_of_its_pattern_from_its_first_request_on() -> None:
    limits = {"*.slow.example": HostLimits(per_host=1, delay_s=8.0)}

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, hosts=limits, delay_s=0.5)
        lines = [f"http://{host}/{n}" for n in range(3) for host in ("a.slow.example", "b.example")]
        await frontier.admit(batch(*lines))
        visited = [await visit(frontier, clock) for _ in range(6)]
        times = {one.target: one.released_at_s - ZERO_S for one in visited}
        assert [times[line] for line in lines] == [0.0, 0.0, 8.0, 0.5, 16.0, 1.0]

    play(act)


def test_a_host_whose_lines_were_finished_while_it_was_loaded_enters_with_its_next_ones() -> None:
    """It was met in a look at the disk that was over before its last record was written."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(takes_s=1.0), clock, hosts={"a.example": HostLimits(delay_s=8.0)})
        number = frontier._window.take_in(host_id("a.example")).host_id
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(frontier._supply.refill())
            await pass_s(0.5)
            await frontier.admit(batch("http://a.example/1", "http://a.example/2"))
        assert not frontier._window[number].entered
        times = [(await visit(frontier, clock)).released_at_s for _ in range(2)]
        assert times[1] == times[0] + 8.0

    play(act)


# --- further lines ------------------------------------------------------------------------------


def test_links_are_counted_and_handed_out_after_the_list_is_sealed() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock)
        await frontier.admit(batch("http://a.example/"))
        await frontier.seal()
        line = await visit(frontier, clock)
        found = [Found(url, url, 1) for url in ("http://a.example/2", "http://b.example/", line.target)]
        assert await frontier.finish([finished(line, found=found)], output_bytes=3) == 2
        assert not frontier.is_over
        assert frontier.lines == 3
        further = [await visit(frontier, clock) for _ in range(2)]
        assert {(one.target, one.seq, one.parent) for one in further} == {
            ("http://a.example/2", 1, 0),
            ("http://b.example/", 2, 0),
        }
        await frontier.finish([finished(one) for one in further], output_bytes=9)
        assert frontier.is_over

    play(act)


def test_the_least_time_is_that_of_the_host_with_the_most_lines_and_goes_down() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, delay_s=0.5, hosts_in_memory=2, per_host=1)
        await frontier.admit(batch(*(f"http://a.example/{n}" for n in range(4)), "no URL"))
        assert frontier.occupancy().least_s == 0.0
        await frontier.seal()
        assert frontier.occupancy().least_s == 2.0
        visited = [await visit(frontier, clock) for _ in range(3)]
        assert frontier.occupancy().longest_host == "a.example"
        away = replace(visited.pop(), target="http://b.example/", host="b.example")
        await frontier.finish([finished(one) for one in visited], output_bytes=6)
        done = sum(one.settled is None for one in visited)
        assert frontier.occupancy().least_s == 0.5 * (4 - done)
        frontier._moving.append(away)
        await frontier._move()
        assert frontier.occupancy().least_s == 0.5 * (3 - done)

    play(act)


def test_what_waits_for_another_try_goes_on_from_there_in_the_next_run(tmp_path: Path) -> None:
    tried = Try(at="2026-01-31T09:30:00.000Z", status=429, error=Outcome.HTTP_ERROR, retry_after_s=30.0)

    async def first(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        frontier = frontier_of(state, clock)
        await frontier.admit(batch("http://a.example/1", "http://a.example/2", ended=True))
        await frontier.seal()
        again = await visit(frontier, clock)
        frontier.put_back(replace(again, tries=(tried,), free_tries=1), wait_s=30.0)
        frontier.close()
        assert await anext(frontier, None) is None
        await frontier.lay_down()
        state.store.close(remove=False)

    async def second(clock: FakeClock) -> None:
        state = FakeState(path=tmp_path / "state")
        frontier = frontier_of(state, clock)
        await frontier.seal()
        found = {
            request.seq: request for request in [await visit(frontier, clock), await visit(frontier, clock)]
        }
        assert (found[0].tries, found[0].free_tries) == ((tried,), 1)
        assert (found[1].tries, found[1].redirects) == ((), ())
        await frontier.finish([finished(request) for request in found.values()], output_bytes=6)
        assert await anext(frontier, None) is None
        assert frontier.is_over

    play(first)
    play(second)


SLOW_HOSTS = {"*.slow.example": HostLimits(delay_s=60.0)}


def test_hosts_that_must_wait_do_not_keep_others_out_of_a_full_window() -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        frontier = frontier_of(state, clock, hosts_in_memory=4, hosts=SLOW_HOSTS)
        slow = [f"http://h{n}.slow.example/{page}" for page in range(3) for n in range(4)]
        fast = [f"http://h{n}.example/{page}" for page in range(3) for n in range(40)]
        await frontier.admit(batch(*slow, *fast, ended=True))
        await frontier.seal()
        asked: dict[str, list[float]] = {}
        for number in range(len(slow) + len(fast)):
            line = await visit(frontier, clock)
            asked.setdefault(line.host, []).append(clock.monotonic() - ZERO_S)
            await frontier.finish([finished(line)], output_bytes=number)
        assert frontier.is_over
        for host, times in asked.items():
            assert len(times) == 3
            if "slow" in host:
                assert all(later - earlier >= 60.0 for earlier, later in itertools.pairwise(times))
            else:
                assert times[-1] < 10.0, f"{host} had to wait for others: {times}"

    play(act)


HEAVY = "User-agent: *\n" + "".join(f"Disallow: /*a{n}b*c\n" for n in range(1000))


@pytest.mark.no_cover  # its subject is what it costs; smaller input comes to the same lines
def test_large_rules_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_RULES_BYTES", 4 * 2**20)

    async def act(clock: FakeClock) -> None:
        state = FakeState()
        frontier = frontier_of(state, clock, hosts_in_memory=100, policy="obey", delay_s=1.0)
        await frontier.admit(
            batch(*(f"http://h{n}.example/{p}" for p in range(2) for n in range(30)), ended=True)
        )
        await frontier.seal()
        heaviest = 0
        done = 0
        while not frontier.is_over:
            errand = await anext(frontier)
            frontier.depart(errand)
            frontier.come_back(errand)
            if isinstance(errand, RobotsRequest):
                frontier.open_gate(access(errand.origin, body=HEAVY))
            else:
                assert isinstance(errand, Request)
                done += 1
                await frontier.finish([finished(errand)], output_bytes=done)
            heaviest = max(
                heaviest, sum(gate.weight_bytes for host in frontier._window for gate in host.gates.values())
            )
        assert done == 60
        assert 2 * 2**20 < heaviest < 5 * 2**20, "the limit, and the rules of the host that passes it"

    play(act)


@pytest.mark.parametrize(("latency_s", "third"), [(0.125, "large.example"), (2.0, "small.example")])
def test_of_two_that_are_ready_the_larger_goes_first_unless_it_answers_slowly(
    latency_s: float, third: str
) -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, delay_s=0.5, adaptive=True)
        sizes = {"large": 5, "small": 3}
        await frontier.admit(
            batch(*[f"http://{host}.example/{n}" for host, lines in sizes.items() for n in range(lines)])
        )
        await frontier.seal()
        first = await visit(frontier, clock, impression=Impression(Sign.GOOD, latency_s))
        second = await visit(frontier, clock, impression=Impression(Sign.GOOD, 0.125))
        assert (first.host, second.host) == ("large.example", "small.example")
        clock.move(2.0)
        assert (await visit(frontier, clock)).host == third

    play(act)


def test_the_busiest_hosts_are_those_with_the_most_left_and_before_them_those_that_are_left_alone() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock)
        lines = [
            f"http://{host}.example/{number}"
            for host, count in (("a", 2), ("b", 5), ("c", 3))
            for number in range(count)
        ]
        await frontier.admit(batch(*lines))
        await frontier.seal()
        asleep = Impression(Sign.OVERLOADED, asked_wait_s=30.0)
        first = await visit(frontier, clock, impression=asleep)
        assert first.host == "a.example"
        stands = frontier.busiest(2)
        assert [(one.host, one.waiting, one.held_s) for one in stands] == [
            ("a.example", 2, 30.0),
            ("b.example", 5, 0.0),
        ]

    play(act)
