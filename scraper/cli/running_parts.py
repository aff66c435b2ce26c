"""A run in parts as a command shows it: one display for all, signals around it, the summary after it."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING

from scraper.cli.exits import Exit
from scraper.cli.open_files import allow_many_open_files
from scraper.cli.running import (
    Talk,
    called,
    extraction_options,
    next_commands,
    resumable,
    showing_failures,
)
from scraper.cli.signals import signals_stop
from scraper.cli.statements import statements
from scraper.clock import SystemClock
from scraper.cluster.job import Job
from scraper.cluster.totals import Totals
from scraper.observe.counts import GOOD
from scraper.observe.events import Observers
from scraper.observe.log import JsonLog
from scraper.observe.no_display import NoDisplay
from scraper.run.history_places import changes_file

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

    from scraper.cluster.engine import Engine
    from scraper.cluster.job_place import JobPlace
    from scraper.observe.events import Observer
    from scraper.run.execution import RunResult
    from scraper.run.files import Mode
    from scraper.settings.model import Settings
    from scraper.sources.source import Source


async def run_parts_and_show(
    sources: Sequence[Source], place: JobPlace, *, settings: Settings, mode: Mode, talk: Talk
) -> Exit:
    """Run to the end or to a signal, and return the exit code.

    Raises:
        UsageError: Nothing was started.
        RunError: The run broke; it can be gone on with.
    """
    from scraper.observe.display import progress_display, stderr_console  # noqa: PLC0415 - rich

    allow_many_open_files()
    clock = SystemClock()
    totals = Totals(clock=clock)
    display = (
        NoDisplay()
        if talk.quiet
        else progress_display(stderr_console(), counts=totals, waiting=totals.waiting, clock=clock)
    )

    def opened(engine: Engine) -> None:
        if engine.dashboard and not talk.quiet:
            display.say((f"Dashboard of the cluster: {engine.dashboard}",))

    with contextlib.ExitStack() as stack:
        observers: list[Observer] = []
        if talk.log_json:
            log = JsonLog(talk.log_json, clock=clock, report=lambda line: display.say((line,)))
            stack.callback(log.close)
            observers.append(log)
        job = Job(
            sources,
            place,
            settings=settings,
            mode=mode,
            observer=Observers(*observers, display),
            totals=totals,
            clock=clock,
            opened=opened,
        )
        stopped: signal.Signals | None = None
        with display, signals_stop(job) as stops, resumable(talk):
            result = await job.execute()
        stopped = stops.first
    snapshot = totals.snapshot()
    if not talk.quiet:
        _summarise(totals, result, place, settings=settings, talk=talk)
    if stopped is not None and not result.complete:
        return Exit(128 + stopped)
    failed = any(count for outcome, count in snapshot.by_outcome.items() if outcome not in GOOD)
    return Exit.PAGES_FAILED if settings.run.strict and failed else Exit.COMPLETE


def _summarise(totals: Totals, result: RunResult, place: JobPlace, *, settings: Settings, talk: Talk) -> None:
    from scraper.observe.display import stderr_console  # noqa: PLC0415 - rich
    from scraper.observe.summary import print_summary  # noqa: PLC0415 - the same

    snapshot = totals.snapshot()
    where = ", ".join([*map(called, result.outputs), *result.uploaded])
    further = next_commands(snapshot, result.outputs, extracting=extraction_options())
    if place.store:
        run = place.store.shown
        commands = [showing_failures(snapshot, run)] if snapshot.failed else []
        commands.append(["report", run, "-o", "report.html"])
        further = [shlex.join(["scraper", *words]) for words in commands]
    print_summary(
        stderr_console(),
        snapshot,
        output=where if snapshot.complete or place.store else str(place.work),
        log=str(talk.log_json) if talk.log_json else None,
        changes=str(changes_file(settings, place)) if settings.history.file and result.complete else None,
        resume_command=talk.resume_command,
        statements=statements(settings),
        private=settings.fetch.private,
        next_commands=further if snapshot.complete else (),
    )
