"""The sample site, crawled by the real program: every record against what is true of its page."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from tests.support.processes import records_in, scrape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scraper.demo.truth import Expected

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has only one loopback address")

PAGES = 120
OF_THE_PAGE = ("title", "description", "lang", "canonical", "charset_source")


@contextmanager
def served(server: SampleServer) -> Iterator[SampleServer]:
    """Serve in a thread of its own, so that the test can wait for the program meanwhile."""
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield server
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(20)


def differences(record: dict[str, Any], expected: Expected) -> Iterator[str]:
    """Say in what a record is not as it should be."""

    def compare(name: str, found: object, wanted: object) -> Iterator[str]:
        if found != wanted:
            yield f"{name}: {found!r}, not {wanted!r}"

    yield from compare("outcome", record["outcome"], expected.outcome)
    yield from compare("input", record["input"].strip(), expected.input.strip())
    yield from compare("duplicate_of", record["duplicate_of"], expected.duplicate_of)
    if expected.url is not None:
        yield from compare("url", record["url"], expected.url)
    if expected.status is not None:
        for name in ("status", "final_url", "content_type"):
            yield from compare(name, record.get(name), getattr(expected, name))
        yield from compare("redirects", len(record.get("redirects", [])), expected.redirects)
    if expected.size is not None:
        yield from compare("size", record.get("size"), expected.size)
    if expected.parsed and expected.charset is not None:
        for name in OF_THE_PAGE:
            yield from compare(name, record.get(name), getattr(expected, name))
        yield from compare("charset", str(record.get("charset")).lower(), expected.charset.lower())
        headings = tuple((heading["level"], heading["text"]) for heading in record.get("headings", []))
        yield from compare("headings", headings, expected.headings)
    elif not expected.parsed and expected.outcome == "ok":
        yield from compare("title of what is no page", record.get("title"), None)


@pytest.mark.parametrize("parser", ["fast", "beautifulsoup"])
def test_every_record_of_the_sample_site_is_true(tmp_path: Path, parser: str) -> None:
    with served(SampleServer(build_site(7, PAGES, hosts=12))) as server:
        sources, output = tmp_path / "urls.txt", tmp_path / "pages.jsonl"
        sources.write_text(server.list_text(), encoding="utf-8")
        quick = ("--delay", "0", "--per-host", "8", "--set", "retry.base_s=0.05")
        ended = scrape("crawl", sources, "-o", output, "--parser", parser, *quick)
        expected = {one.seq: one for one in server.expectations()}

    assert ended.code == 0, ended.err
    records = {record["seq"]: record for record in records_in(output)}
    assert sorted(records) == sorted(expected)
    wrong = [
        f"{seq} {wanted.input}: {difference}"
        for seq, wanted in expected.items()
        for difference in differences(records[seq], wanted)
    ]
    assert not wrong, "\n".join(wrong)
    assert len({record["run"] for record in records.values()}) == 1


def test_a_difference_is_seen() -> None:
    site = build_site(7, 3, hosts=1)
    wanted = next(one for one in site.expectations(80, dead_port=1) if one.parsed and one.title)
    record = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    record |= {
        "redirects": [None] * wanted.redirects,
        "headings": [{"level": level, "text": text} for level, text in wanted.headings],
    }
    assert not list(differences(record, wanted))
    for name in ("outcome", "status", "final_url", "size", *OF_THE_PAGE, "charset"):
        assert len(list(differences(record | {name: "something else"}, wanted))) == 1, name
