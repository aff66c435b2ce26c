"""A small web and a crew that crawls it in virtual time; checks at every step what must always hold."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from msgspec.structs import replace

from scraper import urls
from scraper.channel import Channel
from scraper.frontier.frontier import Frontier
from scraper.frontier.gatekeeper import Gatekeeper
from scraper.messages import Batch, Finished, Found, Impression, Request, RobotsRequest, Seed, Sign
from scraper.record import Outcome, Redirect, Try
from scraper.robots.access import Standing, origin_of
from scraper.settings.model import FollowSettings, FrontierSettings, PolitenessSettings, RobotsSettings
from tests.support.fakes import ZERO_S, FakeState, access, finished, pass_s, play

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scraper.messages import Errand
    from tests.support.fakes import FakeClock

MOST_REQUESTS = 3000
"""A crawl of a few dozen lines that asks more often goes in a circle."""

Rules: TypeAlias = Literal["allow", "deny", "slow", "none", "unreachable"]
BODIES: dict[Rules, str] = {
    "allow": "User-agent: *\nAllow: /\n",
    "deny": "User-agent: *\nDisallow: /1\n",
    "slow": "User-agent: *\nCrawl-delay: 0.75\n",
}
CRAWL_DELAY_S = 0.75


class Step(NamedTuple):
    """What one visit of a page comes to, before the one that finishes it."""

    takes_s: float = 0.0
    hop: str | None = None
    """The origin that it leads to; ``None`` for another try, from the beginning."""
    wait_s: float = 0.0
    asked_wait_s: float = 0.0
    """Its ``Retry-After``."""


class Page(NamedTuple):
    """What asking for a URL comes to."""

    steps: tuple[Step, ...] = ()
    takes_s: float = 0.0
    links: tuple[str, ...] = ()


class RobotsPage(NamedTuple):
    """What asking for a robots.txt comes to: each time the next of the rules, then always the last."""

    rules: tuple[Rules, ...] = ("none",)
    takes_s: float = 0.0
    hop: str | None = None
    """The origin that it leads to first."""
    age_s: float = 3600.0


class World(NamedTuple):
    """Everything there is."""

    pages: Mapping[str, Page]
    robots: Mapping[str, RobotsPage]
    silent: frozenset[str] = frozenset()
    """Hosts that never answer."""


class Part(NamedTuple):
    """Lines that are admitted together, some time after those before."""

    pause_s: float
    lines: tuple[str, ...]


class Schedule(NamedTuple):
    """One crawl."""

    parts: tuple[Part, ...]
    world: World
    frontier: FrontierSettings
    politeness: PolitenessSettings
    robots: RobotsSettings
    workers: int
    state_s: float = 0.0
    """How long one read or write of the state takes."""
    waits: bool = False
    stops: tuple[tuple[float, bool], ...] = ()
    """After how many seconds each part of the run is interrupted, and whether it may drain first."""


class Notes:
    """What is known of a crawl over all of its interruptions."""

    def __init__(self) -> None:
        self.journal: list[Finished] = []
        """Cut, when a run is resumed, to what the state knows."""
        self.departures: defaultdict[str, list[float]] = defaultdict(list)
        self.handed_out: list[tuple[float, str]] = []
        self.asked_robots: Counter[str] = Counter()
        self.rules: defaultdict[str, list[Rules]] = defaultdict(list)
        """What each origin's robots.txt said, each time."""
        self.most_under_way: Counter[str] = Counter()
        self.most_hosts = 0
        self.most_in_memory = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.lines = 0
        self.calls: list[str] = []
        """Of the state."""


