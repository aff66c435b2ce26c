"""Records as CSV (RFC 4180), made for spreadsheets: one column for each field of the record, in its order.

UTF-8 with a byte order mark: without one Excel takes the file for the system's old code page, and readers of
CSV skip it. What is nested is JSON in its cell; what is empty is an empty cell.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import starmap
from typing import TYPE_CHECKING, Any

from scraper.sinks.columns import Kind, columns, row_decoder
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

# OWASP, CSV Injection: what makes a formula of a cell, also as full-width signs. Before it may stand our own
# mark already; marked once more, what is unmarked by one is always what it was.
_is_formula = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]").match
_is_number = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z").match
_EMPTY = frozenset(("[]", "{}", "null"))


def write_csv(records: Iterable[bytes], target: Path) -> None:
    """Write records to ``target`` as a table with a header line.

    Blocking; memory does not depend on their number.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
        msgspec.DecodeError: One is no record.
    """
    row_of = row_decoder()
    convert = tuple(_CONVERTED[column.kind] for column in columns())
    rows = (starmap(_cell, zip(convert, row_of(record), strict=True)) for record in records)
    _write([column.name for column in columns()], rows, target)


def write_cells(names: Iterable[str], rows: Iterable[Iterable[Any]], target: Path) -> None:
    """Write rows of texts, numbers, truth values and ``None`` to ``target``, as ``write_csv`` writes records.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    _write(map(guarded, names), (map(_plain, row) for row in rows), target)


def _write(names: Iterable[str], rows: Iterable[Iterable[Any]], target: Path) -> None:
    with whole_file(target) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            table = csv.writer(text)
            table.writerow(names)
            table.writerows(rows)
        finally:
            text.detach()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return guarded(value)
    return _boolean(value) if isinstance(value, bool) else value


def _cell(convert: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if convert is None or value is None else convert(value)


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe before it, if it were one.

    What is a number stays, whatever its sign. A text that begins with apostrophes and then like a formula
    gets one more, so that taking one away always gives what the page had.
    """
    return f"'{text}" if _is_formula(text) and not _is_number(text) else text


def _nested(value: bytes) -> str:
    text = str(value, "utf-8")
    return "" if text in _EMPTY else text


def _boolean(value: bool) -> str:  # noqa: FBT001 - it is the value
    return "true" if value else "false"


_CONVERTED: dict[Kind, Callable[[Any], Any] | None] = {
    Kind.INTEGER: None,
    Kind.REAL: None,
    Kind.BOOLEAN: _boolean,
    Kind.TEXT: guarded,
    Kind.NESTED: _nested,
}
