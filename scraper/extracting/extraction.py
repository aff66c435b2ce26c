"""One extraction, in the order in which data flows.

    archives -> lines -> records -> journal

A thread reads ahead, a bounded number of pages are parsed at the same time, and one writer writes. Records
come in the order of the lines, whatever takes how long.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from scraper import record_line
from scraper.archives.sources import Damaged
from scraper.channel import Channel
from scraper.errors import CountMismatch, RunError
from scraper.extracting.lines import result_of
from scraper.messages import Finished, Hop, Request
from scraper.observe.events import (
    Aborting,
    Admitted,
    ArchiveDamaged,
    Draining,
    RunEnded,
    RunStarted,
    Sealed,
    Written,
)
from scraper.run.execution import RunResult, known_cause, make_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from scraper.clock import Clock
    from scraper.errors import FetchError
    from scraper.extracting.kept import Kept
    from scraper.extracting.lines import Lines, Ready
    from scraper.messages import Response, Verdict
    from scraper.observe.events import Observer
    from scraper.robots.access import RobotsFile
    from scraper.run.files import RunFiles
    from scraper.settings.model import OutputSettings
    from scraper.visit.visit import Answered, Settler

_PULLED_LINES = 32
_PULLED_BYTES = 8 * 1024 * 1024
"""So much is read ahead in one go of the thread."""


class Concluder(Protocol):
    """Makes records of answers."""

    async def conclude(
        self, request: Request, result: Response | FetchError, *, at: datetime, started_s: float
    ) -> Answered:
        """Return what comes of an answer; see ``scraper.visit.visit``."""
        ...


class Extraction:
    """A run over archives that is ready to go; ``execute`` it once."""

    def __init__(
        self,
        *,
        lines: Lines,
        concluder: Concluder,
        last: Concluder,
        settler: Settler,
        kept: Kept,
        files: RunFiles | None,
        observer: Observer,
        output: OutputSettings,
        at_once: int,
        is_refreshing: bool,
        drain_s: float,
        clock: Clock,
    ) -> None:
        """Take over the parts.

        Args:
            lines: What is read, in a thread of ours.
            concluder: Makes the records.
            last: The same, but no page sends it on.
            settler: Makes the records of what is no URL.
            kept: The journal, and what it holds already.
            files: The outputs; ``None`` when the journal is all.
            observer: Is told of what happens.
            output: How the journal is written.
            at_once: So many pages are parsed at the same time.
            is_refreshing: Pages may send their readers on; then one is parsed after the other, since it tells
                what the next one belongs to.
            drain_s: How long what is under way may take after ``drain``.
            clock: Tells the time.
        """
        self.lines = lines
        self._concluder = concluder
        self._last = last
        self._settler = settler
        self._kept = kept
        self._files = files
        self._observer = observer
        self._output = output
        self._at_once = 1 if is_refreshing else at_once
        self._is_refreshing = is_refreshing
        self._drain_s = drain_s
        self._clock = clock
        self._before = kept.journal.records
        self._to_skip = self._before
        self._told = 0
        self._pulling = threading.Lock()
        self._is_draining = False
        self._is_over = False
        self._records = Channel[Finished](2 * self._output.batch_records)
        self._window: deque[asyncio.Task[Finished | None]] = deque()
        """Lines under way, in their order."""
        self._reading: asyncio.Task[None] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self.is_complete = False

    async def execute(self) -> RunResult:
        """Read to the end, or until drained or aborted; then make the final outputs.

        Raises:
            RunError: An archive or the output fails, or the counts differ. What was written is kept.
            BaseExceptionGroup: A stage broke by a bug.
        """
        began_s = self._clock.monotonic()
        tally = tuple((outcome, status, count) for (outcome, status), count in self._kept.tally.items())
        self._observer.notice(
            RunStarted(
                run=self._kept.run,
                resumed=self._before > 0,
                already_done=self._before,
                known=self._before,
                tally=tally,
            )
        )
        try:
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._write(), name="writer")
                self._reading = stages.create_task(self._read(), name="reader")
            if self._is_over:
                await self._complete()
        except BaseExceptionGroup as group:
            if (cause := known_cause(group)) is not None:
                raise cause from cause.__cause__
            raise
        finally:
            if self._grace:
                self._grace.cancel()
            # After an abort the thread may still be at it, with what our caller is about to close.
            await asyncio.to_thread(self._pulling.acquire)
            elapsed_s = self._clock.monotonic() - began_s
            self._observer.notice(RunEnded(complete=self.is_complete, elapsed_s=elapsed_s))
        return RunResult(
            run=self._kept.run,
            complete=self.is_complete,
            lines=self.lines.begun,
            records=self._kept.journal.records,
            outputs=self._files.outputs if self._files else (),
            uploaded=tuple(remote.shown for remote in self._files.remotes) if self._files else (),
            elapsed_s=elapsed_s,
            resumable=self._files is not None and not self.is_complete,
        )

    def drain(self, reason: str) -> None:
        """Start nothing new; what is under way is still finished and written, within the drain's deadline."""
        self._observer.notice(Draining(reason=reason, deadline_s=self._drain_s))
        self._is_draining = True
        self._grace = asyncio.get_running_loop().call_later(
            self._drain_s, self.abort, f"not finished within {self._drain_s:g} s"
        )

    def abort(self, reason: str) -> None:
        """Give up what is under way; what the writer has is still written and the files are closed."""
        self._observer.notice(Aborting(reason))
        self._is_draining = True
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> None:
        """Have the lines read and their records made, in order."""
        try:
            async with asyncio.TaskGroup() as pages:
                await self._conclude_all(pages)
        finally:
            await self._records.close()

    async def _conclude_all(self, pages: asyncio.TaskGroup) -> None:
        ready = self.lines.ready()
        coming = self._pull_soon(pages, ready)
        while (pulled := await coming) is not None and not self._stops():
            self._tell_of_lines()
            if not self._is_refreshing:
                coming = self._pull_soon(pages, ready)  # while these are parsed
            for one in pulled:
                await self._take(one, pages)
            if self._is_refreshing:
                await self._send_all()
                coming = self._pull_soon(pages, ready)
        await self._send_all()
        self._is_over = pulled is None and not self._stops()
        if self._is_over:
            self._tell_of_lines()
            self._observer.notice(Sealed(self.lines.begun))

    def _stops(self) -> bool:
        return self._is_draining

    async def _take(self, one: Ready | Damaged, pages: asyncio.TaskGroup) -> None:
        """Have a line's record made, as soon as few enough are at it."""
        if isinstance(one, Damaged):
            self._observer.notice(ArchiveDamaged(name=one.name, place=one.place, why=one.why))
        elif self._to_skip and not self._is_refreshing:
            self._to_skip -= 1  # its record is in the journal
        elif not self._stops():
            if len(self._window) >= self._at_once:
                await self._send(self._window.popleft())
            self._window.append(pages.create_task(self._record(one), name=f"line-{one.request.seq}"))

    async def _send_all(self) -> None:
        while self._window:
            await self._send(self._window.popleft())

    def _pull_soon(
        self, pages: asyncio.TaskGroup, ready: Iterator[Ready | Damaged]
    ) -> asyncio.Task[list[Ready | Damaged] | None]:
        most = 1 if self._is_refreshing else _PULLED_LINES
        return pages.create_task(asyncio.to_thread(self._pulled, ready, most), name="archive")

    def _pulled(self, ready: Iterator[Ready | Damaged], most: int) -> list[Ready | Damaged] | None:
        """Return the next lines, ``None`` at the end.

        Raises:
            RunError: An archive can't be read any more.
        """
        pulled: list[Ready | Damaged] = []
        weight = 0
        try:
            with self._pulling:
                for one in ready:
                    pulled.append(one)
                    if not isinstance(one, Damaged):
                        weight += len(one.answer.response.body)
                    if len(pulled) >= most or weight >= _PULLED_BYTES or self._stops():
                        break
        except OSError as error:
            name = error.filename or "an archive"
            raise RunError(f"can't read {name}: {error.strerror}") from error
        return pulled or None

    async def _send(self, page: asyncio.Task[Finished | None]) -> None:
        """Pass on a record, in its turn."""
        finished = await page
        if finished is None:
            return
        if self._to_skip:
            self._to_skip -= 1
            return
        await self._records.send(finished)

    async def _record(self, ready: Ready) -> Finished | None:
        """Make the record of a line; ``None`` when its page sends its readers on."""
        request, answer = ready.request, ready.answer
        if request.settled is not None:
            verdict: Verdict | RobotsFile = (await self._settler.settle(request, request.settled)).verdict
        elif ready.ended is not None:
            record = record_line.record_of(request, ready.ended, answer.response, run=self._kept.run)
            verdict = record_line.finished(request, ready.ended, record)
        else:
            concluder = self._last if ready.is_last else self._concluder
            answered = await concluder.conclude(
                request,
                result_of(answer),
                at=answer.response.fetched_at,
                started_s=self._clock.monotonic(),
            )
            verdict = answered.verdict
        if isinstance(verdict, Hop) and isinstance(verdict.errand, Request):
            self.lines.refreshed(verdict.errand, ready)
            return None
        assert isinstance(verdict, Finished)  # noqa: S101 - nothing is asked again
        return verdict

    async def _write(self) -> None:
        batches = self._records.batches(
            items=self._output.batch_records,
            weight=self._output.batch_bytes,
            within_s=self._output.batch_s,
            weigh=lambda finished: len(finished.line),
        )
        async for batch in batches:
            length = await self._kept.journal.append([finished.line for finished in batch])
            self._observer.notice(Written(records=tuple(batch), output_bytes=length))

    def _tell_of_lines(self) -> None:
        """Tell how many lines are known; those that were done before are known by then."""
        news = max(0, self.lines.begun - self._before - self._told)
        self._told += news
        self._observer.notice(Admitted(news, share=self.lines.read_share))

    async def _complete(self) -> None:
        lines, records = self.lines.begun, self._kept.journal.records
        if lines != records:
            raise CountMismatch(
                f"{lines} pages were read but {records} records written: please report this bug"
            )
        if not lines:
            await self._kept.journal.append([])
        if self._files:
            await asyncio.to_thread(make_outputs, self._files)
        self._kept.complete = self.is_complete = True
