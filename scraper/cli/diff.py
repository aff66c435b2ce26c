"""``scraper diff``: what has changed between two runs."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from jinja2 import Environment, StrictUndefined

from scraper.cli.exits import Exit
from scraper.cli.run_argument import RunPath, shown_run
from scraper.comparing.changes import compared_fields
from scraper.observe.printable import printable, printable_json, printable_url
from scraper.pairing import Comparison, Totals
from scraper.run.results import run_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIFFERS = 1
"""The exit code when something differs, as diff and grep have it; then a run's ``BROKEN`` has no meaning."""
_URL_LIMIT = 500
_VALUE_LIMIT = 200
_SIGNS: Final = {
    "new": ("+", "green"),
    "gone": ("-", "red"),
    "changed": ("~", "yellow"),
    "recovered": ("^", "green"),
    "moved": (">", "cyan"),
}


@click.command()
@click.argument("old", type=RunPath())
@click.argument("new", type=RunPath())
@click.option(
    "--fields",
    metavar="NAME,...",
    help="Compare these fields only; with + or - before the first, add them to the usual ones or leave them "
    "out: +content_type,-scripts. Dots lead into what is nested: fields.price.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="For a terminal, one JSON object a line, or a page to be opened in a browser.",
)
def diff(*, old: Path, new: Path, fields: str | None, form: str) -> int:
    """Say which pages are new, gone, changed or moved between two runs.

    OLD and NEW are files of records, or folders with one, here or at URLs (s3://bucket/pages). Pages are
    matched by key. What is compared is what came of asking (outcome, status, final_url, indexable) and what
    the page says, not times, headers or sizes.

    A page is gone when the new run has no record of it, or when it answers 404 or 410 now; recovered when it
    failed and is ok now; moved when the same content is under another URL now, and nowhere else.

    The exit code is 0 when nothing differs, 1 when something does, and 2 for errors.

    \b
      scraper diff monday.jsonl tuesday.jsonl
      scraper diff monday.jsonl tuesday.jsonl --fields title,fields.price --format json
      scraper diff monday.jsonl tuesday.jsonl --format html > changes.html
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    chosen = compared_fields([name.strip() for name in (fields or "").split(",") if name.strip()])
    comparison = Comparison(run_file(old), run_file(new), fields=chosen)
    write = {"text": _text, "json": _json_lines, "html": _html}[form]
    for part in write(comparison, shown_run(old), shown_run(new)):
        click.echo(part, nl=False)
    return DIFFERS if comparison.totals.differing else Exit.COMPLETE


def _text(comparison: Comparison, old: str, new: str) -> Iterator[str]:
    yield f"--- {printable(old)}\n+++ {printable(new)}\n"
    for entry in comparison.entries():
        sign, colour = _SIGNS[entry.status]
        words = [printable_url(entry.url, limit=_URL_LIMIT)]
        if entry.moved_from is not None:
            words = [printable_url(entry.moved_from, limit=_URL_LIMIT), "->", *words]
        if entry.status == "recovered" or (entry.status == "gone" and entry.fields):
            words.append(f"({entry.status})")
        yield click.style(f"{sign} {' '.join(words)}", fg=colour) + "\n"
        for name, (was, now) in entry.fields.items():
            yield f"    {printable(name)}: {_shown(was)} -> {_shown(now)}\n"
    yield f"{_counted(comparison.totals)}\n"


def _json_lines(comparison: Comparison, _old: str, _new: str) -> Iterator[str]:
    for entry in comparison.entries():
        line: dict[str, Any] = {"status": entry.status, "url": entry.url}
        if entry.moved_from is not None:
            line["moved_from"] = entry.moved_from
        if entry.title is not None:
            line["title"] = entry.title
        if entry.fields:
            line["fields"] = {name: {"old": one.old, "new": one.new} for name, one in entry.fields.items()}
        yield _json(line) + "\n"
    yield _json({"totals": msgspec.structs.asdict(comparison.totals)}) + "\n"


def _html(comparison: Comparison, old: str, new: str) -> Iterator[str]:
    # With autoescape, since every text in it comes from pages and lists.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = _shown
    environment.filters["words"] = printable
    source = files("scraper.cli").joinpath("diff_page.html.jinja").read_text("utf-8")
    yield from environment.from_string(source).generate(
        old=old, new=new, entries=comparison.entries(), totals=comparison.totals, signs=_SIGNS
    )


def _counted(totals: Totals) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in msgspec.structs.asdict(totals).items())


def _shown(value: Any) -> str:
    text = printable(_json(value))
    return text if len(text) <= _VALUE_LIMIT else f"{text[: _VALUE_LIMIT - 3]}..."


def _json(value: Any) -> str:
    return printable_json(json.dumps(value, ensure_ascii=False))
