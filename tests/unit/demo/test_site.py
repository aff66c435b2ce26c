from __future__ import annotations

import gzip
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from protego import Protego

from scraper.demo.charsets import COMMON, RARE
from scraper.demo.robots_files import UNUSUAL_HOSTS
from scraper.demo.site import Site, build_site
from scraper.demo.voices import VOICES
from scraper.record import Outcome

if TYPE_CHECKING:
    from scraper.demo.truth import Answer, Expected

PORT, DEAD = 8123, 8124
# What the bytes of each WHATWG name are in Python.
CODECS = {"shift_jis": "cp932", "euc-kr": "cp949", "windows-874": "cp874", "iso-2022-jp": "iso2022-jp"}


class Seen(HTMLParser):
    """A small reader of well-formed pages, apart from the scraper's own parsers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.titles: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.meta: dict[str, str] = {}
        self.lang: str | None = None
        self.canonical: str | None = None
        self.base: str | None = None
        self.links: list[str] = []
        self._into: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "title" or re.fullmatch("h[1-6]", tag):
            self._into = []
        elif tag == "meta" and found.get("name"):
            self.meta.setdefault(str(found["name"]), found.get("content") or "")
        elif tag == "html":
            self.lang = found.get("lang")
        elif tag == "link" and found.get("rel") == "canonical":
            self.canonical = found.get("href")
        elif tag == "base" and self.base is None:
            self.base = found.get("href")
        elif tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._into is None:
            return
        text = " ".join("".join(self._into).split())
        if tag == "title":
            self.titles.append(text)
            self._into = None
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), text))
            self._into = None


@pytest.fixture(scope="module")
def site() -> Site:
    return build_site()


@pytest.fixture(scope="module")
def rows(site: Site) -> list[Expected]:
    return site.expectations(PORT, dead_port=DEAD)


def body_at(site: Site, url: str) -> bytes:
    host, _, rest = url.removeprefix("http://").partition(":")
    return site.answer(host, rest.removeprefix(str(PORT)) or "/", port=PORT, dead_port=DEAD).body


def everything(site: Site) -> list[object]:
    return [site.answer(p.host, p.encoded, port=PORT, dead_port=DEAD) for p in site.places]


def ordinary(rows: list[Expected]) -> list[Expected]:
    kinds = "blog|shop|news|docs|wiki|forum|government|app|amp"
    return [r for r in rows if r.parsed and r.url and re.search(rf":{PORT}/({kinds})/", r.url)]


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two = build_site(7, 40), build_site(7, 40)
    assert everything(one) == everything(two)
    assert one.list_text(PORT, dead_port=DEAD) == two.list_text(PORT, dead_port=DEAD)
    assert one.expectations(PORT, dead_port=DEAD) == two.expectations(PORT, dead_port=DEAD)


def test_another_seed_gives_other_bytes() -> None:
    assert everything(build_site(7, 40)) != everything(build_site(8, 40))


def test_it_is_as_varied_as_it_says(site: Site, rows: list[Expected]) -> None:
    pages = ordinary(rows)
    assert len(pages) == 240
    assert len({row.title for row in pages}) == 240
    assert {row.lang for row in pages} == {voice.lang for voice in VOICES}
    assert {row.charset for row in pages} == {charset.name for charset in (*COMMON, *RARE)}
    assert {row.charset_source for row in pages} == {"bom", "header", "meta", "detected"}
    assert site.hosts == (*(f"127.0.0.{last}" for last in range(1, 13)), *UNUSUAL_HOSTS)
    wanted = {Outcome.OK, Outcome.DUPLICATE, Outcome.INVALID_URL, Outcome.DISCONNECTED}
    wanted |= {Outcome.ROBOTS_DENIED, Outcome.ROBOTS_UNREACHABLE}
    wanted |= {Outcome.HTTP_ERROR, Outcome.REDIRECT_ERROR, Outcome.DECODE_ERROR, Outcome.PROTOCOL_ERROR}
    assert {row.outcome for row in rows} == wanted


def test_every_ordinary_page_says_what_is_expected_of_it(site: Site, rows: list[Expected]) -> None:
    for row in ordinary(rows):
        assert row.url is not None
        assert row.charset is not None
        body = body_at(site, row.url)
        assert len(body) == row.size
        seen = Seen(body.decode(CODECS.get(row.charset, row.charset)).removeprefix("\ufeff"))
        assert seen.titles == [row.title], row.url
        assert tuple(seen.headings) == row.headings
        assert seen.meta.get("description") == row.description
        assert seen.lang == row.lang
        base = urljoin(row.url, seen.base or "")
        assert (urljoin(base, seen.canonical) if seen.canonical else None) == row.canonical


def test_a_declared_encoding_is_declared_where_it_is_said_to_be(site: Site, rows: list[Expected]) -> None:
    for row in ordinary(rows):
        assert row.url is not None
        start = body_at(site, row.url)[:1024]
        has_bom = start.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))
        assert has_bom == (row.charset_source == "bom"), row.url
        if row.charset_source in {"meta", "detected"}:
            assert (b"charset" in start) == (row.charset_source == "meta"), row.url


def test_links_of_ordinary_pages_lead_somewhere(site: Site, rows: list[Expected]) -> None:
    known = {p.url.replace("@PORT@", str(PORT)) for p in site.places}
    for row in ordinary(rows)[::7]:
        assert row.url is not None
        assert row.charset is not None
        seen = Seen(body_at(site, row.url).decode(CODECS.get(row.charset, row.charset)))
        base = urljoin(row.url, seen.base or "")
        goals = [urljoin(base, link).partition("#")[0] for link in seen.links]
        inside = [goal for goal in goals if goal.startswith("http://127.") and "/docs/v" not in goal]
        assert inside
        assert [goal for goal in inside if goal not in known] == []


def test_the_list_and_the_expectations_go_together(site: Site, rows: list[Expected]) -> None:
    text = site.list_text(PORT, dead_port=DEAD)
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines == [row.input for row in rows]
    assert [row.seq for row in rows] == list(range(len(rows)))
    assert len(text.splitlines()) > len(lines), "no comments, no blank lines"
    assert "@" not in text.replace("someone@example.org", "")


def test_duplicates_point_at_an_earlier_line_that_is_none(rows: list[Expected]) -> None:
    doubles = [row for row in rows if row.outcome is Outcome.DUPLICATE]
    assert len(doubles) == 10
    for row in doubles:
        assert row.duplicate_of is not None
        assert row.duplicate_of < row.seq
        assert rows[row.duplicate_of].outcome is Outcome.OK
    assert any(row.input == rows[row.duplicate_of or 0].input for row in doubles)


def test_no_other_lines_are_the_same(rows: list[Expected]) -> None:
    inputs = [row.input for row in rows if row.outcome is not Outcome.DUPLICATE]
    assert len(inputs) == len(set(inputs))


def test_redirects_end_where_it_is_said(site: Site, rows: list[Expected]) -> None:
    hopping = [row for row in rows if row.redirects]
    assert {row.redirects for row in hopping} == {1, 2, 3}
    for row in hopping:
        url, hops = row.url or "", 0
        while True:
            host, _, path = url.removeprefix("http://").partition(f":{PORT}")
            answer = site.answer(host, path, port=PORT, dead_port=DEAD)
            location = dict(answer.headers).get("Location")
            if location is None:
                break
            url, hops = urljoin(url, location), hops + 1
            if f":{DEAD}/" in url:
                break
        assert hops == row.redirects
        if row.final_url is not None:
            assert answer.body == body_at(site, row.final_url)
        elif f":{DEAD}/" not in url:
            place = next(place for place in site.places if place.url.replace("@PORT@", str(PORT)) == url)
            assert site.judge(place) == row.robots


def test_urls_are_those_that_end_well(site: Site, rows: list[Expected]) -> None:
    urls = site.urls(PORT)
    assert len(urls) == len(set(urls)) >= 200
    assert set(urls) == {row.url for row in rows if row.outcome is Outcome.OK}


def robots_answer(site: Site, host: str) -> Answer:
    """What a host's robots.txt comes to, its redirect followed."""
    answer = site.answer(host, "/robots.txt", port=PORT, dead_port=DEAD)
    location = dict(answer.headers).get("Location")
    if location is None:
        return answer
    there, _, path = location.removeprefix("http://").partition(f":{PORT}")
    assert there != host
    return site.answer(there, path, port=PORT, dead_port=DEAD)


