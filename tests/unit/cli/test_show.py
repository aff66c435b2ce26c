"""``scraper show`` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from scraper.cli.exits import Exit
from scraper.cli.main import main
from scraper.cli.show import _aligned, show
from scraper.comparing.names import field_paths
from tests.support.processes import TIMEOUT_S, started
from tests.support.runs import a_record, write_run


@pytest.fixture
def run(tmp_path: Path) -> str:
    records = [
        a_record(0, title="b\tb\x1b[31m\u202e", size=10, tags=["x", "y"]),
        a_record(1, outcome="timeout", status=None, error={"type": "T", "message": "m", "phase": "dns"}),
        a_record(2, title="a", size=200, status=204),
        a_record(3, title="c", size=30),
    ]
    return str(write_run(tmp_path / "pages.jsonl", records))


def test_a_reader_that_has_enough_ends_it_quietly(tmp_path: Path) -> None:
    path = write_run(tmp_path / "pages.jsonl", (a_record(seq, title="T" * 200) for seq in range(5000)))
    with started("show", path, reads=True) as running:
        assert running.stdout.readline() == b"seq\toutcome\tstatus\turl\ttitle\n"
        running.stdout.close()
        assert running.popen.wait(TIMEOUT_S) == Exit.READER_LEFT
        assert running.err.read_text() == ""


def said(*words: str) -> list[str]:
    done = CliRunner().invoke(show, list(words), catch_exceptions=False, standalone_mode=False)
    return done.stdout.splitlines()


def test_in_a_pipe_it_is_tab_separated(run: str) -> None:
    assert said(run) == [
        "seq\toutcome\tstatus\turl\ttitle",
        "0\tok\t200\thttps://a.example/0\tb b",
        "1\ttimeout\t\thttps://a.example/1\t",
        "2\tok\t204\thttps://a.example/2\ta",
        "3\tok\t200\thttps://a.example/3\tc",
    ]
    assert said(run, "--fields", "tags, error.type,,retryable ", "--limit", "2") == [
        "tags\terror.type\tretryable",
        '["x", "y"]\t\tfalse',
        "\tT\tfalse",
    ]


def test_json_lines_of_the_fields(run: str) -> None:
    lines = said(run, "--json", "--fields", "seq,title,error.type,tags")
    assert [json.loads(line) for line in lines][:2] == [
        {"seq": 0, "title": "b\tb\x1b[31m\u202e", "error.type": None, "tags": ["x", "y"]},
        {"seq": 1, "title": None, "error.type": "T", "tags": None},
    ]
    assert all(line.isprintable() for line in lines)


def test_json_lines_of_whole_records(run: str) -> None:
    lines = said(run, "--json", "--where", "status == 200", "--sort", "seq", "--reverse", "--limit", "1")
    (record,) = map(json.loads, lines)
    assert record == json.loads(Path(run).read_text().splitlines()[3])


@pytest.mark.parametrize(
    ("words", "seqs"),
    [
        (["--where", "status >= 200"], "0 2 3"),
        (["--where", "status == null or title ~ '^c'"], "1 3"),
        (["--sort", "size"], "0 3 2 1"),
        (["--sort", "size", "--reverse"], "2 3 0 1"),
        (["--sort", "title"], "2 0 3 1"),
        (["--sort", "size", "--limit", "2"], "0 3"),
        (["--sort", "size", "--reverse", "--limit", "1"], "2"),
        (["--sort", "outcome"], "0 2 3 1"),
        (["--sort", "outcome", "--reverse"], "1 0 2 3"),
        (["--sort", "outcome", "--reverse", "--limit", "3"], "1 0 2"),
        (["--sort", "tags", "--where", "outcome == 'ok'"], "0 2 3"),
        (["--limit", "0"], ""),
    ],
)
def test_which_records_and_in_what_order(run: str, words: list[str], seqs: str) -> None:
    assert " ".join(said(run, "--fields", "seq", *words)[1:]) == seqs


@pytest.mark.parametrize("width", [20, 33, 80, 200])
def test_on_a_terminal_columns_are_aligned_and_cut_to_its_width(width: int) -> None:
    columns = field_paths(["seq", "url", "title"])
    rows = [[1, "https://a.example/" + "x" * 100, "漢字" * 30], [1000, "https://b.example/", None]]
    lines = "".join(_aligned(columns, rows, width=width)).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    if width > 20:
        assert lines[0].startswith("seq   url")
        assert lines[2].startswith("1000  http")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--where", "status = 1"], "character 8"),
        (["--fields", "titel"], "did you mean 'title'"),
        (["--sort", "titel"], "did you mean 'title'"),
        (["--fields", ","], "--fields is empty"),
        (["--limit", "-1"], "--limit"),
        (["--reverse"], "--reverse needs"),
    ],
)
def test_a_mistake_is_one_line(
    run: str, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", run, *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1
