"""A run's end: checked, drained, given up, or broken, with fake parts in virtual time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import CountMismatch, RunError, SourceError
from scraper.frontier.facts import Progress
from scraper.observe.events import Aborting, Draining, RunEnded, RunStarted
from scraper.run.execution import Run
from scraper.run.files import run_files
from tests.support.fakes import CollectingObserver, FakeClock, MemoryJournal, pass_s, play, settle

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.run.files import RunFiles

DRAIN_S = 8.0


class FakeCrawl:
    """Takes its time, unless it is told to stop."""

    def __init__(self, *, lines: int, records: int, takes_s: float = 0.0) -> None:
        self.frontier = SimpleNamespace(lines=lines, is_over=False)
        self.archive = None
        self.journal = MemoryJournal()
        self.journal.records = records
        self.broken_source: SourceError | None = None
        self.breaks: Exception | None = None
        self.drained = False
        self.aborted = asyncio.Event()
        self._takes_s = takes_s

    async def run(self) -> None:
        finishing = asyncio.create_task(pass_s(self._takes_s))
        giving_up = asyncio.create_task(self.aborted.wait())
        _, left = await asyncio.wait((finishing, giving_up), return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        if self.breaks is not None:
            raise ExceptionGroup("stages", [ExceptionGroup("pool", [self.breaks])])
        self.frontier.is_over = not self.drained and not self.aborted.is_set()

    def drain(self) -> None:
        self.drained = True

    def abort(self) -> None:
        self.aborted.set()


class SilentWatchdog:
    async def watch(self) -> None:
        await asyncio.Event().wait()


class Bench:
    """A run with fakes around it."""

    def __init__(self, clock: FakeClock, crawl: FakeCrawl, *, files: RunFiles | None = None) -> None:
        self.crawl = crawl
        self.observer = CollectingObserver()
        parts: dict[str, Any] = {"crawl": crawl, "watchdog": SilentWatchdog()}
        self.run = Run(
            name="r1",
            observer=self.observer,
            files=files,
            drain_s=DRAIN_S,
            clock=clock,
            before=Progress(0, 0, 0),
            **parts,
        )


def test_each_line_has_its_record() -> None:
    async def act(clock: FakeClock) -> None:
        bench = Bench(clock, FakeCrawl(lines=3, records=3, takes_s=2.0))
        result = await bench.run.execute()
        assert (result.complete, result.lines, result.records, result.elapsed_s) == (True, 3, 3, 2.0)
        assert result.resumable is False
        (ended,) = bench.observer.of(RunEnded)
        assert ended == RunEnded(complete=True, elapsed_s=2.0)
        assert len(bench.observer.of(RunStarted)) == 1

    play(act)


@pytest.mark.parametrize(("lines", "records"), [(3, 2), (2, 3), (1, 0), (0, 1)])
def test_counts_that_differ_break_the_run(tmp_path: Path, lines: int, records: int) -> None:
    async def act(clock: FakeClock) -> None:
        bench = Bench(
            clock, FakeCrawl(lines=lines, records=records), files=run_files([tmp_path / "pages.json"])
        )
        with pytest.raises(CountMismatch, match=f"{lines} lines were read but {records} records written"):
            await bench.run.execute()
        assert not bench.run.is_complete
        assert [event.complete for event in bench.observer.of(RunEnded)] == [False]

    play(act)
    assert not list(tmp_path.iterdir()), "no final output of a run that lacks something"


def test_a_drain_that_takes_too_long_is_given_up_at_its_deadline() -> None:
    async def act(clock: FakeClock) -> None:
        bench = Bench(clock, FakeCrawl(lines=3, records=1, takes_s=1024.0))
        began_s = clock.monotonic()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(bench.run.execute())
            await pass_s(4.0)
            bench.run.drain("SIGINT")
            await settle()
            assert bench.crawl.drained
            assert not bench.crawl.aborted.is_set(), "what is under way is given its time"
        assert clock.monotonic() - began_s == 4.0 + DRAIN_S
        assert bench.observer.of(Draining) == [Draining(reason="SIGINT", deadline_s=DRAIN_S)]
        assert bench.observer.of(Aborting) == [Aborting("not finished within 8 s")]
        assert not running.result().complete

    play(act)


def test_a_drain_that_ends_in_time_is_not_given_up_later() -> None:
    async def act(clock: FakeClock) -> None:
        bench = Bench(clock, FakeCrawl(lines=3, records=1, takes_s=6.0))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(bench.run.execute())
            await pass_s(4.0)
            bench.run.drain("SIGINT")
        assert running.result().elapsed_s == 6.0
        await pass_s(2 * DRAIN_S)
        assert bench.observer.of(Aborting) == []
        assert not bench.crawl.aborted.is_set()

    play(act)


@pytest.mark.parametrize(("lines", "kind"), [(0, SourceError), (2, RunError)])
def test_a_list_that_breaks_off_is_told_by_how_far_it_came(lines: int, kind: type[Exception]) -> None:
    async def act(clock: FakeClock) -> None:
        crawl = FakeCrawl(lines=lines, records=lines)
        crawl.broken_source = SourceError("urls.txt.gz: the end is missing")
        bench = Bench(clock, crawl)
        with pytest.raises(kind, match=r"urls\.txt\.gz: the end is missing") as caught:
            await bench.run.execute()
        assert ("the 2 lines before are done" in str(caught.value)) is bool(lines)
        assert not bench.run.is_complete

    play(act)


def test_one_known_error_comes_out_alone_and_a_bug_in_its_group() -> None:
    async def act(clock: FakeClock) -> None:
        for error, kind in ((RunError("the disk is full"), RunError), (KeyError("bug"), BaseExceptionGroup)):
            crawl = FakeCrawl(lines=1, records=0)
            crawl.breaks = error
            with pytest.raises(kind) as caught:
                await Bench(clock, crawl).run.execute()
            assert (caught.value is error) is (kind is RunError)

    play(act)
