"""Redirects of every status and form, to good ends and bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.demo.short_pages import HTML, markup, seen
from scraper.demo.truth import DEAD_PORT, PORT, Expected, Place, Resource
from scraper.record import Outcome, Refresh, Robots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Locate = Callable[[str], Place]

DEAD = Expected(outcome=Outcome.ROBOTS_UNREACHABLE, error_type="ECONNREFUSED", robots=Robots(allowed=False))
"""What comes of a URL at the dead port: not even robots.txt can be had."""
_MOST_REDIRECTS = 10
"""What a scraper follows by default."""


def redirects(locate: Locate) -> Iterator[Resource]:
    """Redirects of every status and form, to good ends and bad ones."""
    goal, there = locate("/landed/here"), locate("/landed/there")
    raw = locate("/landed/записки")
    for place, title in ((goal, "Landed"), (there, "Landed there"), (raw, "Записки")):
        yield Resource(
            place=place, headers=(HTML,), content=markup(title), expected=seen(title), listed=place is goal
        )

    def hop(name: str, location: str, next_url: str, *, status: int = 302) -> Resource:
        return Resource(
            place=locate(f"/go/{name}"),
            status=status,
            headers=(("Location", location), HTML),
            content="<title>Moved</title>",
            leads_to=next_url,
        )

    for status in (301, 302, 303, 307, 308):
        yield hop(str(status), goal.url, goal.url, status=status)
    near = Place(locate("/go/relative").host, "/landed-near/relative")
    yield hop("relative", "../landed-near/relative", near.url)
    yield Resource(
        place=near,
        headers=(HTML,),
        content=markup("Landed"),
        expected=seen("Landed"),
        listed=False,
    )
    yield hop("cross-host", there.url, there.url, status=301)
    yield hop("scheme-relative", there.url.removeprefix("http:"), there.url)
    yield hop("raw-utf8", f"http://{raw.host}:{PORT}{raw.path}", raw.url)
    yield Resource(
        place=locate("/go/refresh"),
        headers=(HTML,),
        content=f'{markup("Moved on")}<meta http-equiv="Refresh" content="0; URL={there.url}">',
        expected=msgspec.structs.replace(seen("Moved on"), refresh=Refresh(delay=0.0, url=there.url)),
    )
    chain = [locate(f"/go/chain-{index}") for index in range(3)]
    for index, target in enumerate([*chain[1:], goal]):
        yield hop(f"chain-{index}", target.url, target.url, status=(301, 302, 307)[index])
    yield from bad_redirects(locate)


def bad_redirects(locate: Locate) -> Iterator[Resource]:
    """Redirects that end nowhere."""

    def lost(name: str, location: str | None, *, listed: bool = True, ends_at: str | None = None) -> Resource:
        return Resource(
            place=locate(f"/go/{name}"),
            status=302,
            headers=(("Location", location),) if location is not None else (),
            expected=Expected(outcome=Outcome.REDIRECT_ERROR),
            listed=listed,
            ends_at=locate(ends_at) if ends_at else None,
        )

    yield lost("self", locate("/go/self").url)
    yield lost("loop-a", locate("/go/loop-b").url, ends_at="/go/loop-b")
    yield lost("loop-b", locate("/go/loop-a").url, listed=False)
    for index in range(25):
        last = f"/go/many-{_MOST_REDIRECTS}"
        yield lost(f"many-{index}", locate(f"/go/many-{index + 1}").url, listed=index == 0, ends_at=last)
    yield lost("nowhere", None)
    yield lost("mail", "mailto:someone@example.org")
    yield lost("no-host", "http://")
    yield Resource(
        place=locate("/go/dead-port"),
        status=302,
        headers=(("Location", f"http://127.0.0.1:{DEAD_PORT}/gone"),),
        expected=msgspec.structs.replace(DEAD, redirects=1),
    )
