"""The frontier's promises, over schedules that nobody thought of, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from scraper import urls
from scraper.channel import Channel
from scraper.frontier.frontier import Frontier
from scraper.frontier.rows import host_id
from scraper.messages import Batch, Finished, Request, Seed
from scraper.settings.model import FrontierSettings, PolitenessSettings
from tests.support.fakes import FakeClock, FakeState, finished, pass_s, play

if TYPE_CHECKING:
    from collections.abc import Sequence


class Step(NamedTuple):
    """One visit: how long it takes and what comes of it; the visit after the last step finishes."""

    takes_s: float
    hop: int | None
    """The number of the host that it leads to; ``None`` for another try."""
    wait_s: float


class Line(NamedTuple):
    """One line of the list, and what its visits come to."""

    host: int
    path: int
    steps: tuple[Step, ...] = ()
    takes_s: float = 0.0

    @property
    def text(self) -> str:
        return f"http://h{self.host}.example/{self.path}" if self.host >= 0 else "no URL"


class Part(NamedTuple):
    """Lines that are admitted together, some time after those before."""

    pause_s: float
    lines: tuple[Line, ...]


class Schedule(NamedTuple):
    """One crawl."""

    parts: tuple[Part, ...]
    frontier: FrontierSettings
    politeness: PolitenessSettings
    workers: int
    state_s: float
    """How long one read or write of the state takes."""
    waits: bool


class Crew:
    """A seeder, workers and a writer around a frontier; checks at every step what must hold."""

    def __init__(self, schedule: Schedule, clock: FakeClock) -> None:
        self._schedule = schedule
        self._clock = clock
        self.state = FakeState(takes_s=schedule.state_s)
        self.frontier = Frontier(
            state=self.state,
            settings=schedule.frontier,
            politeness=schedule.politeness,
            clock=clock,
            progress=self.state.store.progress(),
        )
        self.lines = [line for part in schedule.parts for line in part.lines]
        self.handed_out: list[tuple[float, str]] = []
        """When, and for which URL, in order."""
        self.departures: defaultdict[str, list[float]] = defaultdict(list)
        self.most_under_way: Counter[str] = Counter()
        self.most_hosts = 0
        self._visits: Counter[int] = Counter()
        self._out: set[int] = set()
        self.done: list[int] = []
        self._under_way: Counter[str] = Counter()
        self._over_at_s = 0.0

    async def work(self) -> None:
        requests = Channel[Request](1)
        records = Channel[Finished](4)
        async with asyncio.TaskGroup() as stages:
            stages.create_task(self._seed())
            stages.create_task(self._hand_out(requests))
            stages.create_task(self._write(records))
            async with asyncio.TaskGroup() as pool:
                for _ in range(self._schedule.workers):
                    pool.create_task(self._visit(requests, records))
            await records.close()
        self.state.store.close(remove=False)

    async def _seed(self) -> None:
        consumed = 0
        for part in self._schedule.parts:
            await pass_s(part.pause_s)
            seeds = tuple(Seed(line.text) for line in part.lines)
            consumed += len(seeds)
            await self.frontier.admit(
                Batch(seeds=seeds, source=0, consumed=consumed, ended=False, waits=self._schedule.waits)
            )
        self.frontier.seal()
        self._over_at_s = max(self._over_at_s, self._clock.now_s)

    async def _hand_out(self, requests: Channel[Request]) -> None:
        async for request in self.frontier:
            assert request.seq not in self._out, "handed out twice"
            assert request.seq not in self.done, "handed out after it was finished"
            self._out.add(request.seq)
            self.handed_out.append((self._clock.now_s, request.target))
            self._under_way[request.host] += 1
            self.most_under_way[request.host] = max(
                self.most_under_way[request.host], self._under_way[request.host]
            )
            self.most_hosts = max(self.most_hosts, self.frontier.occupancy().hosts_in_memory)
            await requests.send(request)
        assert len(self.done) == len(self.lines), "ended too early"
        assert self._clock.now_s == self._over_at_s, "ended too late"
        await requests.close()

    async def _visit(self, requests: Channel[Request], records: Channel[Finished]) -> None:
        async for request in requests:
            self.frontier.depart(request)
            self.departures[request.host].append(self._clock.now_s)
            line = self.lines[request.seq]
            visit = self._visits[request.seq]
            self._visits[request.seq] += 1
            step = line.steps[visit] if visit < len(line.steps) and not request.settled else None
            await pass_s(step.takes_s if step else line.takes_s)
            self.frontier.come_back(request)
            self._under_way[request.host] -= 1
            if step is None:
                await records.send(finished(request))
                continue
            self._out.remove(request.seq)
            if step.hop is None:
                self.frontier.put_back(request, wait_s=step.wait_s)
            else:
                target = f"http://h{step.hop}.example/{line.path}/{visit}"
                onward = msgspec.structs.replace(request, target=target, host=urls.host_key(target))
                self.frontier.put_back(onward)

    async def _write(self, records: Channel[Finished]) -> None:
        written = 0
        batches = records.batches(items=3, weight=1 << 20, within_s=0.125, weigh=lambda one: len(one.line))
        async for part in batches:
            written += len(part)
            self.done += [one.seq for one in part]
            await self.frontier.finish(part, output_bytes=written)
            self._over_at_s = max(self._over_at_s, self._clock.now_s)


def crawl(schedule: Schedule) -> Crew:
    """Play a schedule to its end and check what holds for every schedule."""

    async def act(clock: FakeClock) -> Crew:
        crew = Crew(schedule, clock)
        await crew.work()
        return crew

    crew = play(act)
    assert sorted(crew.done) == list(range(len(crew.lines)))
    polite = schedule.politeness
    for host, times in crew.departures.items():
        if host:
            assert crew.most_under_way[host] <= polite.per_host
            assert all(later - earlier >= polite.delay_s for earlier, later in pairwise(times))
    seen: set[str] = set()
    visits = 0
    for line in crew.lines:  # a duplicate and what is no URL ask nobody, once
        first = line.host >= 0 and line.text not in seen
        visits += 1 + len(line.steps) if first else 1
        seen.add(line.text)
    assert len(crew.handed_out) == visits
    stands = crew.frontier.occupancy()
    assert (stands.unfinished, stands.in_memory, stands.handed_out) == (0, 0, 0)
    return crew


times = st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0])
steps = st.builds(Step, times, st.none() | st.integers(0, 6), times)
lines = st.builds(Line, st.integers(-1, 6), st.integers(0, 40), st.lists(steps, max_size=2).map(tuple), times)
schedules = st.builds(
    Schedule,
    st.lists(st.builds(Part, times, st.lists(lines, max_size=12).map(tuple)), max_size=6).map(tuple),
    st.builds(
        FrontierSettings,
        hosts_in_memory=st.integers(1, 4),
        urls_per_host_in_memory=st.integers(1, 6),
        lookahead=st.integers(1, 30),
    ),
    st.builds(PolitenessSettings, per_host=st.integers(1, 3), delay_s=st.sampled_from([0.0, 0.25, 0.5])),
    st.integers(1, 6),
    st.sampled_from([0.0, 1 / 64]),
    st.booleans(),
)


@given(schedules)
@settings(max_examples=150, deadline=None)
def test_every_line_is_handed_out_exactly_once_politely_and_to_the_end(schedule: Schedule) -> None:
    crew = crawl(schedule)
    event(f"{len(crew.lines) // 20 * 20}+ lines")


def spread(hosts: int, each: int, *, takes_s: float = 0.25, first: int = 0) -> tuple[Line, ...]:
    """Return so many lines of each host, host after host in turns."""
    return tuple(
        Line(host, path, takes_s=takes_s) for path in range(each) for host in range(first, first + hosts)
    )


def schedule_of(
    *parts: Sequence[Line],
    hosts_in_memory: int = 100,
    urls_per_host: int = 16,
    delay_s: float = 0.0,
    per_host: int = 2,
    workers: int = 8,
    state_s: float = 0.0,
) -> Schedule:
    return Schedule(
        tuple(Part(0.0, tuple(part)) for part in parts),
        FrontierSettings(hosts_in_memory=hosts_in_memory, urls_per_host_in_memory=urls_per_host),
        PolitenessSettings(per_host=per_host, delay_s=delay_s),
        workers,
        state_s,
        waits=False,
    )


def test_a_window_of_three_hosts_serves_fifty() -> None:
    crew = crawl(schedule_of(spread(50, 4), hosts_in_memory=3))
    assert len(crew.departures) == 50


def test_a_window_of_three_hosts_never_holds_more() -> None:
    """Redirects aside, which come in also when it is full."""
    crew = crawl(schedule_of(spread(50, 4), hosts_in_memory=3))
    assert crew.most_hosts == 3


def test_hosts_with_many_rows_are_filled_again_and_again() -> None:
    crew = crawl(schedule_of(spread(3, 300), urls_per_host=8, state_s=1 / 64, workers=12))
    assert len(crew.handed_out) == 900
    assert crew.state.calls.count("load") < 900 / 4, "a read of the state brings several rows"


def test_a_host_is_kept_busy_while_it_is_filled_again() -> None:
    """With a delay the rows end just when the delay says: no turn is lost to a read of the state."""
    crew = crawl(schedule_of(spread(1, 100, takes_s=0.0), delay_s=0.25, state_s=1 / 64, urls_per_host=8))
    times = crew.departures["h0.example"]
    assert {later - earlier for earlier, later in pairwise(times)} == {0.25}


def test_a_slow_host_holds_back_nobody() -> None:
    """The others are handed out at the very same times without it."""
    others = spread(6, 20, takes_s=0.25)
    slow = tuple(
        Line(99, path, (Step(64.0, None, 128.0),), takes_s=256.0) for path in range(len(others) // 2)
    )
    mixed = tuple(line for pair in zip(others[::2], slow, others[1::2], strict=True) for line in pair)
    alone = crawl(schedule_of(others, delay_s=0.5, workers=16))
    beside = crawl(schedule_of(mixed, delay_s=0.5, workers=16))
    assert sorted(alone.handed_out) == sorted(
        (at_s, url) for at_s, url in beside.handed_out if "//h99." not in url
    )


def test_a_redirect_to_a_host_outside_a_full_window_is_followed_at_once() -> None:
    """The window has one seat, and its host holds it for long: the target does not wait for the seat."""
    leads_on = Line(0, 100, (Step(0.25, 7, 0.0),))
    crew = crawl(schedule_of((leads_on, *spread(1, 8, takes_s=4.0)), hosts_in_memory=1))
    assert crew.departures["h7.example"] == [crew.handed_out[0][0] + 0.25]


def test_rows_of_a_redirects_target_that_wait_on_disk_come_once_too() -> None:
    lines = (Line(0, 100, (Step(0.25, 7, 0.0),)), *spread(1, 8, takes_s=1.0), *spread(1, 8, first=7))
    crew = crawl(schedule_of(lines, hosts_in_memory=1))
    assert Counter(url for _, url in crew.handed_out).most_common(1)[0][1] == 1
    assert len(crew.departures["h7.example"]) == 9


def test_rows_admitted_while_their_host_is_loaded_come_once() -> None:
    """The second part reaches the state while the answer to the load of the first is on its way."""
    for pause_s in (0.0, 1 / 128, 1 / 64, 3 / 128, 1 / 32, 1 / 16):
        schedule = schedule_of(state_s=1 / 64)._replace(
            parts=tuple(Part(pause_s, tuple(Line(0, part * 3 + n) for n in range(3))) for part in range(6))
        )
        crew = crawl(schedule)
        assert len(crew.handed_out) == 18


def test_the_host_ids_of_the_schedules_differ() -> None:
    assert len({host_id(f"h{number}.example") for number in range(100)}) == 100
