"""``scraper retry``: what failed is asked for again, and the answers take the place of the old records."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from scraper import loop
from scraper.cli.crawl import keep_apart
from scraper.cli.exits import Exit
from scraper.cli.options import (
    CLUSTER_FLAGS,
    SettingsCommand,
    loaded_from,
    settings_options_without,
    talk_options,
)
from scraper.cli.run_argument import RunPath
from scraper.cli.running import Talk, resume_command, run_and_show
from scraper.errors import UsageError
from scraper.observe import figures
from scraper.observe.printable import printable
from scraper.record import Outcome
from scraper.retrying.begun import begin, go_on, is_answered
from scraper.retrying.choice import Choice, Chosen
from scraper.retrying.files import RetryFiles, retry_files
from scraper.retrying.merging import merge, take_place
from scraper.run.files import Mode
from scraper.run.results import run_file
from scraper.settings.model import HistorySettings
from scraper.sinks.claim import claimed
from scraper.sources.source import Source

if TYPE_CHECKING:
    from scraper.settings.model import Settings

_LEFT_OUT = (
    *("--depth", "--same-site", "--include", "--exclude", "--column", "--format", "--history"),
    *CLUSTER_FLAGS,
)
"""No link is followed, the list is not the user's, a part of a run is no news for its history, and all is
done here."""
_STATUS = re.compile("[1-9][0-9]{2}|[1-9]xx")
_OUTCOMES = sorted(outcome for outcome in Outcome if outcome is not Outcome.DUPLICATE)


@click.command(cls=SettingsCommand)
@click.argument(
    "run",
    type=RunPath(refused="a retry works on files of this machine: scraper export RUN -o pages.jsonl first"),
)
@click.option(
    "--outcome", "outcomes", metavar="NAME,...", help="Records of these outcomes: timeout,dns_error."
)
@click.option("--status", "statuses", metavar="CODE,...", help="Records of these statuses: 429,5xx.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all records there, and leave the run as it is.",
)
@click.option("--resume", is_flag=True, help="Go on with an unfinished retry; begin it if there is none.")
@click.option("--fresh", is_flag=True, help="Start over, and replace the FILE of -o.")
@talk_options
@settings_options_without(left_out=_LEFT_OUT)
@click.pass_context
def retry(
    ctx: click.Context,
    *,
    run: Path,
    outcomes: str | None,
    statuses: str | None,
    output: Path | None,
    resume: bool,
    fresh: bool,
    quiet: bool,
    log_json: Path | None,
) -> int:
    """Ask again for what failed in a run, and put the answers in the place of the old records.

    RUN is a file of records, or a folder with one. Asked again are the records that are marked retryable,
    or with --outcome or --status those that are one of these. All others stay as they are, and so does the
    order: a new record keeps seq, input, extra, parent and depth of the one that it replaces. What else is in
    it is made anew, so give the --select, --text and the like that the crawl had.

    The run is replaced in one step when all is answered, and the records as they were are kept beside it
    (pages.jsonl.before), so that `scraper diff` can tell what has changed. With -o it is left as it is. A
    retry that was stopped or killed goes on with --resume.

    Settings are those of a crawl; give the same again. Links are not followed and sitemaps not read: what
    they lead to would be records that the run does not have.

    \b
      scraper retry output/pages.jsonl
      scraper retry output/pages.jsonl --outcome timeout,connect_error --timeout 120
      scraper retry output/pages.jsonl --status 429,5xx -o output/better.jsonl
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    if resume and fresh:
        raise UsageError("--resume goes on and --fresh starts over: give one of them")
    settings = _without_links(loaded_from(ctx).settings)
    choice = Choice(outcomes=_outcomes(outcomes), statuses=_statuses(statuses))
    files = retry_files(run_file(run), output)
    mode = Mode.RESUME if resume else Mode.FRESH if fresh else Mode.NEW
    if resume and not files.is_in_place and files.target.exists() and not files.is_unfinished():
        _say(f"{files.target} is there, with no unfinished retry: nothing to resume")
        return Exit.COMPLETE
    files.check(mode)
    taken = [files.run, files.target, files.listed, files.merged, files.before]
    keep_apart(
        log_json,
        settings.robots.cache,
        files=files.answers,
        found=[Source(kind="file", name=str(path)) for path in taken],
    )
    talk = Talk(quiet=quiet, log_json=log_json, resume_command=resume_command(), output=files.target)
    files.target.parent.mkdir(parents=True, exist_ok=True)
    with claimed([files.target]):
        if mode is Mode.RESUME and files.merged.exists():
            return _finish(files, quiet=quiet)
        if mode is Mode.RESUME and files.listed.exists():
            is_said = outcomes is not None or statuses is not None
            return _answer(files, go_on(files, choice if is_said else None), settings=settings, talk=talk)
        chosen = begin(files, choice)
        if not quiet and chosen.sitemaps:
            _say(f"Left out: {chosen.sitemaps} sitemaps, since what they list would be new records")
        if not chosen.lines and files.is_in_place:
            _say(f"{files.run}: nothing to ask again, no record is {choice.kinds}")
            return Exit.COMPLETE
        return _answer(files, chosen, settings=settings, talk=talk)


