"""Records by what a test says of them, and for hypothesis of every shape that their types let through."""

from __future__ import annotations

import string
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from scraper.record import SCHEMA_VERSION, Record

_BOUND = 2**63
_HOSTILE = (
    "=1+1",
    "-2+3",
    "@SUM(A1)",
    "'=x",
    "+49 30 1",
    "-5",
    "\t=x",
    "\r=x",
    "\n=x",
    "\uff1dx",
    "a,b;c",
    'say "x"',
)
_HOSTILE_TOO = (
    "line\r\nbreak",
    "\0null\0",
    "\ufeffmark",
    "\u2028\u202e",
    "\U0001f600",
    "null",
    "[]",
    "NaN",
    "",
    " ",
)
texts = st.sampled_from((*_HOSTILE, *_HOSTILE_TOO)) | st.text(max_size=12)
names = st.text(string.ascii_lowercase + " ='\"\u00e4", max_size=6)
free = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def record(seq: int, **fields: Any) -> Record:
    """Return a record of a page, with what a test says of it, as JSON has it."""
    url = f"https://a.example/{seq}"
    always = dict.fromkeys(("final_url", "duplicate_of", "parent", "error"))
    always |= {
        "run": "r1",
        "input": url,
        "url": url,
        "key": url,
        "depth": 0,
        "retryable": False,
        "attempts": 1,
    }
    always |= {"schema": SCHEMA_VERSION, "extra": {}, "tries": [], "outcome": "ok"}
    return msgspec.convert({**always, "seq": seq, **fields}, Record)


def record_line(seq: int, **fields: Any) -> bytes:
    """Return the same as a line of a file."""
    return msgspec.json.encode(record(seq, **fields)) + b"\n"


def records(*, most: int = 2) -> st.SearchStrategy[list[Record]]:
    """Return a strategy for the records of a run, in any order, each ``seq`` once."""

    def numbered(made: list[Any], order: list[int]) -> list[Record]:
        return [msgspec.structs.replace(one, seq=seq) for one, seq in zip(made, order, strict=False)]

    return st.builds(numbered, st.lists(_record(), max_size=most), st.permutations(range(most)))


@cache
def _record() -> st.SearchStrategy[Record]:
    about = inspect.type_info(Record)
    given = st.fixed_dictionaries(_fields(about, required=True), optional=_fields(about, required=False))
    return given.map(lambda fields: msgspec.convert({**fields, "schema": SCHEMA_VERSION}, Record))


def _fields(type_: Any, *, required: bool) -> dict[str, st.SearchStrategy[Any]]:
    return {field.encode_name: _values(field.type) for field in type_.fields if field.required is required}


_SCALARS: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.IntType: st.integers(-_BOUND, _BOUND - 1),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.StrType: texts,
    inspect.AnyType: free,
}


def _values(type_: inspect.Type) -> st.SearchStrategy[Any]:
    """Return a strategy for what msgspec would make a value of the type from."""
    match type_:
        case inspect.UnionType(types=types):
            return st.one_of(*map(_values, types))
        case inspect.EnumType(cls=cls):
            return st.sampled_from([member.value for member in cls])
        case inspect.ListType(item_type=item):
            return st.lists(_values(item), max_size=2)
        case inspect.DictType(value_type=value):
            return st.dictionaries(names, _values(value), max_size=2)
        case inspect.StructType(fields=fields):
            return st.fixed_dictionaries({field.encode_name: _values(field.type) for field in fields})
    return _SCALARS[type(type_)]
