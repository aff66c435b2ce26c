"""What real runs have left of pages, as the dashboard reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from scraper.dashboard.kept_pages import KeptPages
from scraper.errors import UsageError
from scraper.history.change_log import ChangeEntry, FieldChange, encode_entry
from scraper.record import ChangeStatus
from scraper.schedule.model import JobRow, JobState
from tests.support.fake_daemon import run

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def job(folder: Path) -> JobRow:
    return JobRow(name="a", state=JobState.WAITING, schedule="@daily", zone="UTC", sources=(), output=folder)


def entry(number: int, status: ChangeStatus = ChangeStatus.CHANGED, **fields: Any) -> ChangeEntry:
    url = fields.pop("url", f"https://a.example/{number}")
    return ChangeEntry(status=status, url=url, run="r", at="2026-11-29T12:00:00Z", **fields)


def write(folder: Path, entries: list[ChangeEntry]) -> None:
    (folder / "changes.jsonl").write_bytes(b"".join(encode_entry(one) + b"\n" for one in entries))


async def changes(folder: Path, **asked: Any) -> Any:
    given = {"statuses": (), "words": "", "after": None, "limit": 10, **asked}
    return await KeptPages().changes(job(folder), run("a", NOW, folder=folder), **given)


async def test_changes_come_in_parts(tmp_path: Path) -> None:
    write(tmp_path, [entry(number) for number in range(25)])
    found, after = [], None
    for expected in (10, 10, 5):
        part = await changes(tmp_path, after=after)
        assert len(part.rows) == expected
        found += [row.url for row in part.rows]
        after = part.next
    assert after is None
    assert found == [f"https://a.example/{number}" for number in range(25)]


async def test_changes_by_kind_and_by_words(tmp_path: Path) -> None:
    kinds = (ChangeStatus.NEW, ChangeStatus.GONE)
    write(tmp_path, [entry(number, kinds[number % 2]) for number in range(30)])
    part = await changes(tmp_path, statuses=[ChangeStatus.GONE], words="/1 EXAMPLE", limit=3)
    assert [row.url[-2:] for row in part.rows] == ["/1", "11", "13"]
    rest = await changes(tmp_path, statuses=[ChangeStatus.GONE], words="/1 EXAMPLE", limit=9, after=part.next)
    assert [row.url[-2:] for row in rest.rows] == ["15", "17", "19"]
    assert rest.next is None


async def test_a_change_shows_its_fields(tmp_path: Path) -> None:
    fields = {"title": FieldChange(old="a", new="b"), "og": FieldChange(old=None, new={"x": ["y"]})}
    write(tmp_path, [entry(1, title="b", fields=fields)])
    (row,) = (await changes(tmp_path)).rows
    assert row.title == "b"
    assert [(one.name, one.old, one.new) for one in row.fields] == [
        ("title", "a", "b"),
        ("og", None, {"x": ["y"]}),
    ]


@pytest.mark.parametrize("after", ["x", "", "1.5", "3", "99999999999999999999", "\u0661"])
async def test_a_part_that_is_none_is_refused(tmp_path: Path, after: str) -> None:
    write(tmp_path, [entry(1)])
    with pytest.raises(UsageError):
        await changes(tmp_path, after=after)


async def test_files_that_are_gone_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        await changes(tmp_path)
    with pytest.raises(UsageError, match="not there"):
        await KeptPages().changes(job(tmp_path), run("a", NOW), statuses=(), words="", after=None, limit=1)


async def test_a_job_that_has_not_run_knows_nothing(tmp_path: Path) -> None:
    pages = KeptPages()
    assert (await pages.search(job(tmp_path), words="", after=None, limit=1)).rows == ()
    assert await pages.page(job(tmp_path), "1") is None
    assert not (tmp_path / "pages.sqlite").exists()


@pytest.mark.parametrize("name", ["", "x", "../1", "1" * 30, "-", "9223372036854775808"])
async def test_a_name_that_is_none_is_of_no_page(tmp_path: Path, name: str) -> None:
    (tmp_path / "pages.sqlite").write_text("no database")
    assert await KeptPages().page(job(tmp_path), name) is None
