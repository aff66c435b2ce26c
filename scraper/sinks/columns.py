"""The record as a row: one column for each of its fields, named, ordered and typed as ``Record`` says.

Nothing here is written down twice: a field that the record gains is a column of every table. A value that is
no scalar is nested; as text it is the JSON of the record, byte for byte.
"""

from __future__ import annotations

import enum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, inspect

from scraper.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What tables can hold; a record has no greater one, but a file of records may."""
NULL = b"null"


class Kind(enum.Enum):
    """What a column holds."""

    INTEGER = enum.auto()
    REAL = enum.auto()
    BOOLEAN = enum.auto()
    TEXT = enum.auto()
    NESTED = enum.auto()
    """A list, an object, or free JSON."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the record."""

    name: str
    kind: Kind
    type: Any
    """What msgspec says of the field's type (``msgspec.inspect``), without the ``None`` that it may be."""
    nullable: bool
    required: bool
    """Whether it stands in every record."""
    free: bool
    """Whether anything that JSON can hold may stand in it, at whatever depth."""
    default: Any
    """What a field that is left out means, as built-in types; ``None`` also where it is required."""

    @property
    def empty(self) -> bytes:
        """The JSON of a nested value that is not there: ``[]``, ``{}`` or ``null``."""
        if isinstance(self.type, inspect.ListType):
            return b"[]"
        return b"{}" if isinstance(self.type, inspect.DictType) else NULL


@cache
def columns() -> tuple[Column, ...]:
    """Return the columns of a record, in its order."""
    described = inspect.type_info(Record)
    assert isinstance(described, inspect.StructType)  # noqa: S101 - Record is one
    return tuple(map(column_of, described.fields))


def column_of(field: inspect.Field) -> Column:
    """Return what is known of a struct's field as a column."""
    type_, nullable = without_none(field.type)
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return Column(
        name=field.encode_name,
        kind=_kind(type_),
        type=type_,
        nullable=nullable,
        required=field.required,
        free=_is_free(type_),
        default=None if default is msgspec.NODEFAULT else default,
    )


def without_none(type_: inspect.Type) -> tuple[inspect.Type, bool]:
    """Return what a type is when it is not ``None``, and whether it may be."""
    if not isinstance(type_, inspect.UnionType):
        return type_, False
    others = [one for one in type_.types if not isinstance(one, inspect.NoneType)]
    return (others[0] if len(others) == 1 else inspect.AnyType()), type_.includes_none


def _kind(type_: inspect.Type) -> Kind:
    match type_:
        case inspect.BoolType():
            return Kind.BOOLEAN
        case inspect.IntType():
            return Kind.INTEGER
        case inspect.FloatType():
            return Kind.REAL
        case inspect.StrType() | inspect.EnumType():
            return Kind.TEXT
    return Kind.NESTED


def _is_free(type_: inspect.Type) -> bool:
    match type_:
        case inspect.AnyType():
            return True
        case inspect.ListType(item_type=item):
            return _is_free(item)
        case inspect.DictType(value_type=value):
            return _is_free(value)
        case inspect.UnionType():
            return _is_free(without_none(type_)[0])
        case inspect.StructType(fields=fields):
            return any(_is_free(field.type) for field in fields)
    return False


def row_decoder(typed: Callable[[Column], bool] = lambda _column: False) -> Callable[[bytes], Sequence[Any]]:
    """Return what reads a record's JSON as a row, in the order of ``columns``.

    Scalars are Python's own; what is nested is its JSON (``msgspec.Raw``), ``Column.empty`` where it is left
    out. Of the columns that ``typed`` takes it is read as the record has it.

    Raises:
        msgspec.DecodeError: By what is returned, of what is no record, or has an integer beyond 64 bits.
    """
    annotations = msgspec.structs.fields(Record)
    row = msgspec.defstruct(
        "Row",
        [_row_field(column, field, typed) for column, field in zip(columns(), annotations, strict=True)],
        kw_only=True,
    )
    decode = msgspec.json.Decoder(row).decode
    return lambda line: msgspec.structs.astuple(decode(line))


def _row_field(
    column: Column, field: msgspec.structs.FieldInfo, typed: Callable[[Column], bool]
) -> tuple[str, Any] | tuple[str, Any, Any]:
    kind: Any = field.type
    default = column.default
    if column.kind is Kind.INTEGER:
        kind = _Integer | None if column.nullable else _Integer
    elif column.kind is Kind.TEXT:
        kind = str | None if column.nullable else str
    elif column.kind is Kind.NESTED and not typed(column):
        kind, default = msgspec.Raw, msgspec.Raw(column.empty)
    if column.required:
        return column.name, kind
    if isinstance(default, list | dict):
        return column.name, kind, msgspec.field(default_factory=type(default))
    return column.name, kind, default


def record_json(values: Sequence[Any], there: Sequence[Column]) -> bytes:
    """Return the JSON of a record again from a row, what is nested as ``msgspec.Raw`` or built-in types.

    ``None`` in a column of nested values, and in one that is never null, is what the record leaves out.
    """
    return msgspec.json.encode(dict(_fields(values, there)))


def _fields(values: Sequence[Any], there: Sequence[Column]) -> Iterator[tuple[str, Any]]:
    for column, value in zip(there, values, strict=True):
        if column.required:
            yield column.name, msgspec.Raw(column.empty) if value is None else value
        elif value is not None and value != column.default and not _is_empty(value, column):
            yield column.name, value


def _is_empty(value: Any, column: Column) -> bool:
    return isinstance(value, msgspec.Raw) and bytes(value) == column.empty
