"""The process of a run: an ordinary crawl into the run's folder, told what to do by the daemon.

``run_process`` starts it with SIGINT and SIGTERM ignored: whoever stops the daemon stops its run. Orders
come as lines on standard input, news leave by what was standard output. When the daemon is gone the input
ends, and the run drains: it can be gone on with, and no process of it stays behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec

from scraper import loop
from scraper.assembly import open_run
from scraper.clock import SystemClock
from scraper.errors import RunError, ScraperError
from scraper.history import change_log
from scraper.observe.counts import GOOD
from scraper.observe.printable import printable, without_secrets
from scraper.record import Outcome
from scraper.run.begun_with import facts_of_run, outputs_begun, settings_begun
from scraper.run.files import Mode, RunFiles, run_files
from scraper.run.state import knows_its_sources
from scraper.schedule.job import PAGES, RECORDS
from scraper.schedule.pipes import (
    MOST_BYTES,
    Begin,
    Drain,
    Ended,
    News,
    Order,
    Progress,
    Remark,
    decode_order,
    encode,
    records_files,
)
from scraper.schedule.reporter import Reporter
from scraper.sources.arguments import sources_from_arguments

if sys.platform != "win32":  # where there is no daemon
    import fcntl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from scraper.cluster.engine import Engine
    from scraper.cluster.job import Job as PartedRun
    from scraper.run.execution import Run
    from scraper.schedule.model import LiveRun
    from scraper.settings.model import Settings

_TELLS_EVERY_S: Final = 1.0
_READ_BYTES: Final = 1 << 16
_MOST_UNSENT_BYTES: Final = 1 << 20
"""Of a daemon that does not read: progress beyond this is left out."""
_GRACE_S: Final = 10.0
"""A run without a daemon that has not ended so long after its drain's deadline is ended."""
_MOST_ERROR_CHARACTERS: Final = 500


def main() -> None:
    """Carry out the run that comes on standard input."""
    # What a user's own code prints is not to be taken for news.
    news = os.dup(1)
    os.dup2(2, 1)
    loop.run(_serve(news))


async def _serve(news: int) -> None:
    orders: asyncio.Queue[Order | None] = asyncio.Queue()
    reading = _Orders(asyncio.get_running_loop(), orders)
    threading.Thread(target=reading.read, name="orders", daemon=True).start()
    begin = await orders.get()
    if not isinstance(begin, Begin):
        return
    reading.patience_s = begin.settings.run.drain_s + _GRACE_S
    async with _Up.open(news) as up:
        reporter = Reporter(run=begin.run, job=begin.job, clock=SystemClock())
        try:
            ended = await _carry_out(begin, orders, reporter=reporter, up=up)
        except BaseExceptionGroup as group:
            ended = _broken(reporter, group)
        except ScraperError as error:
            ended = _told(reporter, complete=False, error=str(error))
        except Exception as error:  # noqa: BLE001 - a bug of ours: the daemon's history tells of it
            ended = _broken(reporter, error)
        up.send(ended)


async def _carry_out(
    begin: Begin, orders: asyncio.Queue[Order | None], *, reporter: Reporter, up: _Up
) -> Ended:
    folder = Path(begin.folder)
    # One that drains because its daemon has died may still be here.
    with await asyncio.to_thread(_alone, folder):
        files, settings = await _as_begun(begin, folder, up=up)
        if await asyncio.to_thread(files.is_complete):
            return await asyncio.to_thread(_counted, files)
        async with _opened(begin, files, settings=settings, reporter=reporter) as run:
            with up.telling(reporter.live):
                async with asyncio.TaskGroup() as tasks:
                    obeying = tasks.create_task(_obey(orders, run.drain, run.abort), name="orders")
                    result = await run.execute()
                    obeying.cancel()
    return msgspec.structs.replace(_told(reporter, complete=result.complete), changes=result.changes)