def test_what_ends_well_is_allowed_and_what_is_refused_is_not(site: Site, rows: list[Expected]) -> None:
    forbidden = {place.url.replace("@PORT@", str(PORT)) for place in site.disallowed}
    assert forbidden.isdisjoint(site.urls(PORT))
    refused = [row for row in rows if row.outcome.startswith("robots_")]
    assert {row.url for row in refused if not row.redirects and f":{DEAD}/" not in str(row.url)} <= forbidden
    for row in rows:
        if row.outcome not in {Outcome.INVALID_URL, Outcome.DUPLICATE}:
            assert row.robots is not None
            assert row.robots.allowed == (row not in refused)
        else:
            assert row.robots is None


def test_robots_txt_says_what_is_said_of_it(site: Site) -> None:
    """Against another parser than the scraper's, on every place of every host."""
    judged = set()
    for place in site.places:
        said, answer = site.judge(place), robots_answer(site, place.host)
        assert said.status == answer.status
        if answer.status == 200:
            text = answer.body.decode("utf-8-sig")
            rules = Protego.parse(text)
            url = place.url.replace("@PORT@", str(PORT))
            assert said.allowed == rules.can_fetch(url, "scraper"), place
            assert said.crawl_delay == rules.crawl_delay("scraper")
            assert said.rule is None or said.rule in text
            judged.add(said.rule)
        else:
            assert said.allowed == (answer.status < 500)
            assert said.rule is None
    assert judged == {None, "Disallow: /private/", "Allow: /private/open", "Disallow: /*.secret$"}
    assert {robots_answer(site, host).status for host in site.hosts} == {200, 403, 404, 503}


