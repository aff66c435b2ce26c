"""JSON as people put it into pages: what RFC 8259 forbids and its meaning is still plain.

Reading goes token by token with a stack of its own, so that the time is linear and no nesting too deep. The
mildest explanation counts: what would have to be guessed (single quotes, a comma left out) is a failure.
"""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any, Final, NamedTuple, TypeAlias

# Wrappers are what hides a script from an older parser: comments and CDATA around the value, which themselves
# stand in comments of JavaScript. A comment of HTML without a bracket in it is one; else the value may be
# inside, and only its marks are skipped. Each alternative is linear: an unclosed /* or " ends the reading.
_token = re.compile(
    r"""
      (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")
    | (?P<mark>[\[{}:,;]|\](?!\]>))
    | (?P<space>[ \t\r\n]++)
    | (?P<wrapper>
          (?:/\*\s*+|//[ \t]*+)?+ (?:<!\[CDATA\[|\]\]>) (?:\s*+\*/)?+
        | (?://[ \t]*+)?+ (?:<!-- (?:(?:(?!<!--|-->)[^{\[])*+ -->)?+ | -->)
      )
    | (?P<comment>//[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)
    | (?P<word>[+.\w-]++)
    | (?P<blank>[\s\ufeff\u200b\u2060\x00-\x1f]++)
    """,
    re.DOTALL | re.VERBOSE,
).match
_number = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+").fullmatch
_integer = re.compile(r"-?[0-9]{1,300}").fullmatch  # int() takes the square of the digits
_control = re.compile(r"[\x00-\x1f]").search
_escape = re.compile(r"\\(u[0-9A-Fa-f]{4}|[\"\\/bfnrt]|)")
_entity = re.compile(r"&(?:quot|#0*34|#[xX]0*22)\b;?").search
_decode_string = json.JSONDecoder(strict=False).decode  # takes control characters within strings

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_NO_NUMBERS = frozenset(("NaN", "Infinity", "-Infinity", "+Infinity", "-NaN", "undefined"))

MAX_TOKENS = 100_000
"""So much of a text is read: 0.5 s at the worst. A broken block of 200 KB has 40,000."""

_VALUE, _KEY, _COLON, _NEXT = range(4)
_Container: TypeAlias = "dict[str, Any] | list[Any]"


class Problem(NamedTuple):
    """Where a text is no JSON, and in what way."""

    offset: int
    """Characters from the beginning."""
    message: str
    """The kind; nothing of the text."""


class Loose(NamedTuple):
    """What was read of a text."""

    values: list[Any]
    """The values that are whole, in order."""
    repaired: Problem | None
    """The first thing that had to be passed over."""
    failure: Problem | None
    """Where reading ended before the text did."""


TOO_LONG: Final = "too long to be repaired"
"""The failure's message when ``MAX_TOKENS`` were read."""


class _Failed(Exception):
    """The text goes on in a way that JSON can't."""

    def __init__(self, offset: int, message: str = "unexpected character") -> None:
        self.problem = Problem(offset, message)
        super().__init__(message)


def read_loosely(text: str) -> Loose:
    """Read all JSON values of a text, one after the other.

    Passed over: comments (``//``, ``/* */``, HTML's) and CDATA marks; control characters and wrong escapes
    in strings; trailing and doubled commas; semicolons between values; white space that is none in JSON, a
    byte order mark among it. A missing value, ``NaN``, ``Infinity`` and ``undefined`` are null, as is a
    number that no double holds. When nothing can be read and there are entities for quotation marks, all
    entities are resolved once. Of a key that comes twice the last value counts, as in browsers.
    """
    loose = _Reader(text).read()
    if not loose.values and loose.failure and (entity := _entity(text)):
        # What is escaped once more inside ("Tom &amp;amp; Jerry") keeps its inner entities.
        unescaped = _Reader(html.unescape(text)).read()
        if unescaped.values:
            return unescaped._replace(repaired=Problem(entity.start(), "HTML entities"))
    return loose


