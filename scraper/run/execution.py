"""One run's life: begun, perhaps asked to stop, checked and completed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import CountMismatch, RunError, ScraperError, SourceError
from scraper.observe.events import Aborting, ChangesKnown, Draining, RunEnded, RunStarted
from scraper.sinks.formats import finalise
from scraper.sinks.remote import made_for

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.frontier.facts import Progress
    from scraper.history.remembered import History
    from scraper.observe.events import Observer
    from scraper.observe.watchdog import Watchdog
    from scraper.pipeline import Crawl
    from scraper.run.files import RunFiles


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    run: str
    complete: bool
    """Every line has its record, and the outputs are there."""
    lines: int
    """Input lines read, over all parts of a run that was resumed."""
    records: int
    """Records written, likewise."""
    outputs: tuple[Path, ...]
    uploaded: tuple[str, ...] = ()
    """The outputs that are not on this machine, by their URLs without secrets."""
    elapsed_s: float
    changes: dict[str, int] = {}
    """How many pages are new, changed, unchanged, gone and recovered; empty without ``history.file``."""
    resumable: bool
    """Not complete, and what is missing can be done with ``--resume``."""


class Run:
    """A run that is ready to go; ``execute`` it once. Made and closed by ``assembly.open_run``."""

    def __init__(
        self,
        *,
        name: str,
        crawl: Crawl,
        watchdog: Watchdog,
        observer: Observer,
        files: RunFiles | None,
        drain_s: float,
        clock: Clock,
        before: Progress,
        history: History | None = None,
    ) -> None:
        """Take over the parts; ``before`` is how far an interrupted run has come before this one."""
        self._history = history
        self._changes: dict[str, int] = {}
        self.name = name
        self.crawl = crawl
        self.is_complete = False
        self._watchdog = watchdog
        self._observer = observer
        self._files = files
        self._drain_s = drain_s
        self._clock = clock
        self._before = before
        self._grace: asyncio.TimerHandle | None = None

    async def execute(self) -> RunResult:
        """Crawl to the end, or until drained or aborted; then make the final outputs.

        Raises:
            RunError: The output or the state can't be written, or the counts differ. What was written
                is kept.
            UsageError: A source can't be read on.
            BaseExceptionGroup: A stage broke by a bug.
        """
        began_s = self._clock.monotonic()
        self._observer.notice(
            RunStarted(
                run=self.name,
                resumed=self._before.lines > 0,
                already_done=self._before.done,
                known=self._before.lines,
                found=self._before.found,
                tally=self._before.tally,
            )
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watchdog.watch(), name="watchdog")
                await self.crawl.run()
                watching.cancel()
            if self.crawl.broken_source is not None:
                raise self._broken(self.crawl.broken_source)
            if self.crawl.frontier.is_over:
                await self._complete()
        except BaseExceptionGroup as group:
            if (cause := known_cause(group)) is not None:
                raise cause from cause.__cause__
            raise
        finally:
            if self._grace:
                self._grace.cancel()
            elapsed_s = self._clock.monotonic() - began_s
            self._observer.notice(RunEnded(complete=self.is_complete, elapsed_s=elapsed_s))
        return RunResult(
            run=self.name,
            complete=self.is_complete,
            lines=self.crawl.frontier.lines,
            records=self.crawl.journal.records,
            outputs=self._files.files_made() if self._files else (),
            uploaded=tuple(remote.shown for remote in self._files.remotes) if self._files else (),
            elapsed_s=elapsed_s,
            changes=self._changes,
            resumable=self._files is not None and not self.is_complete,
        )

    def drain(self, reason: str) -> None:
        """Start nothing new; give what is under way until the drain's deadline."""
        self._observer.notice(Draining(reason=reason, deadline_s=self._drain_s))
        self.crawl.drain()
        self._grace = asyncio.get_running_loop().call_later(
            self._drain_s, self.abort, f"not finished within {self._drain_s:g} s"
        )

    def abort(self, reason: str) -> None:
        """Give up what is under way; what the writer has is still written and the files are closed."""
        self._observer.notice(Aborting(reason))
        self.crawl.abort()

    def _broken(self, error: SourceError) -> ScraperError:
        """Return what to tell of a list that breaks off: before its first line it is a user's mistake."""
        if not self.crawl.frontier.lines:
            return error
        return RunError(f"{error}; the {self.crawl.frontier.lines} lines before are done")

    async def _complete(self) -> None:
        lines, records = self.crawl.frontier.lines, self.crawl.journal.records
        if lines != records:
            raise CountMismatch(
                f"{lines} lines were read but {records} records written: please report this bug"
            )
        # Of an empty list, or one that asks nobody, the outputs are empty, and not what was there before.
        if self.crawl.archive:
            await self.crawl.archive.begin()
            await self.crawl.archive.sync()
        if not lines:
            await self.crawl.journal.append([])
        if self._files:
            await asyncio.to_thread(make_outputs, self._files)
        if self._files and self._history:
            totals = await self._history.complete([self._files.journal])
            self._changes = msgspec.structs.asdict(totals)
            self._observer.notice(ChangesKnown(self._changes))
        self.is_complete = True


def make_outputs(files: RunFiles) -> None:
    """Make all that is not the journal itself, then upload what does not belong here.

    Raises:
        SinkError: One can't be written; those before it are there.
    """
    for output in files.final_outputs:
        finalise(files.journal, output, ending=files.ending_of(output), ordered=files.ordered)
    for remote in files.remotes:
        with made_for(remote, files.journal) as made:
            finalise(files.journal, made, ending=remote.ending, ordered=files.ordered)
            remote.upload(made)


def known_cause(group: BaseExceptionGroup[BaseException]) -> ScraperError | None:
    """Return the error that broke the run, ``None`` when there is more to it than errors we know."""
    known, unknown = group.split(ScraperError)
    if known is None or unknown is not None:
        return None
    first: BaseException = known
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, ScraperError) else None
