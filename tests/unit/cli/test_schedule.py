"""``scraper schedule`` without a daemon, and ``scraper config check`` of a file of jobs."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from scraper.cli.main import main
from scraper.schedule.model import RunState
from scraper.schedule.run_history import Remembered, RunHistory
from tests.unit.schedule.rows import DAY, a_row

if TYPE_CHECKING:
    from pathlib import Path

JOBS = """\
[job.a]
sources = "https://ann:hunter2@a.example/"
schedule = "30 2 * * *"
zone = "Europe/Berlin"
[job.b]
sources = "https://b.example/"
schedule = "every 6h"
jitter = "1h"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.toml").write_text(JOBS)
    return tmp_path


class Told:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> list[str]:
        """Run ``scraper schedule WORDS``, and return the lines it prints, on whatever stream."""
        assert main(["schedule", *words, "--config", "jobs.toml"]) == code
        told = self._capsys.readouterr()
        return [*told.out.splitlines(), *told.err.splitlines()]


@pytest.fixture
def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


def noted(folder: Path, *rows: Any) -> None:
    with contextlib.closing(RunHistory(folder / "output" / "a", "a")) as history:
        history.remember(
            Remembered(known_since=DAY, schedule="30 2 * * *", zone="Europe/Berlin", counts_from=DAY)
        )
        for row in rows:
            history.begin(row)


def test_jobs_are_listed_as_their_histories_have_them(told: Told, folder: Path) -> None:
    first, a, b = told("list")
    assert first.split() == ["job", "state", "schedule", "zone", "last", "run", "began", "next", "due"]
    assert a.startswith("a    waiting  30 2 * * *  Europe/Berlin  -         -      20")
    assert b.startswith("b    waiting  every 6h")
    noted(folder, a_row(0.5), a_row(24.5, state=RunState.RUNNING, started=DAY))
    _, a, b, problem = told("list")
    assert "running   2026-05-01 00:00:00Z  " in a
    assert problem == "a: no daemon is there, and run 20260502T003000Z is unfinished"
    rows = [json.loads(line) for line in told("list", "--format", "json")]
    assert rows[0]["sources"] == ["https://***@a.example/"]
    assert [run["id"] for run in rows[0]["recent"]] == ["20260502T003000Z", "20260501T003000Z"]


def test_a_job_that_does_not_succeed_is_shown_as_silent(told: Told, folder: Path) -> None:
    noted(folder, *(a_row(0.5 + 24 * day, state=RunState.FAILED) for day in range(4)))
    assert told("list")[1].startswith("a    waiting, silent  30 2")


def test_a_run_that_took_long_is_a_success_of_its_end(told: Told, folder: Path) -> None:
    failures = [a_row(0.5 + 24 * day, state=RunState.FAILED) for day in range(1, 5)]
    noted(folder, a_row(0.5, ended=DAY + timedelta(days=3)), *failures)
    assert told("list")[1].startswith("a    waiting  30 2")


def test_due_times_are_shown_there_and_in_utc(told: Told) -> None:
    lines = told("next", "--count", "2")
    assert len(lines) == 5
    assert " 02:30:00 +0" in lines[1]
    rows = [json.loads(line) for line in told("next", "b", "--count", "3", "--format", "json")]
    assert [row["job"] for row in rows] == ["b"] * 3
    assert all(row["due"] <= row["begins"] for row in rows)
    assert len({row["begins"][14:] for row in rows}) > 1


def test_the_history_is_shown_newest_first(told: Told, folder: Path) -> None:
    (line,) = told("history", "a", code=2)
    assert line.endswith("no history; the job has had no run")
    noted(folder, a_row(1, lines=9), a_row(2, state=RunState.FAILED, error="no\x1b[31m", missed=3, late_s=90))
    assert told("history", "a")[1:] == [
        "20260501T020000Z  schedule  failed    1m30s  3       -     0      0       no",
        "20260501T010000Z  schedule  complete  0s     0       -     9      0       removed",
    ]
    (row,) = map(json.loads, told("history", "a", "--limit", "1", "--format", "json"))
    assert (row["state"], row["missed"]) == ("failed", 3)


