"""``scraper extract``: pages that were fetched before become records, without the network."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scraper.cli.main import one_line
from scraper.cli.options import SettingsCommand, loaded_from, settings_options_without, talk_options
from scraper.errors import UsageError
from scraper.sinks.endings import ARCHIVE, RECORDS

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

    from scraper.archives.sources import Archives, SavedPages
    from scraper.cli.exits import Exit
    from scraper.cli.running import Talk
    from scraper.extracting.lines import Lines
    from scraper.observe.counts import Counts
    from scraper.observe.events import Observer
    from scraper.run.execution import RunResult
    from scraper.run.files import Mode, RunFiles
    from scraper.settings.model import Settings

_LEFT_OUT = (
    *("--workers", "--per-host", "--delay", "--timeout", "--retries", "--robots", "--header", "--proxy"),
    *("--insecure", "--private", "--depth", "--same-site", "--include", "--exclude", "--column", "--format"),
    *("--user-agent", "--history"),
)
"""Nobody is asked, and there is no list."""


@click.command(cls=SettingsCommand)
@click.argument(
    "sources", nargs=-1, required=True, metavar="FILE... | FOLDER", type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help=f"Where the records go; the ending names the format: {' '.join(RECORDS)}. A path, or a URL such as "
    "s3://bucket/pages.parquet. May be repeated. Without it, JSON Lines to standard output.",
)
@click.option(
    "--base", metavar="URL", help="What a folder of saved pages stands for: https://example.com/docs/"
)
@click.option(
    "--resume", is_flag=True, help="Go on with an unfinished extraction; begin it if there is none."
)
@click.option("--fresh", is_flag=True, help="Start over, and replace what is there.")
@talk_options
@settings_options_without(left_out=_LEFT_OUT)
@click.pass_context
def extract(
    ctx: click.Context,
    *,
    sources: tuple[Path, ...],
    outputs: tuple[str, ...],
    base: str | None,
    resume: bool,
    fresh: bool,
    quiet: bool,
    log_json: Path | None,
) -> int:
    """Make records of pages that were fetched before, by this program or another. Nobody is asked.

    FILE is a WARC file (.warc, .warc.gz); FOLDER has such files in it, or saved pages. Each page gives one
    record, the one that `scraper crawl` would have made of the answer: so a crawl that was archived can be
    extracted again with other options, or by a newer version.

    \b
      scraper extract output/pages.warc.gz -o output/again.jsonl --text main
      scraper extract archives/ -o output/pages.parquet -o output/pages.csv --select price:float=.price
      scraper extract mirror/ --base https://example.com/ -o output/mirror.jsonl
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    from scraper import loop  # noqa: PLC0415 - help and a mistake in the options need no more
    from scraper.archives.sources import sources_of  # noqa: PLC0415 - the same
    from scraper.cli.crawl import files_of  # noqa: PLC0415 - the same
    from scraper.cli.running import Talk, resume_command  # noqa: PLC0415 - the same
    from scraper.run.files import Mode  # noqa: PLC0415 - the same
    from scraper.sinks.archive_files import LATE  # noqa: PLC0415 - the same

    if resume and fresh:
        raise UsageError("--resume goes on and --fresh starts over: give one of them")
    settings = loaded_from(ctx).settings
    for output in outputs:
        if output.endswith(ARCHIVE):
            raise UsageError(f"{output}: {LATE}")
    mode = Mode.RESUME if resume else Mode.FRESH if fresh else Mode.NEW
    files = files_of(outputs, mode, ordered=settings.output.ordered)
    if files and mode is Mode.RESUME and files.is_complete():
        click.echo(one_line(f"{files.name} is there, with no unfinished run: nothing to resume"), err=True)
        return 0
    source = sources_of(sources, base=base)
    names = [str(path) for path in (*sources, *getattr(source, "files", ()))]
    if files:
        files.keep_apart([*names, *([str(log_json)] if log_json else [])])
    if log_json and any(log_json.resolve() == Path(name).resolve() for name in names):
        raise UsageError(f"{log_json} is an archive that is read: name another log")
    talk = Talk(quiet=quiet, log_json=log_json, resume_command=resume_command() if files else None)
    return loop.run(_run_and_show(source, files, settings=settings, mode=mode, talk=talk))


