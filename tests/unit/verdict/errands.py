"""Lines and requests for robots.txt under way, and chance that can be foretold."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from scraper import urls
from scraper.messages import Request, RobotsRequest
from scraper.record import Outcome, Redirect, Try
from scraper.robots.access import robots_url
from scraper.settings.model import RetrySettings
from scraper.verdict.retries import Retries, RunBudget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import Errand, Settled
    from scraper.record import Robots

AT = "2026-01-31T09:30:00.000Z"
"""The fakes' ``EPOCH`` as a record has it."""
A = "https://a.example/"
ORIGIN = "https://a.example"
HOME = 7
PLACE = 9


class Upmost(random.Random):
    """Chance that always draws the most."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Least(random.Random):
    """Chance that always draws the least."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


def line(
    target: str = A,
    *,
    url: str | None = None,
    redirects: Sequence[Redirect] = (),
    tries: Sequence[Try] = (),
    free_tries: int = 0,
    waited_s: float = 0.0,
    is_anew: bool = False,
    guessed_scheme: bool = False,
    settled: Settled | None = None,
    robots: Robots | None = None,
    depth: int = 0,
    is_sitemap: bool = False,
    is_trusted: bool = True,
) -> Request:
    """Return a line on its way to a target; ``url`` is where it began, by default as its redirects say."""
    began = url or (redirects[0].url if redirects else target)
    return Request(
        seq=3,
        input=began,
        url=began,
        key=urls.dedup_key(began),
        target=target,
        host=urls.host_key(target),
        home=HOME,
        place=PLACE,
        redirects=tuple(redirects),
        tries=tuple(tries),
        free_tries=free_tries,
        waited_s=waited_s,
        is_anew=is_anew,
        guessed_scheme=guessed_scheme,
        settled=settled,
        robots=robots,
        depth=depth,
        is_sitemap=is_sitemap,
        is_trusted=is_trusted,
    )


def robots_errand(
    target: str = "",
    *,
    origin: str = ORIGIN,
    redirects: Sequence[Redirect] = (),
    tries: Sequence[Try] = (),
    waited_s: float = 0.0,
    is_anew: bool = False,
) -> RobotsRequest:
    """Return a request for an origin's robots.txt on its way to a target, by default its own."""
    target = target or robots_url(origin)
    return RobotsRequest(
        target=target,
        host=urls.host_key(target),
        origin=origin,
        redirects=tuple(redirects),
        tries=tuple(tries),
        waited_s=waited_s,
        is_anew=is_anew,
    )


def failed(count: int) -> tuple[Try, ...]:
    """Return tries that were answered with 503."""
    return (Try(at=AT, status=503, error=Outcome.HTTP_ERROR),) * count


def hops(*froms: str) -> tuple[Redirect, ...]:
    """Return redirects that these URLs answered with."""
    return tuple(Redirect(url=url, status=302, location="x", elapsed_s=0.25) for url in froms)


class CountedRetries(Retries):
    """Retries with a budget of their own, that know how many of them it did not allow."""

    refused = 0

    def __init__(self, settings: RetrySettings, *, longest_wait_s: float, chance: random.Random) -> None:
        self._own = RunBudget(settings)
        super().__init__(settings, budget=self, longest_wait_s=longest_wait_s, chance=chance)

    def note_request(self) -> None:
        self._own.note_request()

    def take(self) -> bool:
        is_had = self._own.take()
        self.refused += not is_had
        return is_had


def granted(
    *,
    retries: int = 2,
    base_s: float = 1.0,
    cap_s: float = 60.0,
    budget_share: float = 0.0,
    budget_floor: int = 1_000_000,
    longest_wait_s: float = 120.0,
    chance: random.Random | None = None,
) -> CountedRetries:
    """Return further tries by these settings; the budget is out of the way unless it is given."""
    settings = RetrySettings(
        retries=retries,
        base_s=base_s,
        cap_s=cap_s,
        budget_share=budget_share,
        budget_floor=budget_floor,
    )
    return CountedRetries(settings, longest_wait_s=longest_wait_s, chance=chance or Upmost())


def whereabouts(errand: Errand) -> tuple[str, str, int]:
    """Return where an errand goes: target, host, and how many hops it has behind it."""
    return errand.target, errand.host, len(errand.redirects)
