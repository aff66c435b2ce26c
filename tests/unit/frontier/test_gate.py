"""robots.txt as a state of the host: what the frontier asks first, what waits for it, and what it settles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from scraper.frontier.rows import NOBODY, host_id
from scraper.messages import Request, RobotsRequest, Settled
from scraper.record import Failure, Outcome
from scraper.robots.access import Standing
from tests.support.fakes import ZERO_S, FakeClock, FakeState, access, batch, finished, pass_s, play
from tests.unit.frontier.steps import SILENT, frontier_of, robots_visit, visit
from tests.unit.verdict.errands import hops

if TYPE_CHECKING:
    from scraper.frontier.frontier import Frontier
    from scraper.robots.access import Access

DENY = "User-agent: *\nDisallow: /1\n"
HTTP = "http://a.example"


def outcome_of(request: Request) -> Outcome | None:
    return request.settled.outcome if request.settled else None


def test_what_waits_for_robots_txt_goes_first_and_in_order() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", per_host=4)
        await frontier.admit(batch(*(f"{HTTP}/{n}" for n in range(4))))
        asked = await anext(frontier)
        assert isinstance(asked, RobotsRequest)
        assert (asked.target, asked.origin) == (f"{HTTP}/robots.txt", HTTP)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(frontier))
            await pass_s(8.0)
            assert not waiting.done(), "all four are parked, and nobody asks twice"
            frontier.depart(asked)
            frontier.come_back(asked)
            frontier.open_gate(access(HTTP))
        released = [waiting.result(), *[await anext(frontier) for _ in range(3)]]
        assert [one.target[-1] for one in released] == ["0", "1", "2", "3"]
        assert all(one.robots and one.robots.allowed for one in released if isinstance(one, Request))

    play(act)


def test_http_and_https_of_a_host_are_asked_each_for_itself() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch("http://a.example/1", "https://a.example/1"))
        first, second = [await robots_visit(frontier, clock) for _ in range(2)]
        assert {first.origin, second.origin} == {HTTP, "https://a.example"}
        frontier.open_gate(access("https://a.example"))
        assert (await visit(frontier, clock)).target == "https://a.example/1"
        frontier.open_gate(access(HTTP, body=DENY))
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_DENIED

    play(act)


@pytest.mark.parametrize(("path", "policy"), [("robots.txt", "obey"), ("1", "ignore")])
def test_robots_txt_itself_needs_no_leave_and_nothing_does_when_it_is_ignored(path: str, policy: Any) -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy=policy)
        await frontier.admit(batch(f"{HTTP}/{path}"))
        assert (await visit(frontier, clock)).robots is None

    play(act)


def test_an_expired_robots_txt_is_asked_for_again_and_serves_when_it_cannot_be_had() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", per_host=1)
        await frontier.admit(batch(f"{HTTP}/2", f"{HTTP}/3", f"{HTTP}/4"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, body=DENY, age_s=8.0))
        assert (await visit(frontier, clock)).target[-1] == "2"
        clock.move(7.5)
        assert (await visit(frontier, clock)).target[-1] == "3"
        clock.move(0.5)
        assert (await robots_visit(frontier, clock)).origin == HTTP
        now_s = clock.utc().timestamp()
        frontier.open_gate(access(HTTP, standing=Standing.UNREACHABLE, read_at_s=now_s, age_s=600.0))
        served = await visit(frontier, clock)
        assert served.robots is not None
        assert (served.settled, served.robots.allowed) == (None, True)

    play(act)


def test_what_has_waited_for_robots_txt_goes_by_what_it_has_said_since() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", per_host=4)
        await frontier.admit(batch(f"{HTTP}/2", f"{HTTP}/1"))
        asked = await anext(frontier)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(frontier))
            await pass_s(8.0)  # both are parked
            frontier.depart(asked)
            frontier.come_back(asked)
            frontier.open_gate(access(HTTP, age_s=1.0))
        frontier.depart(waiting.result())
        frontier.come_back(waiting.result())
        frontier.put_back(waiting.result())  # it goes before the other, which is in no hurry
        clock.move(1.0)
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, body=DENY))
        assert (await visit(frontier, clock)).target[-1] == "2"
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_DENIED

    play(act)


@pytest.mark.parametrize(("age_days", "outcome"), [(29.0, None), (30.5, Outcome.ROBOTS_UNREACHABLE)])
def test_a_copy_of_an_earlier_run_serves_for_thirty_days(age_days: float, outcome: Outcome | None) -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        now_s = clock.utc().timestamp()
        state.store.keep([access(HTTP, read_at_s=now_s - age_days * 86_400.0).file], {})
        frontier = frontier_of(state, clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, standing=Standing.UNREACHABLE, read_at_s=now_s))
        assert outcome_of(await visit(frontier, clock)) == outcome

    play(act)


def test_a_copy_of_an_earlier_run_that_is_still_valid_is_all_that_is_needed() -> None:
    async def act(clock: FakeClock) -> None:
        state = FakeState()
        state.store.keep([access(HTTP, body=DENY).file], {})
        frontier = frontier_of(state, clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/1"))
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_DENIED

    play(act)


def test_a_stale_copy_that_serves_is_kept_until_it_is_asked_for_again() -> None:
    """A host that leaves and comes back goes by it still, and asks nobody."""

    async def act(clock: FakeClock) -> None:
        state = FakeState()
        now_s = clock.utc().timestamp()
        state.store.keep([access(HTTP, body=DENY, read_at_s=now_s - 7200.0).file], {})
        frontier = frontier_of(state, clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, standing=Standing.UNREACHABLE, read_at_s=now_s))
        await frontier.finish([finished(await visit(frontier, clock))], output_bytes=3)
        assert frontier._window.get(host_id("a.example")) is None
        await frontier.admit(batch(f"{HTTP}/1", consumed=2))
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_DENIED

    play(act)


@pytest.mark.parametrize(
    ("delay_s", "cap_s", "expected_s"), [(2.0, 60.0, 2.0), (100.0, 8.0, 8.0), (0.25, 60.0, 0.5)]
)
def test_a_crawl_delay_is_kept_from_robots_txt_on_and_capped(
    delay_s: float, cap_s: float, expected_s: float
) -> None:
    async def act(clock: FakeClock) -> None:
        robots = {"crawl_delay_cap_s": cap_s}
        frontier = frontier_of(FakeState(), clock, policy="obey", delay_s=0.5, robots=robots)
        await frontier.admit(batch(f"{HTTP}/", f"{HTTP}/2"))
        asked = await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, body=f"User-agent: *\nCrawl-delay: {delay_s}\n"))
        released = [(await visit(frontier, clock)).released_at_s - asked.released_at_s for _ in range(2)]
        assert released == [expected_s, 2 * expected_s]

    play(act)


def test_a_host_keeps_the_longest_delay_of_its_origins() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", per_host=1)
        await frontier.admit(batch("http://a.example/1", "https://a.example/1"))
        for _ in range(2):
            await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, body="User-agent: *\nCrawl-delay: 8\n"))
        frontier.open_gate(access("https://a.example", body="User-agent: *\nCrawl-delay: 1\n"))
        times = [(await visit(frontier, clock)).released_at_s for _ in range(2)]
        assert times == [ZERO_S + 8.0, ZERO_S + 16.0]

    play(act)


def test_an_origin_whose_robots_txt_leads_to_another_host_is_opened_when_that_answers() -> None:
    """Also in a window with one seat, which the first host keeps while its lines wait for it."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", hosts_in_memory=1)
        await frontier.admit(batch("http://a.example/", "http://c.example/"))
        asked = await robots_visit(frontier, clock)
        frontier.put_back(replace(asked, target="http://b.example/r", host="b.example"))
        led = await robots_visit(frontier, clock)
        assert (led.host, led.origin) == ("b.example", asked.origin)
        frontier.open_gate(access(asked.origin))
        line = await visit(frontier, clock)
        assert line.host == asked.host
        await frontier.finish([finished(line)], output_bytes=3)
        assert (await robots_visit(frontier, clock)).host != asked.host

    play(act)