class Crew:
    """A seeder, workers and a writer around a frontier."""

    def __init__(self, schedule: Schedule, state: FakeState, notes: Notes, clock: FakeClock) -> None:
        self._schedule = schedule
        self._clock = clock
        self._notes = notes
        self._polite = schedule.politeness
        self.state = state
        progress = state.store.progress()
        self.frontier = Frontier(
            state=state,
            settings=schedule.frontier,
            politeness=schedule.politeness,
            gatekeeper=Gatekeeper(schedule.robots, clock=clock),
            clock=clock,
            progress=progress,
        )
        del notes.journal[progress.output_bytes :]
        self._out: set[int] = set()
        self._asking: set[str] = set()
        self._robots_until_s: dict[str, float] = {}
        """Of this part: until when what was said is believed."""
        self._crawl_delay_s: dict[str, float] = {}
        """By host, of this part."""
        self._held_until_s: defaultdict[str, float] = defaultdict(float)
        self._under_way: Counter[str] = Counter()
        self._over_at_s = clock.now_s

    async def work(self) -> None:
        requests = Channel["Errand"](1)
        records = Channel[Finished](4)
        async with asyncio.TaskGroup() as stages:
            seeder = stages.create_task(self._seed())
            stages.create_task(self._hand_out(requests, seeder))
            stages.create_task(self._write(records))
            async with asyncio.TaskGroup() as pool:
                for _ in range(self._schedule.workers):
                    pool.create_task(self._visit(requests, records))
            await records.close()

    async def _seed(self) -> None:
        read = self.state.store.sources().get(0)
        before = read.consumed if read else 0
        consumed = 0
        for part in self._schedule.parts:
            lines = part.lines[max(0, before - consumed) :]
            consumed += len(part.lines)
            if lines:
                await pass_s(part.pause_s)
                seeds = tuple(map(Seed, lines))
                await self.frontier.admit(
                    Batch(seeds=seeds, source=0, consumed=consumed, ended=False, waits=self._schedule.waits)
                )
        await self.frontier.seal()
        self._over_at_s = max(self._over_at_s, self._clock.now_s)

    async def _hand_out(self, requests: Channel[Errand], seeder: asyncio.Task[None]) -> None:
        async for errand in self.frontier:
            self._notes.handed_out.append((self._clock.now_s, errand.target))
            assert len(self._notes.handed_out) < MOST_REQUESTS, "it goes in a circle"
            if isinstance(errand, RobotsRequest):
                self._check_robots(errand)
            elif isinstance(errand, Request):
                self._check(errand)
            self._note_hosts(errand)
            await requests.send(errand)
        if not self.frontier.is_closed:
            progress = self.state.store.progress()
            assert progress.done == progress.lines == self.frontier.lines, "ended too early"
            # It may be telling the state something, or asking it, at that moment.
            late_s = self._clock.now_s - self._over_at_s
            assert 0 <= late_s <= 3 * self._schedule.state_s, "ended too late"
        seeder.cancel()
        await requests.close()

    def _check_robots(self, errand: RobotsRequest) -> None:
        assert self._schedule.robots.policy == "obey"
        if errand.redirects or errand.tries:
            return
        assert errand.origin not in self._asking, "asked for twice"
        assert self._clock.now_s >= self._robots_until_s.get(errand.origin, 0.0), "it is still valid"
        self._asking.add(errand.origin)

    def _check(self, request: Request) -> None:
        assert request.seq not in self._out, "handed out twice"
        assert request.seq not in {one.seq for one in self._notes.journal}, "handed out when finished"
        self._out.add(request.seq)
        if request.settled is None:
            self._check_allowed(request)
            return
        said = self._notes.rules[origin_of(request.target)] if request.target else []
        match request.settled.outcome:
            case Outcome.ROBOTS_DENIED:
                assert "deny" in said
                assert urlsplit(request.target).path.startswith("/1")
            case Outcome.ROBOTS_UNREACHABLE:
                assert "unreachable" in said or self._schedule.world.silent
            case Outcome.HOST_UNAVAILABLE:
                assert request.host in self._schedule.world.silent
            case other:
                assert other in {Outcome.DUPLICATE, Outcome.INVALID_URL}

    def _check_allowed(self, request: Request) -> None:
        """Whatever goes on the wire is allowed by what its origin said last, or said before it broke."""
        if self._schedule.robots.policy == "ignore":
            assert request.robots is None
            return
        assert request.robots is not None
        said = self._notes.rules[origin_of(request.target)]
        assert said, "robots.txt is the first that is asked for"
        good = [rules for rules in said if rules != "unreachable"]
        if said[-1] == "unreachable":
            assert good, "all is forbidden while it is not known what is allowed"
        assert good[-1] != "deny" or not urlsplit(request.target).path.startswith("/1")

    def _note_hosts(self, errand: Errand) -> None:
        notes = self._notes
        stands = self.frontier.occupancy()
        notes.most_hosts = max(notes.most_hosts, stands.hosts_in_memory)
        notes.most_in_memory = max(notes.most_in_memory, stands.in_memory)
        if isinstance(errand, Request) and errand.settled:
            return
        host = errand.host
        self._under_way[host] += 1
        notes.most_under_way[host] = max(notes.most_under_way[host], self._under_way[host])
        assert self._clock.now_s >= self._held_until_s[host], "it wants to be left alone"
        least_s = max(self._polite.delay_s, self._crawl_delay_s.get(host, 0.0))
        if notes.departures[host]:
            assert self._clock.now_s - notes.departures[host][-1] >= least_s, "too soon"

    async def _visit(self, requests: Channel[Errand], records: Channel[Finished]) -> None:
        async for errand in requests:
            if self.frontier.is_closed:
                continue
            self.frontier.depart(errand)
            if isinstance(errand, RobotsRequest):
                self._notes.departures[errand.host].append(self._clock.now_s)
                await self._read_robots(errand)
            elif isinstance(errand, Request):
                if errand.settled is None:
                    self._notes.departures[errand.host].append(self._clock.now_s)
                await self._ask(errand, records)

    def _come_back(self, errand: Errand, *, asked_wait_s: float = 0.0) -> None:
        if isinstance(errand, Request) and errand.settled:
            self.frontier.come_back(errand)
            return
        self._under_way[errand.host] -= 1
        sign = Sign.OVERLOADED if asked_wait_s else Sign.GOOD
        if errand.host in self._schedule.world.silent:
            sign = Sign.SILENT
        self.frontier.come_back(errand, Impression(sign, 0.125, asked_wait_s or None))
        until_s = self._clock.now_s + min(asked_wait_s, self._polite.retry_after_cap_s)
        self._held_until_s[errand.host] = max(until_s, self._held_until_s[errand.host])

    async def _read_robots(self, errand: RobotsRequest) -> None:
        origin = errand.origin
        page = self._schedule.world.robots.get(origin, RobotsPage())
        await pass_s(page.takes_s)
        self._come_back(errand)
        if page.hop and not errand.redirects and errand.host not in self._schedule.world.silent:
            target = f"{page.hop}/robots.txt"
            self.frontier.put_back(
                replace(errand, target=target, host=urls.host_key(target), redirects=(_hop(errand),))
            )
            return
        asked = self._notes.asked_robots[origin]
        self._notes.asked_robots[origin] += 1
        rules = page.rules[min(asked, len(page.rules) - 1)]
        if errand.host in self._schedule.world.silent:
            rules = "unreachable"
        standing = {"none": Standing.UNAVAILABLE, "unreachable": Standing.UNREACHABLE}.get(
            rules, Standing.RULES
        )
        now_s = self._clock.utc().timestamp()
        found = access(
            origin, body=BODIES.get(rules, ""), standing=standing, read_at_s=now_s, age_s=page.age_s
        )
        self._asking.discard(origin)
        self._notes.rules[origin].append(rules)
        self._robots_until_s[origin] = self._clock.now_s + page.age_s
        if rules == "slow":
            self._crawl_delay_s[urls.host_key(f"{origin}/")] = CRAWL_DELAY_S
        elif rules != "unreachable":  # the other origin of the host may still ask for it: not checked then
            self._crawl_delay_s.pop(urls.host_key(f"{origin}/"), None)
        self.frontier.open_gate(found)

    async def _ask(self, request: Request, records: Channel[Finished]) -> None:
        page = self._schedule.world.pages.get(request.url or "", Page())
        visit = int(request.took_s)  # counts the visits: it is kept wherever the line goes
        asks = request.settled is None
        is_last = not asks or visit >= len(page.steps) or request.host in self._schedule.world.silent
        step = Step(page.takes_s if asks else 0.0) if is_last else page.steps[visit]
        await pass_s(step.takes_s)
        self._come_back(request, asked_wait_s=step.asked_wait_s)
        if is_last:
            links = page.links if asks and request.host not in self._schedule.world.silent else ()
            found = [Found(url, url, request.depth + 1) for url in links]
            outcome = request.settled.outcome if request.settled else Outcome.OK
            await records.send(finished(request, found=found, outcome=outcome))
            return
        self._out.remove(request.seq)
        request = replace(request, took_s=request.took_s + 1)
        if step.hop is not None:
            target = f"{step.hop}/{visit}{request.seq}"
            self.frontier.put_back(
                replace(
                    request,
                    target=target,
                    host=urls.host_key(target),
                    redirects=(*request.redirects, _hop(request)),
                )
            )
        else:
            start = request.url or ""
            tried = Try(at="", waited_s=request.waited_s)
            again = replace(request, target=start, host=urls.host_key(start), redirects=())
            self.frontier.put_back(replace(again, tries=(*request.tries, tried)), wait_s=step.wait_s)

    async def _write(self, records: Channel[Finished]) -> None:
        batches = records.batches(items=3, weight=1 << 20, within_s=0.125, weigh=lambda one: len(one.line))
        async for part in batches:
            self._notes.journal += part
            await self.frontier.finish(part, output_bytes=len(self._notes.journal))
            self._over_at_s = max(self._over_at_s, self._clock.now_s)


