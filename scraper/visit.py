"""One visit: fetch, decide, parse, and put the record together.

The pipeline's workers call it and pass on what comes of it. It keeps nothing between two visits, so
that it can run in another process as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from scraper import record_line
from scraper.errors import FetchError, PageError
from scraper.messages import Response
from scraper.parse.sniff import is_html
from scraper.record import Failure, Outcome
from scraper.verdict import Done

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from scraper.clock import Clock
    from scraper.messages import Request, Verdict
    from scraper.record import Page
    from scraper.verdict import Decision


class Fetcher(Protocol):
    """Asks for one URL once: no redirect is followed, nothing is tried again."""

    async def fetch(self, url: str, *, departs: Callable[[], None]) -> Response:
        """Return what the URL answers, whatever its status.

        ``departs`` is called once, when the request is sent or can't be.

        Raises:
            FetchError: There was no whole response: its ``outcome`` says why.
        """
        ...


class Decider(Protocol):
    """Says what follows from an attempt."""

    def decide(self, request: Request, result: Response | FetchError, *, at: datetime) -> Decision:
        """Return what follows from an attempt that began at ``at``, a time with a zone."""
        ...


class Parser(Protocol):
    """Finds the metadata in a page."""

    def parse(self, *, body: bytes, url: str, content_type_charset: str | None) -> Page:
        """Return what the HTML document says.

        Raises:
            PageError: It can't be parsed.
        """
        ...


class Visitor:
    """Visits one request at a time for each of its callers."""

    def __init__(self, *, fetcher: Fetcher, decider: Decider, parser: Parser, run: str, clock: Clock) -> None:
        self._fetcher = fetcher
        self._decider = decider
        self._parser = parser
        self._run = run
        self._clock = clock

    async def visit(self, request: Request, *, departs: Callable[[], None]) -> Verdict:
        """Return what came of visiting the request once.

        ``departs`` is called when the request goes on its way, also for one that asks nobody.
        """
        if request.settled is not None:
            departs()
            done = Done(outcome=request.settled, failure=_settled(request))
            return record_line.finish(request, done, run=self._run)
        started_s = self._clock.monotonic()
        at = self._clock.utc()
        result: Response | FetchError
        try:
            result = await self._fetcher.fetch(request.target, departs=departs)
        except FetchError as error:
            result = error
        decision = self._decider.decide(request, result, at=at)
        fetched_s = self._clock.monotonic()
        if not isinstance(decision, Done):
            took_s = request.took_s + fetched_s - started_s
            return replace(decision, request=replace(decision.request, took_s=took_s))
        response = page = None
        if isinstance(result, Response):
            response = result
            decision, page = self._parsed(decision, response)
        parsed_s = self._clock.monotonic()
        return record_line.finish(
            request,
            decision,
            response,
            page,
            run=self._run,
            at=at,
            started_s=started_s,
            parse_s=parsed_s - fetched_s,
            took_s=parsed_s - started_s,
        )

    def _parsed(self, done: Done, response: Response) -> tuple[Done, Page | None]:
        """Return what the page says, and the outcome, which a page that can't be parsed changes."""
        if not response.body or not _is_html(response):
            return done, None
        try:
            page = self._parser.parse(
                body=response.body, url=response.url, content_type_charset=response.charset
            )
        except PageError as error:
            cause = type(error.__cause__ or error).__name__
            failure = Failure(type=cause, message=str(error), phase="parse")
            is_ok = done.outcome is Outcome.OK
            return (Done(outcome=Outcome.PARSE_ERROR, failure=failure) if is_ok else done), None
        return done, page


def _is_html(response: Response) -> bool:
    nosniff = (response.header("x-content-type-options") or "").strip().lower() == "nosniff"
    return is_html(response.body, media_type=response.media_type, nosniff=nosniff)


def _settled(request: Request) -> Failure | None:
    if request.settled is Outcome.INVALID_URL:
        return Failure(type="InvalidUrl", message=request.settled_why or "no URL", phase="url")
    return None
