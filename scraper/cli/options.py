"""The options that set settings, for every command that has a use for them."""

from __future__ import annotations

import itertools
import os
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from scraper.errors import SettingsError, UsageError
from scraper.settings.docstrings import field_docstrings
from scraper.settings.load import CONFIG_VARIABLE, Given, Loaded, load
from scraper.settings.model import Holds
from scraper.settings.options import options, sections
from scraper.settings.values import cut, shown, toml_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

Command = TypeVar("Command", bound="Callable[..., Any] | click.Command")

_META = "scraper.settings"
"""The key in a click context's ``meta`` under which the options leave what they were given."""


class Flag(NamedTuple):
    """A dedicated flag and the setting that it sets."""

    flag: str
    setting: str
    metavar: str | None = None
    """``None`` where the setting's type says it: a switch, a choice."""
    alone: str | None = None
    """The value that it stands for when none of its choices follows it; see ``SettingsCommand``."""


FLAGS: Final = (
    Flag("--workers", "run.workers", "N"),
    Flag("--processes", "run.processes", "N"),
    Flag("--per-host", "politeness.per_host", "N"),
    Flag("--delay", "politeness.delay_s", "SECONDS"),
    Flag("--timeout", "fetch.total_s", "SECONDS"),
    Flag("--retries", "retry.retries", "N"),
    Flag("--max-body", "fetch.max_body_bytes", "SIZE"),
    Flag("--robots", "robots.policy"),
    Flag("--user-agent", "fetch.user_agent", "TEXT"),
    Flag("--header", "fetch.headers", "'K: V'"),
    Flag("--proxy", "fetch.proxy", "URL"),
    Flag("--insecure", "fetch.insecure"),
    Flag("--private", "fetch.private"),
    Flag("--depth", "follow.depth", "N"),
    Flag("--same-site", "follow.same_site"),
    Flag("--include", "follow.include", "RE"),
    Flag("--exclude", "follow.exclude", "RE"),
    Flag("--links", "parse.links"),
    Flag("--text", "parse.text", alone="visible"),
    Flag("--language", "parse.language"),
    Flag("--guess-dates", "parse.guess_dates"),
    Flag("--parser", "parse.parser"),
    Flag("--select", "parse.select", "NAME=CSS"),
    Flag("--extractor", "parse.extractor", "MODULE:FUNCTION"),
    Flag("--column", "sources.column", "NAME"),
    Flag("--format", "sources.format"),
    Flag("--ordered", "output.ordered"),
    Flag("--history", "history.file", "FILE"),
    Flag("--strict", "run.strict"),
    Flag("--shards", "cluster.shards", "N"),
    Flag("--engine", "cluster.engine"),
    Flag("--scheduler", "cluster.scheduler", "ADDRESS"),
)


CLUSTER_FLAGS: Final = ("--shards", "--engine", "--scheduler")
"""The flags of a run in parts; a command that does all by itself leaves them out."""

BODY_FLAGS: Final = ("--select", "--extractor", "--links", "--text", "--language", "--guess-dates")
"""The flags that say what else a record is to hold; a command that writes none leaves them out."""


class SettingsCommand(click.Command):
    """A command whose flags may stand alone where they have a choice: ``--text`` before a list of URLs.

    click knows values that may be left out, but takes any word behind the flag for one.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write out what a flag stands for before click reads the command line.

        Raises:
            UsageError: The word behind it is none of its choices, nor can it be anything else.
        """
        choices = {
            flag.flag: typing.get_args(options()[flag.setting].annotation) for flag in FLAGS if flag.alone
        }
        alone = {flag.flag: flag.alone for flag in FLAGS}
        end = args.index("--") if "--" in args else len(args)
        known = {name for parameter in self.params for name in parameter.opts}
        for flag, word in itertools.pairwise(args[:end]):
            kinds = choices.get(flag) if flag in known else None
            # A bare word is no URL, and no list when there is no such file.
            there = os.path.exists(word)  # noqa: PTH110 - also what is too long for a name
            if kinds and word.isalpha() and word not in kinds and not there:
                raise UsageError(
                    f"{flag} {word}: the kinds are {', '.join(kinds)}, and there is no file {word!r}"
                )
        written = [
            f"{word}={alone[word]}"
            if at < end and word in choices and args[at + 1 : at + 2] not in [[one] for one in choices[word]]
            else word
            for at, word in enumerate(args)
        ]
        return super().parse_args(ctx, written)


class NotHonoured(NamedTuple):
    """A section of settings that a command can do nothing with."""

    section: str
    reason: str
    """The end of a sentence that begins with the command: ``asks for each page of the list once``."""


class _Collected(NamedTuple):
    config: list[Path]
    assignments: list[str]
    flags: list[Given]
    not_honoured: list[NotHonoured]


def talk_options(command: Command) -> Command:
    """Add what a command that runs may say, and where: ``quiet`` and ``log_json``."""
    quiet = click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
    log_json = click.option(
        "--log-json",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Append a structured log.",
    )
    return quiet(log_json(command))  # click shows what was added last first


def settings_options(command: Command) -> Command:
    """Add ``--config``, ``--set`` and the dedicated flags to a command.

    The command's function does not get them as parameters: it calls ``loaded_from(ctx)``.
    """
    return settings_options_without()(command)


