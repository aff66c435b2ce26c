"""``scraper export``: a run's records in other formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scraper.cli.main import one_line
from scraper.cli.run_argument import RunPath
from scraper.export import export as make
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
@click.option("--ordered", is_flag=True, help="Write the records in the order of the list.")
@click.option("--fresh", is_flag=True, help="Replace what is there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing.")
def export(*, run: Path, outputs: tuple[str, ...], ordered: bool, fresh: bool, quiet: bool) -> None:
    """Write the records of RUN, which is complete, in other formats.

    RUN is a file that a crawl has written (but no .csv), or a folder with one.

    \b
      scraper export output/pages.jsonl -o output/pages.csv -o output/pages.sqlite
      scraper export output/pages.sqlite -o output/pages.parquet --ordered
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    exported = make(run, outputs, ordered=ordered, fresh=fresh)
    if not quiet:
        places = ", ".join(exported.outputs)
        click.echo(one_line(f"{exported.records:,} records written to {places}"), err=True)