def test_robots_txt_is_not_asked_of_a_host_that_is_given_up() -> None:
    """It may lead there, or wait there for another try: what waits for it goes without."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(
            FakeState(), clock, policy="obey", per_host=1, circuit_failures=1, circuit_probes=1
        )
        await frontier.admit(batch("http://a.example/", "http://b.example/"))
        asked = {one.host: one for one in [await robots_visit(frontier, clock) for _ in range(2)]}
        onward = replace(asked["a.example"], target="http://b.example/r", host="b.example")
        frontier.put_back(onward, wait_s=60.0)
        frontier.put_back(asked["b.example"])
        for _ in range(2):
            frontier.put_back(await robots_visit(frontier, clock, impression=SILENT))
        settled = [await visit(frontier, clock) for _ in range(2)]
        assert {one.target: outcome_of(one) for one in settled} == {
            "http://a.example/": Outcome.ROBOTS_UNREACHABLE,
            "http://b.example/": Outcome.HOST_UNAVAILABLE,
        }

    play(act)


def test_lines_that_are_denied_go_by_nobody_those_that_waited_at_once() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey", per_host=1, delay_s=8.0)
        await frontier.admit(batch(f"{HTTP}/1", f"{HTTP}/10", f"{HTTP}/11", f"{HTTP}/2", f"{HTTP}/3"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, body=DENY))
        denied = await anext(frontier)
        assert clock.now_s == ZERO_S
        assert frontier._window[host_id("a.example")].turn.under_way == 0
        assert frontier._window[NOBODY].turn.under_way == 1
        frontier.depart(denied)
        frontier.come_back(denied)
        times = {one.target: one.released_at_s for one in [await visit(frontier, clock) for _ in range(4)]}
        assert {url[-2:]: at_s - ZERO_S for url, at_s in times.items()} == {
            "10": 8.0,
            "11": 8.0,
            "/2": 8.0,
            "/3": 16.0,
        }

    play(act)


def test_what_robots_txt_said_of_one_target_is_not_told_of_the_next() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP, body=DENY))
        line = await visit(frontier, clock)
        assert line.robots is not None
        frontier.put_back(replace(line, target=f"{HTTP}/robots.txt"))
        onward = await visit(frontier, clock)
        assert onward.robots is None
        frontier.put_back(replace(line, target=f"{HTTP}/1"))
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_DENIED

    play(act)


def test_a_host_that_only_redirects_lead_to_stays_while_they_wait_for_its_robots_txt() -> None:
    """Nothing of its own is on disk, and its robots.txt is at yet another host."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access(HTTP))
        line = await visit(frontier, clock)
        frontier.put_back(replace(line, target="http://b.example/x", host="b.example"))
        asked = await robots_visit(frontier, clock)
        frontier.put_back(replace(asked, target="http://c.example/r", host="c.example"))
        await robots_visit(frontier, clock)
        frontier.open_gate(access("http://b.example"))
        assert (await visit(frontier, clock)).target == "http://b.example/x"

    play(act)


