"""The catalogue: every setting by its dotted name, with its type, its bounds and its default.

Made from the structs of ``model``, so that a new field there is at once a key of the settings file,
an environment variable and a name for ``--set``. This module does no I/O.
"""

from __future__ import annotations

import difflib
import functools
import json
import typing
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect

from scraper.settings.model import Holds, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENVIRONMENT_PREFIX = "SCRAPER_"


class Option(NamedTuple):
    """One setting."""

    name: str
    """Dotted: ``fetch.total_s``."""
    section: str
    field: str
    annotation: Any
    """What ``msgspec.convert`` validates by, bounds included."""
    kind: inspect.Type
    default: Any
    holds: Holds | None = None
    """What it holds where its type does not say."""
    example: Any = None
    """A value, as TOML or JSON would give it, of a setting that needs one to be understood."""
    words: str | None = None
    """What its pattern allows, for people."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it: ``SCRAPER_FETCH_TOTAL_S``."""
        return f"{ENVIRONMENT_PREFIX}{self.section}_{self.field}".upper()

    @property
    def allowed(self) -> str:
        """What may be given, in words, as the end of "expected ..."."""
        if self.holds is Holds.HEADERS:
            return "a table of names and texts, or lines of 'Name: value'"
        if self.holds in {Holds.FIELD_RULES, Holds.HOST_LIMITS}:
            parts = "; ".join(f"{field}: {part.allowed}" for field, part in entry_options(self).items())
            table = "a table for each host pattern, as text"
            if self.holds is Holds.FIELD_RULES:
                table = "a table, or as text lines of NAME=CSS or"
            return f"{table} a JSON object such as {json.dumps(self.example)}; {parts}"
        if self.holds is Holds.PROXY:
            return "a proxy's URL, http://host:port or https://host:port, or nothing"
        if self.holds in {Holds.REGULAR_EXPRESSION, Holds.URL_PATTERN}:
            return "a regular expression (Python's re)"
        words = self.words or _allowed(self.kind, self.annotation)
        if self.field.endswith("_bytes"):
            return f"{words}, or a size such as 500kB, 10MB or 10MiB"
        return f"{words} (seconds)" if self.field.endswith("_s") else words


@functools.cache
def sections() -> Mapping[str, type[msgspec.Struct]]:
    """Return the struct of each section by the section's name, in the model's order."""
    return typing.get_type_hints(Settings)


@functools.cache
def options() -> Mapping[str, Option]:
    """Return every setting by its dotted name, in the model's order."""
    return {
        option.name: option
        for section, struct in sections().items()
        for option in _options_of(struct, section=section)
    }


def entry_options(table: Option) -> Mapping[str, Option]:
    """Return, by field, what an entry of a table of structs may hold, as ``politeness.hosts`` has them."""
    kind = table.kind
    assert isinstance(kind, inspect.DictType)  # noqa: S101 - tells the type checker what the caller knows
    assert isinstance(kind.value_type, inspect.StructType)  # noqa: S101 - the same
    return {option.field: option for option in _options_of(kind.value_type.cls, section=table.name)}


@functools.cache
def _options_of(struct: type[msgspec.Struct], *, section: str) -> tuple[Option, ...]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - tells the type checker what a struct's info is
    annotations = typing.get_type_hints(struct, include_extras=True)
    defaults = struct()
    return tuple(
        _option(section, field, annotations[field.name], getattr(defaults, field.name))
        for field in info.fields
    )


def _option(section: str, field: inspect.Field, annotation: Any, default: Any) -> Option:
    kind, holds, example, words = field.type, None, None, None
    if isinstance(kind, inspect.Metadata):  # what msgspec wraps a type in that carries more than bounds
        holds = (kind.extra or {}).get("holds")
        example = next(iter((kind.extra_json_schema or {}).get("examples", ())), None)
        words = (kind.extra_json_schema or {}).get("description")
        kind = kind.type
    name = f"{section}.{field.name}"
    return Option(name, section, field.name, annotation, kind, default, holds, example, words)


def remedy(wrong: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` for the known name nearest to a wrong one, or list the known ones.

    A name in the wrong section, or in none, is matched by its last part first.
    """
    names = list(known)
    last = wrong.rpartition(".")[2]
    same_field = [name for name in names if name.rpartition(".")[2] == last]
    # The cutoff is difflib's own default: below it, suggestions were unrelated names.
    near = same_field or difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(names)}" if len(names) <= 10 else "`scraper config show` lists all"  # noqa: PLR2004 - fits a line


def _allowed(kind: inspect.Type, annotation: Any) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"an integer{_bounds(kind)}"
        case inspect.FloatType():
            return f"a number{_bounds(kind)}"
        case inspect.LiteralType():  # its own values are sorted, the annotation's are in the author's order
            return f"one of {', '.join(map(str, typing.get_args(annotation)))}"
        case inspect.UnionType(types=types):  # a value or none at all: None says nothing to a reader
            (kind,) = (member for member in types if not isinstance(member, inspect.NoneType))
            return _allowed(kind, annotation)
    pattern = kind.pattern if isinstance(kind, inspect.StrType) else None
    anything = "anything" if isinstance(kind, inspect.AnyType) else "text"
    return f"text matching {pattern}" if pattern else anything


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge} to {kind.le}"
    words = {" above ": kind.gt, " of at least ": kind.ge, " below ": kind.lt, " of at most ": kind.le}
    return "".join(f"{word}{bound}" for word, bound in words.items() if bound is not None)
