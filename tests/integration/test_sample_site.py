"""The sample site, crawled by the real program: every record against what is true of its page."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin

import msgspec
import pytest

from scraper.demo.pages import KINDS
from scraper.demo.robots_files import OVERLOADED, PRIVATE
from scraper.demo.server import LoggedRequest, SampleServer
from scraper.demo.site import build_site
from scraper.demo.truth import Place, bind
from tests.support.processes import records_in, scrape, write_list
from tests.support.sample_site import served

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from scraper.demo.truth import Expected

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has only one loopback address")

PAGES = 120
SITE = build_site(7, PAGES, hosts=12)
OF_THE_PAGE = ("title", "description", "lang", "canonical", "charset_source")
QUICK = (
    *("--delay", "0", "--per-host", "8"),
    *("--set", "retry.base_s=0.05", "--set", "politeness.max_delay_s=0.05"),
)
"""For hosts that are our own."""


def compare(name: str, found: object, wanted: object) -> Iterator[str]:
    if found != wanted:
        yield f"{name}: {found!r}, not {wanted!r}"


def differences(record: dict[str, Any], expected: Expected) -> Iterator[str]:
    """Say in what a record is not as it should be."""
    yield from compare("outcome", record["outcome"], expected.outcome)
    yield from compare("input", record["input"].strip(), expected.input.strip())
    for name in ("duplicate_of", "depth"):
        yield from compare(name, record[name], getattr(expected, name))
    yield from compare("robots", record.get("robots"), msgspec.to_builtins(expected.robots))
    if expected.url is not None:
        yield from compare("url", record["url"], expected.url)
    if expected.error_type is not None:
        yield from compare("error", (record.get("error") or {}).get("type"), expected.error_type)
    if expected.status is not None:
        for name in ("status", "final_url", "content_type"):
            yield from compare(name, record.get(name), getattr(expected, name))
    if expected.status is not None or expected.outcome.startswith("robots_"):
        yield from compare("redirects", len(record.get("redirects", [])), expected.redirects)
    if expected.size is not None:
        yield from compare("size", record.get("size"), expected.size)
    if expected.parsed and expected.charset is not None:
        yield from differences_in_page(record, expected)
    elif not expected.parsed and expected.outcome == "ok":
        yield from compare("title of what is no page", record.get("title"), None)


def differences_in_page(record: dict[str, Any], expected: Expected) -> Iterator[str]:
    for name in OF_THE_PAGE:
        yield from compare(name, record.get(name), getattr(expected, name))
    yield from compare("charset", str(record.get("charset")).lower(), str(expected.charset).lower())
    headings = tuple((heading["level"], heading["text"]) for heading in record.get("headings", []))
    yield from compare("headings", headings, expected.headings)
    yield from compare("refresh", record.get("refresh"), msgspec.to_builtins(expected.refresh))


ALL = ("--private", "allow")
"""Where redirects, links and sitemaps lead to hosts that the list does not name."""


def crawled(folder: Path, *words: str | Path) -> list[dict[str, Any]]:
    """Run the program to its end and return the records; fails when the run was not complete."""
    output = folder / "pages.jsonl"
    ended = scrape("crawl", *words, "-o", output, *QUICK)
    assert ended.code == 0, ended.err
    return records_in(output)


@pytest.mark.parametrize("parser", ["fast", "beautifulsoup"])
def test_every_record_of_the_sample_site_is_true(tmp_path: Path, parser: str) -> None:
    with served(SampleServer(SITE)) as server:
        sources = tmp_path / "urls.txt"
        sources.write_text(server.list_text(), encoding="utf-8")
        records = crawled(tmp_path, sources, "--parser", parser)
        listed, found = server.expectations(), server.found()

    numbered = {record["seq"]: record for record in records}
    by_input = {record["input"]: record for record in records}
    assert sorted(numbered) == list(range(len(listed) + len(found)))
    pairs = [(numbered[one.seq], one) for one in listed] + [(by_input[one.input], one) for one in found]
    wrong = [f"{one.seq} {one.input}: {said}" for record, one in pairs for said in differences(record, one)]
    assert not wrong, "\n".join(wrong)
    for one in listed:
        assert numbered[one.seq]["parent"] is None
    for one in found:
        assert numbered[by_input[one.input]["parent"]]["url"] == one.parent
    assert len({record["run"] for record in records}) == 1
    assert not forbidden(server.requests_log)


def forbidden(log: Iterable[LoggedRequest]) -> list[tuple[str, str]]:
    """What was asked for against what robots.txt says."""
    closed = {(place.host, place.encoded) for place in SITE.disallowed}
    return [
        (asked.host, asked.path)
        for asked in log
        if asked.path != "/robots.txt" and (asked.host == OVERLOADED or (asked.host, asked.path) in closed)
    ]


def test_what_is_asked_for_against_robots_txt_is_seen() -> None:
    asked = [("127.0.0.1", "/"), ("127.0.0.1", f"{PRIVATE}diary"), ("127.0.0.2", f"{PRIVATE}diary")]
    asked += [(OVERLOADED, "/robots.txt"), (OVERLOADED, "/x")]
    log = [LoggedRequest(0.0, host, path, None) for host, path in asked]
    assert forbidden(log) == [("127.0.0.1", f"{PRIVATE}diary"), (OVERLOADED, "/x")]


class Anchors(HTMLParser):
    """Where the links of a page lead, by another parser than the scraper's."""

    def __init__(self, html: str, *, url: str) -> None:
        super().__init__()
        self._base: str | None = None
        self._url = url
        self._hrefs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if href and tag == "base" and self._base is None:
            self._base = href
        elif href and tag == "a":
            self._hrefs.append(href)

    def targets(self) -> set[str]:
        base = urljoin(self._url, self._base or "")
        return {urldefrag(urljoin(base, href)).url for href in self._hrefs}


