"""The package as a library, against the sample site."""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import socket
from typing import TYPE_CHECKING

import msgspec
import pytest

import scraper
from scraper.demo.server import SampleServer
from tests.support.wire import read_head, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

SETTINGS = scraper.Settings(
    politeness=scraper.PolitenessSettings(delay_s=0.0),
    retry=scraper.RetrySettings(retries=0),
    run=scraper.RunSettings(workers=8),
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
        politeness=scraper.PolitenessSettings(delay_s=0.0),
        frontier=scraper.FrontierSettings(lookahead=100),
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


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_complete_output_is_not_resumed(server: SampleServer, tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"
    await scraper.crawl_to_files([server.url("/bulk/1")], output, settings=SETTINGS)
    before = output.read_bytes()
    for sources in ([], [server.url("/bulk/2")]):
        with pytest.raises(scraper.OutputExists, match=r"complete.*--fresh"):
            await scraper.crawl_to_files(sources, output, settings=SETTINGS, resume=True)
    assert output.read_bytes() == before
    assert names_in(tmp_path) == ["pages.jsonl"]


@pytest.mark.parametrize(
    "file", [b"no database at all, but longer than its header would be" * 20, b"SQLite f"]
)
async def test_fresh_starts_over_also_where_the_state_is_damaged(
    server: SampleServer, tmp_path: Path, file: bytes
) -> None:
    output, state = tmp_path / "pages.jsonl", tmp_path / "pages.jsonl.state"
    output.write_bytes(b"half a lin")
    state.write_bytes(file)
    with pytest.raises(scraper.RunError, match=r"pages\.jsonl\.state"):
        await scraper.crawl_to_files([server.url("/bulk/1")], output, settings=SETTINGS, resume=True)
    assert (output.read_bytes(), state.read_bytes()) == (b"half a lin", file)

    result = await scraper.crawl_to_files([server.url("/bulk/1")], output, settings=SETTINGS, fresh=True)

    assert (result.complete, result.records) == (True, 1)
    assert json.loads(output.read_bytes())["title"] == "Bulk 1"
    assert names_in(tmp_path) == ["pages.jsonl"]


@pytest.mark.parametrize("given", [str, scraper.Seed])
async def test_lone_surrogates_cost_only_their_line(
    server: SampleServer, given: Callable[[str], str | scraper.Seed]
) -> None:
    lines = [given(server.url("/bulk/1?a=\udce9")), given(server.url("/bulk/2?a=\ud800"))]

    async with scraper.crawl(lines, settings=SETTINGS) as records:
        found = {record.seq: record async for record in records}

    # An escaped byte is the byte that it stands for; what stands for nothing is no part of a URL.
    assert (found[0].outcome, found[0].url) == ("ok", server.url("/bulk/1?a=%E9"))
    assert (found[1].outcome, found[1].input) == ("invalid_url", server.url("/bulk/2?a=\ufffd"))


async def test_no_open_files_left_is_the_runs_error_and_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    taken: list[scraper.Record] = []

    async def take_all() -> None:
        async with scraper.crawl(["http://127.0.0.1:1/"], settings=SETTINGS) as records:
            async for record in records:
                taken.append(record)  # noqa: PERF401 those that came before the error count

    monkeypatch.setattr(socket, "socket", no_more)
    with pytest.raises(scraper.RunError, match=r"ulimit -n.*--workers\Z"):
        await take_all()
    assert taken == []


async def test_a_password_in_a_redirect_does_not_get_into_the_record() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_head(reader)
        if asked.startswith(b"GET / "):
            status, target = b"302 Found", f"http://ann:s3cret@127.0.0.1:{wire.port}/end"
        else:
            status, target = b"201 Created", "//ann:s3cret@a.example/made"
        writer.write(
            b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            % (status, target.encode())
        )

    async with serving(talk) as wire:
        async with scraper.crawl([wire.url()], settings=SETTINGS) as records:
            (record,) = [record async for record in records]
        assert (record.status, record.final_url) == (201, wire.url("/end"))
        assert [hop.location for hop in record.redirects] == [f"http://***@127.0.0.1:{wire.port}/end"]
        assert record.headers["location"] == ["//***@a.example/made"]
        assert b"s3cret" not in msgspec.json.encode(record)


async def test_progress_and_a_history(server: SampleServer, tmp_path: Path) -> None:
    known = scraper.HistorySettings(file=str(tmp_path / "known.sqlite"))
    settings = msgspec.structs.replace(SETTINGS, history=known)
    for number, status in enumerate(["new", "unchanged"]):
        progress, target = scraper.Progress(), tmp_path / f"{number}.jsonl"
        await scraper.crawl_to_files(server.url("/bulk/1"), target, settings=settings, observer=progress)
        assert (progress.snapshot().done, progress.snapshot().complete) == (1, True)
        assert json.loads(target.read_bytes())["change"]["status"] == status
