"""What every journal promises, whatever it writes to."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest

from scraper import record_line
from scraper.channel import Channel
from scraper.errors import SinkError
from scraper.record import Outcome, Record
from scraper.sinks.jsonl import JsonLinesJournal
from scraper.sinks.stdout import StandardOutputJournal
from scraper.sinks.stream import StreamJournal
from scraper.verdict.page import Done
from tests.support.fakes import request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scraper.sinks.base import Journal

    Opener = Callable[[Path], AbstractAsyncContextManager["Opened"]]


class Opened(Protocol):
    """A journal and how to look at what it holds."""

    journal: Journal

    async def content(self) -> list[int]:
        """Return the ``seq`` of the records, in order; the journal is closed first."""
        ...


def _line(seq: int) -> bytes:
    line, done = request(f"https://a.example/{seq}", seq=seq), Done(outcome=Outcome.OK)
    return record_line.finished(line, done, record_line.record_of(line, done, run="r1")).line


LINES = [_line(seq) for seq in range(40)]


def seqs(content: bytes) -> list[int]:
    return [msgspec.json.decode(line, type=Record).seq for line in content.splitlines()]


class File:
    def __init__(self, journal: JsonLinesJournal, path: Path) -> None:
        self.journal: Journal = journal
        self._path = path

    async def content(self) -> list[int]:
        await self.journal.close()
        return seqs(self._path.read_bytes())


class Pipe:
    def __init__(self, journal: StandardOutputJournal, reading: asyncio.Task[bytes], descriptor: int) -> None:
        self.journal: Journal = journal
        self._reading = reading
        self._descriptor = descriptor

    async def content(self) -> list[int]:
        await self.journal.close()
        os.fstat(self._descriptor)  # not closed: it is not the journal's
        os.close(self._descriptor)
        return seqs(await self._reading)


class Stream:
    def __init__(self, journal: StreamJournal, taking: asyncio.Task[list[Record]]) -> None:
        self.journal: Journal = journal
        self._taking = taking

    async def content(self) -> list[int]:
        await self.journal.close()
        return [record.seq for record in await self._taking]


@contextlib.asynccontextmanager
async def file(folder: Path) -> AsyncIterator[Opened]:
    path = folder / "new folder" / "pages.jsonl"
    yield File(await JsonLinesJournal.create(path), path)


@contextlib.asynccontextmanager
async def pipe(folder: Path) -> AsyncIterator[Opened]:
    reader, writer = os.pipe()

    def read() -> bytes:
        with open(reader, "rb") as end:  # noqa: PTH123 a descriptor
            return end.read()

    async with asyncio.TaskGroup() as tasks:
        yield Pipe(StandardOutputJournal(writer), tasks.create_task(asyncio.to_thread(read)), writer)


@contextlib.asynccontextmanager
async def stream(folder: Path) -> AsyncIterator[Opened]:
    channel = Channel[Record](2)

    async def take() -> list[Record]:
        return [record async for record in channel]

    async with asyncio.TaskGroup() as tasks:
        yield Stream(StreamJournal(channel), tasks.create_task(take()))


every_journal = pytest.mark.parametrize("opener", [file, pipe, stream])


@every_journal
async def test_batches_come_out_whole_and_in_order(opener: Opener, tmp_path: Path) -> None:
    async with opener(tmp_path) as opened:
        for first in range(0, len(LINES), 7):
            await opened.journal.append(LINES[first : first + 7])
        assert await opened.content() == list(range(40))


@every_journal
async def test_the_length_and_the_count_are_those_of_what_was_appended(
    opener: Opener, tmp_path: Path
) -> None:
    async with opener(tmp_path) as opened:
        assert opened.journal.records == 0
        assert await opened.journal.append(LINES[:1]) == len(LINES[0])
        assert await opened.journal.append(LINES[1:5]) == sum(map(len, LINES[:5]))
        assert opened.journal.records == 5
        await opened.content()


@every_journal
async def test_an_empty_batch_is_no_batch(opener: Opener, tmp_path: Path) -> None:
    async with opener(tmp_path) as opened:
        assert await opened.journal.append([]) == 0
        assert await opened.content() == []


@every_journal
async def test_a_batch_larger_than_any_buffer_is_written_whole(opener: Opener, tmp_path: Path) -> None:
    many = LINES * 200  # 2.9 MB; a pipe takes 64 KiB at once
    async with opener(tmp_path) as opened:
        assert await opened.journal.append(many) == sum(map(len, many))
        assert await opened.content() == list(range(40)) * 200


async def test_a_pipe_that_nobody_reads_any_more_is_a_sink_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    journal = StandardOutputJournal(writer)
    with pytest.raises(SinkError, match="closed by its reader"):
        await journal.append(LINES)
    assert journal.records == 0
    await journal.close()
    os.close(writer)


async def test_a_descriptor_that_takes_nothing_is_a_sink_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    journal = StandardOutputJournal(full)
    with pytest.raises(SinkError, match="No space left"):
        await journal.append(LINES)
    os.close(full)


async def test_who_does_not_take_the_records_of_a_stream_holds_the_journal_back() -> None:
    channel = Channel[Record](3)
    journal = StreamJournal(channel)
    async with asyncio.TaskGroup() as tasks:
        appending = tasks.create_task(journal.append(LINES[:10]))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not appending.done()
        assert len(channel) == journal.records == 3
        for _ in range(7):
            await anext(channel)
    assert journal.records == 10


async def test_a_stream_gives_what_a_file_would_hold() -> None:
    channel = Channel[Record](1)
    await StreamJournal(channel).append(LINES[3:4])
    assert msgspec.json.encode(await anext(channel)) + b"\n" == LINES[3]


async def test_a_descriptor_that_takes_a_part_at_a_time_gets_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    write = os.write
    monkeypatch.setattr(
        "scraper.sinks.stdout.os.write", lambda descriptor, rest: write(descriptor, rest[:100])
    )
    journal = StandardOutputJournal(writer)
    await journal.append(LINES[:5])
    monkeypatch.undo()
    os.close(writer)
    with open(reader, "rb") as end:  # noqa: ASYNC230, PTH123 a descriptor, with all there
        assert seqs(end.read()) == list(range(5))
