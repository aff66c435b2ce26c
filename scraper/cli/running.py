"""A run as a command shows it: display, log and signals around it, the summary after it."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.assembly import open_run
from scraper.cli.exits import Exit
from scraper.cli.open_files import allow_many_open_files
from scraper.cli.signals import signals_stop
from scraper.cli.statements import statements
from scraper.clock import SystemClock
from scraper.errors import CountMismatch, RunError
from scraper.observe.counts import GOOD, Counts
from scraper.observe.events import Observers
from scraper.observe.log import JsonLog
from scraper.observe.no_display import NoDisplay
from scraper.observe.status import HostsWaiting
from scraper.redaction import redact
from scraper.run.history_places import changes_file
from scraper.run.parts import PARTS_FILE
from scraper.run.results import READABLE
from scraper.sinks.endings import JSON_LINES
from scraper.sinks.stdout import StandardOutputJournal

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Sequence

    from scraper.clock import Clock
    from scraper.observe.counts import Snapshot
    from scraper.observe.display import Display
    from scraper.observe.events import Observer
    from scraper.run.execution import Run, RunResult
    from scraper.run.files import Mode, RunFiles
    from scraper.settings.model import Settings
    from scraper.sources.source import Source


_EXTRACTING = {
    **dict.fromkeys(("--select", "--extractor", "--text", "--parser", "--config"), True),
    **dict.fromkeys(("--links", "--language", "--guess-dates"), False),
}
"""Options that say what is extracted, and whether a value may follow."""


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says, and where."""

    quiet: bool = False
    """Neither progress nor summary."""
    log_json: Path | None = None
    resume_command: str | None = None
    """What goes on with the run when it is stopped; ``None`` when nothing can."""
    output: Path | None = None
    """Where the caller puts the records in the end, and tells of it, when that is not where the run does."""


async def run_and_show(
    sources: Sequence[Source], files: RunFiles | None, *, settings: Settings, mode: Mode, talk: Talk
) -> Exit:
    """Run to the end or to a signal, and return the exit code. Without files, records go to stdout.

    Raises:
        UsageError: Nothing was started.
        RunError, ExceptionGroup: The run broke; it can be resumed.
    """
    allow_many_open_files()
    clock = SystemClock()
    parse = settings.parse
    counts = Counts(clock=clock, fields=tuple(parse.select), has_function=bool(parse.extractor))
    opened: list[Run] = []
    display = display_of(counts, talk, waiting=lambda: _waiting(opened), clock=clock)
    with contextlib.ExitStack() as stack:
        observers: list[Observer] = [counts]
        if talk.log_json:
            log = JsonLog(talk.log_json, clock=clock, report=lambda line: display.say((line,)))
            stack.callback(log.close)
            observers.append(log)
        observer = Observers(*observers, display)
        stopped: signal.Signals | None = None
        async with open_run(
            sources, files or StandardOutputJournal(), settings=settings, observer=observer, mode=mode
        ) as run:
            opened.append(run)
            with display, signals_stop(run) as stops, resumable(talk):
                result = await run.execute()
            stopped = stops.first
    if not talk.quiet:
        _summarise(counts, result, files, settings=settings, talk=talk)
    return exit_of(counts, result, stopped=stopped, strict=settings.run.strict)


def exit_of(counts: Counts, result: RunResult, *, stopped: signal.Signals | None, strict: bool) -> Exit:
    """Return the exit code of a run that has ended, by a signal or by itself."""
    if stopped is not None and not result.complete:
        return Exit(128 + stopped)
    snapshot = counts.snapshot()
    failed = any(count for outcome, count in snapshot.by_outcome.items() if outcome not in GOOD)
    failed = failed or (snapshot.own is not None and snapshot.own.pages_with_errors > 0)
    return Exit.PAGES_FAILED if strict and failed else Exit.COMPLETE


def display_of(
    counts: Counts, talk: Talk, *, waiting: Callable[[], HostsWaiting | None], clock: Clock
) -> Display:
    """Return what shows a run's progress; nothing when it is to be quiet."""
    if talk.quiet:
        return NoDisplay()
    from scraper.observe.display import (  # noqa: PLC0415 - a quiet run needs no rich
        progress_display,
        stderr_console,
    )

    return progress_display(stderr_console(), counts=counts, waiting=waiting, clock=clock)


