"""What is read in an answer that ends a line: the page's statements, its links, what it asks of crawlers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from scraper.errors import PageError
from scraper.parse.directives import combined, said_in_headers
from scraper.parse.metadata import announced
from scraper.parse.sniff import is_html
from scraper.record import Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import Found, Hop, Request, Response
    from scraper.parse.fields import Fields
    from scraper.parse.main_text import Supplement
    from scraper.parse.page import Parsed
    from scraper.record import Page, Refresh
    from scraper.verdict.page import Decision, Done
    from scraper.visit.following import Follower


class Parser(Protocol):
    """Finds the metadata in a page."""

    def parse(
        self,
        *,
        body: bytes,
        url: str,
        content_type_charset: str | None,
        headers: Sequence[tuple[str, str]] = (),
        links: bool = False,
    ) -> Parsed:
        """Return what the HTML document says, with its ``links`` when asked for.

        Raises:
            PageError: It can't be parsed.
        """
        ...


class Refresher(Protocol):
    """Says whether a page sends its readers on."""

    def refreshed(self, request: Request, response: Response, refresh: Refresh | None) -> Hop | None:
        """Return where a page sends its readers on to, if that is followed."""
        ...


class Read(NamedTuple):
    """What was read."""

    decision: Decision
    """As it was before; a page that can't be parsed changes it, and so does one that leads on."""
    page: Page | None = None
    directives: Sequence[str] = ()
    """What holds for crawlers, from headers and document."""
    found: tuple[Found, ...] = ()
    """Further lines."""
    fields: Fields | None = None
    """The user's own; ``None`` for what is no good page: what an error lacks is nobody's concern."""


class Reader:
    """Reads the answers that end a line."""

    def __init__(
        self,
        *,
        parser: Parser,
        decider: Refresher,
        follower: Follower,
        token: str,
        supplement: Supplement | None = None,
    ) -> None:
        """Take the parts; ``token`` is what directives may call us by."""
        self._parser = parser
        self._decider = decider
        self._follower = follower
        self._token = token
        self._supplement = supplement

    def cap_bytes(self, request: Request) -> int | None:
        """Return how much of a body is wanted, ``None`` for as much as of any page."""
        return self._follower.cap_bytes(request)

    async def read(self, request: Request, response: Response, done: Done) -> Read:
        """Return what an answer says beyond its status."""
        if request.is_sitemap:
            done, found = await self._follower.listed(request, response, done)
            return Read(done, found=found)
        if not response.body or not _is_html(response):
            return self._of_headers(response, done)
        is_good = done.outcome in {Outcome.OK, Outcome.TOO_LARGE}
        try:
            page, html, targets, fields = self._parser.parse(
                body=response.body,
                url=response.url,
                content_type_charset=response.charset,
                headers=response.headers,
                links=is_good and self._follower.wants_links(request),
            )
        except PageError as error:
            cause = type(error.__cause__ or error).__name__
            failure = Failure(type=cause, message=str(error), phase="parse")
            if done.outcome is Outcome.OK:
                done = replace(done, outcome=Outcome.PARSE_ERROR, failure=failure)
            return self._of_headers(response, done)
        if is_good and (hop := self._decider.refreshed(request, response, page.refresh)):
            return Read(hop)
        directives = self._directives(response, page.meta_robots)
        found = self._follower.linked(request, response, targets, directives=directives)
        if self._supplement:
            # What it asks takes up to a second a page, in libraries of C and of Python alike.
            page = await asyncio.to_thread(self._supplement.added_to, page, html=html, url=response.url)
        return Read(done, page, directives, found, fields if is_good else None)

    def _of_headers(self, response: Response, done: Done) -> Read:
        page = announced(response.headers, url=response.url)
        return Read(done, page, self._directives(response, ()))

    def _directives(self, response: Response, metas: Sequence[str]) -> Sequence[str]:
        values = [value for name, value in response.headers if name == "x-robots-tag"]
        said = said_in_headers(self._token, headers=values) if values else ()
        return combined([*metas, *said])


def _is_html(response: Response) -> bool:
    nosniff = (response.header("x-content-type-options") or "").strip().lower() == "nosniff"
    return is_html(response.body, media_type=response.media_type, nosniff=nosniff)
