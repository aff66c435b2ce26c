"""Records as Parquet, by pyarrow (extra ``parquet``): nested values keep their types.

A list is a list, a struct a struct, an object of texts a map. What is free JSON (``jsonld``, ``microdata``,
``fields``, ``extra``) has no type that would hold for all pages, and is JSON text.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from scraper.errors import SinkError, UsageError
from scraper.record import SCHEMA_VERSION
from scraper.sinks.columns import Column, Kind, columns, record_json, row_decoder, without_none
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

MAGIC = b"PAR1"
"""What such a file begins with."""
VERSION_KEY = b"scraper.schema"
"""Where the file's metadata has the version of the record's schema."""
_GROUP_RECORDS = 10_000
_GROUP_BYTES = 32 * 1024 * 1024
"""A row group ends with so many records, or so many bytes of their JSON."""
_BATCH_RECORDS = 500
"""So many are Python's objects at once."""
_REMEDY = "needs pyarrow: pip install pyarrow"


def require_library() -> None:
    """Look for the library without loading it.

    Raises:
        UsageError: pyarrow is missing.
    """
    if find_spec("pyarrow") is None:
        raise UsageError(f".parquet {_REMEDY}")


def write_parquet(records: Iterable[bytes], target: Path) -> None:
    """Write records to ``target``, in row groups of some 10,000.

    Blocking; memory does not depend on their number.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
        msgspec.DecodeError: One is no record.
    """
    pa, parquet = _library()
    schema = pa.schema(
        [pa.field(column.name, _column_type(pa, column), nullable=column.nullable) for column in columns()],
        metadata={VERSION_KEY: str(SCHEMA_VERSION)},
    )
    row_of = row_decoder(_is_typed)
    try:
        with (
            whole_file(target) as file,
            parquet.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for group in _groups(records):
                batches = [
                    _batch(pa, schema, list(map(row_of, group[start : start + _BATCH_RECORDS])))
                    for start in range(0, len(group), _BATCH_RECORDS)
                ]
                writer.write_table(pa.Table.from_batches(batches, schema), row_group_size=len(group))
    except (pa.ArrowException, OverflowError) as error:
        raise SinkError(f"can't write {target}: {error}") from error


def write_columns(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]], target: Path) -> None:
    """Write rows to ``target``, with columns of names and types: ``bool int64 double string texts``.

    Blocking; memory does not depend on their number. All values may be ``None``.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    pa, parquet = _library()
    schema = pa.schema(
        [
            pa.field(name, pa.list_(pa.string()) if type_ == "texts" else pa.type_for_alias(type_))
            for name, type_ in columns
        ]
    )
    left = iter(rows)
    try:
        with (
            whole_file(target) as file,
            parquet.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            while group := list(islice(left, _GROUP_RECORDS)):
                arrays = [
                    pa.array(values, type=field.type)
                    for field, values in zip(schema, zip(*group, strict=True), strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    except (pa.ArrowException, OverflowError) as error:
        raise SinkError(f"can't write {target}: {error}") from error


def read_parquet(path: Path) -> Iterator[bytes]:
    """Give the records of such a file as JSON, in its order.

    Raises:
        UsageError: It can't be read, or has no records.
    """
    pa, parquet = _library()
    try:
        with parquet.ParquetFile(path) as file:
            held = frozenset(file.schema_arrow.names)
            there = [column for column in columns() if column.name in held]
            names = [column.name for column in there]
            # Maps come as pairs else, which the record has not.
            for batch in file.iter_batches(batch_size=_BATCH_RECORDS, columns=names):
                for row in batch.to_pylist(maps_as_pydicts="strict"):
                    yield record_json([_read(column, row[column.name]) for column in there], there)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise UsageError(f"can't read {path}: {error}") from error


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, 150 ms to load
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f".parquet {_REMEDY}") from error
    return pa, parquet


def _groups(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record)
        if len(group) == _GROUP_RECORDS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _batch(pa: Any, schema: Any, rows: Sequence[Sequence[Any]]) -> Any:
    arrays = [
        pa.array(values if convert is None else list(map(convert, values)), type=field.type)
        for convert, field, values in zip(
            map(_converter, columns()), schema, zip(*rows, strict=True), strict=True
        )
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _converter(column: Column) -> Callable[[Any], Any] | None:
    if column.kind is not Kind.NESTED:
        return None
    return _text if column.free else _plain


def _text(value: msgspec.Raw) -> str:
    return str(value, "utf-8")


def _is_typed(column: Column) -> bool:
    return column.kind is Kind.NESTED and not column.free


def _plain(value: Any) -> Any:
    """Return structs as dictionaries with all of their fields, and dictionaries as pairs."""
    if isinstance(value, list):
        return list(map(_plain, value)) if value else value
    if isinstance(value, dict):
        return [(key, _plain(one)) for key, one in value.items()]
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return value


def _read(column: Column, value: Any) -> Any:
    return msgspec.Raw(value.encode()) if column.free and value is not None else value


def _column_type(pa: Any, column: Column) -> Any:
    return pa.string() if column.free else _arrow_type(pa, column.type)


def _arrow_type(pa: Any, type_: inspect.Type) -> Any:
    match type_:
        case inspect.BoolType() | inspect.IntType() | inspect.FloatType():
            return {"BoolType": pa.bool_, "IntType": pa.int64, "FloatType": pa.float64}[
                type(type_).__name__
            ]()
        case inspect.ListType(item_type=item):
            return pa.list_(_arrow_type(pa, item))
        case inspect.DictType(value_type=value):
            return pa.map_(pa.string(), _arrow_type(pa, value))
        case inspect.StructType(fields=fields):
            described = ((field.encode_name, *without_none(field.type)) for field in fields)
            return pa.struct(
                [
                    pa.field(name, _arrow_type(pa, inner), nullable=nullable)
                    for name, inner, nullable in described
                ]
            )
    return pa.string()