class _Reader:
    """The state of reading one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values: list[Any] = []
        self._stack: list[_Container] = []
        self._keys: list[str] = []  # of the dictionaries in the stack, the one that waits for its value
        self._expected = _VALUE
        self._repaired: Problem | None = None
        self._comma = 0

    def read(self) -> Loose:
        """Read up to the end or the first failure."""
        try:
            at = self._read_tokens()
        except _Failed as failed:
            return Loose(self._values, self._repaired, failed.problem)
        failure = None
        if at < len(self._text):
            failure = Problem(at, TOO_LONG)
        elif self._stack:
            failure = Problem(at, "unexpected end")
        return Loose(self._values, self._repaired, failure)

    def _read_tokens(self) -> int:
        """Return where the reading ended: the text's end or behind ``MAX_TOKENS``."""
        at, end = 0, len(self._text)
        for _ in range(MAX_TOKENS):
            if at == end:
                break
            token = _token(self._text, at)
            if token is None:
                raise _Failed(at, self._why_not(at))
            self._take(token[0], kind=str(token.lastgroup), at=at)
            at = token.end()
        return at

    def _why_not(self, at: int) -> str:
        if self._text[at] == '"':
            return "unclosed string"
        return "unclosed comment" if self._text.startswith("/*", at) else "unexpected character"

    def _take(self, token: str, *, kind: str, at: int) -> None:
        match kind:
            case "string":
                if self._expected == _KEY:
                    self._keys.append(self._string(token, at=at))
                    self._expected = _COLON
                else:
                    self._add(self._string(token, at=at), at=at)
            case "mark":
                self._mark(token, at=at)
            case "word":
                self._add(self._word(token, at=at), at=at)
            case "space":
                pass
            case "blank":
                self._pass_over(at, "byte order mark" if token[0] == "\ufeff" else "white space")
            case _:
                self._pass_over(at, "comment")

    def _mark(self, mark: str, *, at: int) -> None:
        match mark:
            case "{":
                self._open({}, at=at)
            case "[":
                self._open([], at=at)
            case "}" | "]":
                self._close(mark, at=at)
            case ",":
                self._separate(at)
            case ":":
                if self._expected != _COLON:
                    raise _Failed(at)
                self._expected = _VALUE
            case _:  # a semicolon
                if self._stack:
                    raise _Failed(at)
                self._pass_over(at, "semicolon")

    def _open(self, container: _Container, *, at: int) -> None:
        self._add(container, at=at)
        self._stack.append(container)
        self._expected = _KEY if isinstance(container, dict) else _VALUE

    def _close(self, mark: str, *, at: int) -> None:
        container = self._stack[-1] if self._stack else None
        is_object = isinstance(container, dict)
        if container is None or is_object != (mark == "}") or self._expected == _COLON:
            raise _Failed(at)
        if is_object and self._expected == _VALUE:
            self._add_missing(at)
        elif self._expected != _NEXT and container:
            self._pass_over(self._comma, "trailing comma")
        self._stack.pop()
        if not self._stack:
            # Only whole values count.
            self._values.append(container)
        self._expected = _NEXT

    def _separate(self, at: int) -> None:
        if not self._stack:
            self._pass_over(at, "several values")
            self._expected = _VALUE
            return
        is_object = isinstance(self._stack[-1], dict)
        if self._expected == _COLON:
            raise _Failed(at)
        if is_object and self._expected == _VALUE:
            self._add_missing(at)
        elif self._expected != _NEXT:
            self._pass_over(at, "comma without a value")
        self._comma = at
        self._expected = _KEY if is_object else _VALUE

    def _add_missing(self, at: int) -> None:
        self._pass_over(at, "missing value")
        self._add(None, at=at)

    def _add(self, value: Any, *, at: int) -> None:
        if not self._stack:
            if self._expected == _NEXT:
                self._pass_over(at, "several values")
            if not isinstance(value, (dict, list)):
                self._values.append(value)
        elif self._expected != _VALUE:
            raise _Failed(at)
        elif isinstance(container := self._stack[-1], dict):
            container[self._keys.pop()] = value
        else:
            container.append(value)
        self._expected = _NEXT

    def _string(self, token: str, *, at: int) -> str:
        if control := _control(token):
            self._pass_over(at + control.start(), "control character in a string")
        if "\\" not in token:
            return token[1:-1]
        known = _escape.sub(_escaped, token)
        if len(known) < len(token):
            self._pass_over(at, "escape in a string")
        return str(_decode_string(known))

    def _word(self, word: str, *, at: int) -> bool | int | float | None:
        if word in _WORDS:
            return _WORDS[word]
        if word in _NO_NUMBERS:
            self._pass_over(at, "not a number")
            return None
        if not _number(word):
            raise _Failed(at)
        if _integer(word):
            return int(word)
        number = float(word)
        return number if math.isfinite(number) else None

    def _pass_over(self, offset: int, message: str) -> None:
        if self._repaired is None:
            self._repaired = Problem(offset, message)


def _escaped(escape: re.Match[str]) -> str:
    r"""Keep what JSON knows; before anything else (``\'``, ``\x``) the backslash goes, as in JavaScript."""
    return escape[0] if escape[1] else ""
