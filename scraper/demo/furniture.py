"""What every host of the sample site has: a home page, robots.txt, a sitemap, a feed, a private room."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from scraper.demo.truth import PORT, Expected, Place, Resource
from scraper.demo.voices import VOICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HTML = ("Content-Type", "text/html; charset=utf-8")
_XML = ("Content-Type", "application/xml; charset=utf-8")
_SITEMAP_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PRIVATE = "/private/"
"""The room that robots.txt closes; linked to, not in the list."""


def _robots(index: int, *, host: str) -> str:
    """The rules of a host: in turn for all, for us by name, with a delay, with patterns."""
    rules = (
        f"User-agent: *\nDisallow: {PRIVATE}\n",
        (
            "User-agent: otherbot\nDisallow: /\n\n"
            f"User-agent: scraper\nDisallow: {PRIVATE}\nAllow: {PRIVATE}open\n"
        ),
        f"# be gentle\nUser-agent: *\nCrawl-delay: 0.2\nDisallow: {PRIVATE}\n",
        f"\ufeffUser-Agent: *\r\nDisallow: /*.secret$\r\nDisallow: {PRIVATE}\r\n",
    )
    return f"{rules[index % len(rules)]}\nSitemap: http://{host}:{PORT}/sitemap.xml\n"


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


def _file(place: Place, *, content: str, content_type: str, listed: bool, coding: str = "") -> Resource:
    return Resource(
        place=place,
        headers=(("Content-Type", content_type),),
        content=content,
        coding=coding,
        expected=Expected(status=200, content_type=content_type.partition(";")[0]),
        listed=listed,
    )


def furniture(hosts: Sequence[str], *, pages: Sequence[Resource]) -> Iterator[Resource]:
    """What each host has; ``pages`` are the ordinary pages, of which each host lists its own."""
    for index, host in enumerate(hosts):
        own = [page for page in pages if page.place.host == host]
        home = Place(host, "/")
        yield _home(home, name=VOICES[index % len(VOICES)].name, pages=own)
        if index != 1:  # the second host has no robots.txt: 404 allows all (RFC 9309 2.3.1.3)
            yield _file(
                Place(host, "/robots.txt"),
                content=_robots(index, host=host),
                content_type="text/plain; charset=utf-8",
                listed=False,
            )
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
        diary = f"<!doctype html><html lang=en><title>Diary {index}</title><h1>Diary {index}</h1>"
        yield _page(Place(host, f"{PRIVATE}diary"), html=diary, title=f"Diary {index}", listed=False)
    bare = "<!doctype html><html lang=en><title>Without a scheme</title><h1>Without a scheme</h1>"
    yield _page(Place(hosts[0], "/bare"), html=bare, title="Without a scheme", listed=False)
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
    yield _file(
        everything,
        content=_sitemap([page.place for page in pages], root="urlset", item="url"),
        content_type=_XML[1],
        coding="gzip",
        listed=False,
    )
