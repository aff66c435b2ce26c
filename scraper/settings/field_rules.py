"""``parse.select``: rules for fields of the user's own, read and checked entry by entry.

A rule is a table, or in short a text: CSS, or XPath behind ``xpath:``. ``[]`` behind a name asks for all
values. Whether a selector is one is for those to say who use it. This module does no I/O.
"""

from __future__ import annotations

import difflib
import json
import re
import typing
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SettingsError
from scraper.settings.headers import CONTROL
from scraper.settings.model import FieldRule
from scraper.settings.options import entry_options, remedy
from scraper.settings.values import checked, cut, shown, toml_literal

if TYPE_CHECKING:
    from scraper.settings.options import Option

MAX_NAME = 100
"""The most characters of a field's name."""
XPATH = "xpath:"
"""What XPath begins with where a text is CSS."""
MANY = "[]"
"""What stands behind the name of a field whose values are all wanted."""
RESERVED = "extractor"
"""The name by which ``field_errors`` tells of the hook."""


TYPES: tuple[str, ...] = typing.get_args(typing.get_type_hints(FieldRule)["type"])
"""What values may become."""
_NO_TYPES = ("integer", "number", "string", "decimal", "double", "bool", "boolean", "datetime")
_AS_TEXT = 'expected lines of NAME=CSS, or a JSON object such as {"price": ".price"}'
_AS_TABLE = """expected a table, in a file [parse.select] and below it lines such as price = ".price\""""


