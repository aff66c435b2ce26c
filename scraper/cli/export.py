"""``scraper export``: a run's records in other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scraper.cli.main import one_line
from scraper.cli.run_argument import RunPath, copied_from
from scraper.errors import UsageError
from scraper.export import Selection
from scraper.export import export as make
from scraper.observe import figures
from scraper.sinks.endings import RECORDS

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("run", type=RunPath())
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    required=True,
    metavar="FILE",
    help=f"Where the records go; the ending names the format: {' '.join(RECORDS)}. A path, or a URL such as "
    "s3://bucket/pages.parquet. May be repeated.",
)
@click.option("--where", metavar="CONDITION", help="Only records that meet it, as for `scraper show`.")
@click.option(
    "--fields",
    metavar="NAME,...",
    help="Only these, each a column of its own, with dots into what is nested: url,title,fields.price. "
    "Not for .sqlite.",
)
@click.option(
    "--mask-secrets",
    is_flag=True,
    help="Mask secrets in all URLs: values of parameters such as token and password, and user info.",
)
@click.option("--ordered", is_flag=True, help="Write the records in the order of the list.")
@click.option("--fresh", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing.")
def export(
    *,
    run: Path,
    outputs: tuple[str, ...],
    where: str | None,
    fields: str | None,
    mask_secrets: bool,
    ordered: bool,
    fresh: bool,
    quiet: bool,
) -> None:
    """Write the records of RUN, which is complete, in other formats.

    RUN is a file that a crawl has written (but no .csv), or a folder with one, here or at a URL
    (s3://bucket/pages). With --fields, rows of these fields are written in place of records; the other
    commands do not take them for a run.

    \b
      scraper export output/pages.jsonl -o output/pages.csv -o output/pages.sqlite
      scraper export output/pages.sqlite -o output/pages.parquet --ordered
      scraper export output/pages.jsonl -o output/set.parquet --where 'outcome == "ok"' \\
        --fields url,title,fields.price,extra.shop --mask-secrets
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    names = tuple(name for part in (fields or "").split(",") if (name := part.strip()))
    if fields is not None and not names:
        raise UsageError("--fields is empty: name fields with commas between, or leave it out")
    selection = Selection(where=where, fields=names, masked=mask_secrets)
    exported = make(
        run, outputs, ordered=ordered, fresh=fresh, selection=selection, copied_from=copied_from(run)
    )
    if not quiet:
        written = figures.counted(exported.records, one="record", many="records")
        click.echo(one_line(f"{written} written to {', '.join(exported.outputs)}"), err=True)
        if exported.empty and exported.records:
            click.echo(one_line(f"In none of these records: {', '.join(exported.empty)}"), err=True)
