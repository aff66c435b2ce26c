"""What runs and silence give to tell."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from scraper.clock import SystemClock
from scraper.errors import UsageError
from scraper.notify.notice import FailureNotice, PageChange, RecoveryNotice, SilenceNotice
from scraper.schedule.job import Job
from scraper.schedule.model import RunState
from scraper.schedule.notices import Notices, changes_in
from tests.unit.schedule.rows import DAY, a_row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scraper.notify.notice import Notice
    from scraper.notify.outbox import Outbox


class Kept:
    """An outbox that keeps what it is given."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.changes: list[PageChange] = []
        self.wants = True

    def offer(self, notice: Notice) -> None:
        self.notices.append(notice)

    def wants_changes(self, job: str) -> bool:  # noqa: ARG002 - the interface
        return self.wants

    async def offer_changes(self, changes: Iterable[PageChange], **_: Any) -> None:
        self.changes += changes


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(name="a", sources=("https://a.example/",), schedule="@daily", output=tmp_path)


def notices(kept: Kept) -> Notices:
    return Notices(cast("Outbox", kept), clock=SystemClock())


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.OVERDUE, RunState.ABANDONED])
async def test_failures_are_told_with_how_many_there_were(state: RunState, job: Job) -> None:
    kept = Kept()
    before = [
        a_row(3, state=RunState.SKIPPED_OVERLAP),
        a_row(2, state=RunState.OVERDUE),
        a_row(1, state=RunState.FAILED),
        a_row(0),
        a_row(-1, state=RunState.FAILED),
    ]
    row = a_row(4, state=state, error="no", lines=2, failed=1)
    await notices(kept).run_ended(job, row, before=before, silent_since=None)
    (told,) = kept.notices
    assert isinstance(told, FailureNotice)
    assert (told.run, told.state, told.error, told.in_a_row, told.failed) == (row.id, state, "no", 3, 1)


@pytest.mark.parametrize("state", [RunState.STOPPED, RunState.SKIPPED_OVERLAP])
async def test_what_is_skipped_or_stopped_is_nothing_to_tell(state: RunState, job: Job) -> None:
    kept = Kept()
    before = [a_row(1, state=RunState.FAILED)]
    await notices(kept).run_ended(job, a_row(2, state=state), before=before, silent_since=DAY)
    assert kept.notices == []


async def test_a_success_after_trouble_is_told_and_one_after_another_is_not(job: Job) -> None:
    kept, one = Kept(), a_row(5, lines=7)
    await notices(kept).run_ended(job, one, before=[a_row(4)], silent_since=None)
    assert kept.notices == []
    before = [a_row(4, state=RunState.FAILED), a_row(3, state=RunState.FAILED), a_row(2)]
    await notices(kept).run_ended(job, one, before=before, silent_since=None)
    await notices(kept).run_ended(job, one, before=before, silent_since=DAY)
    first, second = kept.notices
    assert isinstance(first, RecoveryNotice)
    assert isinstance(second, RecoveryNotice)
    assert (first.after, first.since, first.lines) == ("failure", DAY + timedelta(hours=3), 7)
    assert (second.after, second.since) == ("silence", DAY)


async def test_the_changes_of_a_complete_run_are_told(job: Job, tmp_path: Path) -> None:
    entries = [
        {"status": "new", "url": "https://a.example/1", "run": "r", "at": "2026-05-01T00:00:00Z"},
        {
            "status": "changed",
            "url": "https://a.example/2",
            "run": "r",
            "at": "2026-05-01T00:00:00Z",
            "fields": {"title": {"old": "A", "new": "B"}},
        },
    ] * 700  # more than is read at once
    (tmp_path / "changes.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    kept = Kept()
    await notices(kept).run_ended(job, a_row(1, folder=tmp_path), before=[], silent_since=None)
    assert len(kept.changes) == 1400
    assert kept.changes[1].fields[0].old == "A"
    kept = Kept()
    kept.wants = False
    await notices(kept).run_ended(job, a_row(1, folder=tmp_path), before=[], silent_since=None)
    await notices(kept).run_ended(job, a_row(1), before=[], silent_since=None)
    assert kept.changes == []


def test_changes_that_are_not_there_are_none_and_nonsense_is_told(tmp_path: Path) -> None:
    assert list(changes_in(tmp_path / "none")) == []
    (tmp_path / "x").write_text("nonsense\n")
    with pytest.raises(UsageError, match="holds no changes"):
        list(changes_in(tmp_path / "x"))


def test_silence_is_told(job: Job) -> None:
    kept = Kept()
    notices(kept).silence(job, DAY, missed=3)
    (told,) = kept.notices
    assert isinstance(told, SilenceNotice)
    assert (told.since, told.missed) == (DAY, 3)