def _summarise(
    counts: Counts, result: RunResult, files: RunFiles | None, *, settings: Settings, talk: Talk
) -> None:
    from scraper.observe.display import stderr_console  # noqa: PLC0415 - a quiet run needs no rich
    from scraper.observe.summary import SLOWEST_SHOWN, print_check, print_summary  # noqa: PLC0415 - the same

    console, snapshot = stderr_console(), counts.snapshot(hosts=SLOWEST_SHOWN)
    if files is None:  # the records are what was asked for, on the same terminal
        print_check(console, snapshot, statements=statements(settings), private=settings.fetch.private)
        return
    outputs = result.outputs if result.complete else (files.journal,)
    uploaded = result.uploaded if result.complete else ()
    is_told = result.complete and talk.output is not None
    print_summary(
        console,
        snapshot,
        output=None if is_told else ", ".join(map(str, (*outputs, *uploaded))),
        log=str(talk.log_json) if talk.log_json else None,
        changes=str(changes_file(settings, files)) if settings.history.file and result.complete else None,
        resume_command=talk.resume_command,
        statements=statements(settings),
        private=settings.fetch.private,
        next_commands=commands_after(snapshot, outputs, talk) if result.complete else (),
    )


def commands_after(snapshot: Snapshot, outputs: Sequence[Path], talk: Talk) -> list[str]:
    """Return the command lines that make sense after a complete run, or after the retry of one."""
    if talk.output is None:
        return next_commands(snapshot, outputs, extracting=extraction_options())
    # The rest of its records are of other lines, and one that came to nothing does not help at once again.
    return next_commands(
        snapshot,
        [talk.output],
        extracting=extraction_options(),
        some_good=True,
        may_retry=any(snapshot.by_outcome.get(outcome) for outcome in GOOD),
    )


@contextlib.contextmanager
def resumable(talk: Talk) -> Iterator[None]:
    """Say of an error that ends a run that it can go on, if it can: whoever raises it does not know."""
    try:
        yield
    except CountMismatch:
        raise
    except RunError as error:
        if talk.resume_command is None:
            raise
        raise RunError(f"{error} (--resume goes on)") from error


def next_commands(
    snapshot: Snapshot,
    outputs: Sequence[Path],
    *,
    extracting: Sequence[str] = (),
    some_good: bool = False,
    may_retry: bool = True,
) -> list[str]:
    """Return the command lines that make sense after a complete run with these outputs.

    Args:
        snapshot: Of the run, after its end.
        outputs: Its files. A run that stays in parts is called by its folder.
        extracting: The options by which the run had its records made; see ``extraction_options``.
        some_good: The outputs hold good records besides, of lines that the snapshot does not count.
        may_retry: To ask again may help.
    """
    readable = [path for path in outputs if path.name.endswith(READABLE)]
    if not readable:
        return []
    # All of these commands read JSON Lines several times as fast as anything else.
    output = next((path for path in readable if path.name.endswith(JSON_LINES)), readable[0])
    report = ["report", called(output), "-o", str(output.with_name("report.html"))]
    if not snapshot.failed:
        return [shlex.join(["scraper", *report])]
    commands = [showing_failures(snapshot, called(output), some_good=some_good)]
    if snapshot.retryable and may_retry:
        commands.append(["retry", called(output), *extracting])
    commands.append(report)
    return [shlex.join(["scraper", *words]) for words in commands]


def called(output: Path) -> str:
    """Return what to call a run by one of its files: that which names its parts is found by its folder."""
    return str(output.parent if output.name == PARTS_FILE else output)


def showing_failures(snapshot: Snapshot, run: str, *, some_good: bool = False) -> list[str]:
    """Return the words that show the records of a run that failed; see ``next_commands``."""
    good = sorted(GOOD if some_good else GOOD & set(snapshot.by_outcome))
    return ["show", run, *(["--where", f"outcome not in {json.dumps(good)}"] if good else [])]


def extraction_options(arguments: Sequence[str] | None = None) -> list[str]:
    """Return the options of this command line that say what is extracted, for one that makes records anew."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    kept: list[str] = []
    for word, following in pairwise([*words, "--"]):
        name, has_value, _ = word.partition("=")
        if word == "--set" and following.startswith("parse."):
            kept += [word, following]
        elif word.startswith("--set=parse."):
            kept.append(word)
        elif name in _EXTRACTING:
            takes_next = _EXTRACTING[name] and not has_value and not following.startswith("-")
            kept += [word, following] if takes_next else [word]
    return kept


def resume_command(arguments: Sequence[str] | None = None) -> str:
    """Return the command line that goes on with this run; values of headers are not repeated."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    kept = [word for word in words if word not in {"--fresh", "--resume"}]
    if any(word.startswith(("--header", "--set")) or _may_hold_secret(word) for word in kept):
        return "the same command with --resume"
    return shlex.join(["scraper", *kept, "--resume"])


def _may_hold_secret(word: str) -> bool:
    return redact(word) != word or (word.startswith("--proxy=") and "@" in word)


def _waiting(opened: Sequence[Run]) -> HostsWaiting:
    if not opened:
        return HostsWaiting(ready=0, held=0, in_memory=0)
    stands = opened[0].crawl.frontier.occupancy()
    return HostsWaiting(
        ready=stands.hosts_ready,
        held=stands.hosts_held,
        in_memory=stands.hosts_in_memory,
        least_s=stands.least_s,
        longest_host=stands.longest_host,
    )