async def _run_and_show(
    source: Archives | SavedPages, files: RunFiles | None, *, settings: Settings, mode: Mode, talk: Talk
) -> Exit:
    """Run to the end or to a signal, and return the exit code. Without files, records go to stdout."""
    from scraper.archives.sources import SavedPages  # noqa: PLC0415 - help and a mistake need no more
    from scraper.cli.exits import Exit  # noqa: PLC0415 - as above
    from scraper.cli.running import display_of, exit_of, resumable  # noqa: PLC0415 - as above
    from scraper.cli.signals import signals_stop  # noqa: PLC0415 - as above
    from scraper.clock import SystemClock  # noqa: PLC0415 - as above
    from scraper.extracting.assembly import open_extraction  # noqa: PLC0415 - as above
    from scraper.observe.counts import Counts  # noqa: PLC0415 - as above
    from scraper.observe.events import Observers  # noqa: PLC0415 - as above
    from scraper.observe.log import JsonLog  # noqa: PLC0415 - as above
    from scraper.sinks.stdout import StandardOutputJournal  # noqa: PLC0415 - as above

    clock = SystemClock()
    parse = settings.parse
    counts = Counts(clock=clock, fields=tuple(parse.select), has_function=bool(parse.extractor))
    display = display_of(counts, talk, waiting=lambda: None, clock=clock)
    stopped: signal.Signals | None = None
    with contextlib.ExitStack() as stack:
        observers: list[Observer] = [counts]
        if talk.log_json:
            log = JsonLog(talk.log_json, clock=clock, report=lambda line: display.say((line,)))
            stack.callback(log.close)
            observers.append(log)
        async with open_extraction(
            source,
            files or StandardOutputJournal(),
            settings=settings,
            observer=Observers(*observers, display),
            mode=mode,
            clock=clock,
        ) as extraction:
            with display, signals_stop(extraction) as stops, resumable(talk):
                result = await extraction.execute()
            stopped = stops.first
    if not talk.quiet:
        told = _told(extraction.lines, are_files=isinstance(source, SavedPages))
        _summarise(counts, result, files, told=told, talk=talk)
    code = exit_of(counts, result, stopped=stopped, strict=settings.run.strict)
    is_damaged = settings.run.strict and extraction.lines.damaged > 0
    return Exit.PAGES_FAILED if code is Exit.COMPLETE and is_damaged else code


def _summarise(
    counts: Counts, result: RunResult, files: RunFiles | None, *, told: Sequence[str], talk: Talk
) -> None:
    from scraper.cli.running import next_commands  # noqa: PLC0415 - as above
    from scraper.observe.display import stderr_console  # noqa: PLC0415 - as above
    from scraper.observe.summary import print_check, print_summary  # noqa: PLC0415 - as above

    console, snapshot = stderr_console(), counts.snapshot()
    if files is None:
        print_check(console, snapshot, statements=told, offline=True)
        return
    outputs = result.outputs if result.complete else (files.journal,)
    uploaded = result.uploaded if result.complete else ()
    print_summary(
        console,
        snapshot,
        output=", ".join(map(str, (*outputs, *uploaded))),
        log=str(talk.log_json) if talk.log_json else None,
        resume_command=talk.resume_command,
        statements=told,
        next_commands=next_commands(snapshot, outputs, may_retry=False) if result.complete else (),
        offline=True,
    )


def _told(lines: Lines, *, are_files: bool) -> Sequence[str]:
    """Say what was in the archives besides pages."""
    from scraper.observe.figures import counted  # noqa: PLC0415 - as above

    found = []
    if lines.joined:
        answers = counted(lines.joined, one="further answer", many="further answers")
        found.append(f"{answers} joined to their lines: where redirects led, what was asked again")
    if lines.robots:
        found.append(f"{counted(lines.robots, one='robots.txt', many='robots.txt files')} left out")
    if lines.others:
        what = "file" if are_files else "record"
        others = counted(lines.others, one=f"other {what}", many=f"other {what}s")
        found.append(f"{others} left out: no page" + "s" * (lines.others > 1))
    if lines.damaged and are_files:
        found.append(f"{counted(lines.damaged, one='file', many='files')} could not be read")
    elif lines.damaged:
        places = counted(lines.damaged, one="place", many="places")
        found.append(f"Damaged in {places}: what stands before and behind was read")
    return found
