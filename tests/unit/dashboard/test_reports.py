from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from scraper.dashboard import reports
from scraper.dashboard.problems import Refusal
from scraper.dashboard.reports import Reports
from scraper.report.reporting import GivenUp, report_of
from tests.support.fake_daemon import run
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG_S = 60.0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which reports were made anew."""
    found: list[Path] = []

    def counted(path: Path, **options: Any) -> Any:
        found.append(path)
        return report_of(path, **options)

    monkeypatch.setattr(reports, "report_of", counted)
    return found


async def test_a_report_is_made_once_and_kept(tmp_path: Path, made: list[Path]) -> None:
    records = write_run(tmp_path / "records.jsonl", [record(0), record(1)])
    row = run("a", NOW, folder=tmp_path)
    async with asyncio.TaskGroup() as group:
        both = Reports(group, patience_s=LONG_S)
        one = group.create_task(both.get(row), name="one")
        other = group.create_task(both.get(row), name="other")
    page = one.result()
    assert page == other.result()
    assert page
    assert b"Crawl report" in page
    async with asyncio.TaskGroup() as group:
        assert await Reports(group, patience_s=LONG_S).get(row) == page
    assert made == [records]
    # A run that was gone on with has other records.
    os.utime(records, ns=(0, records.stat().st_mtime_ns + 10**10))
    async with asyncio.TaskGroup() as group:
        await Reports(group, patience_s=LONG_S).get(row)
    assert made == [records, records]
    assert names(tmp_path)[1:] == ["records.jsonl"]


async def test_a_report_that_takes_long_is_asked_for_again(tmp_path: Path) -> None:
    write_run(tmp_path / "records.jsonl", [record(0)])
    row = run("a", NOW, folder=tmp_path)
    async with asyncio.TaskGroup() as group:
        impatient = Reports(group, patience_s=0)
        assert await impatient.get(row) is None
    async with asyncio.TaskGroup() as group:
        assert await Reports(group, patience_s=LONG_S).get(row)


@pytest.mark.parametrize("content", [None, b"no records\n", b'{"schema": 99}\n'])
async def test_a_report_of_what_is_no_run_is_refused_and_ends_nothing(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "records.jsonl").write_bytes(content)
    async with asyncio.TaskGroup() as group:
        for folder in (tmp_path, None):
            with pytest.raises(Refusal) as caught:
                await Reports(group, patience_s=LONG_S).get(run("a", NOW, folder=folder))
            assert caught.value.status is HTTPStatus.NOT_FOUND


async def test_a_bug_in_it_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_run(tmp_path / "records.jsonl", [record(0)])
    monkeypatch.setattr(reports, "render", lambda _: 1 / 0)
    async with asyncio.TaskGroup() as group:
        with pytest.raises(Refusal, match="Something is wrong"):
            await Reports(group, patience_s=LONG_S).get(run("a", NOW, folder=tmp_path))
    assert "ZeroDivisionError" in caplog.text


async def test_a_report_that_cannot_be_kept_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "records.jsonl", [record(0)])

    def full(*_: object, **__: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    async with asyncio.TaskGroup() as group:
        assert await Reports(group, patience_s=LONG_S).get(run("a", NOW, folder=tmp_path))
    assert names(tmp_path) == ["records.jsonl"]


def test_a_report_that_nobody_wants_ends_at_the_next_record(tmp_path: Path) -> None:
    path = write_run(tmp_path / "records.jsonl", [record(0), record(1)])
    answers = iter([True, False])
    with pytest.raises(GivenUp):
        report_of(path, is_wanted=lambda: next(answers))
