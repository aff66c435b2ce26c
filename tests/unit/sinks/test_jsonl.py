# ruff: noqa: ASYNC240 nothing else runs on the loop of these tests
"""The journal as a file: how it is gone on with; what all journals promise is in the contract."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from scraper.errors import SinkError, UsageError
from scraper.sinks.formats import finalise
from scraper.sinks.jsonl import JsonLinesJournal

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, THREE = b'{"seq":0}\n', b'{"seq":1}\n', b'{"seq":2}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pages.jsonl"


async def test_an_old_file_is_there_until_the_first_batch(path: Path) -> None:
    path.write_bytes(b"what was there before\n")
    journal = await JsonLinesJournal.create(path)
    assert path.read_bytes() == b"what was there before\n"
    await journal.append([ONE])
    assert path.read_bytes() == ONE
    await journal.close()


async def test_an_empty_batch_makes_an_old_file_empty(path: Path) -> None:
    path.write_bytes(b"what was there before\n")
    journal = await JsonLinesJournal.create(path)
    await journal.append([])
    await journal.close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("tail", [b"", b'{"se', TWO, TWO + b'{"seq":2', b"\x00" * 5000])
async def test_what_is_behind_the_noted_length_is_cut_off(path: Path, tail: bytes) -> None:
    path.write_bytes(ONE + tail)
    journal = await JsonLinesJournal.reopen(path, length=len(ONE))
    assert journal.records == 1
    assert path.read_bytes() == ONE
    assert await journal.append([TWO, THREE]) == len(ONE + TWO + THREE)
    assert journal.records == 3
    await journal.close()
    assert path.read_bytes() == ONE + TWO + THREE


async def test_a_torn_first_batch_is_written_anew(path: Path) -> None:
    path.write_bytes(b'{"se')
    journal = await JsonLinesJournal.reopen(path, length=0)
    await journal.append([ONE])
    await journal.close()
    assert path.read_bytes() == ONE


async def test_records_are_counted_over_more_than_one_block(path: Path) -> None:
    line = b"x" * 999 + b"\n"
    path.write_bytes(line * 3000)
    journal = await JsonLinesJournal.reopen(path, length=2500 * 1000)
    await journal.close()
    assert journal.records == 2500
    assert path.stat().st_size == 2500 * 1000


@pytest.mark.parametrize(
    ("content", "length", "message"),
    [
        (ONE, 11, r"has 10 bytes where .* 11: put it back, or .* --fresh"),
        (b"", 1, r"has 0 bytes"),
        (ONE + TWO, 15, r"is not what the unfinished run had written.*--fresh"),
    ],
)
async def test_a_file_that_is_not_what_was_written_is_refused_and_left_alone(
    path: Path, content: bytes, length: int, message: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        await JsonLinesJournal.reopen(path, length=length)
    assert path.read_bytes() == content


async def test_a_file_that_is_gone_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match=r"can't go on with .*No such file"):
        await JsonLinesJournal.reopen(path, length=10)
    assert not path.exists()


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="can't write"):
        await JsonLinesJournal.create(tmp_path / "file" / "pages.jsonl")
    with pytest.raises(UsageError, match=r"can't write .*directory"):
        await JsonLinesJournal.create(tmp_path)


async def test_a_full_disk_is_a_sink_error(path: Path) -> None:
    journal = await JsonLinesJournal.create(path)
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, journal._file.fileno())
    os.close(full)
    journal._length = 1  # a device has no length to cut
    with pytest.raises(SinkError, match=r"can't write .*No space left"):
        await journal.append([ONE])
    assert (journal.records, journal._length) == (0, 1)
    await journal.close()


def test_a_copy_is_the_same(path: Path, tmp_path: Path) -> None:
    path.write_bytes(ONE + TWO)
    finalise(path, tmp_path / "copy.ndjson", ending=".ndjson", ordered=False)
    assert (tmp_path / "copy.ndjson").read_bytes() == ONE + TWO


@pytest.mark.parametrize("length", [0, 10])
async def test_a_link_that_has_come_there_meanwhile_is_not_followed(path: Path, length: int) -> None:
    (path.parent / "elsewhere").write_bytes(ONE)
    path.symlink_to("elsewhere")
    with pytest.raises(UsageError, match="it is a link by now"):
        await JsonLinesJournal.reopen(path, length=length)
    assert (path.parent / "elsewhere").read_bytes() == ONE


async def test_a_pipe_that_has_come_there_meanwhile_holds_nobody_up(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(UsageError, match=r"can't write .*: it is no file"):
        await JsonLinesJournal.create(path)
