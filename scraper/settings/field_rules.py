"""``parse.select``: rules for fields of the user's own, read and checked entry by entry.

A rule is a table, or in short a text: CSS, or XPath behind ``xpath:``. ``[]`` behind a name asks for all
values. Whether a selector is one is for those to say who use it. This module does no I/O.
"""

from __future__ import annotations

import json
import re
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
            ``NAME=CSS``.

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
        return {}, [f"{option.name} = {cut(shown(value, option))} ({origin}): expected {option.allowed}"]
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
        pairs.append((name.strip(), selector.strip()))
    return _Twice(pairs)


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
        is_xpath = entry.lstrip().startswith(XPATH)
        entry = {"xpath": entry.lstrip().removeprefix(XPATH)} if is_xpath else {"css": entry}
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
    return None


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else toml_literal(cut(name))
