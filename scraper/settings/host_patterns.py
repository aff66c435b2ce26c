"""``politeness.hosts``: limits by host pattern, read and checked entry by entry.

Unlike other settings it may be wrong in several places at once, and each is told by its own name:
``politeness.hosts."*.example.com".delay_s``. This module does no I/O.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SettingsError
from scraper.redaction import MASK
from scraper.settings.model import HostLimits
from scraper.settings.options import entry_options, remedy
from scraper.settings.values import checked, cut, shown, toml_literal

if TYPE_CHECKING:
    from scraper.settings.options import Option

# What a host key is made of (a name, an IPv4 address, an IPv6 address in brackets, then perhaps a
# port), with * anywhere. Anything else would match no host and be a limit that silently never holds.
_PATTERN = re.compile(r"(?:[a-z0-9._*-]+|\[[0-9a-f:.*]+\])(?::(?:[0-9]{1,5}|\*))?", re.IGNORECASE)


def checked_hosts(
    value: object, option: Option, *, origin: str, text: bool
) -> tuple[dict[str, HostLimits], list[str]]:
    """Validate a table of limits by host pattern.

    Args:
        value: What was given: a TOML value, or a JSON text.
        option: The setting that holds the table.
        origin: Where it came from, for the messages.
        text: Whether it comes from a place that knows only strings, where it is JSON.

    Returns:
        The limits by pattern, and everything that is wrong, one line each. With problems the limits
        are not to be used.
    """
    if isinstance(value, str) and text:
        value = _from_json(value)
    if not isinstance(value, dict):
        return {}, [f"{option.name} = {cut(shown(value, option))} ({origin}): expected {option.allowed}"]
    limits: dict[str, HostLimits] = {}
    spelt: dict[str, str] = {}
    problems: list[str] = []
    for pattern, entry in value.items():
        name = f"{option.name}.{_shown_pattern(pattern)}"
        try:
            check_pattern(pattern)
            _check_twin(pattern, first=spelt.setdefault(pattern.lower(), pattern))
        except ValueError as error:
            problems.append(f"{name} ({origin}): {error}")
        found, wrong = _checked_entry(entry, option, name=name, origin=origin)
        limits[pattern] = found
        problems += wrong
    return limits, problems


def check_pattern(pattern: str) -> None:
    """Check that a text can match a host.

    Raises:
        ValueError: It is empty, has a scheme, a path or user info, or what no host has.
    """
    if not pattern:
        raise ValueError("expected a host, or a pattern such as *.example.com")
    if not pattern.isascii():
        raise ValueError("expected a host as requests have it, in ASCII: its labels then begin with xn--")
    if "/" in pattern:
        host = pattern.rpartition("://")[2].partition("/")[0]
        hint = f": write {toml_literal(host)}" if _PATTERN.fullmatch(host) else ""
        raise ValueError(f"a pattern is a host, without scheme and path{hint}")
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(
            "a pattern is a host of letters, digits, dots, hyphens and *, or an IPv6 address in brackets,"
            " with or without a port"
        )


def whole_table_hint(option: Option) -> str:
    """Say how the table is given where single entries can't be."""
    return f"give the table whole: {option.name}={json.dumps(option.example)}"


def _from_json(text: str) -> Any:
    """Read JSON; the empty text is the empty table, and what is no JSON stays text, to be refused as such."""
    try:
        return msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text


def _check_twin(pattern: str, *, first: str) -> None:
    if first != pattern:
        raise ValueError(f"the same pattern as {_shown_pattern(first)}: hosts have no upper case")


def _checked_entry(entry: object, option: Option, *, name: str, origin: str) -> tuple[HostLimits, list[str]]:
    known = entry_options(option)
    if not isinstance(entry, dict):
        example = toml_literal(next(iter(option.example.values())))
        return HostLimits(), [
            f"{name} = {cut(shown(entry, option))} ({origin}): expected a table such as {example}"
        ]
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field, value in entry.items():
        if field not in known:
            hint = _quote_hint(name, field, value, option) or remedy(field, known)
            problems.append(f"unknown setting {name}.{_shown_field(field)} ({origin}); {hint}")
            continue
        part = known[field]._replace(name=f"{name}.{field}")
        try:
            values[field] = checked(value, part, origin=origin, text=False)  # JSON has types, as TOML has
        except SettingsError as error:
            problems.append(str(error))
    return HostLimits(**values), problems


def _quote_hint(name: str, field: str, value: object, option: Option) -> str | None:
    """Say what became of ``[politeness.hosts.example.com]``: TOML takes each dot for a table in a table."""
    if not isinstance(value, dict):
        return None
    labels = [json.loads(name.removeprefix(f"{option.name}.")), field]
    while len(value) == 1:
        ((label, inner),) = value.items()
        if not isinstance(inner, dict):
            break
        labels.append(label)
        value = inner
    return f"a pattern with dots stands in quotes: [{option.name}.{_shown_pattern('.'.join(labels))}]"


def _shown_pattern(pattern: str) -> str:
    """Quote a pattern as TOML does; a URL that was taken for one may have a password in it."""
    return toml_literal(cut(re.sub(r"[^/]*@", f"{MASK}@", pattern)))


def _shown_field(field: str) -> str:
    return field if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", field) else toml_literal(cut(field))