async def _as_begun(begin: Begin, folder: Path, *, up: _Up) -> tuple[RunFiles, Settings]:
    """Return the run's files and settings; one that is gone on with keeps what its records depend on."""
    settings = with_history(begin.settings, folder)
    files = _files(folder, begin.formats, settings)
    facts = await _facts(files)
    settings, others = settings_begun(settings, facts)
    formats = begin.formats
    if (outputs := outputs_begun(facts)) is not None:
        formats = tuple(name.removeprefix(Path(RECORDS).stem) for name in outputs if name != RECORDS)
        others += ["formats"] * (sorted(formats) != sorted(begin.formats))
    if others:
        what = ", ".join(others)
        up.send(Remark(f"run {begin.run} ends as it was begun; from the next one on other {what} hold"))
    return _files(folder, formats, settings), settings


async def _facts(files: RunFiles) -> Mapping[str, str]:
    """Return what an unfinished run keeps of how it was begun, in parts or not."""
    if not files.is_unfinished():
        return {}
    from scraper.schedule.parted_run import facts_of_parted  # noqa: PLC0415 - few runs are gone on with

    parted = await asyncio.to_thread(facts_of_parted, files)
    return await facts_of_run(files) if parted is None else parted


def _files(folder: Path, formats: tuple[str, ...], settings: Settings) -> RunFiles:
    return run_files(records_files(folder, formats, records=RECORDS), ordered=settings.output.ordered)


@contextlib.asynccontextmanager
async def _opened(
    begin: Begin, files: RunFiles, *, settings: Settings, reporter: Reporter
) -> AsyncIterator[Run | PartedRun]:
    """Give the run: in parts by the settings, but an unfinished one as it was begun."""

    def opened(engine: Engine) -> None:
        reporter.cluster_page = engine.dashboard

    if files.is_unfinished() or settings.cluster.shards:
        from scraper.schedule.parted_run import parted_run  # noqa: PLC0415 - few runs have parts

        reporter.parted = await parted_run(
            begin, files, settings=settings, observer=reporter, clock=SystemClock(), opened=opened
        )
        if reporter.parted is not None:
            yield reporter.parted
            return
    known = await knows_its_sources(files)
    sources = [] if known else sources_from_arguments(begin.sources, settings.sources)
    async with open_run(
        sources, files, settings=settings, observer=reporter, mode=Mode.RESUME, name=begin.run
    ) as whole:
        reporter.frontier = whole.crawl.frontier
        yield whole


def with_history(settings: Settings, folder: Path) -> Settings:
    """Return a job's settings with the history of its pages in its folder, unless it has named another."""
    history = settings.history
    if not history.file:
        history = msgspec.structs.replace(history, file=str(folder.parent.parent / PAGES))
    if not history.changes:
        history = msgspec.structs.replace(history, changes=str(folder / change_log.NAME))
    return msgspec.structs.replace(settings, history=history)


async def _obey(
    orders: asyncio.Queue[Order | None], drain: Callable[[str], None], abort: Callable[[str], None]
) -> None:
    is_draining = False
    while True:
        order = await orders.get()
        reason = order.reason if isinstance(order, Drain) else "the daemon is gone"
        if not is_draining:
            drain(reason)
        elif order is not None:
            abort(reason)
        is_draining = True


def _told(reporter: Reporter, *, complete: bool, error: str | None = None) -> Ended:
    counts, (took, took_s) = reporter.snapshot(), reporter.took
    return Ended(
        complete=complete,
        error=None if error is None else one_line(error),
        lines=counts.known,
        failed=counts.failed,
        outcomes={outcome.value: count for outcome, count in counts.by_outcome.items()},
        wire_bytes=counts.wire_bytes,
        took=took,
        took_s=took_s,
        parts=reporter.parts,
    )


def _broken(reporter: Reporter, error: BaseException) -> Ended:
    """Return what is told of a bug; the traceback goes to standard error."""
    while isinstance(error, BaseExceptionGroup):
        known = error.subgroup(ScraperError)
        error = (known or error).exceptions[0]
    if isinstance(error, ScraperError):
        return _told(reporter, complete=False, error=str(error))
    traceback.print_exception(error)
    return _told(reporter, complete=False, error=f"a bug: {type(error).__name__}: {error}")