def test_a_site_of_one_host_has_no_unusual_ones() -> None:
    site = build_site(1, 5, hosts=1)
    assert site.hosts == ("127.0.0.1",)
    rows = site.expectations(PORT, dead_port=DEAD)
    assert {Outcome.ROBOTS_DENIED, Outcome.ROBOTS_UNREACHABLE} <= {row.outcome for row in rows}


def test_what_is_found_is_named_by_its_sitemap_and_by_no_line(site: Site, rows: list[Expected]) -> None:
    found = site.found(PORT, dead_port=DEAD)
    assert {(row.depth, row.outcome) for row in found} == {
        (0, Outcome.OK), (0, Outcome.ROBOTS_DENIED), (1, Outcome.OK)
    }  # fmt: skip
    listed = {row.url for row in rows}
    named = set()
    for parent in {row.parent for row in found}:
        assert parent is not None
        body = body_at(site, parent)
        text = gzip.decompress(body) if parent.endswith(".gz") else body
        named |= {(parent, url) for url in re.findall("<loc>(.*?)</loc>", text.decode())}
        line = f"sitemap:{parent}"
        assert line in {row.input for row in (*found, *rows)}
    assert named == {(row.parent, row.url) for row in found}
    assert listed.isdisjoint(url for _, url in named)


def test_the_lines_that_lead_to_more_are_the_last(rows: list[Expected]) -> None:
    """Else a line after them could come in later than what they lead to, and get another number."""
    leading = [row.seq for row in rows if row.input.startswith("sitemap:")]
    assert leading == list(range(len(rows) - len(leading), len(rows)))
    assert leading


def test_the_compressed_sitemap_names_every_ordinary_page(site: Site, rows: list[Expected]) -> None:
    squeezed = site.answer("127.0.0.1", "/sitemap-all.xml.gz", port=PORT, dead_port=DEAD).body
    text = gzip.decompress(squeezed).decode()
    assert set(re.findall("<loc>(.*?)</loc>", text)) == {
        (row.url or "").replace("&", "&amp;") for row in ordinary(rows)
    }  # fmt: skip


def test_structured_data_is_json(site: Site, rows: list[Expected]) -> None:
    count = 0
    for row in ordinary(rows):
        text = body_at(site, row.url or "").decode(CODECS.get(row.charset or "", row.charset or ""))
        for block in re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL):
            assert json.loads(block)["@context"] == "https://schema.org"
            count += 1
    assert count > 50


@pytest.mark.parametrize("hosts", [1, 3, 40])
@pytest.mark.parametrize("pages", [1, 5, 60])
def test_any_size_holds_together(pages: int, hosts: int) -> None:
    site = build_site(3, pages, hosts=hosts)
    rows = site.expectations(PORT, dead_port=DEAD)
    assert len(ordinary(rows)) == pages
    assert {row.charset_source for row in ordinary(rows)} <= {"bom", "header", "meta", "detected"}
    assert {place.host for place in site.places} <= set(site.hosts)
    for row in rows:
        if row.outcome is Outcome.OK and "localhost" not in (row.final_url or ""):
            assert body_at(site, row.final_url or "") or row.size == 0


def test_an_unknown_path_is_not_found(site: Site) -> None:
    assert site.answer("127.0.0.1", "/no/such/page", port=PORT, dead_port=DEAD).status == 404
    assert site.answer("127.9.9.9", "/", port=PORT, dead_port=DEAD).status == 404


@pytest.mark.parametrize(("pages", "hosts"), [(0, 1), (1, 0), (1, 255)])
def test_bad_sizes_are_refused(pages: int, hosts: int) -> None:
    with pytest.raises(ValueError, match="site"):
        build_site(1, pages, hosts=hosts)
