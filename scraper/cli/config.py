"""``scraper config``: which settings hold and where each came from; what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scraper.cli.exits import Exit
from scraper.cli.options import SettingsCommand, loaded_from, settings_options
from scraper.errors import UsageError
from scraper.settings.load import Loaded, load, problems_in
from scraper.settings.options import options
from scraper.settings.values import masked, shown


@click.group()
def config() -> None:
    """Show the settings that hold, or check a settings file."""


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
    """Find every unknown name and bad value in a settings FILE.

    Whether the packages are there that it needs is looked for too. A function that parse.extractor
    names is not loaded.

    The exit code is 2 when there is one, and 0 otherwise.
    """
    problems = problems_in(file) or _not_to_be_done(file)
    for problem in problems:
        click.echo(problem)
    if problems:
        return Exit.USAGE
    click.echo(f"{file}: good")
    return Exit.COMPLETE


def _not_to_be_done(file: Path) -> list[str]:
    """Return what a crawl would refuse of a file that is good otherwise: a selector, a missing package."""
    parse = load(file).settings.parse
    problems = []
    try:
        if parse.select:
            from scraper.parse.fields import check_selectors  # noqa: PLC0415 - most files need no HTML parser

            check_selectors(parse.select)
    except UsageError as error:
        problems.append(f"{error} ({file})")
    try:
        if parse.language or parse.guess_dates or parse.text != "none":
            from scraper.visiting import check_libraries  # noqa: PLC0415 - the same

            check_libraries(parse)
    except UsageError as error:
        problems.append(f"{error} ({file})")
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
    rows = [
        (name, shown(_value(loaded, name), options()[name]), origin)
        for name, origin in loaded.origins.items()
    ]
    rows.insert(0, ("setting", "value", "from"))
    wide, wider = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{name:<{wide}}  {value:<{wider}}  {origin}" for name, value, origin in rows]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])  # echo drops the style in a pipe
