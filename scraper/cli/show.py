"""``scraper show``: the records of a run as a table."""

from __future__ import annotations

import heapq
import json
import shutil
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len, set_cell_size

from scraper.cli.run_argument import RunPath
from scraper.comparing.names import FieldPath, field_path, field_paths, shown_path, value_at
from scraper.comparing.where import condition
from scraper.errors import UsageError
from scraper.observe.printable import printable, printable_json
from scraper.run.results import record_values, run_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Row = list[Any]

DEFAULT_FIELDS = "seq,outcome,status,url,title"
_MEASURED_ROWS = 200
"""How many rows the widths of a terminal's columns are taken from: as many as are there at once."""
_LEAST_WIDTH = 6
_WHOLE = FieldPath(())
"""The record itself."""
_GAP = "  "


@click.command()
@click.argument("run", type=RunPath())
@click.option("--where", metavar="CONDITION", help="Only records that meet it: 'status >= 400'.")
@click.option(
    "--fields",
    metavar="NAME,...",
    help=f"The columns.  [default: {DEFAULT_FIELDS}; with --json all that a record has]",
)
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="No more than so many records.")
@click.option("--sort", metavar="FIELD", help="By this field, the smallest first.")
@click.option("--reverse", is_flag=True, help="With --sort: the largest first.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object for each record: of the fields, or the whole record.",
)
def show(
    *,
    run: Path,
    where: str | None,
    fields: str | None,
    limit: int | None,
    sort: str | None,
    reverse: bool,
    as_json: bool,
) -> None:
    """Show the records of a run as a table.

    RUN is a file of records, or a folder with one, here or at a URL (s3://bucket/pages). On a terminal the
    table is paged and cut to its width. Otherwise it is tab-separated, with the names in the first line;
    lists and objects are JSON.

    A condition compares fields (==, !=, <, <=, >, >=), searches them by a regular expression (~) or looks for
    values (in, not in), and joins that by and, or, not and parentheses. Text stands in quotes, dots lead into
    what is nested, and what a record does not have is null. --sort keeps the records that it shows in memory.

    \b
      scraper show pages.jsonl --where 'outcome != "ok"' --fields url,outcome,error.message
      scraper show pages.jsonl --where 'status in [301, 404] or url ~ "[?]page="'
      scraper show pages.jsonl --where 'links.total > 100' --sort links.total --reverse --limit 10
      scraper show pages.jsonl --where 'lang == "fr"' --json > french.jsonl
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    columns = [_WHOLE] if as_json and fields is None else _columns(fields)
    meets = condition(where) if where is not None else None
    if reverse and not sort:
        raise UsageError("--reverse needs the field to order by: --sort FIELD")
    order = field_path(sort) if sort else None
    records = record_values(run_file(run))
    wanted = records if meets is None else filter(meets, records)
    if order is None:
        rows: Iterator[Row] = islice(([value_at(record, at) for at in columns] for record in wanted), limit)
    else:
        rows = _sorted(wanted, columns, order, descending=reverse, limit=limit)
    if as_json:
        names = list(map(shown_path, columns))
        for row in rows:
            click.echo(_json(row[0] if columns == [_WHOLE] else dict(zip(names, row, strict=True))))
    elif sys.stdout.isatty():
        click.echo_via_pager(_aligned(columns, rows, width=shutil.get_terminal_size().columns))
    else:
        click.echo("\t".join(map(shown_path, columns)))
        for row in rows:
            click.echo("\t".join(map(_text, row)))


def _columns(fields: str | None) -> list[FieldPath]:
    names = (DEFAULT_FIELDS if fields is None else fields).split(",")
    columns = field_paths(name for part in names if (name := part.strip()))
    if not columns:
        raise UsageError("--fields is empty: name fields with commas between, or leave it out")
    return columns


def _sorted(
    records: Iterable[dict[str, Any]],
    columns: list[FieldPath],
    order: FieldPath,
    *,
    descending: bool,
    limit: int | None,
) -> Iterator[Row]:
    """Order by a field, those without it last; what is equal stays in the run's order."""
    keyed = (
        (
            _key(value_at(record, order)),
            -number if descending else number,
            [value_at(record, at) for at in columns],
        )
        for number, record in enumerate(records)
    )

    def by_key(entry: tuple[tuple[int, Any], int, Row]) -> tuple[Any, ...]:
        (kind, value), number, _ = entry
        return (-kind if descending else kind, value, number)

    pick = heapq.nlargest if descending else heapq.nsmallest
    chosen = (
        sorted(keyed, key=by_key, reverse=descending) if limit is None else pick(limit, keyed, key=by_key)
    )
    return (row for _, _, row in chosen)


def _key(value: Any) -> tuple[int, Any]:
    """Return what values of all kinds are ordered by: numbers, texts, the others as JSON, then null."""
    if value is None:
        return 3, 0
    if isinstance(value, (int, float)):
        return 0, value
    return (1, value) if isinstance(value, str) else (2, _json(value))


def _aligned(columns: list[FieldPath], rows: Iterable[Row], *, width: int) -> Iterator[str]:
    names = [shown_path(at) for at in columns]
    texts = ([_text(value) for value in row] for row in rows)
    first = list(islice(texts, _MEASURED_ROWS))
    widths = [max(map(cell_len, column)) for column in zip(names, *first, strict=True)]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while over > 0 and max(widths) > _LEAST_WIDTH:  # from the widest, until it fits
        widest = widths.index(max(widths))
        second = max([_LEAST_WIDTH, *(one for one in widths if one < widths[widest])])
        taken = min(over, max(1, widths[widest] - second))
        widths[widest] -= taken
        over -= taken
    for row in chain([names], first, texts):
        cells = (
            text if cell_len(text) <= wide else f"{set_cell_size(text, wide - 1)}…"
            for text, wide in zip(row, widths, strict=True)
        )
        padded = (f"{text}{' ' * (wide - cell_len(text))}" for text, wide in zip(cells, widths, strict=True))
        yield _GAP.join(padded).rstrip() + "\n"


def _text(value: Any) -> str:
    """Return a value as one cell: no line end and no tab is in it, and nothing that a terminal obeys."""
    if value is None:
        return ""
    return printable(value if isinstance(value, str) else _json(value))


def _json(value: Any) -> str:
    return printable_json(json.dumps(value, ensure_ascii=False))
