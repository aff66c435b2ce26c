"""Links and sitemaps over the wire: what they lead to, once each, and where it ends."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from scraper import Outcome
from tests.support.crawling import crawled
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, page, serving, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper import Record
    from tests.support.polite_site import Script, Site

HOST, OTHER, THIRD = "127.0.9.1", "127.0.9.2", "127.0.9.3"
ALL = {"private": "allow"}
"""Links lead to hosts that the list does not name."""


def pages(table: dict[str, Answer]) -> Script:
    """Return a script with these pages; there is nothing else, and no robots.txt."""
    return lambda ask: table.get(ask.target, NOT_FOUND)


def paths(records: Sequence[Record], site: Site, host: str = HOST) -> dict[str, int]:
    """Return the depth of each page of a host that has a record, by path."""
    origin = site.origin(host)
    return {
        record.url.removeprefix(origin): record.depth
        for record in records
        if record.url is not None and record.url.startswith(f"{origin}/")
    }


def is_asked_once(site: Site, records: Sequence[Record]) -> bool:
    """Whether no key has two records and no page was asked for twice."""
    keys = [record.key for record in records]
    return len(set(keys)) == len(keys) and set(site.times.values()) == {1}


WEB = pages(
    {
        "/": page("/a", "/b", "/a#part", "mailto:x@example.com", "/%61"),
        "/a": page("/b", "/c", "/"),
        "/b": page("c", "/skip/me"),
        "/c": page("/d"),
        "/d": page("/e"),
    }
)


async def test_links_are_followed_as_far_as_said_each_page_once() -> None:
    async with serving(WEB) as site:
        for depth, found in ((0, {"/": 0}), (1, {"/": 0, "/a": 1, "/b": 1})):
            records = await crawled([site.url(HOST)], follow={"depth": depth, "same_site": True})
            assert paths(records, site) == found
        site.times.clear()
        records = await crawled([site.url(HOST)], follow={"depth": 2, "same_site": True})

    assert paths(records, site) == {"/": 0, "/a": 1, "/b": 1, "/c": 2, "/skip/me": 2}
    assert is_asked_once(site, records)
    by_seq = {record.seq: record for record in records}
    for record in records[1:]:
        assert record.parent is not None
        assert by_seq[record.parent].depth == record.depth - 1
        assert record.input == record.url


@pytest.mark.parametrize(("same_site", "others"), [(True, {}), (False, {"/far": 1})])
async def test_other_sites_are_followed_unless_said_otherwise(
    *, same_site: bool, others: dict[str, int]
) -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/":
            return page(site.url(OTHER, "/far"), "/near")
        return NOT_FOUND if ask.target == "/robots.txt" else page()

    async with serving(script) as site:
        records = await crawled([site.url(HOST)], follow={"depth": 1, "same_site": same_site}, fetch=ALL)

    assert paths(records, site) == {"/": 0, "/near": 1}
    assert paths(records, site, OTHER) == others
    assert (site.targets(OTHER) == []) is same_site


async def test_the_site_is_that_of_the_page_after_its_redirects() -> None:
    def script(ask: Ask) -> Answer:
        match ask.host, ask.target:
            case _, "/robots.txt":
                return NOT_FOUND
            case "127.0.9.1", "/":
                return moved(site.url(OTHER, "/home/"))
            case "127.0.9.2", "/home/":
                return page("near", site.url(HOST, "/back"))
        return page()

    async with serving(script) as site:
        records = await crawled([site.url(HOST)], follow={"depth": 1, "same_site": True}, fetch=ALL)

    assert paths(records, site, OTHER) == {"/home/near": 1}
    assert "/back" not in site.targets(HOST)


async def test_include_and_exclude_choose() -> None:
    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/robots.txt":
                return NOT_FOUND
            case "/":
                return page("/shop/1", "/shop/2?print=1", "/news/1", "/shop/3")
        return page()

    chosen = {"depth": 1, "include": "/shop/", "exclude": r"\?print=|/3$"}
    async with serving(script) as site:
        lines = [site.url(HOST), site.url(HOST, "/news/9"), site.url(HOST, "/shop/3")]
        records = await crawled(lines, follow=chosen)

    assert {record.url: record.outcome.value for record in records} == {
        site.url(HOST): "ok",
        site.url(HOST, "/news/9"): "ok",  # the list says where to begin
        site.url(HOST, "/shop/3"): "filtered",
        site.url(HOST, "/shop/1"): "ok",
    }
    assert sorted(site.targets(HOST)) == ["/", "/news/9", "/robots.txt", "/shop/1"]


@pytest.mark.parametrize("honours", [False, True])
async def test_nofollow_is_honoured_on_request(*, honours: bool) -> None:
    nofollow = '<meta name="robots" content="nofollow">'
    plain = page()
    table = {
        "/": page("/says", "/header", "/c").body + b'<a rel="nofollow" href="/marked">x</a>',
        "/says": page("/by-meta", head=nofollow).body,
        "/header": page("/by-header").body,
    }

    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        tag = (("X-Robots-Tag", "noindex, nofollow"),) if ask.target == "/header" else ()
        body = table.get(ask.target, plain.body)
        return plain._replace(body=body, headers=(*plain.headers, *tag))

    async with serving(script) as site:
        records = await crawled([site.url(HOST)], follow={"depth": 2, "honour_nofollow": honours})

    found = {"/", "/says", "/header", "/c"}
    assert set(paths(records, site)) == (found if honours else found | {"/marked", "/by-meta", "/by-header"})


async def test_links_go_by_the_base_of_their_page() -> None:
    script = pages(
        {
            "/": page("x", "?q=1", "/y", head='<base href="/deep/er/index.html">'),
            "/deep/er/x": page(),
        }
    )
    async with serving(script) as site:
        records = await crawled([site.url(HOST)], follow={"depth": 1})

    assert set(paths(records, site)) == {"/", "/deep/er/x", "/deep/er/index.html?q=1", "/y"}


async def test_a_calendar_without_end_ends_by_the_number_of_urls() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        if len(site.log) > 500:
            return page()  # so that a crawl that does not end fails by its count
        day = int(ask.target.rpartition("=")[2] or 0) if "=" in ask.target else 1
        return page(f"/calendar?day={2 * day}", f"/calendar?day={2 * day + 1}")

    async with serving(script) as site:
        records = await crawled([site.url(HOST, "/")], follow={"depth": 1000, "max_urls_per_host": 150})

    assert len(records) == 1 + 150
    assert is_asked_once(site, records)


async def test_a_path_that_repeats_itself_ends_by_its_repeats() -> None:
    def script(ask: Ask) -> Answer:
        return NOT_FOUND if ask.target == "/robots.txt" else page("a/", "b/")

    async with serving(script) as site:
        records = await crawled([site.url(HOST, "/")], follow={"depth": 1000, "max_path_repeats": 2})

    found = set(paths(records, site))
    # All ways to write at most two a and two b.
    assert len(found) == 19
    assert "/a/b/b/a/" in found
    assert is_asked_once(site, records)


async def test_a_link_to_a_line_of_the_list_and_two_at_once_to_one_page_are_no_second_record() -> None:
    def script(ask: Ask) -> Answer:
        return NOT_FOUND if ask.target == "/robots.txt" else page("/0", "/%31", "/2", "/new", "/%6eew")

    async with serving(script) as site:
        lines = [site.url(HOST, f"/{n}") for n in range(12)]
        records = await crawled(lines, follow={"depth": 3}, politeness={"per_host": 8})

    assert set(paths(records, site)) == {*(f"/{n}" for n in range(12)), "/new"}
    assert is_asked_once(site, records)


async def test_a_found_page_on_another_origin_gets_no_credentials() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        return page(site.url(OTHER, "/far"), site.url(HOST, "/near"))

    async with serving(script) as site:
        await crawled(
            [site.url(HOST)], follow={"depth": 2}, fetch={"headers": {"Authorization": "s3cret"}, **ALL}
        )

    assert {entry.target for entry in site.log if "authorization" in entry.headers} == {"/", "/near"}
    assert "/far" in site.targets(OTHER)


URLSET = '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
INDEX = '<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


def listing(*urls: str, lastmod: str = "") -> Answer:
    modified = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    return text(f"{URLSET}{''.join(f'<url><loc>{url}</loc>{modified}</url>' for url in urls)}</urlset>")


async def test_an_index_leads_to_its_sitemaps_and_these_to_their_pages() -> None:
    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/robots.txt":
                return text(f"User-agent: *\nDisallow: /private\nSitemap: {site.url(HOST, '/index.xml')}")
            case "/index.xml":
                maps = "".join(
                    f"<sitemap><loc>{site.url(HOST, path)}</loc></sitemap>"
                    for path in ("/1.xml", "/2.xml.gz")
                )
                return text(f"{INDEX}{maps}</sitemapindex>")
            case "/1.xml":
                urls = [site.url(HOST, path) for path in ("/a", "/b", "/private")]
                return listing(*urls, lastmod="2026-01-31")
            case "/2.xml.gz":
                urls = [site.url(HOST, "/b"), site.url(HOST, "/c"), site.url(OTHER, "/far")]
                return text(gzip.compress(listing(*urls).body))
        return page()

    async with serving(script) as site:
        records = await crawled([f"sitemap:{site.origin(HOST)}", site.url(HOST, "/a")], fetch=ALL)

    by_input = {record.input: record for record in records}
    assert len(by_input) == len(records)
    maps = [site.url(HOST, path) for path in ("/index.xml", "/1.xml", "/2.xml.gz")]
    assert [by_input[f"sitemap:{url}"].outcome for url in maps] == [Outcome.OK] * 3
    one, two = by_input[f"sitemap:{maps[1]}"], by_input[f"sitemap:{maps[2]}"]
    assert (one.parent, by_input[f"sitemap:{maps[0]}"].parent) == (by_input[f"sitemap:{maps[0]}"].seq, 0)
    found = {record.url: record for record in records if record.parent in {one.seq, two.seq}}
    told = {(url or "").rpartition("/")[2]: record.outcome.value for url, record in found.items()}
    assert told == {"b": "ok", "private": "robots_denied", "c": "ok", "far": "ok"}
    private = found[site.url(HOST, "/private")]
    assert (private.parent, private.extra) == (one.seq, {"lastmod": "2026-01-31"})
    # The line of the list came first: what the sitemap says of it is no second record.
    assert by_input[site.url(HOST, "/a")].parent is None
    assert all(
        site.times[HOST, path] == 1 for path in ("/a", "/b", "/c", "/index.xml", "/1.xml", "/2.xml.gz")
    )
    assert site.targets(OTHER) == ["/robots.txt", "/far"]


async def test_a_host_whose_robots_txt_names_none_is_asked_at_the_usual_place() -> None:
    async with serving(
        lambda ask: (
            listing(site.url(HOST, "/a"))
            if ask.target == "/sitemap.xml"
            else page()
            if ask.target == "/a"
            else NOT_FOUND
        )
    ) as site:
        records = await crawled([f"sitemap:{site.origin(HOST)}"])

    assert [(record.input, record.parent) for record in records] == [
        (f"sitemap:{site.origin(HOST)}", None),
        (f"sitemap:{site.url(HOST, '/sitemap.xml')}", 0),
        (site.url(HOST, "/a"), 1),
    ]
    assert records[2].outcome is Outcome.OK


async def test_what_is_no_sitemap_is_told_of_and_leads_nowhere() -> None:
    script = pages({"/not.xml": page("/a"), "/a": page()})
    async with serving(script) as site:
        lines = [
            f"sitemap:{site.url(HOST, '/not.xml')}",
            f"sitemap:{site.url(HOST, '/gone.xml')}",
            "sitemap:",
        ]
        records = await crawled(lines, follow={"depth": 2})

    assert [record.outcome for record in records] == ["parse_error", "http_error", "invalid_url"]
    assert "/a" not in site.targets(HOST)


async def test_a_web_of_many_hosts_is_walked_once() -> None:
    hosts = [f"127.0.10.{number}" for number in range(1, 13)]

    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        number = int(re.sub(r"\D", "", ask.target) or 0)
        places = [(7 * number + k) % 400 for k in range(12)]
        return page(*(site.url(hosts[place % len(hosts)], f"/{place}") for place in places))

    async with serving(script) as site:
        records = await crawled(
            [site.url(hosts[0], "/0")], follow={"depth": 50}, frontier={"hosts_in_memory": 4}, fetch=ALL
        )

    assert len(records) == 400
    assert is_asked_once(site, records)
    assert {record.outcome for record in records} == {Outcome.OK}
