"""Conditions on records, as ``--where`` takes them: ``status >= 400 and url ~ "/shop/"``. Pure.

A small language with a parser of its own; nothing of it reaches Python's. By precedence, the weakest first:

    condition  = all { "or" all }
    all        = none { "and" none }
    none       = "not" none | comparison
    comparison = operand [ operator operand ]
    operator   = "==" "!=" "<" "<=" ">" ">=" "~" "in" "not in"
    operand    = field | number | text | "true" | "false" | "null" | list | "(" condition ")"
    list       = "[" [ value { "," value } ] "]", or the same in "(" ")" behind "in"

Field names are a record's, with dots into what is nested. Text stands in ' or ", with a backslash before a
quote or a backslash. What a record does not have is null.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from scraper.comparing.names import UnknownField, field_path, shown_path, single_kind, value_at
from scraper.comparing.values import COMPARISONS, contains, is_found, kind
from scraper.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scraper.comparing.names import FieldPath

Record: TypeAlias = "Mapping[str, Any]"
Operand: TypeAlias = "Callable[[Record], Any]"
Condition: TypeAlias = "Callable[[Record], bool]"

MAX_CHARS = 4000
MAX_DEPTH = 40
"""Of parentheses and ``not``: each is a few frames of Python's stack."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>[A-Za-z_]\w*(?:\.[\w:-]+)*)
      | (?P<sign>==|!=|<=|>=|[<>~()\[\],])
      | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDS: Final = frozenset({"and", "or", "not", "in"})
_OTHERS: Final = {
    **dict.fromkeys(("is", "IS"), "compare with '==', as in: lang == null"),
    **dict.fromkeys(
        ("contains", "like", "LIKE", "matches", "startswith"), "search with '~', as in: url ~ \"/shop/\""
    ),
    **{word: f"write '{word.lower()}'" for word in ("AND", "OR", "NOT", "IN")},
    "&": "join with 'and'",
    "|": "join with 'or'",
    "!": "write 'not'",
}
"""What other languages write, and what it is here."""
_LENGTHS: Final = "how long a text is, a search tells: title ~ '^.{61}'"
_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "none": None}


class WhereError(UsageError):
    """A condition is none; the message says where."""


def condition(text: str) -> Condition:
    """Return what says of a record, read as JSON, whether it meets a condition.

    - ``==`` and ``!=`` compare any values, ``null`` too; numbers, texts and truth values are never equal to
      each other.
    - ``<`` and the like compare two numbers or two texts; anything else, ``null`` too, does not meet them.
    - ``~`` searches a text, or each text of a list, by a regular expression (Python's ``re``).
    - A number field is not compared with a text in quotes, nor a text field with a number: that is refused.
    - ``in`` looks for a value in a list, or for a text in a text.
    - A value alone counts as met unless it is null, false, 0 or empty.

    Raises:
        WhereError: It is no condition, names a field that no record has, compares one with what it can't
            be, or is too long or too deep.
    """
    return _Parser(text).whole()


class _Token(NamedTuple):
    kind: str
    text: str
    at: int

    @property
    def asks_for_value(self) -> bool:
        """Whether what comes next may be a text whose quotes were forgotten."""
        return self.text in {*COMPARISONS, "~", "in", "[", ","}


class _Operand(NamedTuple):
    value: Operand
    constant: Any = None
    is_constant: bool = False
    field: FieldPath | None = None


