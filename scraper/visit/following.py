"""Which further lines a finished page or sitemap gives."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper import urls
from scraper.errors import InvalidUrl
from scraper.messages import Found
from scraper.parse.directives import forbids_following
from scraper.parse.sitemap import CAP_BYTES, read_sitemap
from scraper.parse.sitemap_text import SitemapError
from scraper.record import Failure, Outcome
from scraper.redaction import without_user_info
from scraper.robots.access import origin_of, robots_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.frontier.scope import Scope
    from scraper.messages import Request, Response
    from scraper.parse.links import Target
    from scraper.parse.sitemap import Entry
    from scraper.settings.model import FollowSettings
    from scraper.verdict.page import Done

_MOST_NESTED = 3
"""An index of sitemaps may name no further index (sitemaps.org); some do, and none so deep."""

_READERS = 2
"""So many sitemaps are read at the same time; one of 50 MB takes some 120 MB, be it a gzip of 0.2 MB, and a
thread for 2 to 9 s."""


class Follower:
    """Finds the lines that a page or a sitemap leads to, and holds them to the scope of the crawl."""

    def __init__(self, settings: FollowSettings, scope: Scope) -> None:
        self._depth = settings.depth
        self._honours_nofollow = settings.honour_nofollow
        self._scope = scope
        # Threads of our own rather than a semaphore before the loop's: a cancelled visit gives a semaphore
        # back while its thread goes on. They start when first needed and end with this object.
        self._readers = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="sitemap")

    def cap_bytes(self, request: Request) -> int | None:
        """Return how much of a body is wanted, ``None`` for as much as of any page."""
        return CAP_BYTES if request.is_sitemap else None

    def wants_links(self, request: Request) -> bool:
        """Return whether links are followed from a page of this line."""
        return request.depth < self._depth

    def linked(
        self,
        request: Request,
        response: Response,
        targets: Sequence[Target],
        *,
        directives: Sequence[str],
    ) -> tuple[Found, ...]:
        """Return the lines that a page's links give; ``directives`` are those that hold for the page."""
        if not targets or (self._honours_nofollow and forbids_following(directives)):
            return ()
        found_on = response.url
        return tuple(
            self._found(request, target.url, depth=request.depth + 1)
            for target in targets
            if not (self._honours_nofollow and target.nofollow)
            and self._scope.follows(target.url, found_on=found_on, depth=request.depth)
        )

    async def listed(
        self, request: Request, response: Response, done: Done
    ) -> tuple[Done, tuple[Found, ...]]:
        """Return the outcome of a sitemap, and the lines that it lists.

        robots.txt, where sitemaps are looked for when a line names only a host, may name none, be
        something else or not be there: then the usual place is asked.
        """
        found: tuple[Found, ...] = ()
        if done.outcome in {Outcome.OK, Outcome.TOO_LARGE}:
            read = partial(self._read, request, response, done)
            done, found = await asyncio.get_running_loop().run_in_executor(self._readers, read)
        origin = origin_of(request.url or request.target)
        if not found and request.url == robots_url(origin):
            usual = f"{origin}/sitemap.xml"
            found = (
                replace(self._found(request, usual, depth=1), input=f"sitemap:{usual}", is_sitemap=True),
            )
        return done, found

    def _read(self, request: Request, response: Response, done: Done) -> tuple[Done, tuple[Found, ...]]:
        """Do what takes long of ``listed``: 50 MB or 50,000 entries take seconds."""
        try:
            sitemap = read_sitemap(response.body, url=response.url, cut=response.truncated)
        except SitemapError as error:
            return _broken(done, str(error)), ()
        if sitemap.truncated and done.outcome is Outcome.OK:
            done = _broken(done, f"there may be more than the {len(sitemap.entries)} entries read")
        lines = (self._entry(request, entry) for entry in sitemap.entries)
        return done, tuple(line for line in lines if line is not None)

    def _entry(self, request: Request, entry: Entry) -> Found | None:
        """Return the line that an entry of a sitemap gives, ``None`` when it is not wanted.

        One that is no URL gives a line all the same: its record says so.
        """
        try:
            url = urls.parse_input(entry.url).url
        except InvalidUrl as error:
            return Found(
                without_user_info(entry.url), None, 0, extra=dict(entry.extra) or None, why=str(error)
            )
        if entry.is_sitemap:
            if request.depth >= _MOST_NESTED:
                return None
            nested = self._found(request, url, depth=request.depth + 1)
            return replace(nested, input=f"sitemap:{without_user_info(entry.url)}", is_sitemap=True)
        if not self._scope.takes_line(url):
            return None
        page = self._found(request, url, depth=0)
        return replace(page, input=without_user_info(entry.url), extra=dict(entry.extra) or None)

    def _found(self, request: Request, url: str, *, depth: int) -> Found:
        trusted = request.is_trusted and request.url is not None and origin_of(url) == origin_of(request.url)
        return Found(url, url, depth, is_trusted=trusted)


def _broken(done: Done, message: str) -> Done:
    failure = Failure(type="SitemapError", message=message, phase="parse")
    return replace(done, outcome=Outcome.PARSE_ERROR, failure=failure)
