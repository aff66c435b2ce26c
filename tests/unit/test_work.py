"""How much work the hot path does for an input that is always the same.

No clock is asked: what counts is how often Python calls a function, its own or one in C, how much memory is
held at once, and what is asked of SQLite and of the disk. These are the same in every run of one version of
Python, so a loop that came in where there was none shows here before a benchmark would notice it among the
noise.

A budget is what was measured by Python 3.11, rounded, and a twentieth more is allowed: resolving each link of
a page once more is a tenth. Python 3.12 and 3.13 come to the same within three hundredths. When a change is
worth its price, write the number that the failure tells into the table, and say in the commit what it buys.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sqlite3
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
import pytest

from scraper import record_line
from scraper.fetch import http
from scraper.messages import Finished
from scraper.parse.page import PageParser
from scraper.settings.model import ParseSettings, Settings
from scraper.sinks.jsonl import JsonLinesJournal
from scraper.verdict.retries import RunBudget
from scraper.visit.assembly import product_token, visitor_for
from tests.benchmarks.real_pages import real_page
from tests.support.crawling import run_to_file
from tests.support.fakes import FakeClock, FakeFetcher, FakeState, batch, finished, play, request, response
from tests.unit.frontier.steps import frontier_of, visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from types import FrameType

# What the tracer of coverage allocates and calls would count as well.
pytestmark = pytest.mark.no_cover

BUDGETS: Final = {
    # A page of 109 KB with 173 links, all listed.
    "calls to parse a page": 9_150,
    "bytes held to parse a page": 875_000,
    # From the request to the line of JSON, without the network: what every page costs, however small.
    "calls of 20 visits": 8_200,
    # A thousand lines of 50 hosts taken in, handed out, visited in no time and noted as done, one by one.
    "calls to admit 1,000 lines": 29_900,
    "calls to hand out 1,000 lines": 231_000,
    # Calls of the event loop's thread; what a batch has in it makes no difference.
    "calls to write 256 records": 270,
    "syncs to write 256 records": 1,
    # A whole crawl of a thousand lines, 100 records a batch.
    "statements of a crawl of 1,000 lines": 165,
    "syncs of a crawl of 1,000 lines": 11,
}
_TOLERANCE: Final = 1.05


def hold(name: str, measured: int) -> None:
    """Fail when something took more than its budget."""
    allowed = BUDGETS[name] * _TOLERANCE
    assert measured <= allowed, (
        f"{name}: {measured:,} measured, {allowed:,.0f} allowed (the budget of {BUDGETS[name]:,} and 5 %)."
        f" If that is worth it, write {measured:,} into BUDGETS of {__file__}"
    )


class Calls:
    """Counts the calls of this thread while its block runs."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()  # a collection may call finalisers of other tests' objects
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        gc.enable()

    def _note(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            self.count += 1


def peak_bytes(act: Callable[[], object]) -> int:
    """Return how much memory is held at once while something is done."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.fixture
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what holds each record of a test to the schema."""
    monkeypatch.setattr(record_line, "_encode", msgspec.json.Encoder().encode)


def test_parsing_a_page() -> None:
    body, parser = real_page(7), PageParser(ParseSettings(links=True))

    def parse() -> None:
        parser.parse(body=body, url="https://a.example/", content_type_charset="utf-8", links=True)

    parse()  # fills the caches
    with Calls() as calls:
        parse()
    hold("calls to parse a page", calls.count)
    hold("bytes held to parse a page", peak_bytes(parse))


TINY = b"<!doctype html><title>A page</title><meta name=description content=Short><p>Words <a href=/b>and</a>"


@pytest.mark.usefixtures("_unchecked")
def test_visits() -> None:
    settings = Settings()
    answer = response("https://a.example/", headers=[("content-type", "text/html; charset=utf-8")], body=TINY)
    visitor = visitor_for(
        settings,
        FakeFetcher(lambda _: answer),
        token=product_token(settings),
        run="work",
        clock=FakeClock(),
        budget=RunBudget(settings.retry),
    )

    async def twenty_visits() -> None:
        for number in range(20):
            verdict, _ = await visitor.visit(request("https://a.example/", seq=number), departs=_nothing)
            assert isinstance(verdict, Finished)

    async def act() -> int:
        await twenty_visits()
        with Calls() as calls:
            await twenty_visits()
        return calls.count

    hold("calls of 20 visits", asyncio.run(act()))


def _nothing() -> None: ...


def test_the_frontier() -> None:
    async def act(clock: FakeClock, *, count: int = 1000) -> tuple[int, int]:
        lines = batch(*(f"http://h{n % 50}.example/{n}" for n in range(count)), ended=True)
        state = FakeState()
        frontier = frontier_of(state, clock, hosts_in_memory=100)
        with Calls() as admitting:
            await frontier.admit(lines)
        await frontier.seal()
        with Calls() as handing_out:
            for done in range(count):
                await frontier.finish([finished(await visit(frontier, clock))], output_bytes=done)
        assert frontier.is_over
        state.store.close(remove=False)
        return admitting.count, handing_out.count

    play(partial(act, count=50))  # fills the caches
    admitting, handing_out = play(act)
    hold("calls to admit 1,000 lines", admitting)
    hold("calls to hand out 1,000 lines", handing_out)


class Syncs:
    """Counts the calls of ``os.fsync`` in all threads, and makes none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(os, "fsync", self._note)

    def _note(self, _descriptor: int) -> None:
        self.count += 1


async def test_the_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    syncs = Syncs(monkeypatch)
    lines = [b'{"seq":%d,"title":"A page"}\n' % n for n in range(256)]
    # With more than one, a busy machine starts the second when the first has not yet said that it is idle.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    journal = await JsonLinesJournal.create(tmp_path / "pages.jsonl")
    try:
        await journal.append(lines)
        before = syncs.count
        with Calls() as calls:
            await journal.append(lines)
    finally:
        await journal.close()
    hold("calls to write 256 records", calls.count)
    hold("syncs to write 256 records", syncs.count - before)


class Statements:
    """Counts what the state asks SQLite for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", self._connected)

    def _connected(self, *words: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._connect(*words, **options)
        connection.set_trace_callback(self._note)
        return connection

    def _note(self, _statement: str) -> None:
        self.count += 1


class _Answering(FakeFetcher):
    """Stands in for the network."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, *_: object, **__: object) -> AsyncIterator[_Answering]:
        headers = [("content-type", "text/html; charset=utf-8")]
        yield cls(lambda url: response(url, headers=headers, body=TINY))

    def phase_of(self, _task: str) -> None: ...


@pytest.mark.usefixtures("_unchecked")
async def test_a_crawl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "urls.txt"
    source.write_text("".join(f"http://h{n % 50}.example/{n}\n" for n in range(1000)))
    monkeypatch.setattr(http, "HttpFetcher", _Answering)
    syncs, statements = Syncs(monkeypatch), Statements(monkeypatch)
    result = await run_to_file(
        [str(source)],
        tmp_path / "pages.jsonl",
        robots={"policy": "ignore"},
        # Batches by their number of records alone: how quick the machine is must not matter.
        output={"batch_records": 100, "batch_s": 10.0},
    )
    assert result.records == 1000
    hold("statements of a crawl of 1,000 lines", statements.count)
    hold("syncs of a crawl of 1,000 lines", syncs.count)
