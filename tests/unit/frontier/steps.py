"""A frontier to be taken through its steps by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec import convert

from scraper.frontier.frontier import Frontier
from scraper.frontier.gatekeeper import Gatekeeper
from scraper.messages import NO_IMPRESSION, Errand, Impression, Request, RobotsRequest, Sign
from scraper.settings.model import FrontierSettings, PolitenessSettings, RobotsSettings

if TYPE_CHECKING:
    from scraper.clock import Clock
    from tests.support.fakes import FakeState

E = TypeVar("E", bound=Errand)

SILENT = Impression(Sign.SILENT)


def frontier_of(
    state: FakeState,
    clock: Clock,
    *,
    hosts_in_memory: int = 10,
    lookahead: int = 1000,
    policy: Literal["obey", "ignore"] = "ignore",
    robots: dict[str, float] | None = None,
    **polite: Any,
) -> Frontier:
    """Return a frontier without a delay that asks for no robots.txt, if not told otherwise."""
    return Frontier(
        state=state,
        settings=FrontierSettings(hosts_in_memory=hosts_in_memory, lookahead=lookahead),
        politeness=PolitenessSettings(**{"delay_s": 0.0, "adaptive": False, **polite}),
        gatekeeper=Gatekeeper(convert({"policy": policy, **(robots or {})}, RobotsSettings), clock=clock),
        clock=clock,
        progress=state.store.progress(),
    )


async def _visit(frontier: Frontier, clock: Clock, kind: type[E], impression: Impression) -> E:
    """Take the next errand through a visit that takes no time."""
    errand = await anext(frontier)
    assert isinstance(errand, kind)
    frontier.depart(errand)
    frontier.come_back(errand, impression)
    assert errand.released_at_s <= clock.monotonic()
    return errand


async def visit(frontier: Frontier, clock: Clock, *, impression: Impression = NO_IMPRESSION) -> Request:
    return await _visit(frontier, clock, Request, impression)


async def robots_visit(
    frontier: Frontier, clock: Clock, *, impression: Impression = NO_IMPRESSION
) -> RobotsRequest:
    return await _visit(frontier, clock, RobotsRequest, impression)
