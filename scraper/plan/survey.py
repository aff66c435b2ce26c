"""Making a plan: the sources are read to their end, robots.txt is asked for, and no page is.

The lines go through the state that a crawl would keep them in, a temporary one, so that what counts as a
duplicate, as invalid or as filtered is what a crawl would say. Robots.txt is asked for by the crawl itself,
by its frontier, gatekeeper, fetcher and limits; only its visitor fetches no pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.clock import SystemClock
from scraper.errors import SettingsError
from scraper.fetch.http import HttpFetcher
from scraper.frontier.facts import Want
from scraper.frontier.frontier import Frontier
from scraper.frontier.gatekeeper import Gatekeeper
from scraper.frontier.rows import NOBODY, names_sitemap
from scraper.messages import Finished, Request, RobotsRead, RobotsRequest, Settled
from scraper.observe import figures
from scraper.observe.events import Observers
from scraper.pipeline import Crawl
from scraper.plan.model import Plan
from scraper.plan.tally import DoubtfulCount, Rulings, SettledLines, host_plans
from scraper.record import Outcome
from scraper.robots.access import origin_of, robots_url
from scraper.run.state import kept_for_now
from scraper.slots import most_aside
from scraper.sources.stream import SeedStream
from scraper.verdict.retries import RunBudget
from scraper.visit.assembly import product_token, visitor_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scraper.clock import Clock
    from scraper.frontier.host_queue import HostQueue
    from scraper.frontier.state_thread import StateThread
    from scraper.messages import Errand, Visited
    from scraper.settings.model import Settings
    from scraper.sources.lines_given import GivenLines
    from scraper.sources.source import Source
    from scraper.visit.visit import Visitor

_ADMITTED_AT_ONCE = 20_000
"""Nobody waits for the first line here, and a batch writes each page of the state once, however many of its
lines fall on it: 100,000 lines took 18.7 s by 500, 8.2 s by 5,000 and 6.0 s by 20,000 (a busy machine)."""
_READ_AT_ONCE = 128
_TOLD_EVERY_S = 5.0
_ALLOWED = Settled(Outcome.OK)


async def plan_crawl(
    sources: Sequence[Source | GivenLines],
    *,
    settings: Settings,
    ask_robots: bool = False,
    report: Callable[[str], None] = lambda _: None,
    clock: Clock | None = None,
) -> Plan:
    """Read the sources to their end, with ``ask_robots`` ask for robots.txt, and say what a crawl would be.

    The list lies in a temporary folder meanwhile; memory grows with the hosts. The cache of robots.txt
    files (``robots.cache``) is neither read nor written.

    Args:
        sources: What would be crawled.
        settings: Those of the crawl.
        ask_robots: Ask each origin for its robots.txt, with the retries and limits of the settings.
        report: Is told how far it is when that takes long: each time a line for people.
        clock: The machine's when not given.

    Raises:
        SettingsError: robots.txt is to be asked for and to be ignored.
        SourceError: A source can't be read to its end; nobody was asked for anything.
        StateError: The temporary folder can't be written.
        ExceptionGroup: Asking for robots.txt broke.
    """
    if ask_robots and settings.robots.policy == "ignore":
        raise SettingsError(
            "robots.policy = ignore: no robots.txt would be asked for, so plan without --robots"
        )
    clock = clock or SystemClock()
    telling = _Telling(report, clock=clock)
    async with kept_for_now(_Nothing()) as kept:
        state = kept.state
        token = product_token(settings)
        kept_here = replace(settings.robots, cache="")
        await state.call(
            state.store.prepare, follow=settings.follow, robots=kept_here, token=token, clock=clock
        )
        frontier = Frontier(
            state=state,
            settings=settings.frontier,
            politeness=settings.politeness,
            # Nothing but robots.txt is asked for, so there is nothing that a Crawl-delay is to delay.
            gatekeeper=SurveyGatekeeper(replace(settings.robots, crawl_delay_cap_s=0.0), clock=clock),
            clock=clock,
            progress=await state.call(state.store.progress),
        )
        doubtful = DoubtfulCount()
        sitemaps = await _read(sources, frontier, telling, doubtful)
        settled = await _settled_lines(state)
        # There are no more hosts than lines.
        counted = await state.call(state.store.largest_hosts, frontier.lines)
        rulings = None
        if ask_robots:
            hosts_known = figures.counted(len(counted), one="host", many="hosts")
            telling.say_now(f"asking {hosts_known} for robots.txt")
            rulings = await _rulings(frontier, settings=settings, token=token, telling=telling, clock=clock)
    hosts = host_plans(counted, settings=settings, rulings=rulings)
    slowest = hosts[0] if hosts else None
    return Plan(
        lines=frontier.lines,
        duplicates=settled.duplicates,
        filtered=settled.filtered,
        invalid=settled.invalid(),
        doubtful=doubtful.found(),
        sitemaps=sitemaps - settled.sitemaps,
        depth=settings.follow.depth,
        hosts=hosts,
        least_s=slowest.least_s if slowest else 0.0,
        least_host=slowest.host if slowest and slowest.least_s else None,
        robots=rulings.plan() if rulings else None,
    )


async def _read(
    sources: Sequence[Source | GivenLines], frontier: Frontier, telling: _Telling, doubtful: DoubtfulCount
) -> int:
    """Take all lines into the state; return how many name sitemaps."""
    sitemaps = 0
    async with SeedStream(sources, batch_seeds=_ADMITTED_AT_ONCE) as batches:
        async for batch in batches:
            sitemaps += sum(names_sitemap(seed.input) for seed in batch.seeds)
            for seq, seed in enumerate(batch.seeds, frontier.lines):
                doubtful.count(seed.input, seq=seq)
            # Nothing is finished meanwhile, so a list that is made to wait would wait for ever.
            await frontier.admit(replace(batch, waits=False))
            telling.say(f"{figures.counted(frontier.lines, one='line', many='lines')} read")
    return sitemaps


async def _settled_lines(state: StateThread) -> SettledLines:
    """Count the lines that the state keeps under ``NOBODY``."""
    settled = SettledLines()
    place = -1
    while True:
        loaded = await state.call(state.store.load, [Want(NOBODY, place)], limit=_READ_AT_ONCE)
        requests = loaded.rows[NOBODY]
        if not requests:
            return settled
        for request in requests:
            settled.count(request)
        place = requests[-1].place


async def _rulings(
    frontier: Frontier, *, settings: Settings, token: str, telling: _Telling, clock: Clock
) -> Rulings:
    """Let the lines that the frontier has come to their robots.txt, and return what it says of them."""
    rulings = Rulings(crawl_delay_cap_s=settings.robots.crawl_delay_cap_s)
    async with HttpFetcher.open(settings.fetch, clock=clock) as fetcher:
        budget = RunBudget(settings.retry)
        visitor = visitor_for(settings, fetcher, token=token, run="", clock=clock, budget=budget)
        crawl = Crawl(
            seeds=SeedStream(()),
            frontier=frontier,
            visitor=Surveyor(visitor, rulings=rulings, telling=telling),
            journal=_Nothing(),
            observer=Observers(),
            workers=settings.run.workers,
            waiting=most_aside(settings.run),
            output=settings.output,
        )
        await crawl.run()
    return rulings


class SurveyGatekeeper(Gatekeeper):
    """Has robots.txt asked for before every line of an origin, also where the line is robots.txt itself.

    A crawl asks for such a line as for any page, and nothing has a say in that; here it would be a line
    whose host nobody asks.
    """

    def clear(self, host: HostQueue, request: Request) -> Request | RobotsRequest | None:
        """Return what is to go in a request's turn."""
        if _is_robots(request) and request.robots is None:
            request = replace(request, target=f"{origin_of(request.target)}/")
        return super().clear(host, request)


