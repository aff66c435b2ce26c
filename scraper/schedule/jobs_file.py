"""``jobs.toml``: read and validated as a whole, with everything that is wrong told at once."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from scraper.errors import SettingsError, UsageError
from scraper.notify.reading import read_tables
from scraper.notify.table import problems as notify_problems
from scraper.schedule.due import parse_schedule, parse_zone
from scraper.schedule.durations import duration, shown_duration
from scraper.schedule.job import Job, is_job_name
from scraper.schedule.toml_lines import TomlLines
from scraper.settings.load import Given, environment_layer, fold, read_table, table_layer
from scraper.settings.model import ClusterSettings, Settings
from scraper.settings.options import remedy
from scraper.settings.values import cut, masked, toml_literal
from scraper.sinks.endings import ENDINGS, JSON_LINES
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scraper.notify.table import NotifyTable

_MOST_JOBS: Final = 1000
_REMEDY: Final = 'write [job.NAME] with sources = ["urls.txt"] and schedule = "@daily"'
_LOOKED_AHEAD: Final = 30
"""So many due times are looked at for how near to each other they come."""


class JobsFile(NamedTuple):
    """What a file of jobs came to."""

    jobs: tuple[Job, ...]
    """Those that are good, in the order of the file; to be used only when there is no problem."""
    problems: tuple[str, ...]
    """Everything that is wrong, one line each, with file, line and name."""


def read_jobs(path: Path, *, environment: Mapping[str, str] | None = None) -> JobsFile:
    """Read and validate a file of jobs. Blocking.

    Args:
        path: The file.
        environment: The daemon's variables: their settings come above those of each job, and hold the
            secrets that notifications name. ``None`` where it is not the daemon that asks: then whether
            people can be told is not looked into.
    """
    try:
        table = read_table(path)
        text = path.read_bytes().decode("utf-8-sig")
    except SettingsError as error:
        told = str(error).replace("can't read the settings", "can't read the jobs")
        is_missing = isinstance(error.__context__, FileNotFoundError)
        return JobsFile((), (f"{told}; name yours with --config, or {_REMEDY}" if is_missing else told,))
    except (OSError, UnicodeDecodeError):  # it was replaced in between
        return JobsFile((), (f"{path}: has changed while it was read; try again",))
    return _Reader(path, text, environment).read(table)


def missing_sources(jobs: Sequence[Job]) -> list[str]:
    """Return what a run would say of its sources now: a list that is not there, above all. Blocking.

    It is no problem of the file: a list may well come later than the daemon.
    """
    told = []
    for job in jobs:
        try:
            sources_from_arguments(job.sources, job.settings.sources)
        except UsageError as error:
            told.append(f"job.{job.name}: sources: {error}")
    return told


class _Reader:
    def __init__(self, path: Path, text: str, environment: Mapping[str, str] | None) -> None:
        self._path = path
        self._lines = TomlLines(text)
        self._variables = environment
        self._environment = list(environment_layer(environment or {}))
        self._problems: list[str] = []
        self._outputs: dict[str, Path] = {}

    def read(self, table: Mapping[str, Any]) -> JobsFile:
        for name in table.keys() - {"job"}:
            self._wrong(f"unknown table {toml_literal(name)}; jobs are [job.NAME]", name)
        entries = table.get("job")
        jobs: list[Job] = []
        if not isinstance(entries, dict) or not entries:
            self._wrong(f"no job; {_REMEDY}", "job")
        elif len(entries) > _MOST_JOBS:
            self._wrong(f"{len(entries)} jobs; one file takes {_MOST_JOBS}", "job")
        else:
            found = [self._job(name, entry) for name, entry in entries.items()]
            jobs = [job for job in found if job is not None]
        self._check_outputs()
        return JobsFile(tuple(jobs), tuple(dict.fromkeys(self._problems)))

    def _wrong(self, message: str, *at: str) -> None:
        line = self._lines.of(*at)
        self._problems.append(f"{self._path}{f':{line}' if line else ''}: {message}")

    def _job(self, name: str, entry: object) -> Job | None:
        at = ("job", name)
        if not is_job_name(name):
            self._wrong(f"job name {cut(toml_literal(name))}: up to 64 letters, digits, - and _", *at)
            return None
        if not isinstance(entry, dict):
            self._wrong(f"job.{name} is a table, not a value; write [job.{name}]", *at)
            return None
        before = len(self._problems)
        values: dict[str, Any] = {"name": name, "output": Path("output", name)}
        for key, value in entry.items():
            if key == "settings":
                values["settings"] = self._settings(name, value)
            elif key == "notify":
                values["notify"] = self._notify(name, value)
            elif key not in _FIELDS:
                self._wrong(f"job.{name}: unknown key {toml_literal(key)}; {_remedy(key)}", *at, key)
            else:
                try:
                    values[key] = _FIELDS[key](value)
                except ValueError as error:
                    self._wrong(f"job.{name}: {key} = {cut(_shown(value))}: {error}", *at, key)
        values.setdefault("settings", self._settings(name, {}))
        for key in ("sources", "schedule"):
            if key not in entry:
                self._wrong(f"job.{name}: {key} is missing", *at)
        self._check_times(name, values)
        self._outputs[name] = values["output"]
        return Job(**values) if len(self._problems) == before else None

    def _notify(self, name: str, value: object) -> tuple[NotifyTable, ...]:
        at = ("job", name, "notify")
        try:
            tables = read_tables(value)
        except ValueError as error:  # which repeats nothing that may be a secret
            self._wrong(f"job.{name}: notify: {error}", *at)
            return ()
        for number, table in enumerate(tables, 1):
            which = f"job.{name}: notify{f' {number}' if len(tables) > 1 else ''}"
            for problem in () if self._variables is None else notify_problems(table, self._variables):
                self._wrong(f"{which}: {problem}", *at, str(number))
        return tables

    def _settings(self, name: str, table: object) -> Settings | None:
        at = ("job", name, "settings")
        if not isinstance(table, dict):
            self._wrong(f"job.{name}: settings is a table; write [job.{name}.settings.fetch]", *at)
            return None
        layer = [self._placed(one, at) for one in table_layer(table, origin=self._origin(at))]
        loaded, problems = fold([layer, self._environment])
        self._problems += problems
        if (problem := _wrong_with_cluster(loaded.settings.cluster)) is not None:
            self._wrong(f"job.{name}: {problem}", *at, "cluster")
        return loaded.settings

    def _placed(self, given: Any, at: tuple[str, ...]) -> Any:
        if not isinstance(given, Given):
            return given
        return given._replace(origin=self._origin((*at, *given.name.split("."))))

    def _origin(self, at: tuple[str, ...]) -> str:
        line = self._lines.of(*at)
        return f"{self._path}{f':{line}' if line else ''} {'.'.join(at[:3])}"

    def _check_times(self, name: str, values: Mapping[str, Any]) -> None:
        """Find out whether schedule, zone and jitter go together."""
        if "schedule" not in values:
            return
        timetable = parse_schedule(values["schedule"], parse_zone(values.get("zone", "UTC")))
        due, jitter = datetime.now(UTC), values.get("jitter")
        try:
            times = [due := timetable.next_after(due) for _ in range(_LOOKED_AHEAD)]
        except OverflowError:
            self._wrong(f"job.{name}: schedule: it is never due", "job", name, "schedule")
            return
        gaps = [later - earlier for earlier, later in pairwise(times)]
        if jitter and jitter >= min(gaps):
            self._wrong(
                f"job.{name}: jitter = {shown_duration(jitter)}: it is to be shorter than what lies"
                f" between two due times, {shown_duration(min(gaps))}",
                *("job", name, "jitter"),
            )

    def _check_outputs(self) -> None:
        """Refuse a folder, or one inside it, for two jobs: each would take the other's runs for its own."""
        seen: dict[Path, str] = {}
        for name, output in self._outputs.items():
            folder = Path(os.path.realpath(output))
            for other, its in seen.items():
                if folder == other or folder in other.parents or other in folder.parents:
                    self._wrong(
                        f"job.{name}: output = {toml_literal(str(output))}: job.{its} has that folder, or one"
                        " in it or around it; each job needs its own",
                        *("job", name, "output"),
                    )
            seen[folder] = name


