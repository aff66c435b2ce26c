"""Names of a record's fields as users write them, with dots into what is nested: ``error.type``. Pure."""

from __future__ import annotations

import difflib
import types
import typing
from functools import cache
from typing import TYPE_CHECKING, Any, NewType

import msgspec

from scraper.errors import UsageError
from scraper.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FieldPath = NewType("FieldPath", tuple[str, ...])
"""A checked name, in its parts."""


class UnknownField(UsageError):
    """A record has no such field; the message names what is nearest."""


def field_path(name: str) -> FieldPath:
    """Return a name in its parts.

    What is below a field of free names (``headers``, ``og``, ``extra``, ``fields``) is taken as it is, with
    its dots: ``fields.price.net`` is the user's field ``price.net``.

    Raises:
        UnknownField: A record has no such field.
    """
    parts = name.split(".")
    known: type | None = Record
    for at, part in enumerate(parts):
        if known is dict:
            if not (rest := ".".join(parts[at:])):
                raise UnknownField(f"{name!r} ends in a dot: name what is below it")
            return FieldPath((*parts[:at], rest))
        if known is None:
            raise UnknownField(
                f"a record has no field {name!r}: there is nothing below {'.'.join(parts[:at])}"
            )
        kinds = _kinds(known)
        if part not in kinds:
            raise UnknownField(_unknown(".".join(parts[: at + 1]), part, kinds, before=parts[:at]))
        known = kinds[part]
    return FieldPath(tuple(parts))


def field_paths(names: Iterable[str]) -> list[FieldPath]:
    """Return several names in their parts, each once and in their order; see ``field_path``."""
    return list(dict.fromkeys(map(field_path, names)))


def value_at(record: Mapping[str, Any], path: FieldPath) -> Any:
    """Return a field of a record read as JSON; ``None`` where it, or what it is below of, is missing."""
    value: Any = record
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def is_free(path: FieldPath) -> bool:
    """Tell whether a name is below one of free names, so that a mistyped one is taken as well."""
    known: type | None = Record
    for part in path:
        if known is dict:
            return True
        known = _kinds(known)[part] if known else None
    return False


def single_kind(path: FieldPath) -> str | None:
    """Return what a field always is, where it is one: ``number`` or ``text``.

    ``None`` for all others: lists, objects, truth values, and what stands below free names.
    """
    annotation: Any = Record
    for part in path:
        if not (isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)):
            return None
        hint = typing.get_type_hints(annotation)[part]
        options = [one for one in typing.get_args(hint) if one is not types.NoneType]
        annotation = options[0] if isinstance(hint, types.UnionType) and len(options) == 1 else hint
    if not isinstance(annotation, type) or annotation is bool:
        return None
    if issubclass(annotation, (int, float)):
        return "number"
    return "text" if issubclass(annotation, str) else None


def shown_path(path: FieldPath) -> str:
    """Return a path as users write it."""
    return ".".join(path)


@cache
def _kinds(struct: type) -> dict[str, type | None]:
    """Return a struct's fields, each with what is below it: a struct, ``dict`` for free names, or nothing."""
    hints = typing.get_type_hints(struct)
    return {field.name: _below(hints[field.name]) for field in msgspec.structs.fields(struct)}


def _below(annotation: Any) -> type | None:
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    for option in options:
        if typing.get_origin(option) is dict:
            return dict
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option
    return None


def _unknown(name: str, part: str, kinds: Iterable[str], *, before: list[str]) -> str:
    known = list(kinds)
    near = difflib.get_close_matches(part, known, n=1)
    if near:
        return f"a record has no field {name!r}; did you mean {'.'.join([*before, near[0]])!r}?"
    if before:
        return f"a record has no field {name!r}; {'.'.join(before)} has {', '.join(known)}"
    return f"a record has no field {name!r}; `scraper schema` lists them"
