"""``scraper crawl``: a list of URLs becomes a file of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scraper.cli.main import one_line
from scraper.cli.options import SettingsCommand, loaded_from, settings_options, talk_options
from scraper.errors import UsageError
from scraper.run.files import Mode, RunFiles, keep_cache_apart, run_files
from scraper.run.history_places import check_history
from scraper.settings.model import ClusterSettings
from scraper.sinks.endings import ENDINGS
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.cluster.job_place import JobPlace
    from scraper.settings.model import Settings
    from scraper.sources.source import Source


@click.command(cls=SettingsCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE...", type=click.Path(allow_dash=True))
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help=f"Where the records go; the ending names the format: {' '.join(ENDINGS)}. A path, or a URL such as "
    "s3://bucket/pages.parquet. May be repeated; with --shards it may be a folder. Without it, JSON Lines to "
    "standard output.",
)
@click.option("--resume", is_flag=True, help="Go on with an unfinished run; begin it if there is none.")
@click.option("--fresh", is_flag=True, help="Start over, and replace what is there.")
@talk_options
@settings_options
@click.pass_context
def crawl(
    ctx: click.Context,
    *,
    sources: tuple[str, ...],
    outputs: tuple[str, ...],
    resume: bool,
    fresh: bool,
    quiet: bool,
    log_json: Path | None,
) -> int:
    """Fetch every URL of the lists and write one record for each line.

    A SOURCE is a file (text, .csv, .tsv, .jsonl, each also .gz, or .parquet), - for standard input, or a URL.
    Failed pages are records too; the exit code is 0 when every line has its record.

    \b
      scraper crawl urls.txt -o output/pages.jsonl
      scraper crawl products.csv --column link -o output/products.json
      scraper crawl https://example.com/ | jq .title
      scraper crawl urls.txt -o output/pages --shards 8 --engine local
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    from scraper import loop  # noqa: PLC0415 - help and a mistake in the options need no aiohttp
    from scraper.cli.running import Talk, resume_command, run_and_show  # noqa: PLC0415 - the same

    if resume and fresh:
        raise UsageError("--resume goes on and --fresh starts over: give one of them")
    # First, since an option that wants a value may have taken the list for it.
    settings = loaded_from(ctx).settings
    if not sources and not resume:
        raise UsageError("no SOURCE: name a list, a URL, or - for standard input")
    mode = Mode.RESUME if resume else Mode.FRESH if fresh else Mode.NEW
    if (place := _in_parts(outputs, settings, mode)) is not None:
        return _crawl_in_parts(sources, place, settings=settings, mode=mode, quiet=quiet, log_json=log_json)
    files = files_of(outputs, mode, ordered=settings.output.ordered)
    if files and mode is Mode.RESUME and files.is_complete():
        click.echo(one_line(f"{files.name} is there, with no unfinished run: nothing to resume"), err=True)
        return 0
    found = sources_from_arguments(sources, settings.sources)
    if mode is Mode.RESUME and files and not found and not files.is_unfinished():
        raise UsageError(f"no unfinished run in {files.name}: name the SOURCE to begin one")
    keep_apart(log_json, settings.robots.cache, files=files, found=found)
    others = [source.name for source in found if source.kind == "file"]
    check_history(settings, files, mode=mode, others=[*others, str(log_json)] if log_json else others)
    talk = Talk(quiet=quiet, log_json=log_json, resume_command=resume_command() if files else None)
    return loop.run(run_and_show(found, files, settings=settings, mode=mode, talk=talk))


def _in_parts(outputs: Sequence[str], settings: Settings, mode: Mode) -> JobPlace | None:
    """Return the places of a run in parts, ``None`` for one that is whole."""
    if mode is not Mode.RESUME and settings.cluster == ClusterSettings():
        return None
    from scraper.cluster.job_place import place_for  # noqa: PLC0415 - most runs are whole

    is_piped = "-" in outputs or not outputs
    if is_piped and settings.cluster.shards:
        raise UsageError("--shards needs a place for the records: -o FOLDER or -o FILE")
    return place_for([] if is_piped else outputs, settings, mode)


def _crawl_in_parts(
    sources: Sequence[str],
    place: JobPlace,
    *,
    settings: Settings,
    mode: Mode,
    quiet: bool,
    log_json: Path | None,
) -> int:
    from scraper import loop  # noqa: PLC0415 - as above
    from scraper.cli.running import Talk, resume_command  # noqa: PLC0415 - as above
    from scraper.cli.running_parts import run_parts_and_show  # noqa: PLC0415 - as above

    if mode is Mode.RESUME and place.is_complete():
        click.echo(one_line(f"{place.name} is there, with no unfinished run: nothing to resume"), err=True)
        return 0
    found = sources_from_arguments(sources, settings.sources)
    if mode is Mode.RESUME and not found and not place.is_unfinished():
        raise UsageError(f"no unfinished run in {place.name}: name the SOURCE to begin one")
    keep_apart(log_json, settings.robots.cache, files=place.files, found=found)
    if log_json:
        check_history(settings, place, mode=mode, others=[str(log_json)])
    talk = Talk(quiet=quiet, log_json=log_json, resume_command=resume_command())
    return loop.run(run_parts_and_show(found, place, settings=settings, mode=mode, talk=talk))


def files_of(outputs: Sequence[str], mode: Mode, *, ordered: bool) -> RunFiles | None:
    """Return the run's files, ``None`` for a run to standard output."""
    written = [output for output in outputs if output != "-"]
    if len(written) < len(outputs) and (written or len(outputs) > 1):
        raise UsageError("standard output (-) can't be combined with other outputs")
    if written:
        return run_files(written, ordered=ordered)
    if ordered:
        raise UsageError("--ordered (output.ordered) needs a file: standard output gets records as they come")
    if mode is Mode.FRESH:
        raise UsageError("--fresh needs the output to replace: -o FILE")
    if mode is Mode.RESUME:
        raise UsageError("--resume needs the output to go on with: -o FILE")
    return None


def keep_apart(log: Path | None, cache: str, *, files: RunFiles | None, found: Sequence[Source]) -> None:
    """Refuse one file for two purposes, before any of them is opened."""
    others = [source.name for source in found if source.kind == "file"]
    if log:
        if files:
            files.keep_apart([str(log)])
        if any(log.resolve() == Path(name).resolve() for name in others):
            raise UsageError(f"{log} is a list that is read: name another log")
        others.append(str(log))
    keep_cache_apart(cache, files=files, others=others)