def _wrong_with_cluster(cluster: ClusterSettings) -> str | None:
    if cluster == ClusterSettings():
        return None
    from scraper.cluster.engines import check_cluster  # noqa: PLC0415 - few jobs run in parts

    try:
        check_cluster(cluster)
    except UsageError as error:
        return str(error)
    if not cluster.shards and (cluster.engine != "local" or cluster.scheduler):
        return "cluster.engine and cluster.scheduler run the parts of a list: add cluster.shards"
    return None


def _shown(value: object) -> str:
    return toml_literal(masked(value))


def _remedy(key: str) -> str:
    if key in Settings.__struct_fields__:
        return f"settings stand in [job.NAME.settings.{key}]"
    known = [*_FIELDS, "notify", "settings"]
    hint = remedy(key, known)
    return hint if "did you mean" in hint else f"known: {', '.join(known)}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("expected text in one line")
    return value


def _sources(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values:
        raise ValueError("expected a list of paths and URLs")
    for one in values:
        if _text(one) == "-":
            raise ValueError("a daemon has no standard input; name a file")
    return tuple(values)


def _schedule(value: object) -> str:
    text = _text(value)
    parse_schedule(text, UTC)
    return text


def _zone(value: object) -> str:
    name = _text(value)
    parse_zone(name)
    return name


def _length(value: object) -> timedelta:
    if isinstance(value, int | float):
        raise ValueError(f'write the unit too: "{value}s"')  # noqa: TRY004 - as all that is wrong here
    return duration(_text(value))


def _deadline(value: object) -> timedelta:
    if not (length := _length(value)):
        raise ValueError("no run would ever end in time")
    return length


def _count(least: int, most: int) -> Callable[[object], int]:
    def count(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"expected an integer from {least} to {most}")
        return value

    return count


def _output(value: object) -> Path:
    path = Path(_text(value))
    if path.exists() and not path.is_dir():
        raise ValueError("is a file; name a folder")
    return path


def _formats(value: object) -> tuple[str, ...]:
    from scraper.sinks.formats import require_format  # noqa: PLC0415 - most files name none

    values = [value] if isinstance(value, str) else value
    known = [ending for ending in ENDINGS if ending not in JSON_LINES]
    if not isinstance(values, list) or not all(one in known for one in values):
        raise ValueError(f"expected a list of {', '.join(known)}")
    if len(set(values)) < len(values):
        raise ValueError("one is named twice")
    try:
        for ending in values:
            require_format(ending)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return tuple(values)


def _unfinished(value: object) -> str:
    if value not in {"resume", "abandon"}:
        raise ValueError("expected resume or abandon")
    return str(value)


_FIELDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "sources": _sources,
    "schedule": _schedule,
    "zone": _zone,
    "jitter": _length,
    "deadline": _deadline,
    "output": _output,
    "formats": _formats,
    "keep": _count(1, 100_000),
    "unfinished": _unfinished,
    "alarm_after": _count(0, 1000),
}
