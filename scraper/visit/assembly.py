"""From settings to what is done about one errand."""

from __future__ import annotations

import contextlib
import random
import re
from typing import TYPE_CHECKING

from scraper.frontier.scope import Scope
from scraper.parse import language, main_text
from scraper.parse.fields import check_selectors
from scraper.parse.main_text import Supplement
from scraper.parse.named_function import load_target
from scraper.parse.page import PageParser
from scraper.verdict.page import Decider
from scraper.verdict.redirects import RedirectRules
from scraper.verdict.retries import Retries
from scraper.verdict.robots import RobotsDecider
from scraper.version import VERSION
from scraper.visit.extractor import Extractor
from scraper.visit.following import Follower
from scraper.visit.reading import Reader
from scraper.visit.visit import Visitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.clock import Clock
    from scraper.exchange import Put
    from scraper.settings.model import ParseSettings, Settings
    from scraper.verdict.retries import Budget
    from scraper.visit.archiving import Archivist
    from scraper.visit.reading import Parser
    from scraper.visit.visit import Fetcher, Memory


def check_visits(settings: Settings) -> None:
    """Look whether what the settings ask of visits can be done, before anything is opened.

    Raises:
        UsageError: A library is missing; a selector is none, or not one for both parsers; the user's
            function can't be loaded; there is no such field to be compared.
    """
    check_selectors(settings.parse.select)
    if settings.parse.extractor:
        load_target(settings.parse.extractor)
    check_libraries(settings.parse)
    if settings.history.compare:
        from scraper.history.judging import Compared  # noqa: PLC0415 - few runs need it

        Compared(settings.history.compare)


@contextlib.asynccontextmanager
async def remembering(
    settings: Settings, *, run: str, token: str, clock: Clock
) -> AsyncIterator[Memory | None]:
    """Give what knows pages from the runs before, ``None`` when nobody keeps that.

    Raises:
        UsageError: The file of ``history.file`` can't be read, or is something else.
    """
    if not settings.history.file:
        yield None
        return
    from scraper.history.judging import Judge  # noqa: PLC0415 - few runs need it

    async with Judge.open(settings, run=run, token=token, clock=clock) as judge:
        yield judge


def check_libraries(parse: ParseSettings) -> None:
    """Look whether the libraries are installed that these settings need.

    Raises:
        UsageError: One is missing; one line with the setting that asks for it.
    """
    if parse.language:
        language.require_library(asked_by="parse.language")
    if parse.text in {"main", "markdown"}:
        main_text.require_libraries(asked_by=f"parse.text = {parse.text}")
    if parse.guess_dates:
        main_text.require_libraries(asked_by="parse.guess_dates")


def product_token(settings: Settings) -> str:
    """Return the name that robots.txt may call us by: RFC 9309 section 2.2.1.

    The user agent should begin with it, so that who reads his logs knows what to write.
    """
    named = re.match(r"[A-Za-z_-]+", settings.fetch.user_agent)
    return settings.robots.token or (named[0] if named else "")


def archivist_for(put: Put, *, run: str) -> Archivist:
    """Return what puts exchanges into the archive of a run; nothing of it is loaded without one.

    Raises:
        UsageError: A library is missing.
    """
    from scraper.visit.archiving import Archivist  # noqa: PLC0415 - most runs have no archive

    return Archivist(put, run=run)


def archive_facts(settings: Settings, *, run: str) -> dict[str, str]:
    """Return what an archive says of itself and of who made it, by the names of WARC 1.1 section 6.2."""
    return {
        "software": f"scraper/{VERSION}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "isPartOf": run,
        "robots": settings.robots.policy,
        "http-header-user-agent": settings.fetch.user_agent,
    }


def retries_for(settings: Settings, *, budget: Budget) -> Retries:
    """Return how often, and when, what failed is tried again."""
    return Retries(
        settings.retry,
        budget=budget,
        longest_wait_s=settings.politeness.retry_after_cap_s,
        chance=random.Random(),  # noqa: S311 for jitter, not for secrets
    )


def decider_for(settings: Settings, *, retries: Retries) -> Decider:
    """Return what is made of answers."""
    follow = settings.follow
    return Decider(
        retries=retries,
        redirects=RedirectRules(settings.fetch.max_redirects, settings.fetch.refuse_downgrade),
        refresh_within_s=follow.meta_refresh_within_s if follow.meta_refresh else None,
    )


def visitor_for(
    settings: Settings,
    fetcher: Fetcher,
    *,
    token: str,
    run: str,
    clock: Clock,
    budget: Budget,
    parser: Parser | None = None,
    memory: Memory | None = None,
    archivist: Archivist | None = None,
) -> Visitor:
    """Put together what is done about one errand; the fetcher is not closed by it.

    ``parser`` stands in for that of the settings, ``memory`` is of the runs before; ``archivist`` is given
    what was on the wire.

    Raises:
        UsageError: The settings ask for what needs a library that is missing, a selector is none, or the
            user's function can't be loaded.
    """
    named = settings.parse.extractor
    retries = retries_for(settings, budget=budget)
    decider = decider_for(settings, retries=retries)
    reader = Reader(
        parser=parser or PageParser(settings.parse, token=token),
        decider=decider,
        follower=Follower(settings.follow, Scope(settings.follow)),
        token=token,
        supplement=Supplement.of(settings.parse),
    )
    return Visitor(
        fetcher=fetcher,
        decider=decider,
        robots=RobotsDecider(settings.robots, retries=retries),
        reader=reader,
        token=token,
        run=run,
        clock=clock,
        extractor=Extractor(named, deadline_s=settings.parse.deadline_s) if named else None,
        memory=memory,
        archivist=archivist,
    )
