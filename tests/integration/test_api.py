"""The package as a library, against the sample site."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING

import pytest

import scraper
from scraper.demo.server import SampleServer
from scraper.settings.model import FrontierSettings, PolitenessSettings, RetrySettings, RunSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

SETTINGS = scraper.Settings(
    politeness=PolitenessSettings(delay_s=0.0), retry=RetrySettings(retries=0), run=RunSettings(workers=8)
)


@pytest.fixture
async def server() -> AsyncIterator[SampleServer]:
    async with SampleServer(any_host=True) as running:
        yield running


def test_the_interface_is_what_it_says() -> None:
    assert [name for name in scraper.__all__ if not hasattr(scraper, name)] == []
    assert list(scraper.__all__) == sorted(scraper.__all__, key=lambda name: name)
    with pytest.raises(AttributeError, match="no attribute 'craw'"):
        _ = scraper.craw


async def test_each_line_gives_one_record(server: SampleServer) -> None:
    lines = [server.url("/bulk/1"), "no url", server.url("/bulk/1"), server.url("/bulk/2")]

    async with scraper.crawl(lines, settings=SETTINGS) as records:
        found = {record.seq: record async for record in records}

    assert [found[seq].outcome for seq in range(4)] == ["ok", "invalid_url", "duplicate", "ok"]
    assert [found[seq].input for seq in range(4)] == lines
    assert (found[0].title, found[3].title, found[2].duplicate_of) == ("Bulk 1", "Bulk 2", 0)


async def test_seeds_carry_their_columns_along(server: SampleServer) -> None:
    seed = scraper.Seed(server.url("/bulk/7"), {"shop": "north", "n": 7})

    async with scraper.crawl([seed], settings=SETTINGS) as records:
        (record,) = [record async for record in records]

    assert record.extra == {"shop": "north", "n": 7}


async def test_an_endless_iterable_is_read_as_needed_and_left_at_will(server: SampleServer) -> None:
    taken = itertools.count()
    endless = (server.url(f"/bulk/{number}") for number in taken)
    settings = scraper.Settings(
        politeness=PolitenessSettings(delay_s=0.0),
        frontier=FrontierSettings(lookahead=100),
    )

    async with scraper.crawl(endless, settings=settings) as records:
        async for record in records:
            assert record.outcome is scraper.Outcome.OK
            break

    assert next(taken) < 20_000
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_what_the_block_raises_comes_out_as_it_is(server: SampleServer) -> None:
    async def fail() -> None:
        async with scraper.crawl([server.url("/bulk/1")], settings=SETTINGS) as records:
            async for _ in records:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()


async def test_an_iterable_that_fails_ends_the_crawl_with_its_error() -> None:
    def broken() -> Iterator[str]:
        yield "no url"
        raise LookupError("the database is gone")

    async def take_all() -> None:
        async with scraper.crawl(broken(), settings=SETTINGS) as records:
            async for _ in records:
                pass

    with pytest.raises(LookupError, match="the database is gone"):
        await take_all()


async def test_nothing_in_nothing_out() -> None:
    async with scraper.crawl([]) as records:
        assert [record async for record in records] == []


async def test_a_run_to_files_is_what_the_command_does(server: SampleServer, tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(server.url(f"/bulk/{number}") + "\n" for number in range(30)))
    outputs = [tmp_path / "out" / "pages.jsonl", tmp_path / "out" / "pages.json"]

    result = await scraper.crawl_to_files([listed], outputs, settings=SETTINGS)

    assert (result.complete, result.lines, result.records, result.resumable) == (True, 30, 30, False)
    records = [json.loads(line) for line in outputs[0].read_text().splitlines()]
    assert sorted(record["seq"] for record in records) == list(range(30))
    assert json.loads(outputs[1].read_text()) == records
    assert sorted(path.name for path in outputs[0].parent.iterdir()) == ["pages.json", "pages.jsonl"]
    with pytest.raises(scraper.OutputExists, match="--fresh"):
        await scraper.crawl_to_files([listed], outputs, settings=SETTINGS)
