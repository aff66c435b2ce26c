"""Chosen fields of records as a table of their own: plain columns, for programs that read no records.

A column's type is that of the values in it, since what stands in fields of free names (``fields.price``,
``extra.shop``) is known by nobody before: truth values, whole numbers, numbers, texts, or lists of texts.
What is nested further, what is of several kinds, and whole numbers that take more than 64 bits are JSON text
where a table needs one type.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from scraper.errors import UsageError
from scraper.sinks import parquet
from scraper.sinks.csv_table import write_cells
from scraper.sinks.endings import JSON_LINES
from scraper.sinks.json_array import write_json_array
from scraper.sinks.jsonl import write_json_lines
from scraper.sinks.whole_file import remove_torn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

ENDINGS = (*JSON_LINES, ".json", ".csv", ".parquet")
"""Formats that rows can be in."""

Row: TypeAlias = "Sequence[Any]"


class RowKind(enum.Enum):
    """What all values of a column are that are not ``None``."""

    NOTHING = enum.auto()
    BOOLEAN = enum.auto()
    INTEGER = enum.auto()
    REAL = enum.auto()
    TEXT = enum.auto()
    TEXTS = enum.auto()
    """Lists of texts."""
    MIXED = enum.auto()
    """Objects, other lists, numbers of more than 64 bits, or several kinds."""


_KINDS: dict[type, RowKind] = {
    bool: RowKind.BOOLEAN,
    int: RowKind.INTEGER,
    float: RowKind.REAL,
    str: RowKind.TEXT,
}
_NUMBERS = {RowKind.INTEGER, RowKind.REAL}
_BEYOND = 1 << 63
_ARROW = {
    RowKind.BOOLEAN: "bool",
    RowKind.INTEGER: "int64",
    RowKind.REAL: "double",
    RowKind.TEXTS: "texts",
}


def check_rows(ending: str) -> None:
    """Refuse a format that rows can't be in.

    Raises:
        UsageError: It is none of ``ENDINGS``.
    """
    if ending not in ENDINGS:
        raise UsageError(
            f"{ending} holds whole records: leave --fields out, or write {', '.join(ENDINGS)} (in SQL a "
            "SELECT chooses columns)"
        )


def write_rows(read: Callable[[], Iterator[Row]], names: Sequence[str], target: Path, *, ending: str) -> None:
    """Write rows to ``target`` in the format of an ending, whole or not at all.

    Blocking; memory does not depend on their number. Parquet reads them twice, for the types of the columns.

    Args:
        read: Gives the rows from the first one, as what JSON holds, each time it is called.
        names: Of the columns; in JSON they are the names of an object, all of them in each.
        target: Nobody else may be writing there.
        ending: One of ``ENDINGS``.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    remove_torn(target)
    if ending == ".csv":
        write_cells(names, (map(_cell, row) for row in read()), target)
    elif ending == ".parquet":
        kinds = kinds_of(read(), len(names))
        columns = [(name, _ARROW.get(kind, "string")) for name, kind in zip(names, kinds, strict=True)]
        typed = [_TYPED.get(kind) for kind in kinds]
        parquet.write_columns(columns, (_converted(row, typed) for row in read()), target)
    else:
        objects = (msgspec.json.encode(dict(zip(names, row, strict=True))) for row in read())
        (write_json_array if ending == ".json" else write_json_lines)(objects, target)


def kinds_of(rows: Iterable[Row], count: int) -> list[RowKind]:
    """Return what each of ``count`` columns holds."""
    kinds = [RowKind.NOTHING] * count
    for row in rows:
        for place, value in enumerate(row):
            if value is not None and kinds[place] is not RowKind.MIXED:
                kinds[place] = _together(kinds[place], _kind(value))
    return kinds


def _kind(value: Any) -> RowKind:
    if isinstance(value, list):
        return RowKind.TEXTS if all(isinstance(one, str) for one in value) else RowKind.MIXED
    if isinstance(value, int) and not -_BEYOND <= value < _BEYOND:
        return RowKind.MIXED
    return _KINDS.get(type(value), RowKind.MIXED)


def _together(before: RowKind, kind: RowKind) -> RowKind:
    if before in (RowKind.NOTHING, kind):
        return kind
    return RowKind.REAL if {before, kind} == _NUMBERS else RowKind.MIXED


def _converted(row: Row, typed: Sequence[Callable[[Any], Any] | None]) -> list[Any]:
    return [
        value if convert is None or value is None else convert(value)
        for value, convert in zip(row, typed, strict=True)
    ]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_TYPED: dict[RowKind, Callable[[Any], Any]] = {
    RowKind.REAL: float,  # a whole number among others may be none that a double holds to the last digit
    RowKind.MIXED: _json,
}


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return _json(value) if value else None
    return value