def one_line(text: str) -> str:
    """Return a message as one line that a terminal can only show, without secrets."""
    return printable(without_secrets(text), limit=_MOST_ERROR_CHARACTERS)


class _Changed(msgspec.Struct):
    status: str


class _Brief(msgspec.Struct):
    outcome: Outcome
    wire_size: int | None = None
    change: _Changed | None = None


def _counted(files: RunFiles) -> Ended:
    """Return what a run came to that was complete already, from its records.

    Raises:
        RunError: They can't be read.
    """
    decode, outcomes, changes = msgspec.json.Decoder(_Brief).decode, Counter[str](), Counter[str]()
    wire_bytes = 0
    try:
        with files.outputs[0].open("rb") as records:
            for line in records:
                record = decode(line)
                outcomes[record.outcome.value] += 1
                wire_bytes += record.wire_size or 0
                if record.change is not None:
                    changes[record.change.status] += 1
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(f"{files.name}: can't be read: {error}") from error
    return Ended(
        complete=True,
        lines=outcomes.total(),
        failed=sum(count for outcome, count in outcomes.items() if Outcome(outcome) not in GOOD),
        outcomes=outcomes,
        changes=changes,
        wire_bytes=wire_bytes,
    )


def _alone(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Wait until no other process carries out the run, and keep others away until the context is left.

    Raises:
        RunError: The folder can't be made, or written to.
    """
    if sys.platform == "win32":
        return contextlib.nullcontext()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".run.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise RunError(f"can't write to {folder}: {error.strerror}") from error
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    @contextlib.contextmanager
    def held() -> Iterator[None]:
        try:
            yield
        finally:
            os.close(descriptor)

    return held()


class _Orders:
    """Reads orders in a thread of its own, so that also a loop that stands still ends with the daemon."""

    def __init__(self, loop: asyncio.AbstractEventLoop, orders: asyncio.Queue[Order | None]) -> None:
        self._loop = loop
        self._orders = orders
        self.patience_s = _GRACE_S

    def read(self) -> None:
        """Hand over the orders that come, and their end; then see to it that the process ends."""
        rest = b""
        # Not by ``sys.stdin``, whose lock this thread would hold when the interpreter ends.
        while data := os.read(0, _READ_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._hand_over(decode_order(line))
            if len(rest) > MOST_BYTES:
                break
        self._hand_over(None)
        threading.Event().wait(self.patience_s)
        os._exit(1)

    def _hand_over(self, order: Order | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: we end anyway
            self._loop.call_soon_threadsafe(self._orders.put_nowait, order)


class _Up(asyncio.BaseProtocol):
    """The line to the daemon. A daemon that is gone, or does not read, holds up nothing."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._is_closed = asyncio.Event()

    async def close(self) -> None:
        """Send what is left."""
        if self._transport is not None:
            self._transport.close()
            await self._is_closed.wait()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, descriptor: int) -> AsyncIterator[_Up]:
        """Take a descriptor over; what was sent is gone when the block is left."""
        _, up = await asyncio.get_running_loop().connect_write_pipe(cls, os.fdopen(descriptor, "wb", 0))
        try:
            yield up
        finally:
            await up.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._is_closed.set()

    def send(self, news: News) -> None:
        """Send news."""
        if self._transport is not None and not self._is_closed.is_set():
            self._transport.write(encode(news) + b"\n")

    @contextlib.contextmanager
    def telling(self, live: Callable[[], LiveRun]) -> Iterator[None]:
        """Send how far the run is about once a second while the block lasts."""
        timer: asyncio.TimerHandle | None = None

        def tell() -> None:
            nonlocal timer
            if self._transport and self._transport.get_write_buffer_size() < _MOST_UNSENT_BYTES:
                self.send(Progress(live()))
            timer = asyncio.get_running_loop().call_later(_TELLS_EVERY_S, tell)

        tell()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
