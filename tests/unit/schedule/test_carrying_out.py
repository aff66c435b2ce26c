"""A run has an end in any case, also when its process does not."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from scraper.schedule import carrying_out, run_process
from scraper.schedule.carrying_out import CarryingOut
from scraper.schedule.job import Job
from scraper.schedule.model import Cause, RunRow, RunState
from scraper.settings.model import RunSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

HANGS = "import time; print(end='', flush=True); time.sleep(600)"
LIVE = (
    '{"type":"Progress","live":{"run":"r","job":"a","done":2,"total":9,"known":9,"failed":1,"rate":1.0,'
    '"left_s":null,"outcomes":{"ok":1,"timeout":1},"hosts_ready":0,"hosts_held":0,"hosts":[],"failures":[]}}'
)


def a_run(folder: Path, *, deadline_s: float = 60) -> CarryingOut:
    job = Job(
        name="a",
        sources=("https://a.example/",),
        schedule="@daily",
        output=folder,
        deadline=timedelta(seconds=deadline_s),
        settings=Settings(run=RunSettings(drain_s=0)),
    )
    due = datetime(2026, 5, 1, tzinfo=UTC)
    row = RunRow(
        id="r", job="a", cause=Cause.SCHEDULE, state=RunState.RUNNING, due=due, folder=folder / "runs" / "r"
    )
    return CarryingOut(job, row, note=lambda _live: None, say=print)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying_out, "_GRACE_S", 0.05)
    monkeypatch.setattr(carrying_out, "_ABORT_S", 0.05)


def children_are(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_process, "_PROGRAM", program)


async def test_one_that_hangs_is_killed_after_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children_are(HANGS, monkeypatch)
    row = await a_run(tmp_path, deadline_s=0.1).to_its_end()
    assert (row.state, row.error) == (RunState.OVERDUE, "not complete within 0:00:00.100000")


async def test_one_that_hangs_is_killed_when_it_is_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children_are(HANGS, monkeypatch)
    run = a_run(tmp_path)
    run.stop("the daemon ends", goes_on=True)
    row = await run.to_its_end()
    assert (row.state, row.goes_on) == (RunState.STOPPED, True)


async def test_one_whose_time_is_over_before_it_has_begun_is_killed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children_are(HANGS, monkeypatch)
    run = a_run(tmp_path)
    run.stop("the daemon ends", goes_on=True)
    run._kill()
    assert run._end is not None
    run._end.cancel()
    row = await run.to_its_end()
    assert (row.state, row.goes_on) == (RunState.STOPPED, True)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("import os; os.kill(os.getpid(), 9)", "its process was killed by SIGKILL"),
        ("raise SystemExit(3)", "its process has ended with exit code 3 and said nothing"),
        ("print('what is this', flush=True); import time; time.sleep(600)", "killed by SIGKILL"),
        ("print('x' * (17 << 20), flush=True); import time; time.sleep(600)", "killed by SIGKILL"),
    ],
)
async def test_one_that_dies_or_talks_nonsense_has_failed(
    program: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children_are(program, monkeypatch)
    row = await a_run(tmp_path).to_its_end()
    assert row.state is RunState.FAILED
    assert row.error is not None
    assert error in row.error


async def test_of_one_that_dies_what_it_told_last_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children_are(f"print({LIVE!r}, flush=True); import os; os.kill(os.getpid(), 9)", monkeypatch)
    run = a_run(tmp_path)
    row = await run.to_its_end()
    assert run.live is not None
    assert (row.lines, row.failed, row.outcomes) == (9, 1, {"ok": 1, "timeout": 1})


async def test_where_no_process_can_be_started_the_run_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    row = await a_run(tmp_path).to_its_end()
    assert row.error == "no process can be started: Resource temporarily unavailable"
