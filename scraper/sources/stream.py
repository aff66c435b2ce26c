"""Sources brought to the event loop: a thread reads, the loop is given batches.

A batch is handed over when it is full, and before every read that may block: so a big file comes in
full batches, and a line typed into a pipe comes at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, Self

from scraper.errors import SourceError
from scraper.messages import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from types import TracebackType
    from typing import Protocol

    from scraper.messages import Seed

    class Readable(Protocol):
        """What the stream needs of a ``Source``."""

        @property
        def name(self) -> str:
            """What messages call it."""
            ...

        @property
        def rereadable(self) -> bool:
            """Whether it can be read again later; see ``Source.rereadable``."""
            ...

        @property
        def size_bytes(self) -> int | None:
            """How much there is to be read; ``None`` when that can't be told."""
            ...

        def open_seeds(
            self,
            *,
            before_read: Callable[[], None] | None = None,
            note_bytes: Callable[[int], None] | None = None,
        ) -> Iterator[Seed]:
            """Yield the seeds; see ``Source.open_seeds``."""
            ...


BATCH_SEEDS = 2000
"""A batch touches nearly as many pages of the state, so few large ones cost less; 8,000 took 20 MB more."""
FIRST_BATCH_SEEDS = 500
"""A source begins with such a batch, so that the crawl begins at once; each further one is twice as long."""
BATCH_CHARS = 1024 * 1024
"""A batch is full by this, too, so that a list of very long lines costs no more memory."""
WAITING_BATCHES = 2


class _Stopped(Exception):
    """The consumer has gone."""


class SeedStream:
    """An asynchronous iterator of batches for one consumer, read by one daemon thread.

    ``skip`` says for each source how many seeds to pass over, -1 or ``None`` for a source that was
    read to its end: it is not opened. No more than ``WAITING_BATCHES`` batches wait; then the thread
    does. An error of a source is raised to the consumer after the seeds before it.

    Leaving the ``async with`` block, or ``aclose()``, stops the stream without waiting for the
    thread: one that is blocked in a read ends with that read, or with the process. That is why it is
    no executor's thread, which Python would wait for at exit.
    """

    def __init__(
        self,
        sources: Sequence[Readable],
        *,
        skip: Sequence[int | None] = (),
        batch_seeds: int = BATCH_SEEDS,
    ) -> None:
        self._sources = sources
        self._skip = skip
        self._batch_seeds = batch_seeds
        self._changed = threading.Condition()
        # All below is guarded by the condition's lock.
        self._ready: deque[Batch] = deque()
        self._finished = False
        self._stopped = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._thread: threading.Thread | None = None
        self._total_bytes: int | None = None
        """Of all sources; only the thread uses this and the next."""
        self._read_bytes = 0

    async def __aenter__(self) -> Self:
        """Start nothing yet; the thread starts with the first batch asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading; who waits for a batch is told that there are no more. May be repeated."""
        with self._changed:
            self._stopped = True
            self._ready.clear()
            self._changed.notify_all()
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        """Return the next batch.

        Raises:
            StopAsyncIteration: All sources are read, or the stream is closed.
            SourceError: A source can't be read; the stream is over then.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sources", daemon=True)
            self._thread.start()
        while True:
            with self._changed:
                if self._ready:
                    self._changed.notify_all()
                    return self._ready.popleft()
                if self._error is not None and not self._stopped:
                    error, self._error = self._error, None
                    raise error
                if self._finished or self._stopped:
                    raise StopAsyncIteration
                waiter = self._waiter = asyncio.get_running_loop().create_future()
            await waiter

    # What follows runs in the thread.

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            sizes = [source.size_bytes for source in self._sources]
            known = [size for size in sizes if size is not None]
            self._total_bytes = sum(known) if len(known) == len(sizes) else None
            for index, source in enumerate(self._sources):
                passed = self._skip[index] if index < len(self._skip) else 0
                if passed is not None and passed >= 0:
                    self._read(index, source, passed, before_bytes=sum(known[:index]))
        except _Stopped:
            return
        except BaseException as caught:  # noqa: BLE001 - a thread's errors, bugs too, belong to its consumer
            error = caught
        with self._changed:
            self._finished = True
            self._error = error
            self._wake()

    def _share(self) -> float | None:
        """Return how much of all sources was read, from 0 to 1."""
        return min(1.0, self._read_bytes / self._total_bytes) if self._total_bytes else None

    def _read(self, index: int, source: Readable, passed: int, *, before_bytes: int) -> None:
        seeds: list[Seed] = []
        chars = 0
        count = 0
        full = min(FIRST_BATCH_SEEDS, self._batch_seeds)
        waits = source.rereadable

        def hand_over(*, ended: bool = False) -> None:
            nonlocal seeds, chars
            if seeds or ended:
                share = self._share()
                self._put(
                    Batch(source=index, consumed=count, seeds=seeds, ended=ended, waits=waits, share=share)
                )
                seeds = []
                chars = 0
            elif self._stopped:
                raise _Stopped

        def note_bytes(read_bytes: int) -> None:
            self._read_bytes = before_bytes + read_bytes

        seeds_of = source.open_seeds(before_read=hand_over, note_bytes=note_bytes)
        opened: Generator[Seed, None, None] = _closable(seeds_of)
        with closing(opened):
            try:
                for seed in opened:
                    count += 1
                    if count <= passed:
                        continue
                    seeds.append(seed)
                    chars += len(seed.input) + len(seed.row)
                    if len(seeds) >= full or chars >= BATCH_CHARS:
                        hand_over()
                        full = min(2 * full, self._batch_seeds)
            except SourceError:
                hand_over()
                raise
        if count < passed:
            raise SourceError(
                f"{source.name}: has {count} lines, but {passed} were read before; the list was changed"
            )
        hand_over(ended=True)

    def _put(self, batch: Batch) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._ready) < WAITING_BATCHES)
            if self._stopped:
                raise _Stopped
            self._ready.append(batch)
            self._wake()

    def _wake(self) -> None:
        """Tell the waiting consumer. The caller holds the lock."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not self._stopped:
            loop = waiter.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, waiter)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _closable(seeds: Iterator[Seed]) -> Generator[Seed, None, None]:
    yield from seeds