class _Parser:
    """Reads a condition from left to right, with one token in sight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        if len(text) > MAX_CHARS:
            raise WhereError(f"the condition is longer than {MAX_CHARS} characters")
        self._before = _Token("", "", 0)
        self._next = self._token(0)

    def whole(self) -> Condition:
        found = self._condition()
        if self._next.kind != "end":
            raise self._wrong(_unexpected(self._next.text))
        return lambda record: bool(found(record))

    def _condition(self) -> Operand:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda record: any(part(record) for part in parts)

    def _all(self) -> Operand:
        parts = [self._none()]
        while self._take("and"):
            parts.append(self._none())
        return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)

    def _none(self) -> Operand:
        if not self._take("not"):
            return self._comparison()
        with_in = self._deeper(self._none)
        return lambda record: not with_in(record)

    def _comparison(self) -> Operand:
        left = self._operand()
        sign = self._next
        if sign.kind == "sign" and sign.text in COMPARISONS:
            self._advance()
            at = self._next
            compare, right = COMPARISONS[sign.text], self._operand()
            self._check_kinds(left, right, at)
            self._check_kinds(right, left, at)
            return lambda record: compare(left.value(record), right.value(record))
        if self._take("~"):
            return self._search(left)
        negated = self._take("not")
        if self._take("in"):
            at = self._next
            right = self._operand(after_in=True)
            self._check_kinds(left, right, at)
            return lambda record: contains(right.value(record), left.value(record)) is not negated
        if negated:
            raise self._wrong("expected 'in' behind 'not'")
        return left.value

    def _search(self, left: _Operand) -> Operand:
        at = self._next
        pattern = self._operand()
        if not pattern.is_constant or not isinstance(pattern.constant, str):
            raise self._wrong("expected a regular expression in quotes", at)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                search = re.compile(pattern.constant).search
        except (re.error, OverflowError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise self._wrong(f"no regular expression ({reason})", at) from None
        return lambda record: is_found(search, left.value(record))

    def _operand(self, *, after_in: bool = False) -> _Operand:
        if (value := self._value()) is not None:
            return value
        if self._take("["):
            return self._list("]")
        if self._take("("):
            if after_in:
                return self._list(")")
            inside = self._deeper(self._condition)
            self._expect(")")
            return _Operand(inside)
        raise self._wrong("expected a field or a value")

    def _value(self) -> _Operand | None:
        """Take a field or a single value, if that is what comes next."""
        token = self._next
        match token.kind:
            case "number":
                value = _constant(
                    int(token.text) if token.text.lstrip("-").isdecimal() else float(token.text)
                )
            case "text":
                value = _constant(re.sub(r"\\(.)", _unescaped, token.text[1:-1], flags=re.DOTALL))
            case "name" if token.text.lower() in _CONSTANTS:
                value = _constant(_CONSTANTS[token.text.lower()])
            case "name" if token.text not in _WORDS:
                value = self._field(token)
            case _:
                return None
        self._advance()
        return value

    def _list(self, end: str) -> _Operand:
        values: list[Any] = []
        while not self._take(end):
            if values:
                self._expect(",")
            at = self._next
            value = self._operand()
            if not value.is_constant or isinstance(value.constant, list):
                raise self._wrong("a list holds values: numbers, texts in quotes, true, false, null", at)
            values.append(value.constant)
        return _constant(values)

    def _field(self, token: _Token) -> _Operand:
        try:
            path = field_path(token.text)
        except UnknownField as error:
            told = str(error)
            if self._text.startswith("(", token.at + len(token.text)):
                told = f"no field {token.text!r}, and there are no functions; {_LENGTHS}"
            elif self._before.asks_for_value:
                told = f"{error}; a text stands in quotes"
            raise self._wrong(told, token) from None
        return _Operand(lambda record: value_at(record, path), field=path)

    def _check_kinds(self, one: _Operand, other: _Operand, at: _Token) -> None:
        """Refuse what no record can meet, a number that is compared with a text: nobody would see it fail."""
        if one.field is None or not other.is_constant:
            return
        kinds = {*map(kind, other.constant if isinstance(other.constant, list) else [other.constant])}
        match single_kind(one.field):
            case "number" if "str" in kinds:
                raise self._wrong(f"{shown_path(one.field)} is a number: write it without quotes", at)
            case "text" if "number" in kinds:
                raise self._wrong(f"{shown_path(one.field)} is a text: write it in quotes", at)

    def _deeper(self, parse: Callable[[], Operand]) -> Operand:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"nested deeper than {MAX_DEPTH} levels")
        found = parse()
        self._depth -= 1
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong(f"expected {text!r}")

    def _take(self, text: str) -> bool:
        if self._next.kind in {"sign", "name"} and self._next.text == text:
            self._advance()
            return True
        return False

    def _advance(self) -> None:
        self._before = self._next
        self._next = self._token(self._next.at + len(self._next.text))

    def _token(self, start: int) -> _Token:
        found = _TOKEN.match(self._text, start)
        if found is None:
            rest = self._text[start:]
            at = start + len(rest) - len(rest.lstrip())
            begun = self._text[at]
            if begun in "\"'":
                raise self._wrong("a text without its closing quote", _Token("", "", at))
            if begun == "=":
                raise self._wrong("to compare write '=='", _Token("", "", at))
            raise self._wrong(_unexpected(begun), _Token("", "", at))
        kind = found.lastgroup or "end"
        return _Token(kind, found[kind], found.start(kind))

    def _wrong(self, what: str, token: _Token | None = None) -> WhereError:
        at = (token or self._next).at
        before, behind = self._text[max(0, at - 20) : at], self._text[at : at + 20]
        where = f"{'...' if at > 20 else ''}{before}>>>{behind}" if self._text else "it is empty"  # noqa: PLR2004
        return WhereError(f"condition, character {at + 1}: {what}: {where}")


def _unexpected(text: str) -> str:
    told = f"did not expect {text!r}"
    return f"{told}: {_OTHERS[text]}" if text in _OTHERS else told


def _constant(value: Any) -> _Operand:
    return _Operand(lambda _record: value, value, is_constant=True)


def _unescaped(found: re.Match[str]) -> str:
    """Take the backslash only from what needs one, so that regular expressions are written as they are."""
    return found[1] if found[1] in "\"'\\" else found[0]
