"""``scraper config``: which settings hold and where each came from; what is wrong with a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scraper.cli.exits import Exit
from scraper.cli.options import SettingsCommand, loaded_from, settings_options
from scraper.errors import SettingsError, UsageError
from scraper.observe import figures
from scraper.settings.load import Loaded, load, problems_in, read_table
from scraper.settings.options import options
from scraper.settings.values import masked, shown, toml_literal

if TYPE_CHECKING:
    from scraper.settings.model import ParseSettings

_WIDEST = 40
"""Columns that values are set in; a longer one moves its own line alone."""


@click.group()
def config() -> None:
    """Show the settings that hold, or check a file of settings or jobs."""


@config.command(cls=SettingsCommand)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: value and origin by setting.")
@settings_options
@click.pass_context
def show(ctx: click.Context, *, as_json: bool) -> None:
    """Print every setting, its value and where the value came from.

    It takes the options of a crawl, so that the same command line can be looked at before it is run.
    Secrets are masked.
    """
    loaded = loaded_from(ctx)
    click.echo(_as_json(loaded) if as_json else _as_table(loaded))


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> Exit:
    """Find every unknown name and bad value in a FILE of settings, or of jobs.

    Whether the packages are there that it needs is looked for too. A function that parse.extractor
    names is not loaded.

    The exit code is 2 when there is one, and 0 otherwise.
    """
    problems = _problems_of_jobs(file) if _has_jobs(file) else problems_in(file) or _not_to_be_done(file)
    for problem in problems:
        click.echo(problem)
    if problems:
        return Exit.USAGE
    click.echo(f"{file}: good")
    return Exit.COMPLETE


def _has_jobs(file: Path) -> bool:
    """Whether a file is one of jobs; one that can't be read is taken for settings, which then says so."""
    try:
        return not read_table(file).keys().isdisjoint({"job", "jobs"})  # the second is told of as a slip
    except SettingsError:
        return False


def _problems_of_jobs(file: Path) -> list[str]:
    from scraper.schedule.jobs_file import (  # noqa: PLC0415 - most files are settings
        missing_sources,
        read_jobs,
    )

    found = read_jobs(file, environment=os.environ)
    problems = [*found.problems, *missing_sources(found.jobs)]
    for job in () if problems else found.jobs:
        problems += _lacking(job.settings.parse, f"{file} job.{job.name}.settings")
    return problems


def _not_to_be_done(file: Path) -> list[str]:
    """Return what a crawl would refuse of a file that is good otherwise: a selector, a missing package."""
    return _lacking(load(file).settings.parse, str(file))


def _lacking(parse: ParseSettings, where: str) -> list[str]:
    problems = []
    try:
        if parse.select:
            from scraper.parse.fields import check_selectors  # noqa: PLC0415 - most files need no HTML parser

            check_selectors(parse.select)
    except UsageError as error:
        problems.append(f"{error} ({where})")
    try:
        if parse.language or parse.guess_dates or parse.text != "none":
            from scraper.visit.assembly import check_libraries  # noqa: PLC0415 - the same

            check_libraries(parse)
    except UsageError as error:
        problems.append(f"{error} ({where})")
    return problems


def _value(loaded: Loaded, name: str) -> object:
    option = options()[name]
    return getattr(getattr(loaded.settings, option.section), option.field)


def _as_json(loaded: Loaded) -> str:
    table = {
        name: {"value": masked(_value(loaded, name)), "origin": origin}
        for name, origin in loaded.origins.items()
    }
    return json.dumps(table, indent=2)


def _as_table(loaded: Loaded) -> str:
    rows = [("setting", "value", "from")]
    for name, origin in loaded.origins.items():
        value = shown(_value(loaded, name), options()[name])
        if len(value) > _WIDEST and (entries := _entries(loaded, name)):
            rows.append((name, figures.counted(len(entries), one="entry", many="entries"), origin))
            rows += [("", entry, "") for entry in entries]
        else:
            rows.append((name, value, origin))
    wide = max(len(name) for name, _, _ in rows)
    wider = min(max(len(value) for _, value, _ in rows), _WIDEST)
    lines = [f"{name:<{wide}}  {value:<{wider}}  {origin}".rstrip() for name, value, origin in rows]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])  # echo drops the style in a pipe


def _entries(loaded: Loaded, name: str) -> list[str]:
    """Return the entries of a table, a line each, without secrets; none for what is no table."""
    value = masked(_value(loaded, name))
    if not isinstance(value, dict):
        return []
    return [f"  {toml_literal(key)} = {toml_literal(entry)}" for key, entry in value.items()]
