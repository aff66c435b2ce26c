"""The layers of settings and how they are folded: defaults < TOML file < environment < flags.

Each value keeps its origin, so that ``scraper config show`` and every message can tell where it came
from. A file is read only when it is named, by ``--config`` or ``SCRAPER_CONFIG``: one that merely
lies in the working directory is somebody else's decision.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from scraper.errors import SettingsError
from scraper.settings.field_rules import checked_rules
from scraper.settings.headers import merged_headers
from scraper.settings.host_patterns import checked_hosts, whole_table_hint
from scraper.settings.model import Holds, Settings
from scraper.settings.options import ENVIRONMENT_PREFIX, options, remedy, sections
from scraper.settings.values import checked, toml_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scraper.settings.options import Option

CONFIG_VARIABLE = "SCRAPER_CONFIG"
WEB_TOKEN_VARIABLE = "SCRAPER_WEB_TOKEN"  # noqa: S105 the name of a variable
"""No setting, but what opens the dashboard: no file holds it."""
"""The environment variable that names the settings file when ``--config`` does not."""

# Kubernetes gives every pod the variables of a service that is called "scraper".
_NO_SETTINGS = frozenset({CONFIG_VARIABLE, WEB_TOKEN_VARIABLE})
_FOREIGN_VARIABLE = re.compile(r"SCRAPER_(?:SERVICE_.*|PORT(?:_.*)?)")


class Given(NamedTuple):
    """One setting as one place gives it, not validated yet."""

    name: str
    """Dotted: ``fetch.total_s``."""
    value: object
    origin: str
    """``config/x.toml``, ``environment SCRAPER_FETCH_TOTAL_S``, ``--timeout``."""
    text: bool = False
    """Whether the place knows only strings."""
    adds: bool = False
    """For ``fetch.headers`` and ``parse.select``: these come on top of those of the layers below."""


class Problem(NamedTuple):
    """What is wrong with what one place gives: one line, with the remedy."""

    message: str


Layer: TypeAlias = "Iterable[Given | Problem]"


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and where each of them came from."""

    settings: Settings
    origins: dict[str, str]
    """By dotted name, for every setting; ``default`` where nobody gave one."""


def load(
    config: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    assignments: Sequence[str] = (),
    flags: Sequence[Given] = (),
) -> Loaded:
    """Fold all layers into settings.

    Args:
        config: The TOML file; ``None`` leaves it to ``SCRAPER_CONFIG`` in ``environment``.
        environment: The variables to look at; ``None`` for none. An empty variable counts as not set.
        assignments: The texts of ``--set``, ``section.name=value``; of the same name the last counts.
        flags: What dedicated flags give; they win over ``assignments``.

    Raises:
        SettingsError: The file can't be read, or a name is unknown, or a value is not allowed. One
            line about the first problem; ``problems_in`` finds all of a file.
    """
    environment = environment or {}
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    layers: list[Layer] = [
        table_layer(read_table(config), origin=str(config)) if config is not None else (),
        environment_layer(environment),
        assignment_layer(assignments),
        flags,
    ]
    loaded, problems = fold(layers)
    if problems:
        raise SettingsError(problems[0])
    return loaded


def problems_in(path: Path) -> list[str]:
    """Return everything that is wrong with a settings file, one line each; empty when it is good."""
    try:
        table = read_table(path)
    except SettingsError as error:
        return [str(error)]
    return fold([table_layer(table, origin=str(path))])[1]


def fold(layers: Iterable[Layer]) -> tuple[Loaded, list[str]]:
    """Validate and fold layers, the lowest first; return the settings and what was wrong.

    What was wrong is left out of the settings, so they are to be used only when nothing was.
    """
    known = options()
    values: dict[str, Any] = {name: option.default for name, option in known.items()}
    origins = dict.fromkeys(known, "default")
    problems: list[str] = []
    for given in (entry for layer in layers for entry in layer):
        if isinstance(given, Problem):
            problems.append(given.message)
            continue
        name = given.name
        if name not in known:
            problems.append(f"unknown setting {_key(name)} ({given.origin}); {_remedy(name, known)}")
            continue
        value, found = _checked(given, known[name])
        if found:
            problems += found
            continue
        below = origins[name] if given.adds else "default"
        values[name] = _merged(values[name], value, holds=known[name].holds) if given.adds else value
        origins[name] = given.origin if below in {"default", given.origin} else f"{below}, {given.origin}"
    _raise_wire_cap(values, origins)
    return Loaded(_settings(values), origins), problems


