"""An archive as files: rotated, cut back to what is whole, never overwritten silently."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import SinkError, UsageError
from scraper.exchange import ArchiveEnd
from scraper.sinks.archive_files import files_there, number_of, numbered
from scraper.sinks.warc_archive import WarcArchive
from scraper.sinks.warc_records import WarcRecords
from tests.support.fakes import FakeClock
from tests.support.warc import PURPOSE, archive_of, exchange, groups_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MUCH = 1 << 30


@contextlib.asynccontextmanager
async def opened(
    first: Path,
    *,
    noted: ArchiveEnd | None = None,
    most_bytes: int = MUCH,
    begun: list[ArchiveEnd] | None = None,
) -> AsyncIterator[WarcArchive]:
    async def begins(end: ArchiveEnd) -> None:
        if begun is not None:
            begun.append(end)

    archive = await WarcArchive.open(
        first, noted=noted, most_bytes=most_bytes, facts={"isPartOf": "r1"}, clock=FakeClock(), begins=begins
    )
    try:
        yield archive
    finally:
        await archive.close()


class Pages:
    """Makes groups of records, each of a page with a number."""

    def __init__(self) -> None:
        self._records = WarcRecords()

    def __call__(self, number: int) -> Callable[[], bytes]:
        page = exchange(f"https://a.example/{number}", body=b"%d " % number + os.urandom(300))
        return lambda: self._records.group(page, PURPOSE)


def pages_in(first: Path) -> list[int]:
    return [int(group.answer.url.rpartition("/")[2]) for group in groups_of(archive_of(first))]


async def test_it_grows_by_whole_groups(tmp_path: Path) -> None:
    first, pages, begun = tmp_path / "pages.warc.gz", Pages(), list[ArchiveEnd]()
    async with opened(first, begun=begun) as archive:
        assert await archive.sync() is None
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                tasks.create_task(archive.put(pages(number)), name=f"put-{number}")
        end = await archive.sync()
    assert end == ArchiveEnd(0, first.stat().st_size)
    assert len(begun) == 1, "it begins once"
    assert 0 < begun[0].length < end.length
    assert sorted(pages_in(first)) == list(range(20))


async def test_records_are_made_off_the_loop_one_at_a_time(tmp_path: Path) -> None:
    at = []

    def make() -> bytes:
        at.append(threading.current_thread())
        return b""

    async with opened(tmp_path / "pages.warc.gz") as archive:
        for _ in range(3):
            await archive.put(make)
    assert len(set(at)) == 1
    assert at[0] is not threading.main_thread()


async def test_what_comes_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "new" / "pages.warc.gz"):
        pass
    assert list((tmp_path / "new").iterdir()) == []


async def test_an_archive_of_nothing_is_an_archive(tmp_path: Path) -> None:
    first = tmp_path / "pages.warc.gz"
    async with opened(first) as archive:
        await archive.begin()
        await archive.begin()
    assert [record.kind for record in archive_of(first)] == ["warcinfo"]


async def test_what_was_there_is_replaced_by_the_first_record_and_not_before(tmp_path: Path) -> None:
    first = tmp_path / "pages.warc.gz"
    old = [first, numbered(first, 1), numbered(first, 2)]
    others = [tmp_path / "pages-x.warc.gz", tmp_path / "pages-1.warc.gz", tmp_path / "other-00001.warc.gz"]
    for path in (*old, *others):
        path.write_bytes(b"old")
    async with opened(first):
        pass
    assert {path.read_bytes() for path in old} == {b"old"}
    async with opened(first) as archive:
        await archive.put(Pages()(1))
    assert pages_in(first) == [1]
    assert files_there(first) == [first]
    assert {path.read_bytes() for path in others} == {b"old"}


class TestFurtherFiles:
    async def test_a_file_is_no_longer_than_is_said(self, tmp_path: Path) -> None:
        first, pages = tmp_path / "pages.warc.gz", Pages()
        async with opened(first, most_bytes=5000) as archive:
            for number in range(12):
                await archive.put(pages(number))
            end = await archive.sync()
        files = files_there(first)
        assert [path.name for path in files[:2]] == ["pages.warc.gz", "pages-00001.warc.gz"]
        assert len(files) > 3
        assert all(path.stat().st_size <= 5000 for path in files)
        assert end == ArchiveEnd(len(files) - 1, files[-1].stat().st_size)
        assert pages_in(first) == list(range(12))

    async def test_a_page_that_is_longer_has_a_file_of_its_own(self, tmp_path: Path) -> None:
        first, pages = tmp_path / "pages.warc.gz", Pages()
        async with opened(first, most_bytes=10) as archive:
            for number in range(3):
                await archive.put(pages(number))
        assert len(files_there(first)) == 3
        assert pages_in(first) == [0, 1, 2]

    async def test_what_has_come_there_meanwhile_is_not_overwritten(self, tmp_path: Path) -> None:
        first, pages = tmp_path / "pages.warc.gz", Pages()
        async with opened(first, most_bytes=10) as archive:
            await archive.put(pages(0))
            numbered(first, 1).write_bytes(b"somebody's")
            with pytest.raises(SinkError, match=r"pages-00001\.warc\.gz"):
                await archive.put(pages(1))
        assert numbered(first, 1).read_bytes() == b"somebody's"


class TestResuming:
    @given(noted_at=st.integers(0, 6), of_files=st.floats(0, 1), of_file=st.floats(0, 1))
    async def test_a_kill_at_any_byte_leaves_whole_groups(
        self, noted_at: int, of_files: float, of_file: float
    ) -> None:
        """All that was noted, and what is whole behind it, over the files that there were."""
        with TemporaryDirectory() as folder:
            first, pages = Path(folder, "pages.warc.gz"), Pages()
            ends = list[ArchiveEnd]()
            async with opened(first, most_bytes=4000, begun=ends) as archive:
                for number in range(6):
                    await archive.put(pages(number))
                    ends.append(await archive.sync() or ends[0])
            noted = ends[noted_at]
            files = files_there(first)
            at = noted.file + round(of_files * (len(files) - 1 - noted.file))
            least, most = noted.length if at == noted.file else 0, files[at].stat().st_size
            cut = least + round(of_file * (most - least))
            os.truncate(files[at], cut)
            for path in files[at + 1 :]:
                path.unlink()

            async with opened(first, noted=noted, most_bytes=4000) as archive:
                await archive.put(pages(6))
            whole = [number for number, end in enumerate(ends[1:]) if end <= (at, cut)]
            assert pages_in(first) == [*whole, 6]

    async def test_what_is_behind_is_no_record(self, tmp_path: Path) -> None:
        first = tmp_path / "pages.warc.gz"
        async with opened(first) as archive:
            await archive.put(Pages()(0))
            noted = await archive.sync()
        with first.open("ab") as file:
            file.write(b"\0" * 5000)
        async with opened(first, noted=noted):
            pass
        assert pages_in(first) == [0]

    @pytest.mark.parametrize("what", ["shorter", "gone"])
    async def test_what_is_not_as_noted_is_refused(self, tmp_path: Path, what: str) -> None:
        first = tmp_path / "pages.warc.gz"
        if what == "shorter":
            first.write_bytes(b"x" * 99)
        with pytest.raises(UsageError, match=r"99 bytes where .* 100|can't go on with"):
            async with opened(first, noted=ArchiveEnd(0, 100)):
                pass
        assert first.exists() == (what == "shorter")

    async def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        if sys.platform == "win32":
            return
        (tmp_path / "pages.warc.gz").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match="it is a link by now"):
            async with opened(tmp_path / "pages.warc.gz"):
                pass
        assert not (tmp_path / "elsewhere").exists()


async def test_a_full_disk_leaves_whole_groups_and_takes_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, pages = tmp_path / "pages.warc.gz", Pages()
    write, left = os.write, [2600]

    def until_full(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = write(descriptor, data[: left[0]])
        left[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", until_full)
    async with opened(first) as archive:
        await archive.put(pages(0))
        with pytest.raises(SinkError, match=r"can't write .*pages\.warc\.gz: No space left on device"):
            await archive.put(pages(1))
        left[0] = 1 << 20
        with pytest.raises(SinkError, match="No space left"):
            await archive.put(pages(2))
        noted = await archive.sync()
    assert noted == ArchiveEnd(0, first.stat().st_size)
    assert pages_in(first) == [0]
    async with opened(first, noted=noted) as archive:
        await archive.put(pages(3))
    assert pages_in(first) == [0, 3]


async def test_it_can_not_be_made_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"can't write .*pages\.warc\.gz"):
        async with opened(tmp_path / "file" / "pages.warc.gz"):
            pass


@pytest.mark.parametrize("number", [1, 7, 99_999, 100_000, 123_456_789])
def test_names_and_numbers(number: int) -> None:
    first = Path("out", "a.b-00001.warc.gz")
    assert number_of(numbered(first, number), first=first) == number


@pytest.mark.parametrize(
    "name",
    [
        "pages-00000.warc.gz",
        "pages-0001.warc.gz",
        "pages-000001.warc.gz",
        "pages-0000\N{ARABIC-INDIC DIGIT ONE}.warc.gz",
        "pages00001.warc.gz",
        "pages-00001.warc",
        "pages-00001.warc.gz.state",
        "xpages-00001.warc.gz",
        "pages-.warc.gz",
    ],
)
def test_other_names_have_no_number(name: str) -> None:
    assert number_of(Path(name), first=Path("pages.warc.gz")) is None