def _answer(files: RetryFiles, chosen: Chosen, *, settings: Settings, talk: Talk) -> int:
    """Run over the list, unless that was done already, then merge; return the exit code."""
    code: int = Exit.COMPLETE
    if chosen.lines and not is_answered(files, chosen):
        # A journal without a state is not begun: whatever may be in it has no meaning.
        mode = Mode.RESUME if files.answers.is_unfinished() else Mode.FRESH
        code = loop.run(run_and_show([files.source], files.answers, settings=settings, mode=mode, talk=talk))
        if code not in {Exit.COMPLETE, Exit.PAGES_FAILED}:
            return code
    good = merge(files)
    if not talk.quiet:
        asked = figures.counted(chosen.lines, one="record", many="records")
        _say(f"{files.target}: {asked} asked again, {good:,} of them ok now")
    _finish(files, quiet=talk.quiet)
    return code


def _finish(files: RetryFiles, *, quiet: bool) -> int:
    take_place(files)
    if not quiet and files.is_in_place:
        _say(f"The records as they were: {files.before}")
        if stale := files.made_of_the_run():
            outputs = [word for path in stale for word in ("-o", str(path))]
            command = shlex.join(["scraper", "export", str(files.run), *outputs, "--fresh"])
            _say(f"Not made anew: {', '.join(map(str, stale))}. {command}")
    return Exit.COMPLETE


def _without_links(settings: Settings) -> Settings:
    """Return settings by which every line is asked for, and nothing that it leads to.

    A retry is no run over the list: to the history all other pages would be missing.
    """
    follow = msgspec.structs.replace(settings.follow, depth=0, include="", exclude="")
    return msgspec.structs.replace(settings, follow=follow, history=HistorySettings())


def _outcomes(text: str | None) -> tuple[Outcome, ...]:
    found = []
    for name in _names(text, "--outcome"):
        if name == Outcome.DUPLICATE:
            raise UsageError("--outcome duplicate: a duplicate is answered by its first line; ask for that")
        with contextlib.suppress(ValueError):
            found.append(Outcome(name))
            continue
        raise UsageError(f"--outcome {name!r} is none: {', '.join(_OUTCOMES)}")
    return tuple(found)


def _statuses(text: str | None) -> tuple[str, ...]:
    found = _names(text, "--status")
    for name in found:
        if not _STATUS.fullmatch(name):
            raise UsageError(f"--status {name!r} is none: write a code or a class of them, 429,5xx")
    return tuple(found)


def _names(text: str | None, flag: str) -> list[str]:
    if text is None:
        return []
    names = [name.strip() for name in text.lower().split(",") if name.strip()]
    if not names:
        raise UsageError(f"{flag} is empty: name what to ask again for, or leave it out")
    return names


def _say(words: str) -> None:
    click.echo(printable(words), err=True)
