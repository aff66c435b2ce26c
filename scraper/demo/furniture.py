"""What every host of the sample site has: a home page, robots.txt, a sitemap, a feed, a private room."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import msgspec

from scraper.demo.robots_files import GENTLE, GUARDED, MOVED, MOVED_TO, OVERLOADED, PRIVATE
from scraper.demo.truth import Expected, Place, Resource
from scraper.demo.voices import VOICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scraper.demo.robots_files import RobotsFile

_HTML = ("Content-Type", "text/html; charset=utf-8")
_XML = ("Content-Type", "application/xml; charset=utf-8")
_SITEMAP_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


_CLOSED_LISTED = frozenset({0, 1, 3, 5})
"""Of these hosts, by number, the list has what robots.txt closes: each in its own way, the second not."""


def _robots(host: str, *, file: RobotsFile, first: str) -> Iterator[Resource]:
    """A host's robots.txt; that of ``MOVED`` is another host's file, by a redirect."""
    if file.status == 404:  # noqa: PLR2004
        return
    place = Place(host, "/robots.txt")
    if host == MOVED:
        there = Place(first, MOVED_TO)
        yield Resource(place=place, status=301, headers=(("Location", there.url),), listed=False)
        place = there
    page = _file(place, content=file.text, content_type="text/plain; charset=utf-8", listed=False)
    yield msgspec.structs.replace(page, status=file.status)


def _unusual(robots: Mapping[str, RobotsFile], *, hosts: Sequence[str]) -> Iterator[Resource]:
    """What there is to ask for at the unusual hosts, as far as the site has them."""
    for host, paths in (
        (OVERLOADED, ("/never-seen", "/nor-this?a=b")),
        (MOVED, ("/allowed", f"{PRIVATE}elsewhere")),
        (GENTLE, tuple(f"/gentle/{number}" for number in range(4))),
        (GUARDED, ("/allowed", f"{PRIVATE}unguarded")),
    ):
        if host in robots:
            for path in paths:
                yield _short(Place(host, path), title=f"{path} of {host}")
    for name, there in (
        ("closed", Place(hosts[0], f"{PRIVATE}diary")),
        ("overloaded", Place(OVERLOADED, "/never-seen")),
    ):
        if there.host in robots:
            yield Resource(
                place=Place(hosts[-1], f"/go/{name}"),
                status=302,
                headers=(("Location", there.url),),
                leads_to=there.url,
            )


def _sitemap(places: Sequence[Place], *, root: str, item: str) -> str:
    """A sitemap, or an index of sitemaps, after sitemaps.org."""
    entries = "".join(
        f"<{item}><loc>{escape(place.url)}</loc><lastmod>2024-06-04</lastmod></{item}>\n" for place in places
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_SITEMAP_NAMESPACE}">\n{entries}</{root}>\n'
    )


def _rss(pages: Sequence[Resource], *, home: Place) -> str:
    items = "".join(
        f"<item><title>{escape(page.expected.title or '')}</title>"
        f"<link>{escape(page.place.url)}</link></item>\n"
        for page in pages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>News</title>'
        f"<link>{home.url}</link><description>All</description>\n{items}</channel></rss>\n"
    )


def _atom(pages: Sequence[Resource], *, home: Place) -> str:
    entries = "".join(
        f'<entry><title>{escape(page.expected.title or "")}</title><link href="{escape(page.place.url)}"/>'
        f"<id>{escape(page.place.url)}</id><updated>2024-06-04T10:00:00Z</updated></entry>\n"
        for page in pages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>'
        f"<id>{home.url}</id><updated>2024-06-04T10:00:00Z</updated>\n{entries}</feed>\n"
    )


def _home(place: Place, *, name: str, pages: Sequence[Resource]) -> Resource:
    links = "".join(
        f'<li><a href="{escape(page.place.encoded)}">{escape(page.expected.title or "untitled")}</a></li>\n'
        for page in pages
    )
    title = f"Welcome to {name}"
    html = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        '<link rel="alternate" type="application/rss+xml" title="RSS" href="/feed.xml">\n'
        '<link rel="alternate" type="application/atom+xml" title="Atom" href="/atom.xml">\n'
        f'<link rel="icon" href="/favicon.ico"></head><body><h1>{escape(title)}</h1>\n<ul>{links}</ul>\n'
        f'<a href="{PRIVATE}diary">Private</a></body></html>\n'
    )
    return _page(place, html=html, title=title)


def _page(place: Place, *, html: str, title: str, listed: bool = True) -> Resource:
    expected = Expected(
        status=200,
        content_type="text/html",
        parsed=True,
        title=title,
        lang="en",
        headings=((1, title),),
        charset="utf-8",
        charset_source="header",
    )
    return Resource(place=place, headers=(_HTML,), content=html, expected=expected, listed=listed)


def _short(place: Place, *, title: str, listed: bool = True) -> Resource:
    html = f"<!doctype html><html lang=en><title>{escape(title)}</title><h1>{escape(title)}</h1>"
    return _page(place, html=html, title=title, listed=listed)


def _file(place: Place, *, content: str, content_type: str, listed: bool) -> Resource:
    return Resource(
        place=place,
        headers=(("Content-Type", content_type),),
        content=content,
        expected=Expected(status=200, content_type=content_type.partition(";")[0]),
        listed=listed,
    )


def furniture(
    hosts: Sequence[str], *, pages: Sequence[Resource], robots: Mapping[str, RobotsFile]
) -> Iterator[Resource]:
    """What each ordinary host has, and every host's robots.txt.

    ``pages`` are the ordinary pages, of which each host lists its own.
    """
    for host, file in robots.items():
        yield from _robots(host, file=file, first=hosts[0])
    for index, host in enumerate(hosts):
        own = [page for page in pages if page.place.host == host]
        home = Place(host, "/")
        yield _home(home, name=VOICES[index % len(VOICES)].name, pages=own)
        places = [page.place for page in own]
        yield _file(
            Place(host, "/sitemap.xml"),
            content=_sitemap(places, root="urlset", item="url"),
            content_type=_XML[1],
            listed=index == 0,
        )
        yield _file(
            Place(host, "/feed.xml"),
            content=_rss(own[:10], home=home),
            content_type="application/rss+xml; charset=utf-8",
            listed=index == 0,
        )
        yield _file(
            Place(host, "/atom.xml"),
            content=_atom(own[:10], home=home),
            content_type="application/atom+xml",
            listed=index == 0,
        )
        yield _short(Place(host, f"{PRIVATE}diary"), title=f"Diary {index}", listed=index in _CLOSED_LISTED)
        yield _short(Place(host, f"{PRIVATE}open"), title=f"Open {index}", listed=index in _CLOSED_LISTED)
        yield _short(Place(host, "/plans.secret"), title=f"Plans {index}", listed=index in _CLOSED_LISTED)
    yield _short(Place(hosts[0], "/bare"), title="Without a scheme", listed=False)
    yield from _unusual(robots, hosts=hosts)
    yield from _site_maps(hosts, pages=pages)


def _site_maps(hosts: Sequence[str], *, pages: Sequence[Resource]) -> Iterator[Resource]:
    """On the first host: an index of all sitemaps, and one compressed sitemap of all pages."""
    first = hosts[0]
    everything = Place(first, "/sitemap-all.xml.gz")
    maps = [*(Place(host, "/sitemap.xml") for host in hosts), everything]
    yield _file(
        Place(first, "/sitemap-index.xml"),
        content=_sitemap(maps, root="sitemapindex", item="sitemap"),
        content_type=_XML[1],
        listed=True,
    )
    yield msgspec.structs.replace(
        _file(
            everything,
            content=_sitemap([page.place for page in pages], root="urlset", item="url"),
            content_type="application/gzip",
            listed=True,
        ),
        is_gzip_file=True,
    )
    yield from _mapped(first)


def _mapped(host: str) -> Iterator[Resource]:
    """An index in the list, and pages that only its sitemaps name; one of them robots.txt closes."""
    index, plain, packed = (Place(host, f"/maps/{name}") for name in ("index.xml", "one.xml", "two.xml.gz"))
    own = {
        plain: [Place(host, f"/mapped/{number}") for number in range(3)],
        packed: [Place(host, "/mapped/3"), Place(host, f"{PRIVATE}mapped")],
    }
    whole = _sitemap([plain, packed], root="sitemapindex", item="sitemap")
    yield msgspec.structs.replace(
        _file(index, content=whole, content_type=_XML[1], listed=False), listed_as_sitemap=True
    )
    for sitemap, places in own.items():
        content = _sitemap(places, root="urlset", item="url")
        yield msgspec.structs.replace(
            _file(sitemap, content=content, content_type=_XML[1], listed=False),
            is_gzip_file=sitemap is packed,
            parent=index,
        )
        for number, place in enumerate(places):
            page = _short(place, title=f"Mapped {number} of {sitemap.path}", listed=False)
            yield msgspec.structs.replace(page, parent=sitemap)