class _Twice(dict[str, Any]):
    """A table, and the names that it was given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = [name for name in self if names.count(name) > 1]


def checked_rules(
    value: object, option: Option, *, origin: str, text: bool
) -> tuple[dict[str, FieldRule], list[str]]:
    """Validate a table of rules by name.

    Args:
        value: What was given: a TOML value, or a text.
        option: The setting that holds the table.
        origin: Where it came from, for the messages.
        text: Whether it comes from a place that knows only strings: there it is JSON, or lines of
            ``NAME=CSS`` or ``NAME:TYPE=CSS``.

    Returns:
        The rules by name, and everything that is wrong, one line each. With problems the rules are
        not to be used.
    """
    if isinstance(value, str) and text:
        try:
            value = _from_text(value)
        except ValueError as error:
            return {}, [f"{option.name} ({origin}): {error}"]
    if not isinstance(value, dict):
        given = f"{option.name} = {cut(shown(value, option))} ({origin})"
        return {}, [f"{given}: {_AS_TEXT if text else _AS_TABLE}"]
    twice = value.twice if isinstance(value, _Twice) else []
    rules: dict[str, FieldRule] = {}
    problems = [f"{option.name}.{_shown(name)} ({origin}): given twice" for name in twice]
    for given, entry in value.items():
        name = given.removesuffix(MANY).strip()
        shown_name = f"{option.name}.{_shown(name)}"
        if wrong := _wrong_name(name):
            problems.append(f"{shown_name} ({origin}): {wrong}")
        elif name in rules:
            problems.append(f"{shown_name} ({origin}): given twice, with and without {MANY}")
        rule, found = _checked_rule(entry, option, name=shown_name, origin=origin, many=given.endswith(MANY))
        rules[name] = rule
        problems += found
    return rules, problems


def _from_text(text: str) -> Any:
    """Read JSON, or lines of ``NAME=CSS``; nothing is the empty table.

    Raises:
        ValueError: A line has no name or no selector.
    """
    if text.lstrip().startswith("{"):
        try:
            # Python's, which tells of names that are there twice.
            return json.loads(text, object_pairs_hook=_Twice)
        except (ValueError, RecursionError):
            return text
    pairs = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, equals, selector = line.partition("=")
        if not equals or not name.strip() or not selector.strip():
            raise ValueError(f"{toml_literal(cut(line))} is no NAME=CSS, such as price=span.price::text")
        pairs.append(_typed(name.strip(), selector.strip()))
    return _Twice(pairs)


def _typed(name: str, selector: str) -> tuple[str, Any]:
    """Take a type from behind a name: ``price:float``, ``sizes[]:int``. Other colons are the name's own.

    Raises:
        ValueError: What is behind the colon is nearly a type, or ``[]`` stands behind it.
    """
    untyped, colon, kind = (part.strip() for part in name.rpartition(":"))
    bare = kind.removesuffix(MANY).strip()
    if not colon or not difflib.get_close_matches(bare.lower(), (*TYPES, *_NO_TYPES), n=1, cutoff=0.75):
        return name, selector
    if bare not in TYPES:
        raise ValueError(f"{toml_literal(cut(name))}: the types are {', '.join(TYPES)}")
    if bare != kind:
        raise ValueError(f"{toml_literal(cut(name))}: write [] behind the name, {untyped}{MANY}:{bare}")
    return untyped, {**_selects(selector), "type": kind}


def _selects(selector: str) -> dict[str, Any]:
    """Return a text as a table: it is CSS, or XPath behind ``xpath:``."""
    text = selector.lstrip()
    return {"xpath": text.removeprefix(XPATH)} if text.startswith(XPATH) else {"css": selector}


def _wrong_name(name: str) -> str | None:
    if not name:
        return "a field needs a name"
    if len(name) > MAX_NAME or CONTROL.search(name) or not name.isprintable():
        return f"a name is one line of printable characters, {MAX_NAME} at the most"
    return "the errors of parse.extractor go by this name: take another" if name == RESERVED else None


def _checked_rule(
    entry: object, option: Option, *, name: str, origin: str, many: bool
) -> tuple[FieldRule, list[str]]:
    known = entry_options(option)
    if isinstance(entry, str):
        entry = _selects(entry)
    if not isinstance(entry, dict):
        example = toml_literal(next(iter(option.example.values())))
        given = f"{name} = {cut(shown(entry, option))} ({origin})"
        return FieldRule(), [f"{given}: expected a selector, or a table such as {example}"]
    values: dict[str, Any] = {"many": True} if many else {}
    problems = [f"{name}.{_shown(field)} ({origin}): given twice" for field in getattr(entry, "twice", ())]
    for field, value in entry.items():
        if field not in known:
            problems.append(f"unknown setting {name}.{_shown(field)} ({origin}); {remedy(field, known)}")
            continue
        if field == "many" and many:
            if value is False:
                problems.append(f"{name}.many = false ({origin}): {MANY} behind the name says true")
            continue
        part = known[field]._replace(name=f"{name}.{field}")
        try:
            values[field] = checked(value, part, origin=origin, text=False)  # JSON has types, as TOML has
        except SettingsError as error:
            problems.append(str(error))
    try:
        values["default"] = _plain(values.get("default"))
    except (TypeError, ValueError, RecursionError):
        problems.append(f"{name}.default ({origin}): JSON can't hold it")
    rule = FieldRule(**values)
    if wrong := None if problems else _contradiction(rule):
        problems.append(f"{name} ({origin}): {wrong}")
    return rule, problems


def _plain(value: object) -> Any:
    """Return a value as JSON gives it back: TOML has dates."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _contradiction(rule: FieldRule) -> str | None:
    if bool(rule.css.strip()) == bool(rule.xpath.strip()):
        return "give css or xpath, one of them"
    if rule.required and rule.default is not None:
        return "what has a default is never missing: give required or default"
    if rule.default is not None and not _fits(rule):
        kind = f"a list of {_VALUES[rule.type][1]}" if rule.many else _VALUES[rule.type][0]
        return f"default = {cut(toml_literal(rule.default))}: expected {kind}, as type and many say"
    return None


_VALUES = {
    "str": ("a text", "texts"),
    "int": ("a whole number", "whole numbers"),
    "float": ("a number", "numbers"),
    "date": ("a date such as 2026-05-04", "dates such as 2026-05-04"),
    "url": ("an absolute URL", "absolute URLs"),
    "json": ("anything", "anything"),
}
"""What the values of a type are, in words: one, and several."""
_is_date = re.compile(r"\d{4}(?:-(?:\d\d(?:-\d\d(?:T.+)?)?|W\d\d))?").fullmatch
_is_url = re.compile(r"https?://\S+", re.IGNORECASE).fullmatch


def _fits(rule: FieldRule) -> bool:
    """Whether a default is what the selector could have found."""
    if rule.many:
        return isinstance(rule.default, list) and all(_is_of(value, rule.type) for value in rule.default)
    return _is_of(rule.default, rule.type)


def _is_of(value: object, kind: str) -> bool:
    match kind:
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _is_date(value) is not None
        case "url":
            return isinstance(value, str) and _is_url(value) is not None
        case "str":
            return isinstance(value, str)
    return True


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else toml_literal(cut(name))
