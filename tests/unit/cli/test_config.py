"""``scraper config``, the options that set settings, and how errors become exit codes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result

from scraper.cli import main as program
from scraper.cli.exits import Exit
from scraper.cli.options import (
    BODY_FLAGS,
    FLAGS,
    NotHonoured,
    SettingsCommand,
    loaded_from,
    settings_options,
    settings_options_without,
)
from scraper.cli.overview import SUBCOMMANDS, overview
from scraper.errors import PageError, SettingsError, SinkError
from scraper.parse import language, main_text
from scraper.settings.options import options

if TYPE_CHECKING:
    from pathlib import Path

TEXT_ALONE = [
    ((), "none"),
    (("--text",), "visible"),
    (("--text", "--links"), "visible"),
    (("--text", "markdown"), "markdown"),
    (("--text=main", "--links"), "main"),
    (("--set", "parse.text=main", "--text"), "visible"),
]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("SCRAPER_")]:
        monkeypatch.delenv(variable)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(program.cli, list(arguments), env=environment)


def shown(*arguments: str, **environment: str) -> Any:
    result = run("config", "show", "--json", *arguments, **environment)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "setting", "value", "origin"),
    [
        (["--workers", "3"], "run.workers", 3, "--workers"),
        (["--per-host", "3"], "politeness.per_host", 3, "--per-host"),
        (["--delay", "0"], "politeness.delay_s", 0.0, "--delay"),
        (["--timeout", "3"], "fetch.total_s", 3.0, "--timeout"),
        (["--retries", "0"], "retry.retries", 0, "--retries"),
        (["--max-body", "3MiB"], "fetch.max_body_bytes", 3 * 1024 * 1024, "--max-body"),
        (["--user-agent", "me"], "fetch.user_agent", "me", "--user-agent"),
        (
            ["--header", "Accept: a/b", "--header", "From: me"],
            "fetch.headers",
            {"Accept": "a/b", "From": "me"},
            "--header",
        ),
        (["--processes", "2"], "run.processes", 2, "--processes"),
        (["--insecure"], "fetch.insecure", True, "--insecure"),
        (["--proxy", "http://h:3128"], "fetch.proxy", "http://h:3128", "--proxy"),
        (["--private", "deny"], "fetch.private", "deny", "--private"),
        (["--parser", "beautifulsoup"], "parse.parser", "beautifulsoup", "--parser"),
        (
            ["--select", "a:date=h1", "--select", "b[]=xpath://p"],
            "parse.select",
            {"a": {"css": "h1", "type": "date"}, "b": {"xpath": "//p", "many": True}},
            "--select",
        ),
        (["--extractor", "a.b:c"], "parse.extractor", "a.b:c", "--extractor"),
        (["--column", "link"], "sources.column", "link", "--column"),
        (["--format", "csv"], "sources.format", "csv", "--format"),
        (["--robots", "ignore"], "robots.policy", "ignore", "--robots"),
        (["--depth", "2"], "follow.depth", 2, "--depth"),
        (["--same-site"], "follow.same_site", True, "--same-site"),
        (["--include", "a", "--include", "b|c"], "follow.include", "b|c", "--include"),
        (["--exclude", "x"], "follow.exclude", "x", "--exclude"),
        (["--links"], "parse.links", True, "--links"),
        (["--text"], "parse.text", "visible", "--text"),
        (["--language"], "parse.language", True, "--language"),
        (["--guess-dates"], "parse.guess_dates", True, "--guess-dates"),
        (["--ordered"], "output.ordered", True, "--ordered"),
        (["--strict"], "run.strict", True, "--strict"),
        (["--history", "pages.sqlite"], "history.file", "pages.sqlite", "--history"),
        (["--set", "output.batch_s=1"], "output.batch_s", 1.0, "--set"),
    ],
)
def test_a_flag_sets_its_setting_and_nothing_else(
    arguments: list[str], setting: str, value: object, origin: str
) -> None:
    before, after = shown(), shown(*arguments)
    assert after.pop(setting) == {"value": value, "origin": origin}
    del before[setting]
    assert after == before


def test_every_flag_is_in_the_table_above_and_names_a_setting() -> None:
    assert {flag.setting for flag in FLAGS} <= options().keys()
    assert len({flag.flag for flag in FLAGS}) == len(FLAGS) == 32


def test_show_lists_every_setting_once_and_masks_secrets() -> None:
    result = run("config", "show", "--header", "Authorization: Bearer hunter2", SCRAPER_RUN_WORKERS="5")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["setting", *options()]
    assert lines[1].split() == ["run.workers", "5", "environment", "SCRAPER_RUN_WORKERS"]
    assert "hunter2" not in result.stdout
    assert "hunter2" not in json.dumps(shown("--header", "Authorization: Bearer hunter2"))


def test_a_header_flag_is_one_header() -> None:
    with pytest.raises(SettingsError, match="control characters"):
        CliRunner().invoke(program.cli, ["config", "show", "--header", "A: 1\nB: 2"], catch_exceptions=False)


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_a_header_flag_without_a_header_is_a_variable_that_is_not_set(empty: str) -> None:
    words = ["config", "show", "--header", "A: 1", "--header", empty]
    with pytest.raises(SettingsError, match=r"\A--header is empty: write 'K: V', or leave it out\Z"):
        CliRunner().invoke(program.cli, words, catch_exceptions=False)


def test_larger_bodies_are_also_those_of_servers_that_do_not_compress() -> None:
    wire, body = "fetch.max_wire_bytes", "fetch.max_body_bytes"
    larger = shown("--max-body", "50MB")
    assert larger[wire] == larger[body] == {"value": 50_000_000, "origin": "--max-body"}
    default = shown()[wire]
    assert shown("--max-body", "9MB")[wire] == default
    assert shown("--set", f"{wire}=1MB", "--max-body", "50MB")[wire] == {
        "value": 1_000_000,
        "origin": "--set",
    }
    assert (
        shown("--set", f"{wire}={default['value']}", "--max-body", "50MB")[wire]["value"] == default["value"]
    )


def test_a_command_gets_its_settings_from_its_context() -> None:
    @click.command()
    @settings_options
    @click.pass_context
    def command(ctx: click.Context) -> None:
        click.echo(loaded_from(ctx).settings.run.workers)

    assert CliRunner().invoke(command, ["--workers", "7"]).stdout == "7\n"
    assert CliRunner().invoke(command).stdout == "64\n"


def test_shown_limits_can_be_read_back() -> None:
    hosts = json.dumps({f"*.{number}.token.example.com": {"delay_s": number} for number in range(9)})
    row = run("config", "show", "--set", f"politeness.hosts={hosts}").stdout.splitlines()
    at = next(number for number, line in enumerate(row) if line.startswith("politeness.hosts "))
    assert row[at].split() == ["politeness.hosts", "9", "entries", "--set"]
    assert tomllib.loads("\n".join(row[at + 1 : at + 10])) == json.loads(hosts)
    assert shown("--set", f"politeness.hosts={hosts}")["politeness.hosts"]["value"] == json.loads(hosts)


@pytest.fixture
def listing() -> click.Command:
    """A command that follows no links."""

    @click.command()
    @settings_options_without(NotHonoured("follow", "asks for each page of the list once"))
    @click.pass_context
    def listing(ctx: click.Context) -> None:
        click.echo(loaded_from(ctx).settings.run.workers)

    return listing


def test_a_command_does_not_have_the_flags_that_it_cannot_honour(listing: click.Command) -> None:
    text = CliRunner().invoke(listing, ["--help"]).stdout
    assert not [flag for flag in ("--depth", "--same-site", "--include", "--exclude") if flag in text]
    assert "--robots" in text
    assert CliRunner().invoke(listing, ["--depth", "1"]).exit_code == Exit.USAGE


def test_a_setting_that_a_command_cannot_honour_is_refused(listing: click.Command, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[follow]\ndepth = 2\n")
    for arguments, environment, origin in [
        (["--set", "follow.depth=2"], {}, "--set"),
        (["--config", str(path)], {}, str(path)),
        ([], {"SCRAPER_FOLLOW_DEPTH": "2"}, "environment SCRAPER_FOLLOW_DEPTH"),
    ]:
        result = CliRunner().invoke(listing, arguments, env=environment)
        assert isinstance(result.exception, SettingsError)
        assert str(result.exception) == (
            f"follow.depth = 2 ({origin}): `listing` can't honour it, it asks for each page of the list once"
        )


def test_a_setting_that_repeats_its_default_can_be_honoured_by_all(listing: click.Command) -> None:
    assert CliRunner().invoke(listing, ["--set", "follow.depth=0"]).stdout == "64\n"


@pytest.mark.parametrize("command", ["compare", "plan"])
def test_a_command_that_writes_no_record_has_no_flags_for_what_it_holds(command: str) -> None:
    words = run(command, "--help").output.split()
    assert not set(BODY_FLAGS).intersection(words)
    assert "--workers" in words
    assert set(BODY_FLAGS) < set(run("crawl", "--help").output.split())


def test_check_tells_all_problems_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[fetch]\ntotal_s = -1\nheadrs = {}\n")
    assert program.main(["config", "check", str(path)]) == Exit.USAGE
    assert capsys.readouterr().out.splitlines() == [
        f"fetch.total_s = -1 ({path}): expected a number above 0 (seconds)",
        f"unknown setting fetch.headrs ({path}); did you mean fetch.headers?",
    ]


def test_check_knows_a_file_of_jobs_that_writes_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text('[jobs.a]\nsources = ["https://a.example/"]\nschedule = "@daily"\n')
    assert program.main(["config", "check", str(path)]) == Exit.USAGE
    assert 'unknown table "jobs"; jobs are [job.NAME]' in capsys.readouterr().out


def test_check_of_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[fetch]\ntotal_s = 1\n")
    assert program.main(["config", "check", str(path)]) == Exit.COMPLETE
    assert capsys.readouterr().out == f"{path}: good\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["shema"], "scraper: No such command 'shema'. Did you mean 'schema'? See `scraper --help`.\n"),
        (["config", "show", "--workers", "0"], "scraper: run.workers = "),
        (["config", "show", "--config", "none.toml"], "scraper: none.toml: can't read the settings: "),
        (["config", "show", "--nope"], "scraper: No such option '--nope'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(told)
    assert captured.err.count("\n") == 1


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([]) == Exit.USAGE
    assert "Commands:" in capsys.readouterr().err


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(program.cli, "main", fail)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingsError("bad"), Exit.USAGE, "scraper: bad\n"),
        (SinkError("disk\nfull \x1b[31m"), Exit.BROKEN, "scraper: disk full \\x1b[31m\n"),
        (ExceptionGroup("g", [SinkError("full")]), Exit.BROKEN, "scraper: full\n"),
        (
            ExceptionGroup("g", [ExceptionGroup("h", [SettingsError("first")]), SinkError("second")]),
            Exit.USAGE,
            "scraper: first\n",
        ),
        (click.Abort(), Exit.INTERRUPTED, "scraper: interrupted\n"),
        (click.FileError("x", "gone"), Exit.USAGE, "scraper: Could not open file 'x': gone\n"),
    ],
)
def test_an_expected_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: Exit,
    told: str,
) -> None:
    raising(monkeypatch, error)
    assert program.main([]) == code
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError(),
        PageError("a page's error that nobody made a record of"),
        ExceptionGroup("g", [SinkError("full"), ZeroDivisionError()]),
        OSError(errno.EIO, "not translated"),
    ],
)
def test_a_bug_is_raised(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    raising(monkeypatch, error)
    with pytest.raises(type(error)) as caught:
        program.main([])
    assert caught.value is error


def test_every_command_is_listed_with_its_summary() -> None:
    output = run("--help").stdout
    for name, subcommand in SUBCOMMANDS.items():
        assert f"  {name}" in output
        assert subcommand.summary in output


def test_the_help_is_what_click_would_make_of_the_commands() -> None:
    settings = {**program.cli.context_settings, "terminal_width": 78}  # what click takes of 80 columns
    context = click.Context(program.cli, info_name="scraper", **settings)
    assert click.Group.get_help(program.cli, context) == overview()


UNFLUSHED = (
    "import sys; from scraper.cli import main as program;"
    "program.cli.main = lambda **_: sys.stdout.write('x') and None; sys.exit(program.main([]))"
)


@pytest.mark.parametrize(
    "arguments", [["-m", "scraper", "schema"], ["-m", "scraper", "--help"], ["-c", UNFLUSHED]]
)
def test_a_reader_that_leaves_is_no_noise(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": ""},  # buffered, as a pipe is by default
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == Exit.READER_LEFT
    assert done.stderr == b""


def test_completion_knows_commands_and_options() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scraper"],
        env={
            "_SCRAPER_COMPLETE": "bash_complete",
            "COMP_WORDS": "scraper config show --max-",
            "COMP_CWORD": "3",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,--max-body\n"


def test_every_exit_code_is_explained_and_distinct() -> None:
    assert [int(code) for code in Exit] == [0, 1, 2, 3, 130, 141, 143]


def test_check_finds_a_selector_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.toml"
    path.write_text('[parse.select]\na = "p"\nb = "p["\n')
    assert program.main(["config", "check", str(path)]) == Exit.USAGE
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("parse.select.b: 'p[': ")
    assert line.endswith(f" ({path})")
    path.write_text('[parse.select]\na = "p"\n')
    assert program.main(["config", "check", str(path)]) == Exit.COMPLETE


@pytest.mark.parametrize(("words", "value"), TEXT_ALONE)
def test_a_flag_with_a_choice_may_stand_alone(words: tuple[str, ...], value: str) -> None:
    shown = CliRunner().invoke(program.cli, ["config", "show", "--json", *words])
    assert json.loads(shown.output)["parse.text"]["value"] == value


def test_a_flag_that_stands_alone_takes_no_list_for_its_value() -> None:
    written: list[str] = []

    @click.command(cls=SettingsCommand)
    @click.argument("sources", nargs=-1)
    @settings_options
    @click.pass_context
    def command(ctx: click.Context, *, sources: tuple[str, ...]) -> None:
        written.extend((loaded_from(ctx).settings.parse.text, *sources))

    assert CliRunner().invoke(command, ["--text", "main.txt", "--", "--text", "main"]).exit_code == 0
    assert written == ["visible", "main.txt", "--text", "main"]


def test_check_finds_a_package_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (language, main_text):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    path = tmp_path / "x.toml"
    path.write_text('[parse]\ntext = "main"\nselect = { a = "p[" }\n', encoding="utf-8")
    assert program.main(["config", "check", str(path)]) == Exit.USAGE
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("parse.select.a: ")
    assert second.startswith("parse.text = main needs trafilatura and htmldate: pip install ")
    path.write_text("[parse]\nlanguage = true\n", encoding="utf-8")
    assert program.main(["config", "check", str(path)]) == Exit.USAGE
    assert capsys.readouterr().out == f"parse.language needs py3langid: pip install py3langid ({path})\n"


def test_a_kind_of_text_that_is_none_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert program.main(["crawl", "--text", "markdwon", "urls.txt"]) == Exit.USAGE
    told = "--text markdwon: the kinds are none, visible, main, markdown, and there is no file 'markdwon'"
    assert capsys.readouterr().err == f"scraper: {told}\n"
    assert program.main(["crawl", "--text", "x" * 9999]) == Exit.USAGE
    assert program.main(["x" * 9999]) == Exit.USAGE
    capsys.readouterr()
    (tmp_path / "markdwon").touch()
    assert program.main(["config", "show", "--text", "markdwon"]) == Exit.USAGE
    assert "unexpected extra argument" in capsys.readouterr().err


def test_an_option_that_has_taken_the_list_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["crawl", "--select", "urls.txt"]) == Exit.USAGE
    assert capsys.readouterr().err.startswith('scraper: parse.select (--select): "urls.txt" is no NAME=CSS')


@pytest.mark.parametrize("word", ["https://a.example/", "SITEMAP:https://a.example/", "urls.txt"])
def test_a_source_without_a_command_is_told_which(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").touch()
    assert program.main([word, "-o", "x.jsonl"]) == Exit.USAGE
    assert f"'{word}' is no command: `scraper crawl {word}` crawls it." in capsys.readouterr().err


def test_a_password_is_not_told_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["https://me:secret@a.example/"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert ("scraper crawl" in err, "secret" in err) == (True, False)


def test_a_long_value_does_not_make_every_line_long() -> None:
    rules = ["--select", f"a={'p ' * 300}", "--select", "b.c=xpath://p[@class='x']"]
    words = ["--header", "X-Api-Key: s3cret", "--header", f"From: {'me' * 30}", "--include", "x" * 90]
    lines = run("config", "show", *rules, *words).stdout.splitlines()
    wide = max(len(name) for name in options())
    assert f"{'parse.select':<{wide}}  {'2 entries':<40}  --select" in lines
    at = next(number for number, line in enumerate(lines) if line.startswith("parse.select"))
    assert lines[at + 1].strip().startswith('"a" = { "css" = "p p p')
    assert lines[at + 2].strip() == '"b.c" = { "xpath" = "//p[@class=\'x\']" }'
    at = next(number for number, line in enumerate(lines) if line.startswith("fetch.headers"))
    assert "s3cret" not in lines[at + 1] + lines[at + 2]
    assert sum(len(line) > 90 for line in lines) == 3
    assert not any(line.endswith(" ") for line in lines)