class Surveyor:
    """A visitor that asks for robots.txt as any other, and for nothing else."""

    def __init__(self, visitor: Visitor, *, rulings: Rulings, telling: _Telling) -> None:
        """Take a visitor, and what is to be told of the rulings."""
        self._visitor = visitor
        self._rulings = rulings
        self._telling = telling

    async def visit(
        self, errand: Errand, *, departs: Callable[[], None], waits: Callable[[bool], None] | None = None
    ) -> Visited:
        """Visit a robots.txt; settle a page by what robots.txt says of it."""
        if not isinstance(errand, Request):
            visited = await self._visitor.visit(errand, departs=departs, waits=waits)
            if isinstance(visited.verdict, RobotsRead):
                self._rulings.know(visited.verdict.access)
                known = figures.counted(self._rulings.files, one="robots.txt file", many="robots.txt files")
                self._telling.say(f"{known} known")
            return visited
        settled = errand.settled or _ALLOWED
        if settled.outcome is Outcome.ROBOTS_DENIED and _is_robots(errand):
            settled = _ALLOWED  # its stand-in is denied, not it
        ruled = replace(errand, settled=settled)
        # It does not depart: nobody is asked, so its host's delay does not begin anew. Its turn is told
        # so when it comes back, at the latest when nothing else of its host is under way.
        visited = await self._visitor.visit(ruled, departs=_stay)
        if isinstance(visited.verdict, Finished):  # else it goes on over http
            self._rulings.count(ruled)
        return visited


def _is_robots(request: Request) -> bool:
    """Say whether a line is a robots.txt itself, also one that is to be read for its sitemaps."""
    return request.url is not None and request.url == robots_url(origin_of(request.url))


def _stay() -> None:
    """Do nothing."""


class _Telling:
    """Says how far it is, not too often."""

    def __init__(self, report: Callable[[str], None], *, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._told_s = clock.monotonic()

    def say(self, words: str) -> None:
        """Report the words unless something was said a moment ago."""
        if self._clock.monotonic() - self._told_s >= _TOLD_EVERY_S:
            self.say_now(words)

    def say_now(self, words: str) -> None:
        """Report the words."""
        self._report(words)
        self._told_s = self._clock.monotonic()


class _Nothing:
    """A journal that counts records and keeps none."""

    def __init__(self) -> None:
        self.records = 0

    async def append(self, lines: Sequence[bytes]) -> int:
        """Count; there is no output to be of any length."""
        self.records += len(lines)
        return 0

    async def close(self) -> None:
        """Do nothing: nothing is open."""
