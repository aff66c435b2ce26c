"""Records as an SQLite database: a table of records, one of links, and views for the usual questions.

Columns are those of the record (``scraper.sinks.columns``); what is nested is JSON text, for SQLite's own
functions. Each list of objects is also a view with a row for each object: ``redirects``, ``headings`` and so
on. The links of pages, by far the most rows where they are listed, are a table and no JSON.
"""

from __future__ import annotations

import contextlib
import sqlite3
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from scraper.errors import SinkError, UsageError
from scraper.record import SCHEMA_VERSION
from scraper.sinks.columns import Column, Kind, column_of, columns, record_json, row_decoder
from scraper.sinks.questions import QUESTIONS
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MAGIC = b"SQLite format 3\0"
"""What such a file begins with."""
_TABLES = {"link_list": "links"}
"""Fields that are tables of their own, in place of a column."""
_BATCH_RECORDS = 500
_TYPES = {Kind.INTEGER: "INTEGER", Kind.REAL: "REAL", Kind.BOOLEAN: "INTEGER"}


def write_sqlite(records: Iterable[bytes], target: Path) -> None:
    """Write records to ``target`` as a database.

    Blocking; memory does not depend on their number.

    Raises:
        SinkError: It can't be written, or two records have the same ``seq``; ``target`` is as it was.
        msgspec.DecodeError: One is no record.
    """
    try:
        with (
            whole_file(target) as file,
            contextlib.closing(sqlite3.connect(file.name, isolation_level=None)) as database,
        ):
            # Nobody reads the file before it is whole, and `whole_file` syncs it.
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"user_version = {SCHEMA_VERSION}"):
                database.execute(f"PRAGMA {pragma}").close()
            database.execute("BEGIN")
            for table in _tables():
                database.execute(table)
            _fill(database, records)
            for statement in (*_list_views(), *QUESTIONS):
                database.execute(statement)
            database.execute("COMMIT")
    except sqlite3.IntegrityError as error:
        raise SinkError(
            f"can't write {target}: two records have the same seq, so this is no single run"
        ) from error
    except sqlite3.Error as error:
        raise SinkError(f"can't write {target}: {error}") from error


def read_sqlite(path: Path) -> Iterator[bytes]:
    """Give the records of such a database as JSON, by ``seq``.

    Raises:
        UsageError: It can't be read, or has no records.
    """
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            held = {row[1] for row in database.execute("PRAGMA table_info(records)")}
            there = [column for column in _own_columns() if column.name in held]
            if not there:
                raise UsageError(f"{path}: has no table of records")
            names = ", ".join(f'"{column.name}"' for column in there)
            rows = database.execute(f"SELECT {names} FROM records ORDER BY seq")  # noqa: S608 - our own names
            nested = [(column, _objects(database, column)) for column in columns() if column.name in _TABLES]
            yield from _joined(rows, there, nested)
    except sqlite3.Error as error:
        raise UsageError(f"can't read {path}: {error}") from error


def _own_columns() -> list[Column]:
    return [column for column in columns() if column.name not in _TABLES]


def _tables() -> Iterator[str]:
    defined = ", ".join(
        f'"{column.name}" INTEGER PRIMARY KEY' if column.name == "seq" else _defined(column)
        for column in _own_columns()
    )
    yield f"CREATE TABLE records ({defined})"
    for column in columns():
        if column.name in _TABLES:
            parts = ", ".join(_defined(part) for part in _parts(column))
            yield (
                f"CREATE TABLE {_TABLES[column.name]} (seq INTEGER NOT NULL REFERENCES records, "
                f"position INTEGER NOT NULL, {parts}, PRIMARY KEY (seq, position)) WITHOUT ROWID"
            )


def _defined(column: Column) -> str:
    type_ = _TYPES.get(column.kind, "TEXT")
    return f'"{column.name}" {type_}{"" if column.nullable else " NOT NULL"}'


def _parts(column: Column) -> list[Column]:
    """Return the fields of a list's objects as columns; none where it is no list of objects."""
    if not isinstance(column.type, inspect.ListType) or not isinstance(
        column.type.item_type, inspect.StructType
    ):
        return []
    return [column_of(field) for field in column.type.item_type.fields]


def _list_views() -> Iterator[str]:
    """Give a view of each list of objects that is JSON in its column."""
    for column in _own_columns():
        if parts := _parts(column):
            selected = ", ".join(
                f"json_extract(each.value, '$.{part.name}') AS \"{part.name}\"" for part in parts
            )
            yield (
                f'CREATE VIEW "{column.name}" AS '  # noqa: S608 - our own names
                f"SELECT records.seq AS seq, each.key AS position, {selected} "
                f'FROM records, json_each(records."{column.name}") AS each'
            )


def _fill(database: sqlite3.Connection, records: Iterable[bytes]) -> None:
    everything = columns()
    row_of = row_decoder(lambda column: column.name in _TABLES)
    own = [place for place, column in enumerate(everything) if column.name not in _TABLES]
    texts = [at for at, place in enumerate(own) if everything[place].kind is Kind.NESTED]
    tables = [(place, column) for place, column in enumerate(everything) if column.name in _TABLES]
    insert = _insertion("records", len(own))
    rows = map(row_of, records)
    while batch := list(islice(rows, _BATCH_RECORDS)):
        database.executemany(insert, (_cells(row, own, texts) for row in batch))
        for place, column in tables:
            database.executemany(
                _insertion(_TABLES[column.name], 2 + len(_parts(column))),
                (
                    (row[_SEQ], position, *msgspec.structs.astuple(one))
                    for row in batch
                    for position, one in enumerate(row[place])
                ),
            )


_SEQ = [column.name for column in columns()].index("seq")


def _insertion(table: str, count: int) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * count)})"  # noqa: S608 - our own names


def _cells(row: Sequence[Any], own: Sequence[int], texts: Sequence[int]) -> list[Any]:
    cells = [row[place] for place in own]
    for at in texts:
        text = str(cells[at], "utf-8")
        cells[at] = None if text == "null" else text
    return cells


def _objects(database: sqlite3.Connection, column: Column) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Give the objects of a field that is a table, for each record that has some, by ``seq``."""
    names = [part.name for part in _parts(column)]
    selected = ", ".join(f'"{name}"' for name in names)
    rows = database.execute(
        f"SELECT seq, {selected} FROM {_TABLES[column.name]} ORDER BY seq, position"  # noqa: S608 - our own names
    )
    for seq, group in groupby(rows, key=itemgetter(0)):
        yield seq, [dict(zip(names, row[1:], strict=True)) for row in group]


def _joined(
    rows: Iterable[Sequence[Any]],
    there: Sequence[Column],
    nested: Sequence[tuple[Column, Iterator[tuple[int, list[dict[str, Any]]]]]],
) -> Iterator[bytes]:
    """Give records of their rows and of what the other tables hold of them."""
    everything = [*there, *(column for column, _ in nested)]
    at_seq = [column.name for column in there].index("seq")
    nexts = [next(objects, None) for _, objects in nested]
    for row in rows:
        values = [_read(column, value) for column, value in zip(there, row, strict=True)]
        for place, (_, objects) in enumerate(nested):
            found = nexts[place]
            if found is not None and found[0] == row[at_seq]:
                values.append(found[1])
                nexts[place] = next(objects, None)
            else:
                values.append(None)
        yield record_json(values, everything)


def _read(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.kind is Kind.NESTED:
        return msgspec.Raw(str(value).encode())
    return bool(value) if column.kind is Kind.BOOLEAN else value
