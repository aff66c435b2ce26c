"""``scraper report``: what a run came to, as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from scraper.cli.run_argument import RunPath
from scraper.errors import UsageError
from scraper.report.render import render
from scraper.report.reporting import DEFAULT_ROWS, report_of
from scraper.run.results import is_begun, run_file

_PAGES = (".html", ".htm")


@click.command()
@click.argument("run", metavar="RUN", type=RunPath())
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the page goes; the ending is .html or .htm.",
)
@click.option("--against", metavar="OLD", type=RunPath(), help="An earlier run to compare with.")
@click.option(
    "--rows",
    type=click.IntRange(1, 100_000),
    default=DEFAULT_ROWS,
    show_default=True,
    help="The most rows in a table; totals count all.",
)
@click.option("--fresh", is_flag=True, help="Replace the page if it is there.")
def report(run: Path, *, output: Path, against: Path | None, rows: int, fresh: bool) -> None:
    """Make one HTML page of a run: outcomes, speed, broken links, redirects, titles, and more.

    RUN and OLD are files of records that a crawl has written (.jsonl, .json, also .gz, .parquet,
    .sqlite), or folders with one such, here or at a URL (s3://bucket/pages). The page needs nothing else: no
    network, no other file. Charts and tables are interactive with JavaScript and readable without. Secrets in
    URLs are masked in it.

    Broken links come with the page that led there first; with all pages that link there if the
    crawl was made with --links.

    \b
      scraper report output/pages.jsonl -o output/report.html
      scraper report new.jsonl --against old.jsonl -o changes.html
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    file, earlier = run_file(run), None if against is None else run_file(against)
    if output.exists():
        if any(output.samefile(records) for records in (file, earlier) if records is not None):
            raise UsageError(f"{output} holds the records: name another --output")
        if not fresh:
            raise UsageError(f"{output} is there already: --fresh replaces it")
    if output.suffix.lower() not in _PAGES:
        raise UsageError(f"{output}: the report is a web page; end its name in .html")
    told = report_of(file, against=earlier, limit=rows)
    _write(output, render(told).encode("utf-8", "replace"), fresh=fresh)
    click.echo(f"Report of {told.records:,} records: {output}", err=True)
    for records in (file, earlier):
        if records is not None and is_begun(records):
            click.echo(
                f"{records} is of a run that is not finished: what is left of its list is not in the report",
                err=True,
            )


def _write(output: Path, page: bytes, *, fresh: bool) -> None:
    """Write the page.

    Raises:
        UsageError: It can't be written, or is there by now.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        # What is replaced is replaced in its place: it may be a link, and keeps its rights.
        with output.open("wb" if fresh else "xb") as file:
            file.write(page)
    except OSError as error:
        raise UsageError(f"can't write {output}: {error.strerror}") from error
