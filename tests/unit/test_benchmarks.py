"""The yardstick measures the same work: the bare script's records agree with the program's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import scraper
from scraper.demo.pages import KINDS
from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from scraper.settings.model import PolitenessSettings, RunSettings
from tests.benchmarks import against_bare, bare
from tests.support.processes import records_in, write_list

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# What a record says of its page; times and what depends on the moment are left out.
FIELDS = (
    "seq", "url", "final_url", "status", "headers", "content_type", "size",
    "title", "description", "canonical", "lang", "headings", "og", "twitter",
    "links", "images", "forms", "scripts", "iframes",
    "word_count", "text_length", "text_sha256", "body_sha256",
)  # fmt: skip
BULK = 20
ORDINARY = 20


@pytest.fixture
async def server() -> AsyncIterator[SampleServer]:
    # One host, so that systems with a single loopback address can serve it.
    async with SampleServer(build_site(1, 60, hosts=1), any_host=True) as running:
        yield running


def ordinary_pages(server: SampleServer) -> list[str]:
    """Addresses of the ordinary pages declared as UTF-8: the bare script is not made for oddities."""
    places = [place for place in server.site.places if place.path.split("/")[1] in KINDS]
    wanted = {server.url(quote(place.path, safe="/?=&")) for place in places}
    rows = server.expectations()
    plain = [row for row in rows if row.charset == "utf-8" and row.charset_source == "header"]
    return sorted({str(row.url) for row in plain if row.url in wanted})


async def both(urls: list[str], *, folder: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The records of the program and of the bare script, in pairs, in the order of the list."""
    listed = write_list(folder / "urls.txt", urls)
    settings = scraper.Settings(
        politeness=PolitenessSettings(delay_s=0.0, per_host=8), run=RunSettings(workers=8)
    )
    await scraper.crawl_to_files([listed], folder / "program.jsonl", settings=settings)
    await bare.main(listed, folder / "bare.jsonl")
    theirs, ours = (
        sorted(records_in(folder / name, are_whole=False), key=lambda record: record["seq"])
        for name in ("program.jsonl", "bare.jsonl")
    )
    return list(zip(theirs, ours, strict=True))


def differences(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[str]:
    """Where two records are not the same; what is empty may be left out of one."""
    for pair in pairs:
        for record in pair:
            record["headers"].pop("date", None)  # two answers, two moments
    return [
        f"{program['url']} {name}: {bare_one.get(name)!r}, the program has {program.get(name)!r}"
        for program, bare_one in pairs
        for name in FIELDS
        if (program.get(name) or None) != (bare_one.get(name) or None)
    ]


async def test_bulk_pages_give_the_same_record(server: SampleServer, tmp_path: Path) -> None:
    urls = [server.url(f"/bulk/{number}?size={400 + 1000 * number}") for number in range(BULK)]
    pairs = await both(urls, folder=tmp_path)
    assert [program["title"] for program, _ in pairs] == [f"Bulk {number}" for number in range(BULK)]
    assert differences(pairs) == []


async def test_ordinary_pages_give_the_same_record(server: SampleServer, tmp_path: Path) -> None:
    urls = ordinary_pages(server)
    assert len(urls) >= ORDINARY
    pairs = await both(urls, folder=tmp_path)
    assert differences(pairs) == []
    # Pages without any of it would agree on nothing.
    programs = [program for program, _ in pairs]
    assert any(program.get("description") for program in programs)
    assert any(program.get("headings") for program in programs)
    assert any(program["links"]["external"] for program in programs)
    assert any(program["images"]["total"] for program in programs)


async def test_what_is_left_out_of_the_text_and_what_is_no_link() -> None:
    html = b"""<!doctype html><html lang=en><title>T</title><meta property=og:title content=" A  b ">
        <script>one()</script><style>p{}</style><template><p>two</template><noscript>three</noscript>
        <body><h2>A <b>bo</b>ld one</h2><p hidden>four</p><p>in<b>li</b>ne</p><p>apart</p>
        <a href=/x>1</a><a href=http://a.example/y rel="ugc nofollow">2</a><a href=//b.example/>3</a>
        <a href=mailto:x@y.example>4</a><a>5</a><a href=http.html>6</a>
        <img><img alt=""><form></form><iframe>six</iframe>
        <script>seven()</script><style>eight{}</style>"""
    page = bare.extract(html, url="http://a.example/", charset=None)
    assert page["word_count"] == len(["A", "bold", "one", "inline", "apart", "123", "456"])
    assert page["headings"] == [{"level": 2, "text": "A bold one"}]
    assert page["og"] == {"title": ["A b"]}
    assert page["links"] == {"internal": 3, "external": 1, "nofollow": 1, "total": 4}
    assert page["images"] == {"total": 2, "missing_alt": 1}
    assert [page[name] for name in ("forms", "scripts", "iframes")] == [1, 2, 1]


def test_each_pair_is_compared_with_itself() -> None:
    def pair(program_s: float, bare_s: float) -> against_bare.Pair:
        return against_bare.Pair(
            against_bare.Took(program_s, program_s * 2, 100), against_bare.Took(bare_s, bare_s, 100)
        )

    # Medians of each side alone would say 3.0 / 1.0.
    pairs = [pair(1.0, 1.0), pair(3.0, 2.0), pair(12.0, 1.0)]
    assert [one.ratio for one in pairs] == [1.0, 1.5, 12.0]
    lines = against_bare.summary(pairs, pages=300).splitlines()
    assert lines[0].split()[2:6] == ["3.00", "s,", "100", "pages/s,"]
    assert lines[2].split()[3:] == ["median", "1.50,", "1.00", "to", "12.00"]
    assert lines[3].split()[3:] == ["median", "3.00,", "2.00", "to", "24.00"]


def test_hosts_are_taken_in_turn() -> None:
    urls = against_bare.bulk_urls(600, port=80, hosts=500, size_bytes=1024)
    hosts = [url.split("/")[2] for url in urls]
    assert len(set(hosts)) == 500
    assert hosts[500:] == hosts[:100]


@pytest.mark.parametrize(("content", "count"), [(b"", 0), (b"ok\nbad\nok\n", 2), (b'"ok"\n', 1)])
def test_good_records_are_counted(tmp_path: Path, content: bytes, count: int) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)
    assert against_bare.good_records(path, mark=b"ok") == count


def test_a_torn_output_is_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"ok\nok")
    with pytest.raises(SystemExit, match=r"out\.jsonl ends in a torn line"):
        against_bare.good_records(path, mark=b"ok")
