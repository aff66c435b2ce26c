"""The history of runs keeps what it was told, over kills and beside readers."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from scraper.errors import StateError, UsageError
from scraper.schedule.model import Cause, RunState
from scraper.schedule.run_history import FILE_NAME, Remembered, RunHistory
from tests.unit.schedule.rows import DAY, a_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def history(tmp_path: Path) -> Iterator[RunHistory]:
    with closing(RunHistory(tmp_path, "a")) as one:
        yield one


def test_a_row_comes_back_as_it_was(history: RunHistory, tmp_path: Path) -> None:
    row = a_row(
        1,
        state=RunState.RUNNING,
        started=DAY,
        late_s=1.5,
        missed=2,
        resumed=1,
        folder=tmp_path / "runs" / "x",
        outcomes={"ok": 3},
        changes={"new": 1},
        error="it's",
    )
    assert history.begin(row)
    with closing(RunHistory(tmp_path, "a", make=False)) as reader:
        assert reader.latest(5) == [row]
        assert reader.run(row.id) == row
        assert reader.run("other") is None


def test_one_due_time_has_one_run(history: RunHistory) -> None:
    assert history.begin(a_row(1, lines=1))
    assert not history.begin(a_row(1, lines=2))
    assert [row.lines for row in history.latest(5)] == [1]
    history.put(a_row(1, lines=3))
    assert [row.lines for row in history.latest(5)] == [3]


def test_rows_are_found_by_what_is_asked_of_them(history: RunHistory, tmp_path: Path) -> None:
    for row in (
        a_row(1),
        a_row(2, state=RunState.FAILED, folder=tmp_path / "runs" / "x"),
        a_row(3, state=RunState.STOPPED, goes_on=True),
        a_row(4, state=RunState.STOPPED),
        a_row(5, state=RunState.RUNNING),
        a_row(6, state=RunState.SKIPPED_OVERLAP),
        a_row(6.5, cause=Cause.MANUAL),
        a_row(100, state=RunState.SKIPPED_OVERLAP),
    ):
        history.begin(row)
    assert [row.due.hour for row in history.unfinished()] == [3, 5]
    success = history.last_success()
    assert success is not None
    assert success.due == DAY + timedelta(hours=6.5)
    assert history.last_accounted(DAY + timedelta(hours=7)) == DAY + timedelta(hours=6)
    assert history.last_accounted(DAY) is None
    assert [row.due.hour for row in history.with_files()] == [2]
    assert [row.due.hour for row in history.latest(2, before=DAY + timedelta(hours=4))] == [3, 2]


def test_jobs_do_not_see_each_others_runs(history: RunHistory, tmp_path: Path) -> None:
    history.begin(a_row(1))
    with closing(RunHistory(tmp_path, "b")) as other:
        assert other.latest(5) == []
        assert other.begin(a_row(1, job="b"))


def test_what_is_remembered_of_a_job_comes_back(history: RunHistory) -> None:
    assert history.remembered() is None
    remembered = Remembered(known_since=DAY, schedule="@daily", zone="UTC", counts_from=DAY, is_paused=True)
    history.remember(remembered)
    assert history.remembered() == remembered


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_it_is_nobody_elses_to_read(history: RunHistory, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    history.begin(a_row(1))
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_what_is_no_history_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no history"):
        RunHistory(tmp_path, "a", make=False)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("CREATE TABLE mine (x)")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(UsageError, match="something else"):
        RunHistory(tmp_path, "a")
    assert (tmp_path / FILE_NAME).read_bytes() == before
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, by no means whatever" * 40)
    with pytest.raises(UsageError, match="can't be read"):
        RunHistory(tmp_path, "a")


def test_one_of_another_version_is_refused(tmp_path: Path) -> None:
    RunHistory(tmp_path, "a").close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(UsageError, match="of version 9"):
        RunHistory(tmp_path, "a")


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be opened: "):
        RunHistory(tmp_path / "file" / "x", "a")


def test_a_disk_that_takes_nothing_is_told_and_what_was_there_stays(
    history: RunHistory, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    history.begin(a_row(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = os.stat(tmp_path / FILE_NAME).st_size  # noqa: PTH116 - not through what is limited
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
        with pytest.raises(StateError, match=r"history\.sqlite: "):
            history.begin(a_row(2, error="x" * 50_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert history.begin(a_row(3))
    assert [row.due.hour for row in history.latest(5)] == [3, 1]
