"""A site whose pages change between two runs, and that can tell whether they have: RFC 9110 13."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from tests.support.polite_site import NOT_FOUND, Answer, serving, serving_in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.polite_site import Ask, Site

HOST = "127.0.0.1"
MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


class Changing:
    """Pages by their targets. A text is sent with its tag and confirmed by it, an answer goes as it is."""

    def __init__(self, **pages: str | Answer) -> None:
        self.pages: dict[str, str | Answer] = {f"/{name}": page for name, page in pages.items()}
        self.site: Site
        self.headers: tuple[tuple[str, str], ...] = ()
        """Sent with every page, and with every 304."""
        self.tags = True
        self.dates = False

    def script(self, ask: Ask) -> Answer:
        """Answer a request."""
        page = self.pages.get(ask.target, NOT_FOUND)
        if isinstance(page, Answer):
            return page
        body = page.encode()
        tag = tag_of(page)
        said = (*self.headers, *([("ETag", tag)] if self.tags else []))
        said += (("Last-Modified", MODIFIED),) if self.dates else ()
        if ask.headers.get("if-none-match") == tag and self.tags:
            return Answer(status=304, headers=said)
        if self.dates and not self.tags and ask.headers.get("if-modified-since") == MODIFIED:
            return Answer(status=304, headers=said)
        return Answer(body, headers=(("Content-Type", "text/html; charset=utf-8"), *said))

    def url(self, name: str) -> str:
        """Return the URL of a page."""
        return self.site.url(HOST, f"/{name}")

    def sent(self, name: str) -> list[tuple[str | None, str | None]]:
        """Return what each request for a page said of its tag and of its date."""
        return [
            (entry.headers.get("if-none-match"), entry.headers.get("if-modified-since"))
            for entry in self.site.at(HOST)
            if entry.target == f"/{name}"
        ]

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Changing]:
        """Serve in this loop."""
        async with serving(self.script) as self.site:
            yield self

    @contextlib.contextmanager
    def serving_in_thread(self) -> Iterator[Changing]:
        """Serve in a thread, for programs."""
        with serving_in_thread(self.script) as self.site:
            yield self


def tag_of(page: str) -> str:
    """Return the tag that a page is sent with."""
    return f'"{hashlib.md5(page.encode(), usedforsecurity=False).hexdigest()}"'


def titled(title: str, *, more: str = "") -> str:
    """Return a page."""
    return f"<!doctype html><title>{title}</title>{more}<p>Words."