def _merged(below: dict[str, Any], value: dict[str, Any], *, holds: Holds | None) -> dict[str, Any]:
    """Put what adds to a table on top of it."""
    return merged_headers(below, value) if holds is Holds.HEADERS else {**below, **value}


def _raise_wire_cap(values: dict[str, Any], origins: dict[str, str]) -> None:
    """Let whoever asks for larger bodies have them also of servers that do not compress."""
    body, wire = "fetch.max_body_bytes", "fetch.max_wire_bytes"
    if origins[wire] == "default" != origins[body] and values[body] > values[wire]:
        values[wire], origins[wire] = values[body], origins[body]


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        SettingsError: It can't be read, is not UTF-8 or is not TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: can't read the settings: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None


def table_layer(table: Mapping[str, Any], *, origin: str) -> Iterator[Given | Problem]:
    """Give what a parsed TOML file, or the ``settings`` table of a job, holds."""
    for section, entries in table.items():
        if section in sections() and isinstance(entries, dict):
            for field, value in entries.items():
                yield Given(f"{section}.{field}", value, origin)
        elif section in sections():
            yield Problem(f"{section} ({origin}) is a section, not a value; write [{section}]")
        elif isinstance(entries, dict):
            yield Problem(f"unknown section [{_key(section)}] ({origin}); {remedy(section, sections())}")
        else:
            yield Given(section, entries, origin)  # a key above all sections: fold names the right one


def environment_layer(environment: Mapping[str, str]) -> Iterator[Given | Problem]:
    """Give what the ``SCRAPER_`` variables hold; one that is no setting is a problem.

    Silence about a misspelt variable would run a crawl with other settings than its user believes.
    """
    by_variable = {option.variable: option for option in options().values()}
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NO_SETTINGS:
            continue
        if variable in by_variable:
            if environment[variable]:
                name = by_variable[variable].name
                yield Given(name, environment[variable], f"environment {variable}", text=True)
        elif not _FOREIGN_VARIABLE.fullmatch(variable):
            # Without the prefix that all share, since it would make anything look like anything.
            known = [name.removeprefix(ENVIRONMENT_PREFIX) for name in (*by_variable, CONFIG_VARIABLE)]
            hint = remedy(variable.removeprefix(ENVIRONMENT_PREFIX), known)
            hint = hint.replace("did you mean ", f"did you mean {ENVIRONMENT_PREFIX}")
            if "did you mean" not in hint:
                hint = f"the names are {ENVIRONMENT_PREFIX}<SECTION>_<NAME>; unset this one"
            yield Problem(f"unknown environment variable {_key(variable)}; {hint}")


def assignment_layer(assignments: Iterable[str]) -> Iterator[Given | Problem]:
    """Give what the ``--set section.name=value`` flags hold."""
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if equals and name.strip():
            yield Given(name.strip(), value, "--set", text=True)
        else:
            yield Problem("--set takes section.name=value, such as --set fetch.total_s=30")


def _checked(given: Given, option: Option) -> tuple[Any, list[str]]:
    """Validate what is given; return the value and what is wrong with it."""
    if option.holds is Holds.FIELD_RULES:
        return checked_rules(given.value, option, origin=given.origin, text=given.text)
    if option.holds is Holds.HOST_LIMITS:
        return checked_hosts(given.value, option, origin=given.origin, text=given.text)
    try:
        return checked(given.value, option, origin=given.origin, text=given.text), []
    except SettingsError as error:
        return None, [str(error)]


def _remedy(name: str, known: Mapping[str, Option]) -> str:
    for option in known.values():
        if option.holds in {Holds.FIELD_RULES, Holds.HOST_LIMITS} and name.startswith(f"{option.name}."):
            return whole_table_hint(option)
    return remedy(name, known)


def _key(name: str) -> str:
    """Write a name as it is, or quoted when it is one that would tear the message."""
    return name if name.isprintable() else toml_literal(name)


def _settings(values: Mapping[str, Any]) -> Settings:
    built: dict[str, Any] = {}
    for section, struct in sections().items():
        fields = struct.__struct_fields__
        built[section] = struct(**{field: values[f"{section}.{field}"] for field in fields})
    return Settings(**built)
