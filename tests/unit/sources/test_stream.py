from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scraper.errors import SourceError
from scraper.messages import Batch, Seed
from scraper.sources.source import Source
from scraper.sources.stream import BATCH_CHARS, WAITING_BATCHES, SeedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).parents[3]


class Listed:
    """A source made of an iterator; never blocks."""

    name = "listed"
    rereadable = True
    size_bytes: int | None = None

    def __init__(self, seeds: Iterator[Seed]) -> None:
        self._seeds = seeds

    def open_seeds(
        self,
        *,
        before_read: Callable[[], None] | None = None,
        note_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Seed]:
        del before_read, note_bytes
        return self._seeds


def _batch(seeds: list[Seed], *, consumed: int, waits: bool) -> Batch:
    return Batch(seeds=seeds, source=0, consumed=consumed, ended=False, waits=waits)


def _numbered(size: int) -> Listed:
    return Listed(Seed(str(number)) for number in range(size))


async def _all(stream: SeedStream) -> list[Batch]:
    async with stream:
        return [batch async for batch in stream]


@contextmanager
def _pipe() -> Iterator[tuple[Source, int]]:
    """Give a source that reads a pipe, and the pipe's other end."""
    reading, writing = os.pipe()
    try:
        yield Source(kind="file", name=f"/dev/fd/{reading}"), writing
    finally:
        os.close(writing)
        os.close(reading)


def _join(stream: SeedStream) -> None:
    thread = stream._thread
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()


async def test_a_big_file_comes_in_batches_that_grow_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"http://a.com/{number}\n" for number in range(100_000)))
    batches = await _all(SeedStream([Source(kind="file", name=str(path))]))
    sizes = [500, 1000, *[2000] * 49, 500]
    assert [len(batch.seeds) for batch in batches] == sizes
    assert [batch.consumed for batch in batches] == list(accumulate(sizes))
    assert [batch.ended for batch in batches] == [False] * 51 + [True]
    inputs = [seed.input for batch in batches for seed in batch.seeds]
    assert inputs == [f"http://a.com/{number}" for number in range(100_000)]


async def test_how_much_of_all_files_was_read_comes_with_each_batch(tmp_path: Path) -> None:
    lines = [f"http://a.com/{number:06}\n" for number in range(20_000)]
    plain, packed = tmp_path / "list.txt", tmp_path / "list.gz"
    plain.write_text("".join(lines))
    packed.write_bytes(gzip.compress("".join(lines).encode()))
    sources = [Source(kind="file", name=str(path)) for path in (plain, packed)]
    shares = [batch.share for batch in await _all(SeedStream(sources))]
    assert None not in shares
    assert shares == sorted(shares, key=lambda share: share or 0)
    of_plain = plain.stat().st_size / (plain.stat().st_size + packed.stat().st_size)
    assert 0 < (shares[0] or 0) < of_plain < shares[-2] <= shares[-1] == 1.0  # type: ignore[operator]