def test_a_host_that_comes_back_goes_by_the_robots_txt_that_was_read_last() -> None:
    """Though the state has not been told of it when the host leaves."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/", "http://b.example/1"))
        asked = {one.host: one for one in [await robots_visit(frontier, clock) for _ in range(2)]}
        assert set(asked) == {"a.example", "b.example"}
        frontier.open_gate(access(HTTP, body=DENY))
        line = await visit(frontier, clock)
        finishing = frontier._state.store.finish([finished(line)], output_bytes=3)
        assert finishing.lines == 0
        frontier._unload([line.home])
        assert frontier._window.get(line.home) is None
        assert frontier._supply.findings.files
        await frontier.admit(batch(f"{HTTP}/1", consumed=3))
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_DENIED

    play(act)


# --- private addresses ---------------------------------------------------------------------------

INNER = "http://b.example"
WHY = Failure(type="BlockedAddress", message="b.example has the address 10.0.0.1", phase="dns")


def blocked(origin: str, *, standing: Standing = Standing.BLOCKED) -> Access:
    return access(origin, standing=standing, cause=Outcome.BLOCKED_ADDRESS, failure=WHY)


async def redirected(frontier: Frontier, clock: FakeClock) -> Request:
    """Send the first line on to ``INNER``, which no line has named, and return that line."""
    await robots_visit(frontier, clock)
    frontier.open_gate(access(HTTP))
    line = await visit(frontier, clock)
    onward = replace(line, target=f"{INNER}/redirected", host="b.example", redirects=hops(f"{HTTP}/"))
    frontier.put_back(onward)
    return line


def test_an_errand_is_listed_when_its_hosts_name_is_and_a_redirect_elsewhere_is_not() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}:8000/", f"{INNER}:1/"))
        asked = {one.host: one for one in [await robots_visit(frontier, clock) for _ in range(2)]}
        assert [one.is_listed for one in asked.values()] == [True, True]
        frontier.open_gate(access(f"{HTTP}:8000"))
        line = await visit(frontier, clock)
        assert (line.host, line.is_listed) == ("a.example:8000", True)
        for target, is_listed in (("http://c.example/", False), (f"{INNER}/", True), (f"{HTTP}/", True)):
            host = target.split("/")[2]
            frontier.put_back(replace(line, target=target, host=host))
            assert (await robots_visit(frontier, clock)).is_listed is is_listed
            frontier.open_gate(access(target[:-1]))
            line = await visit(frontier, clock)
            assert (line.target, line.is_listed) == (target, is_listed)

    play(act)


def test_lines_of_a_host_whose_own_robots_txt_is_blocked_are_told_so_and_nothing_is_kept() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{INNER}/1", f"{INNER}/2"))
        await robots_visit(frontier, clock)
        frontier.open_gate(blocked(INNER))
        for _ in range(2):
            line = await visit(frontier, clock)
            assert line.settled == Settled(Outcome.BLOCKED_ADDRESS, WHY)
            assert line.robots is None
        assert not frontier._supply.findings

    play(act)


def test_one_that_leads_to_a_blocked_address_is_unreachable_and_not_kept() -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{INNER}/1"))
        await robots_visit(frontier, clock)
        frontier.open_gate(blocked(INNER, standing=Standing.UNREACHABLE))
        line = await visit(frontier, clock)
        assert line.settled == Settled(
            Outcome.ROBOTS_UNREACHABLE, WHY, Outcome.BLOCKED_ADDRESS, retryable=True
        )
        assert not frontier._supply.findings

    play(act)


@pytest.mark.parametrize("is_in_flight", [False, True])
def test_a_host_that_is_listed_later_is_asked_for_its_robots_txt_again(*, is_in_flight: bool) -> None:
    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{HTTP}/"))
        line = await redirected(frontier, clock)
        if is_in_flight:
            asked = await anext(frontier)
            assert asked.is_listed is False
            frontier.depart(asked)
            await frontier.admit(batch(f"{INNER}/own", consumed=2))
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(anext(frontier), name="next")
                await pass_s(1.0)
                assert not waiting.done(), "both wait for the robots.txt on its way"
                frontier.come_back(asked)
                frontier.open_gate(blocked(INNER))
            again = waiting.result()
            expected = ["/redirected", "/own"]
        else:
            asked = await robots_visit(frontier, clock)
            assert asked.is_listed is False
            # What waits there keeps the host, and what is known of it, in memory.
            frontier.put_back(replace(line, target=f"{INNER}/later", host="b.example"), wait_s=1000.0)
            frontier.open_gate(blocked(INNER))
            assert outcome_of(await visit(frontier, clock)) is Outcome.BLOCKED_ADDRESS
            await frontier.admit(batch(f"{INNER}/own", consumed=2))
            again = await anext(frontier)
            expected = ["/own"]
        assert isinstance(again, RobotsRequest)
        assert (again.origin, again.is_listed) == (INNER, True)
        frontier.depart(again)
        frontier.come_back(again)
        frontier.open_gate(access(INNER))
        lines = [await visit(frontier, clock) for _ in expected]
        assert [line.target.removeprefix(INNER) for line in lines] == expected
        assert all(line.is_listed and line.settled is None for line in lines)

    play(act)


def test_a_listed_host_that_is_blocked_all_the_same_is_asked_once() -> None:
    """As ``--private deny`` has it; and a blocked robots.txt stands in for none that can't be had."""

    async def act(clock: FakeClock) -> None:
        frontier = frontier_of(FakeState(), clock, policy="obey")
        await frontier.admit(batch(f"{INNER}/1"))
        await robots_visit(frontier, clock)
        frontier.open_gate(blocked(INNER))
        assert outcome_of(await visit(frontier, clock)) is Outcome.BLOCKED_ADDRESS
        await frontier.admit(batch(f"{INNER}/2", consumed=2))
        assert outcome_of(await visit(frontier, clock)) is Outcome.BLOCKED_ADDRESS
        clock.now_s += 7200.0
        await frontier.admit(batch(f"{INNER}/3", consumed=3))
        await robots_visit(frontier, clock)
        cause = Outcome.TIMEOUT
        now_s = clock.utc().timestamp()
        frontier.open_gate(access(INNER, standing=Standing.UNREACHABLE, cause=cause, read_at_s=now_s))
        assert outcome_of(await visit(frontier, clock)) is Outcome.ROBOTS_UNREACHABLE

    play(act)