def settings_options_without(
    *not_honoured: NotHonoured, left_out: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Return what adds the same options, but for the flags of sections that the command can't honour.

    A setting of such a section that says something else than its default is refused by ``loaded_from``,
    wherever it was given: a run that quietly leaves it out is not the one that was asked for. One that
    repeats its default is no matter, so a complete settings file serves for all commands. ``left_out`` are
    flags whose names the command has for something else, or whose settings change nothing in it; those
    settings are still accepted by ``--set``, from the environment and from a file.
    """
    refused = {entry.section for entry in not_honoured}
    flags = [
        flag for flag in FLAGS if options()[flag.setting].section not in refused and flag.flag not in left_out
    ]

    def decorate(command: Command) -> Command:
        return _decorated(command, flags=flags, not_honoured=not_honoured)

    return decorate


def _decorated(command: Command, *, flags: Sequence[Flag], not_honoured: Sequence[NotHonoured]) -> Command:
    added = [
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="TOML",
            expose_value=False,
            callback=_config_collector(not_honoured),
            help=f"Read settings from this file (environment: {CONFIG_VARIABLE}).",
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="SECTION.NAME=VALUE",
            expose_value=False,
            callback=_collect_assignments,
            help="Set any setting; may be repeated. `scraper config show` lists them.",
        ),
        *map(_flag_option, flags),
    ]
    for decorate in reversed(added):  # click shows what was added last first
        command = decorate(command)
    return command


def loaded_from(ctx: click.Context) -> Loaded:
    """Fold the settings for the command that is running: file, environment and its own flags.

    Raises:
        SettingsError: A setting has an unknown name or a bad value, or one that the command can't
            honour, or the file can't be read.
    """
    given = _collected(ctx)
    loaded = load(
        given.config[0] if given.config else None,
        environment=os.environ,
        assignments=given.assignments,
        flags=given.flags,
    )
    for entry in given.not_honoured:
        _refuse_section(loaded, entry, command=ctx.command_path)
    return loaded


def _refuse_section(loaded: Loaded, entry: NotHonoured, *, command: str) -> None:
    for option in options().values():
        if option.section != entry.section:
            continue
        value = getattr(getattr(loaded.settings, option.section), option.field)
        if value != option.default:
            raise SettingsError(
                f"{option.name} = {cut(shown(value, option))} ({loaded.origins[option.name]}):"
                f" `{command}` can't honour it, it {entry.reason}"
            )


def _flag_option(flag: Flag) -> Callable[[Command], Command]:
    option = options()[flag.setting]
    kind: dict[str, Any] = {"metavar": flag.metavar}
    if isinstance(option.default, bool):
        kind = {"is_flag": True}
    elif typing.get_origin(option.annotation) is typing.Literal:
        kind = {"type": click.Choice(typing.get_args(option.annotation))}
        if flag.alone:
            kind["metavar"] = f"[{'|'.join(typing.get_args(option.annotation))}]"
    elif option.holds in {Holds.FIELD_RULES, Holds.HEADERS}:
        kind |= {"multiple": True}
    docstring = field_docstrings(sections()[option.section]).get(option.field, "").replace("``", "")
    nothing = isinstance(option.default, bool) or option.default in ("", {})
    default = "" if nothing else f"  [default: {toml_literal(option.default)}]"
    return click.option(
        flag.flag,
        f"_{option.section}_{option.field}",
        expose_value=False,
        callback=_collector(flag),
        help=docstring + default,
        **kind,
    )


def _collector(flag: Flag) -> Callable[[click.Context, click.Parameter, Any], None]:
    def collect(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if ctx.get_parameter_source(str(parameter.name)) is not ParameterSource.COMMANDLINE:
            return
        if isinstance(value, bool):
            given = Given(flag.setting, value, flag.flag)
        elif isinstance(value, tuple):  # a repeated flag: its texts are lines, on top of those below
            if not all(map(str.strip, value)):  # most likely a variable of the shell that is not set
                raise SettingsError(f"{flag.flag} is empty: write {flag.metavar}, or leave it out")
            # A line feed inside one text would pass as a second line. In a header it is refused by its
            # escape, in a selector it is white space.
            inside = " " if options()[flag.setting].holds is Holds.FIELD_RULES else "\0"
            lines = "\n".join(text.replace("\n", inside) for text in value)
            given = Given(flag.setting, lines, flag.flag, text=True, adds=True)
        else:
            given = Given(flag.setting, value, flag.flag, text=True)
        _collected(ctx).flags.append(given)

    return collect


def _config_collector(
    not_honoured: Sequence[NotHonoured],
) -> Callable[[click.Context, click.Parameter, Path | None], None]:
    def collect(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
        _collected(ctx).not_honoured.extend(not_honoured)  # click calls this once, given or not
        if value is not None:
            _collected(ctx).config.append(value)

    return collect


def _collect_assignments(ctx: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    _collected(ctx).assignments.extend(value)


def _collected(ctx: click.Context) -> _Collected:
    found = ctx.meta.setdefault(_META, _Collected([], [], [], []))
    assert isinstance(found, _Collected)  # noqa: S101 - nobody else has this key
    return found