def test_a_pause_is_kept_for_the_next_daemon(told: Told, folder: Path) -> None:
    resume = "`scraper schedule resume a --config jobs.toml`"
    paused = f"a: is paused: none of its runs begins before {resume}"
    assert told("pause", "a") == [paused]
    assert told("list")[1].startswith("a    paused ")
    assert told("next", "--count", "1")[3:] == [f"a: is paused; none of these begins before {resume}"]
    (resumed,) = told("resume", "a")
    assert re.fullmatch(r"a: is resumed, and due next 20\d\d-\d\d-\d\d \d\d:30:00Z", resumed)
    assert told("list")[1].startswith("a    waiting ")


def test_what_is_no_job_is_told(told: Told) -> None:
    for words in (("next", "c"), ("history", "c"), ("trigger", "c"), ("pause", "c"), ("resume", "c")):
        assert told(*words, code=2) == ["scraper: no job is called 'c'; jobs.toml has a, b"]


def test_without_a_daemon_nothing_is_healthy(told: Told) -> None:
    assert told("health", code=1) == ["jobs.toml: no daemon runs them"]


def test_a_bad_file_is_told_as_a_whole(told: Told, folder: Path) -> None:
    (folder / "jobs.toml").write_text("[job.a]\nkeep = 0\n")
    for command in ("list", "next", "health", "run"):
        lines = told(command, code=2)
        assert sorted(line.removeprefix("scraper: ").partition(": job.a: ")[2] for line in lines) == [
            "keep = 0: expected an integer from 1 to 100000",
            "schedule is missing",
            "sources is missing",
        ]


def test_who_asks_need_not_have_the_daemons_secrets(told: Told, folder: Path) -> None:
    notify = '[[job.a.notify]]\nwebhook = "env:NOT_SET_HERE"\n'
    (folder / "jobs.toml").write_text(JOBS.replace("[job.b]", f"{notify}[job.b]"))
    assert len(told("list")) == 3
    (line,) = told("run", code=2)
    assert "the environment variable NOT_SET_HERE is not set" in line


def test_config_check_takes_files_of_jobs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "jobs.toml"]) == 0
    assert capsys.readouterr().out == "jobs.toml: good\n"
    (folder / "jobs.toml").write_text(
        JOBS.replace("https://b.example/", "none.txt").replace("every 6h", "every 6")
        + '[job.c]\nsources = "none.txt"\nschedule = "@daily"\n[job.c.settings.parse]\nselect = { x = ">" }\n'
    )
    assert main(["config", "check", "jobs.toml"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('jobs.toml:7: job.b: schedule = "every 6": write the unit too')
    assert lines[1].startswith("job.c: sources: no such file: 'none.txt'")
    (folder / "none.txt").touch()
    (folder / "jobs.toml").write_text((folder / "jobs.toml").read_text().replace('"every 6"', '"every 6h"'))
    assert main(["config", "check", "jobs.toml"]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("parse.select")
    assert line.endswith("(jobs.toml job.c.settings)")


def test_a_test_message_shows_whom_it_reaches(
    told: Told, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = """
    [[job.a.notify]]
    on = ["silence"]
    command = ["sh", "-c", "cat > told"]
    command_input = "text"
    [[job.a.notify]]
    command = ["sh", "-c", "echo no such mailbox >&2; exit 67"]
    [[job.b.notify]]
    command = ["true"]
    """
    (folder / "jobs.toml").write_text(JOBS + tables)
    assert told("notify-test", "a", code=1) == [
        "command sh: delivered",
        "command sh: not delivered: the command ended with 67: no such mailbox",
    ]
    assert (folder / "told").read_text().startswith("a: test of a notification")
    assert told("notify-test", "b") == ["command true: delivered"]


def test_a_test_message_needs_somebody_to_tell_and_the_secrets(told: Told, folder: Path) -> None:
    assert told("notify-test", "b", code=2) == ["scraper: nobody is told of b: write [[job.b.notify]]"]
    (folder / "jobs.toml").write_text(JOBS + '[[job.b.notify]]\napprise = "env:NO_SUCH_VARIABLE"\n')
    assert told("notify-test", "b", code=2) == [
        "scraper: apprise: the environment variable NO_SUCH_VARIABLE is not set; set it for the daemon"
    ]