async def test_with_a_source_of_unknown_length_no_share_is_told(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("http://a.com/\n")
    batches = await _all(SeedStream([Source(kind="file", name=str(path)), _numbered(3)]))
    assert {batch.share for batch in batches} == {None}


async def test_a_batch_belongs_to_one_source() -> None:
    batches = await _all(SeedStream([_numbered(3), _numbered(0), _numbered(2)], batch_seeds=2))
    assert [(b.source, b.consumed, len(b.seeds), b.ended) for b in batches] == [
        (0, 2, 2, False),
        (0, 3, 1, True),
        (1, 0, 0, True),
        (2, 2, 2, False),
        (2, 2, 0, True),
    ]


@pytest.mark.parametrize("done", [-1, None])
async def test_what_was_read_before_is_passed_over(done: int | None) -> None:
    class Unopened:
        name = "unopened"
        rereadable = True
        size_bytes: int | None = None

        def open_seeds(
            self,
            *,
            before_read: Callable[[], None] | None = None,
            note_bytes: Callable[[int], None] | None = None,
        ) -> Iterator[Seed]:
            raise AssertionError(before_read, note_bytes)

    stream = SeedStream([Unopened(), _numbered(5), _numbered(2), _numbered(1)], skip=[done, 3, 2])
    batches = await _all(stream)
    assert [(b.source, b.consumed, [s.input for s in b.seeds], b.ended) for b in batches] == [
        (1, 5, ["3", "4"], True),
        (2, 2, [], True),
        (3, 1, ["0"], True),
    ]


async def test_a_list_that_became_shorter_is_an_error() -> None:
    with pytest.raises(SourceError, match="listed: has 2 lines, but 3 were read before"):
        await _all(SeedStream([_numbered(2)], skip=[3]))


async def test_a_line_in_a_pipe_comes_at_once_and_alone() -> None:
    with _pipe() as (source, writing):
        async with SeedStream([source]) as stream:
            for number in range(3):
                os.write(writing, b"%d.com\n" % number)
                batch = await anext(stream)  # hangs, if it waits for more
                assert batch == _batch([Seed(f"{number}.com")], consumed=number + 1, waits=False)
    _join(stream)


async def test_half_a_line_waits_for_its_end() -> None:
    with _pipe() as (source, writing):
        async with SeedStream([source]) as stream:
            os.write(writing, b"a.com\nb.")
            assert (await anext(stream)).seeds == [Seed("a.com")]
            os.write(writing, b"com\n")
            assert (await anext(stream)).seeds == [Seed("b.com")]
    _join(stream)


async def test_closing_does_not_wait_for_a_blocked_read() -> None:
    with _pipe() as (source, writing):
        os.write(writing, b"a.com\n")
        async with SeedStream([source]) as stream:
            await anext(stream)
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert stream._thread is not None
        assert stream._thread.is_alive()
        os.write(writing, b"b.com\n")  # the thread wakes to a closed stream, and goes
        _join(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_the_thread_waits_when_nobody_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def endless() -> Iterator[Seed]:
        nonlocal taken
        while True:
            taken += 1
            yield Seed("a.com")

    stream = SeedStream([Listed(endless())], batch_seeds=10)
    waits = threading.Event()
    wait_for = stream._changed.wait_for

    def noticed(predicate: Callable[[], bool]) -> bool:
        if not predicate():
            waits.set()
        return wait_for(predicate)

    monkeypatch.setattr(stream._changed, "wait_for", noticed)
    async with stream:
        await anext(stream)
        assert await asyncio.to_thread(waits.wait, 30)
        # The batch taken, those that wait, and the one in the thread's hand.
        assert taken <= (1 + WAITING_BATCHES + 1) * 10
    _join(stream)


async def test_long_lines_make_short_batches() -> None:
    long = Seed("x" * (BATCH_CHARS // 2))
    batches = await _all(SeedStream([Listed(iter([long] * 5))]))
    assert [len(batch.seeds) for batch in batches] == [2, 2, 1]


async def test_an_error_comes_after_the_seeds_before_it() -> None:
    def failing() -> Iterator[Seed]:
        yield Seed("a.com")
        raise SourceError("broken")

    async with SeedStream([Listed(failing())]) as stream:
        assert await anext(stream) == _batch([Seed("a.com")], consumed=1, waits=True)
        with pytest.raises(SourceError, match="broken"):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_a_bug_in_a_source_reaches_the_consumer() -> None:
    def buggy() -> Iterator[Seed]:
        yield Seed("a.com")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _all(SeedStream([Listed(buggy())]))


async def test_a_source_that_cannot_be_opened_reaches_the_consumer(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="can't be opened"):
        await _all(SeedStream([Source(kind="file", name=str(tmp_path / "gone.txt"))]))


async def test_a_cancelled_wait_loses_no_batch() -> None:
    with _pipe() as (source, writing):
        async with SeedStream([source]) as stream:
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            os.write(writing, b"a.com\n")
            assert (await anext(stream)).seeds == [Seed("a.com")]
    _join(stream)


async def test_a_file_is_closed_when_the_stream_is() -> None:
    closed = threading.Event()

    def endless() -> Iterator[Seed]:
        try:
            while True:
                yield Seed("a.com")
        finally:
            closed.set()

    async with SeedStream([Listed(endless())]) as stream:
        await anext(stream)
    _join(stream)
    assert closed.is_set()


_LEAVE_EARLY = """
import asyncio
from scraper.sources.source import Source
from scraper.sources.stream import SeedStream

async def main():
    async with SeedStream([Source(kind="stdin", name="-")]) as stream:
        print((await anext(stream)).seeds[0].input)

asyncio.run(main())
"""


def test_an_endless_standard_input_does_not_hold_up_the_exit() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _LEAVE_EARLY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        child.stdin.write(b"a.com\n")
        child.stdin.flush()
        assert child.stdout.read() == b"a.com\n"
        assert child.wait(30) == 0  # standard input is still open
        assert child.stderr.read() == b""