def outcome_of(place: Place) -> str:
    """What comes of a plain page, were it asked for."""
    if not SITE.judge(place).allowed:
        return "robots_denied"
    return "ok" if place in SITE.places else "http_error"


def place_of(url: str) -> Place:
    host, _, rest = url.removeprefix("http://").partition(":")
    return Place(host, unquote(rest[rest.index("/") :]))


def within_reach(start: str, *, port: int) -> dict[str, str]:
    """The pages of the site that links lead to from one of them, and what comes of each."""
    reached: dict[str, str] = {}
    waiting = [start]
    while waiting:
        url = waiting.pop()
        if url in reached:
            continue
        place = place_of(url)
        reached[url] = outcome_of(place)
        if reached[url] == "ok":
            html = SITE._resources[place].content
            assert isinstance(html, str)
            targets = Anchors(bind(html, port=port, dead_port=0), url=url).targets()
            waiting += (target for target in targets if target.startswith("http://127."))
    return reached


def outcomes(records: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {record["url"]: record["outcome"] for record in records}


def ordinary(*, host: str = "") -> list[Place]:
    """The ordinary pages, of one host or of all."""
    kinds = tuple(f"/{kind}/" for kind in KINDS)
    return [p for p in SITE.places if p.path.startswith(kinds) and p.host.startswith(host)]


def test_a_crawl_by_links_reaches_what_links_lead_to(tmp_path: Path) -> None:
    with served(SampleServer(SITE)) as server:
        # So deep that it does not matter by which of its ways a page is found first.
        words = ("--depth", "1000", "--include", r"^http://127\.")
        records = crawled(tmp_path, server.url(), *words, *ALL)
    expected = within_reach(server.url(), port=server.port)
    assert outcomes(records) == expected
    assert {bind(place.url, port=server.port, dead_port=0) for place in ordinary()} <= expected.keys()
    assert set(expected.values()) == {"ok", "http_error", "robots_denied"}
    assert not forbidden(server.requests_log)
    assert_children(records)


def assert_children(records: list[dict[str, Any]]) -> None:
    """Each record but that of the start is one link further than its parent, a page that is good."""
    by_seq = {record["seq"]: record for record in records}
    assert len(by_seq) == len(records)
    for record in records:
        if record["seq"] == 0:
            assert (record["depth"], record["parent"]) == (0, None)
        else:
            parent = by_seq[record["parent"]]
            assert parent["outcome"] == "ok"
            assert record["depth"] == parent["depth"] + 1


def test_a_crawl_of_one_depth_on_its_own_sites_reaches_what_their_homes_list(tmp_path: Path) -> None:
    hosts = SITE.hosts[:12]
    with served(SampleServer(SITE)) as server:
        homes = [server.url(host=host) for host in hosts]
        listed = write_list(tmp_path / "homes.txt", homes)
        records = crawled(tmp_path, listed, "--depth", "1", "--same-site")
    diaries = [Place(host, f"{PRIVATE}diary") for host in hosts]
    places = [*(Place(host, "/") for host in hosts), *ordinary(), *diaries]
    assert outcomes(records) == {
        bind(place.url, port=server.port, dead_port=0): outcome_of(place) for place in places
    }
    assert sum(record["outcome"] == "robots_denied" for record in records) == len(hosts) - 1


def test_a_crawl_by_an_index_of_sitemaps_reaches_every_page_once(tmp_path: Path) -> None:
    with served(SampleServer(SITE)) as server:
        index = f"sitemap:{server.url('/sitemap-index.xml')}"
        records = crawled(tmp_path, index, *ALL)
    maps = [f"sitemap:{server.url('/sitemap.xml', host=host)}" for host in SITE.hosts[:12]]
    maps += [index, f"sitemap:{server.url('/sitemap-all.xml.gz')}"]
    pages = [bind(place.url, port=server.port, dead_port=0) for place in ordinary()]
    assert sorted(record["input"] for record in records) == sorted([*maps, *pages])
    assert {record["outcome"] for record in records} == {"ok"}
    by_seq = {record["seq"]: record["input"] for record in records}
    parents = {record["input"]: by_seq.get(record["parent"]) for record in records}
    assert {parents[one] for one in maps if one != index} == {index}
    assert {parents[one] for one in pages} <= set(maps)


def test_a_host_alone_leads_to_its_sitemap(tmp_path: Path) -> None:
    host = "127.0.0.3"
    with served(SampleServer(SITE)) as server:
        records = crawled(tmp_path, f"sitemap:{server.url('/', host=host)}")
    pages = [bind(place.url, port=server.port, dead_port=0) for place in ordinary(host=host)]
    ways = [server.url(path, host=host) for path in ("/robots.txt", "/sitemap.xml")]
    assert outcomes(records) == dict.fromkeys((*ways, *pages), "ok")


@pytest.mark.parametrize("follows", [True, False])
def test_a_page_that_sends_its_readers_on_is_followed_on_demand(tmp_path: Path, *, follows: bool) -> None:
    with served(SampleServer(SITE)) as server:
        one = next(e for e in server.expectations() if str(e.url).endswith("/go/refresh"))
        switch = ("--set", f"follow.meta_refresh={str(follows).lower()}")
        (record,) = crawled(tmp_path, str(one.url), *switch, *ALL)
    assert one.refresh is not None
    assert one.refresh.url != one.url
    assert record["final_url"] == (one.refresh.url if follows else one.url)
    assert record["title"] == ("Landed there" if follows else "Moved on")


def test_a_difference_is_seen() -> None:
    rows = build_site(7, 3, hosts=1).expectations(80, dead_port=1)
    wanted = next(one for one in rows if one.refresh and one.canonical is None and one.title)
    record = msgspec.to_builtins(wanted)
    record |= {
        "error": None,
        "redirects": [None] * wanted.redirects,
        "headings": [{"level": level, "text": text} for level, text in wanted.headings],
    }
    assert not list(differences(record, wanted))
    for name in (
        "outcome",
        "status",
        "final_url",
        "size",
        "robots",
        "depth",
        "refresh",
        *OF_THE_PAGE,
        "charset",
    ):
        assert len(list(differences(record | {name: "something else"}, wanted))) == 1, name
    refused = next(one for one in rows if one.error_type)
    record = msgspec.to_builtins(refused) | {"error": {"type": "ETIMEDOUT"}, "redirects": [None, None]}
    assert len(list(differences(record, refused))) == 2
