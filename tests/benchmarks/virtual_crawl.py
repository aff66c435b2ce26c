"""A whole crawl in virtual time: the real flow, frontier, politeness and state, with a fake network.

Nothing is fetched and nobody waits: a page takes some virtual time, the same in the mean at every host, and
processor time counts for nothing. What is left is what the frontier makes of a list: how long it takes
because hosts must wait.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from scraper.frontier.frontier import Frontier
from scraper.frontier.gatekeeper import Gatekeeper
from scraper.messages import Batch, Errand, Impression, RobotsRead, RobotsRequest, Seed, Sign, Visited
from scraper.observe.events import Event, Written
from scraper.pipeline import Crawl
from scraper.robots.access import Standing
from scraper.settings.model import (
    FollowSettings,
    FrontierSettings,
    OutputSettings,
    PolitenessSettings,
    RobotsSettings,
)
from tests.support.fakes import FakeState, MemoryJournal, access, finished, pass_s, play

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.support.fakes import FakeClock

_READ_AT_ONCE = 2000
_TOKEN = "scraper"  # noqa: S105 - a name, no secret


class Crawled(NamedTuple):
    """How a crawl went, in virtual time."""

    makespan_s: float
    """From its beginning to its last record on disk."""
    half_s: float
    """Until half of the records were there,"""
    most_s: float
    """and until 99 of 100."""
    records: int
    closest_s: float
    """The least time between two requests to a host, robots.txt included."""


class _Fetched:
    """Answers everything, and notes how close requests to a host come.

    The time that it takes varies about its mean: if all took the same, all workers would be free at the same
    moments, and a host would wait for these.
    """

    def __init__(self, clock: FakeClock, takes_s: float) -> None:
        self._clock = clock
        self._takes_s = takes_s
        self._chance = random.Random(1)  # noqa: S311 - the same each time is the point
        self._departed_s: defaultdict[str, float] = defaultdict(lambda: float("-inf"))
        self.closest_s = float("inf")

    async def visit(
        self,
        errand: Errand,
        *,
        departs: Callable[[], None],
        waits: Callable[[bool], None] | None = None,  # noqa: ARG002 - nobody takes long
    ) -> Visited:
        departs()
        now_s = self._clock.now_s
        self.closest_s = min(self.closest_s, now_s - self._departed_s[errand.host])
        self._departed_s[errand.host] = now_s
        takes_s = self._takes_s * self._chance.uniform(0.5, 1.5)
        await pass_s(takes_s)
        impression = Impression(Sign.GOOD, takes_s)
        if isinstance(errand, RobotsRequest):
            at_s = self._clock.utc().timestamp()
            known = access(errand.origin, standing=Standing.UNAVAILABLE, read_at_s=at_s, age_s=86_400.0)
            return Visited(RobotsRead(known), impression)
        return Visited(finished(errand), impression)


class _Written:
    """Notes when records were written."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.at_s: list[tuple[float, int]] = []

    def notice(self, event: Event) -> None:
        if isinstance(event, Written):
            self.at_s.append((self._clock.now_s, len(event.records)))

    def when(self, share: float) -> float:
        """Return when a share of all records was written."""
        wanted = share * sum(count for _, count in self.at_s)
        so_far = 0
        for at_s, count in self.at_s:
            so_far += count
            if so_far >= wanted:
                return at_s
        return 0.0


async def _given(urls: Sequence[str], *, at_once: int) -> AsyncIterator[Batch]:
    for start in range(0, len(urls), at_once):
        part = urls[start : start + at_once]
        yield Batch(
            seeds=tuple(map(Seed, part)), source=0, consumed=start + len(part), ended=False, waits=True
        )


def crawled(
    urls: Sequence[str],
    *,
    workers: int,
    takes_s: float,
    frontier: FrontierSettings,
    politeness: PolitenessSettings,
) -> Crawled:
    """Crawl a list of different URLs and the robots.txt files: ``workers / takes_s`` requests a second."""

    async def act(clock: FakeClock) -> Crawled:
        state, robots, began_s = FakeState(), RobotsSettings(), clock.now_s
        state.store.prepare(follow=FollowSettings(), robots=robots, token=_TOKEN, clock=clock)
        fetched, written = _Fetched(clock, takes_s), _Written(clock)
        crawl = Crawl(
            seeds=_given(urls, at_once=min(_READ_AT_ONCE, max(1, frontier.lookahead // 8))),
            frontier=Frontier(
                state=state,
                settings=frontier,
                politeness=politeness,
                gatekeeper=Gatekeeper(robots, clock=clock),
                clock=clock,
                progress=state.store.progress(),
            ),
            visitor=fetched,
            journal=MemoryJournal(),
            observer=written,
            workers=workers,
            output=OutputSettings(),
        )
        await crawl.run()
        records = state.store.progress().done
        state.store.close(remove=False)
        return Crawled(
            clock.now_s - began_s,
            written.when(0.5) - began_s,
            written.when(0.99) - began_s,
            records,
            fetched.closest_s,
        )

    return play(act)
