"""What a run says of itself on the command line."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from msgspec.structs import replace

from scraper.cli.main import main
from scraper.cli.running import (
    Talk,
    commands_after,
    extraction_options,
    next_commands,
    resumable,
    resume_command,
)
from scraper.errors import CountMismatch, RunError, SinkError
from scraper.observe.counts import Counts
from scraper.record import Outcome
from tests.support.fakes import FakeClock
from tests.support.runs import a_record, write_run
from tests.unit.observe.samples import finished, written

GENERIC = "the same command with --resume"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["crawl", "urls.txt", "-o", "a.jsonl"], "scraper crawl urls.txt -o a.jsonl --resume"),
        (["crawl", "urls.txt", "--fresh", "-o", "a.jsonl"], "scraper crawl urls.txt -o a.jsonl --resume"),
        (["crawl", "--resume", "-o", "a.jsonl"], "scraper crawl -o a.jsonl --resume"),
        (
            ["crawl", "my list.txt", "-o", "it's.jsonl"],
            """scraper crawl 'my list.txt' -o 'it'"'"'s.jsonl' --resume""",
        ),
        (
            ["crawl", "https://a.example/?q=1&b", "-o", "a.jsonl"],
            "scraper crawl 'https://a.example/?q=1&b' -o a.jsonl --resume",
        ),
        (
            ["crawl", "a.txt", "--proxy=http://127.0.0.1:3128"],
            "scraper crawl a.txt --proxy=http://127.0.0.1:3128 --resume",
        ),
    ],
)
def test_the_command_that_goes_on(words: list[str], command: str) -> None:
    assert resume_command(words) == command


@pytest.mark.parametrize(
    "secret",
    [
        ["--header", "Authorization: Bearer s3cret"],
        ["--header=Cookie: sid=s3cret"],
        ["--set", "fetch.headers.Cookie=s3cret"],
        ["--set=fetch.headers.Cookie=s3cret"],
        ["https://ann:s3cret@a.example/"],
        ["ann:s3cret@a.example"],
        ["https://a.example/?token=s3cret"],
        ["https://a.example/?a=b&API_KEY=s3cret"],
        ["https://a.example/#access_token=s3cret"],
        ["--proxy", "http://ann:s3cret@127.0.0.1:3128"],
        ["--proxy=http://ann:s3cret@127.0.0.1:3128"],
    ],
)
def test_no_secret_is_repeated(secret: list[str]) -> None:
    for words in (["crawl", *secret, "-o", "a.jsonl"], ["crawl", "-o", "a.jsonl", *secret]):
        assert resume_command(words) == GENERIC


def test_without_words_it_is_the_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/scraper", "crawl", "urls.txt", "-o", "a.jsonl"])
    assert resume_command() == "scraper crawl urls.txt -o a.jsonl --resume"


@pytest.mark.parametrize(
    ("error", "command", "told"),
    [
        (SinkError("can't write it"), "scraper crawl --resume", "can't write it (--resume goes on)"),
        (RunError("no more files"), "scraper crawl --resume", "no more files (--resume goes on)"),
        (RunError("no more files"), None, "no more files"),
        (CountMismatch("one is missing"), "scraper crawl --resume", "one is missing"),
    ],
)
def test_an_error_says_that_the_run_goes_on_where_it_does(
    error: RunError, command: str | None, told: str
) -> None:
    with pytest.raises(RunError) as caught, resumable(Talk(resume_command=command)):
        raise error
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("outcomes", "retryable", "output", "commands"),
    [
        ([Outcome.OK, Outcome.DUPLICATE], False, "a.jsonl", ["report a.jsonl -o report.html"]),
        (
            [Outcome.OK, Outcome.HTTP_ERROR],
            False,
            "a.jsonl",
            ["""show a.jsonl --where 'outcome not in ["ok"]'""", "report a.jsonl -o report.html"],
        ),
        (
            [Outcome.OK, Outcome.DUPLICATE, Outcome.TIMEOUT],
            True,
            "my run.json",
            [
                """show 'my run.json' --where 'outcome not in ["duplicate", "ok"]'""",
                "retry 'my run.json'",
                "report 'my run.json' -o report.html",
            ],
        ),
        (
            [Outcome.TIMEOUT],
            True,
            "a.jsonl",
            ["show a.jsonl", "retry a.jsonl", "report a.jsonl -o report.html"],
        ),
        ([Outcome.TIMEOUT], True, "a.unreadable", []),
        (
            [Outcome.TIMEOUT],
            True,
            "out/parts.json",
            ["show out", "retry out", "report out -o out/report.html"],
        ),
    ],
)
def test_what_makes_sense_next(
    outcomes: list[Outcome], output: str, commands: list[str], *, retryable: bool
) -> None:
    counts = Counts(clock=FakeClock())
    for outcome in outcomes:
        counts.notice(written(replace(finished(outcome=outcome), retryable=retryable)))
    assert next_commands(counts.snapshot(), [Path(output)]) == [f"scraper {command}" for command in commands]


@pytest.mark.parametrize("helped", [True, False])
def test_a_retry_that_helped_nothing_is_not_said_to_be_next(*, helped: bool) -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(written(replace(finished(outcome=Outcome.TIMEOUT), retryable=True)))
    if helped:
        counts.notice(written(finished(1)))
    talk = Talk(output=Path("a.jsonl"))
    show, *further = commands_after(counts.snapshot(), [Path("a.retry.jsonl")], talk)
    assert show.startswith('scraper show a.jsonl --where \'outcome not in ["duplicate"')
    assert further == [*["scraper retry a.jsonl"] * helped, "scraper report a.jsonl -o report.html"]


def test_the_output_that_is_read_quickest_is_named() -> None:
    counts = Counts(clock=FakeClock())
    counts.notice(written(finished()))
    outputs = [Path("a.csv"), Path("a.parquet"), Path("a.jsonl")]
    assert next_commands(counts.snapshot(), outputs) == ["scraper report a.jsonl -o report.html"]
    assert next_commands(counts.snapshot(), outputs[:2]) == ["scraper report a.parquet -o report.html"]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("crawl a.txt -o b.jsonl --delay 2", ""),
        (
            "crawl a.txt --select price:float=.p -o b.jsonl --select=x=h1 --links",
            "--select price:float=.p --select=x=h1 --links",
        ),
        ("crawl a.txt --text -o b.jsonl --extractor shop:price", "--text --extractor shop:price"),
        ("crawl a.txt --text main --config c.toml --header 'Cookie: s3cret'", "--text main --config c.toml"),
        ("crawl a.txt --text", "--text"),
        (
            "crawl a.txt --set parse.text=main --set run.workers=2 --set=parse.links=true --set",
            "--set parse.text=main --set=parse.links=true",
        ),
        ("", ""),
    ],
)
def test_a_retry_makes_its_records_as_the_run_did(words: str, kept: str) -> None:
    found = extraction_options(shlex.split(words))
    assert shlex.join(found) == kept
    counts = Counts(clock=FakeClock())
    counts.notice(written(replace(finished(outcome=Outcome.TIMEOUT), retryable=True)))
    retry = next_commands(counts.snapshot(), [Path("b.jsonl")], extracting=found)[1]
    assert retry == f"scraper retry b.jsonl {kept}".rstrip()


def test_what_is_said_to_be_next_can_be_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "a run.jsonl", [a_record(1), a_record(2, outcome="timeout", status=None)])
    counts = Counts(clock=FakeClock())
    counts.notice(written(finished(), finished(1, outcome=Outcome.TIMEOUT)))
    show, report = next_commands(counts.snapshot(), [run])
    assert main(shlex.split(report)[1:]) == 0
    assert "</html>" in (tmp_path / "report.html").read_text("utf-8")
    capsys.readouterr()
    assert main(shlex.split(show)[1:]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["seq", "2"]