def _hop(errand: Errand) -> Redirect:
    return Redirect(url=errand.target, status=302, location="", elapsed_s=0.0)


def crawl(schedule: Schedule, folder: Path) -> Notes:
    """Play a schedule to its end, over its interruptions, and check what holds for every one.

    ``folder`` must be empty, and is so afterwards.
    """
    notes = Notes()
    at_s = ZERO_S
    for stop in (*schedule.stops, None):
        at_s = play(partial(_play_part, schedule, notes, folder / "state", stop), now_s=at_s)
    assert sorted(one.seq for one in notes.journal) == list(range(notes.lines))
    _check_all(schedule, notes)
    return notes


async def _play_part(
    schedule: Schedule, notes: Notes, path: Path, stop: tuple[float, bool] | None, clock: FakeClock
) -> float:
    """Play until an interruption, or to the end; return when that was."""
    state = FakeState(takes_s=schedule.state_s, path=path)
    follow = FollowSettings(depth=9)
    state.store.prepare(follow=follow, robots=schedule.robots, token="scraper", clock=clock)  # noqa: S106
    crew = Crew(schedule, state, notes, clock)
    try:
        await _work_until(crew, stop)
    finally:
        notes.lines = state.store.progress().lines
        notes.calls += state.calls
        state.store.close(remove=stop is None)
    if stop is None:
        assert crew.frontier.is_over
        stands = crew.frontier.occupancy()
        assert (stands.unfinished, stands.in_memory, stands.handed_out) == (0, 0, 0)
    return clock.now_s


async def _work_until(crew: Crew, stop: tuple[float, bool] | None) -> None:
    if stop is None:
        await crew.work()
        return
    working = asyncio.get_running_loop().create_task(crew.work(), name="crew")
    await asyncio.wait([working], timeout=stop[0])
    if stop[1]:
        crew.frontier.close()
    else:
        working.cancel()
    await asyncio.wait([working])
    if not working.cancelled():
        working.result()


def _check_all(schedule: Schedule, notes: Notes) -> None:
    """Check what can only be seen at the end."""
    assert all(most <= schedule.politeness.per_host for most in notes.most_under_way.values())
    listed = Counter(line for part in schedule.parts for line in part.lines)
    told = Counter(one.url for one in notes.journal)
    linked = {found.input for one in notes.journal for found in one.found}
    assert listed <= told
    assert set(told) == linked | set(listed)
    assert all(times == 1 for url, times in (told - listed).items()), "a link was taken twice"
    notes.outcomes = Counter(one.outcome for one in notes.journal)
