"""The report's tables: their columns, and what stands in each cell. This module does no I/O."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.redaction import MASK
from scraper.report.audit import FEW_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scraper.report.model import Changes, Report

PAGE_ROWS = 100
_KIB = 1024
_MS = 1000


class Column(NamedTuple):
    """One column."""

    label: str
    kind: str
    """How a cell is shown, here and in the page's script: ``url``, ``urls`` (a list), ``text``, ``tag``,
    ``status``, ``number``, ``bytes``, ``seconds``, ``hops``."""


class Table(NamedTuple):
    """One table, the same in HTML and in the page's data."""

    name: str
    caption: str
    columns: list[Column]
    rows: list[list[Any]]
    total: int
    """How many rows there would be without the limit."""
    empty: str
    """What to say when there is none."""


def tables_of(report: Report) -> dict[str, Table]:
    """Return the report's tables by name."""
    tables = [*_of_links(report), *_of_texts(report), *_of_pages(report)]
    if report.changes is not None:
        tables.append(_of_changes(report.changes))
    return {table.name: table for table in tables}


def _of_changes(changes: Changes) -> Table:
    columns = "URL:url  Change:tag  Fields:text  Before:text  After:text"
    rows = [[row.url, row.what, ", ".join(row.fields), row.before, row.after] for row in changes.rows.shown]
    empty = "Nothing has changed."
    return Table("changes", "Changed URLs", _columns(columns), rows, changes.rows.total, empty)


def _of_links(report: Report) -> Iterator[Table]:
    columns = "Link:url  Outcome:tag  Status:status  Why:text  Linked from:urls  Pages:number"
    rows: list[list[Any]] = [list(row) for row in report.broken.shown]
    empty = "No broken link was found."
    yield Table("broken", "Broken links", _columns(columns), rows, report.broken.total, empty)

    columns = "From:url  Hops:number  Chain:hops  Outcome:tag  Status:status"
    rows = [[row.url, len(row.hops), row.hops, row.outcome, row.status] for row in report.redirects.shown]
    empty = "Nothing was redirected."
    yield Table("redirects", "Redirect chains", _columns(columns), rows, report.redirects.total, empty)

    columns = "Page:url  Reason:tag  Said by:text"
    rows = [list(row) for row in report.unlisted.shown]
    empty = "There is none."
    caption = "Pages not to be indexed"
    yield Table("unlisted", caption, _columns(columns), rows, report.unlisted.total, empty)


def _of_texts(report: Report) -> Iterator[Table]:
    rows: list[list[Any]] = [[row.url, " and ".join(row.missing)] for row in report.missing.shown]
    caption, empty = "Missing titles and descriptions", "Every page has both."
    yield Table("missing", caption, _columns("Page:url  Missing:text"), rows, report.missing.total, empty)

    columns = "Text:text  Of:tag  Pages:number  On:urls"
    rows = [[row.text, row.kind, row.pages, row.urls] for row in report.shared.shown]
    caption, empty = "Duplicate titles and descriptions", "Every page has its own."
    yield Table("shared", caption, _columns(columns), rows, report.shared.total, empty)

    columns = "Page:url  Of:tag  What:tag  Length:number  Text:text"
    audit = report.audit
    rows = [[row.url, row.kind, row.what, row.length, row.text] for row in audit.lengths.shown]
    caption, empty = "Titles and descriptions that are too long or too short", "All have a length that fits."
    yield Table("lengths", caption, _columns(columns), rows, audit.lengths.total, empty)

    columns = "Page:url  h1:number  Text:text"
    rows = [[row.url, row.h1s, row.text or None] for row in audit.headings.shown]
    caption, empty = "Pages without an h1, or with several", "Every page has one h1."
    yield Table("headings", caption, _columns(columns), rows, audit.headings.total, empty)

    rows = [list(row) for row in audit.thin.shown]
    caption, empty = "Pages with few words", f"Every page has {FEW_WORDS} words or more."
    yield Table(
        "thin", caption, _columns("Page:url  Words:number  Title:text"), rows, audit.thin.total, empty
    )

    columns = "Syntax:tag  Type:text  Pages:number  For example:url"
    rows = [list(row) for row in report.structured.shown]
    empty = "No structured data was found."
    yield Table("structured", "Structured data", _columns(columns), rows, report.structured.total, empty)


def _of_pages(report: Report) -> Iterator[Table]:
    columns = (
        "Host:text  Records:number  Failed:number  Median:seconds  90 %:seconds  99 %:seconds"
        "  Slowest:seconds  Size:bytes"
    )
    rows: list[list[Any]] = [
        [row.name, row.records, row.failed, *(row.took or [None] * 4), row.size_bytes]
        for row in report.hosts.shown
    ]
    yield Table("hosts", "Hosts", _columns(columns), rows, report.hosts.total, "No host was asked.")

    columns = "Page:url  Type:text  Size:bytes  Time:seconds"
    for name, heavy in (("largest", report.largest), ("slowest", report.slowest)):
        rows = [[row.url, row.media_type, row.size_bytes, row.took_s] for row in heavy]
        caption = f"{name.capitalize()} pages"
        yield Table(name, caption, _columns(columns), rows, len(rows), "No page was read.")


def _columns(labels: str) -> list[Column]:
    return [Column(*label.split(":")) for label in labels.split("  ")]


def number(value: float) -> str:
    """``1,234``."""
    return f"{value:,}"


def size(value: int) -> str:
    """``512 B``, ``1.2 KiB``."""
    if value < _KIB:
        return f"{value} B"
    scaled, unit = float(value), ""
    for unit in ("KiB", "MiB", "GiB", "TiB"):  # noqa: B007 - the last one counts
        scaled /= _KIB
        if scaled < _KIB:
            break
    return f"{_rounded(scaled, 1)} {unit}"


def seconds(value: float) -> str:
    """``34 ms``, ``1.07 s``."""
    if value >= 1:
        return f"{_rounded(value, 2)} s"
    return f"{_rounded(value * _MS, 0 if value >= 0.01 else 1)} ms"  # noqa: PLR2004 two figures


def _rounded(value: float, digits: int) -> str:
    # Halves go up, as they do in the page's script: both must write the same.
    power = 10**digits
    return f"{math.floor(value * power + 0.5) / power:.{digits}f}"


FORMATS: dict[str, Callable[[Any], str]] = {"number": number, "bytes": size, "seconds": seconds}
"""By the kind of a column."""


def may_be_link(url: str) -> bool:
    """Whether a click may lead there: to http and https alone, and to nothing that was masked or cut."""
    return url.startswith(("http://", "https://")) and MASK not in url and not url.endswith("…")
