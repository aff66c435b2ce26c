"""``scraper report``: where the page goes, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scraper.cli.exits import Exit
from scraper.cli.main import main
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "a.jsonl", [record(0), record(1)])


def test_a_page_is_written_and_replaced_only_when_asked(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new" / "r.html"
    command = ["report", str(run), "-o", str(page)]
    assert main(command) == Exit.COMPLETE
    assert capsys.readouterr() == ("", f"Report of 2 records: {page}\n")
    assert page.read_text("utf-8").rstrip().endswith("</html>")
    page.write_text("mine")
    assert main(command) == Exit.USAGE
    assert "--fresh replaces it" in capsys.readouterr().err
    assert page.read_text() == "mine"
    assert main([*command, "--fresh", "--against", str(run), "--rows", "1"]) == Exit.COMPLETE
    assert "Unchanged" in page.read_text("utf-8")


def test_of_a_run_that_is_not_finished_the_page_and_the_command_say_so(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl.state").touch()
    for against, told in (([], 1), (["--against", str(run)], 2)):
        assert (
            main(["report", str(run), "-o", str(tmp_path / "r.html"), "--fresh", *against]) == Exit.COMPLETE
        )
        assert capsys.readouterr().err.count(f"{run} is of a run that is not finished") == told
    assert "The run was not finished" in (tmp_path / "r.html").read_text("utf-8")
    (tmp_path / "a.jsonl.state").unlink()
    assert main(["report", str(run), "-o", str(tmp_path / "r.html"), "--fresh"]) == Exit.COMPLETE
    assert "The run was not finished" not in (tmp_path / "r.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.jsonl", "-o", "a.jsonl", "--fresh"], "holds the records"),
        (["b.jsonl", "-o", "r.html"], "no such run"),
        (["a.jsonl", "-o", "r.html", "--against", "b.jsonl"], "no such run"),
        (["a.jsonl", "-o", "a.jsonl/r.html"], "can't write a.jsonl/r.html: "),
        (["a.jsonl", "-o", "r.pdf"], "r.pdf: the report is a web page; end its name in .html"),
        (["a.jsonl", "-o", "r"], "end its name in .html"),
        (["a.jsonl", "-o", "r.html", "--rows", "0"], "--rows"),
        (["a.jsonl"], "--output"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(
    run: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(run.parent)
    before = run.read_bytes()
    assert main(["report", *arguments]) == Exit.USAGE
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert run.read_bytes() == before
    assert not (run.parent / "r.html").exists()
