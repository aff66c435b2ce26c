"""What a desk begins, skips, makes up for and tells; runs are stand-ins, history and reckoning are real."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from scraper.errors import StateError, UsageError
from scraper.schedule import desk as desk_module
from scraper.schedule.desk import Desk
from scraper.schedule.job import Job
from scraper.schedule.model import Cause, JobState, RunState
from scraper.schedule.run_history import RunHistory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from scraper.schedule.model import LiveRun, RunRow

DAY = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class StandIn:
    """A run that ends when the test says so."""

    latest: StandIn

    def __init__(
        self,
        job: Job,
        row: RunRow,
        *,
        note: Callable[[LiveRun], None],
        say: Callable[[str], None],  # noqa: ARG002 - as above
    ) -> None:
        self.job = job
        self.row = row
        self.live = None
        self.note = note
        self.stops: list[tuple[str, bool]] = []
        self.end: asyncio.Future[RunRow] = asyncio.get_running_loop().create_future()
        StandIn.latest = self

    async def to_its_end(self) -> RunRow:
        return await self.end

    def stop(self, reason: str, *, goes_on: bool) -> None:
        self.stops.append((reason, goes_on))
        self.end.set_result(replace(self.row, state=RunState.STOPPED, goes_on=goes_on, error=reason))


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, RunState]] = []
        self.silences: list[tuple[datetime, int]] = []
        self.fails = False
        self.slow: asyncio.Event | None = None
        self.told = asyncio.Event()
        self.silent_since: datetime | None = None

    def set_jobs(self, jobs: Sequence[Job]) -> None:
        raise NotImplementedError

    async def run_ended(self, job: Job, row: RunRow, *, silent_since: datetime | None, **_: Any) -> None:  # noqa: ARG002
        self.ended.append((row.id, row.state))
        self.silent_since = silent_since
        self.told.set()
        if self.slow is not None:
            await self.slow.wait()
        if self.fails:
            raise ValueError("nobody listens")

    def silence(self, job: Job, since: datetime, *, missed: int) -> None:  # noqa: ARG002 - as above
        self.silences.append((since, missed))


class Clock:
    now = DAY

    def utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()


class Office:
    """A desk that attends to a job, and the world around it."""

    def __init__(self, folder: Path, **entries: Any) -> None:
        values = {
            "sources": ("https://a.example/",),
            "schedule": "every 1h",
            "output": folder / "a",
            **entries,
        }
        self.job = Job(name="a", **values)
        self.clock = Clock()
        self.heard = Heard()
        self.said: list[str] = []
        self.desk: Desk

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[Desk]:
        self.desk = await Desk.open(
            self.job, clock=self.clock, say=self.said.append, changed=lambda: None, listener=self.heard
        )
        async with asyncio.TaskGroup() as tasks:
            attending = tasks.create_task(self.desk.attend(), name="attend")
            await self.settle()
            try:
                yield self.desk
            finally:
                attending.cancel()
        await self.desk.close()

    async def settle(self) -> None:
        """Return when the desk waits to be rung for, and its run for its end."""
        calm = 0
        look: Any = self.desk._look
        while calm < 3:
            await asyncio.sleep(0)
            tasks: Any = self.desk._tasks
            runs = len(tasks._tasks) if tasks else 0
            goes_on = self.desk._running is not None and not StandIn.latest.end.done()
            calm = calm + 1 if look._waiters and not look.is_set() and runs == goes_on else 0

    async def until(self, hours: float) -> None:
        self.clock.now = DAY + hours * HOUR
        self.desk.ring()
        await self.settle()

    async def run_ends(self, state: RunState = RunState.COMPLETE, **values: Any) -> None:
        run = StandIn.latest
        run.end.set_result(replace(run.row, state=state, **values))
        await self.settle()

    @property
    def states(self) -> list[tuple[int, str, str, int]]:
        """Hour, cause, state and missed of the runs, newest first."""
        return [
            (int((row.due - DAY) / HOUR), row.cause.value, row.state.value, row.missed)
            for row in self.desk.row().recent
        ]


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "CarryingOut", StandIn)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_what_is_due_is_run_and_told(office: Office) -> None:
    async with office.at_work() as desk:
        assert desk.row().state is JobState.WAITING
        await office.until(1)
        assert desk.row().state is JobState.RUNNING
        assert StandIn.latest.row.folder == office.job.output / "runs" / "20260501T010000Z"
        await office.run_ends(lines=3)
        assert office.states == [(1, "schedule", "complete", 0)]
        assert desk.row().next_due == DAY + 2 * HOUR
    assert office.heard.ended == [("20260501T010000Z", RunState.COMPLETE)]


async def test_a_run_that_goes_on_has_the_next_skipped_and_a_late_look_counts_what_was_missed(
    office: Office,
) -> None:
    async with office.at_work():
        await office.until(1)
        await office.until(2)
        await office.until(5.5)
        await office.run_ends()
        await office.until(6.25)
        assert office.states == [
            (6, "schedule", "running", 0),
            (5, "schedule", "skipped_overlap", 2),
            (2, "schedule", "skipped_overlap", 0),
            (1, "schedule", "complete", 0),
        ]
        assert StandIn.latest.row.late_s == 900.0


async def test_what_was_due_while_no_daemon_was_there_has_one_run(office: Office) -> None:
    async with office.at_work():
        await office.until(1)
        await office.run_ends()
    office.clock.now = DAY + 6.5 * HOUR
    async with office.at_work():
        assert office.states[0] == (6, "catch_up", "running", 4)
        await office.run_ends()
        await office.until(7)
        assert office.states[0] == (7, "schedule", "running", 0)


async def test_a_killed_run_comes_first_and_then_what_was_missed(office: Office) -> None:
    async with office.at_work():
        await office.until(1)
    office.clock.now = DAY + 3.5 * HOUR
    async with office.at_work():
        assert office.states == [(1, "schedule", "running", 0)]
        assert StandIn.latest.row.resumed == 1
        await office.run_ends()
        assert office.states == [(3, "catch_up", "running", 1), (1, "schedule", "complete", 0)]
        await office.run_ends()
    assert "a: run 20260501T010000Z is gone on with" in office.said


async def test_a_killed_run_is_abandoned_if_the_job_says_so(tmp_path: Path) -> None:
    office = Office(tmp_path, unfinished="abandon")
    async with office.at_work():
        await office.until(1)
    async with office.at_work():
        assert office.states == [(1, "schedule", "abandoned", 0)]
    assert office.heard.ended == [("20260501T010000Z", RunState.ABANDONED)]


async def test_under_another_schedule_and_after_a_pause_nothing_was_missed(office: Office) -> None:
    async with office.at_work() as desk:
        await office.until(1)
        await office.run_ends()
        await desk.pause()
        await office.until(5)
        assert (desk.row().state, desk.row().next_due) == (JobState.PAUSED, None)
    async with office.at_work() as desk:
        await office.until(6)
        await desk.resume()
    async with office.at_work():
        assert office.states == [(1, "schedule", "complete", 0)]
        await office.until(7)
        assert office.states[0] == (7, "schedule", "running", 0)
        await office.run_ends()
    office.job = replace(office.job, schedule="every 30m")
    office.clock.now = DAY + 20 * HOUR
    async with office.at_work() as desk:
        assert desk.row().state is JobState.WAITING
        await office.until(20.5)
        assert office.states[0] == (20, "schedule", "running", 0)


async def test_a_run_that_somebody_asks_for_begins_at_once_and_alone(office: Office) -> None:
    office.clock.now = DAY + timedelta(minutes=20)
    async with office.at_work() as desk:
        await desk.pause()
        row = await desk.trigger()
        assert (row.id, row.cause) == ("20260501T002000.000Z", Cause.MANUAL)
        with pytest.raises(UsageError, match="goes on already"):
            await desk.trigger()
        assert desk.stop_run("somebody said so", goes_on=False)
        await office.settle()
        assert desk.row().recent[0].state is RunState.STOPPED
        assert not desk.stop_run("again", goes_on=False)
        desk.end()
        with pytest.raises(UsageError, match="ending"):
            await desk.trigger()


async def test_a_clock_that_is_set_back_repeats_no_run(office: Office) -> None:
    async with office.at_work() as desk:
        for hour in (1, 2, 3):
            await office.until(hour)
            await office.run_ends()
        assert not desk.clock_set_back(office.clock.now)
        office.clock.now = DAY + 1.5 * HOUR
        assert desk.clock_set_back(office.clock.now)
        await office.until(2)
        await office.until(3)
        assert desk.row().state is JobState.WAITING
        await office.until(4)
        assert [hour for hour, *_ in office.states] == [4, 3, 2, 1]


async def test_silence_is_told_once_and_ends_with_a_success(tmp_path: Path) -> None:
    office = Office(tmp_path, alarm_after=2)
    async with office.at_work() as desk:
        for hour in (1, 2, 3):
            await office.until(hour)
            await office.run_ends(RunState.FAILED, error="no")
        assert office.heard.silences == [(DAY, 2)]
        assert desk.row().silent_since == DAY
        await office.until(4)
        await office.run_ends()
        assert desk.row().silent_since is None
        assert office.heard.silent_since == DAY


async def test_silence_is_not_told_again_by_the_next_daemon(tmp_path: Path) -> None:
    office = Office(tmp_path, alarm_after=2)
    async with office.at_work():
        for hour in (1, 2, 3):
            await office.until(hour)
            await office.run_ends(RunState.FAILED, error="no")
    async with office.at_work() as desk:
        assert desk.row().silent_since == DAY
        await office.until(4)
        await office.run_ends(RunState.FAILED, error="no")
        assert office.heard.silences == [(DAY, 2)]
    async with office.at_work() as desk:
        await office.until(5)
        await office.run_ends()
        assert office.heard.silent_since == DAY
        for hour in (6, 7, 8):
            await office.until(hour)
            await office.run_ends(RunState.FAILED, error="no")
        assert [since for since, _ in office.heard.silences] == [DAY, desk.row().silent_since]


async def test_silence_after_a_pause_is_another_one(tmp_path: Path) -> None:
    office = Office(tmp_path, alarm_after=1)
    async with office.at_work() as desk:
        await office.until(1)
        await office.run_ends(RunState.FAILED, error="no")
        await desk.pause()
        await desk.resume()
    async with office.at_work() as desk:
        assert desk.row().silent_since is None
        await office.until(2)
        await office.run_ends(RunState.FAILED, error="no")
        assert office.heard.silences == [(DAY, 1), (DAY, 1)]


async def test_a_long_run_that_succeeds_ends_the_silence(tmp_path: Path) -> None:
    office = Office(tmp_path, alarm_after=2)
    async with office.at_work() as desk:
        for hour in (1, 2, 3, 4):  # the first goes on all the time
            await office.until(hour)
        await office.run_ends()
        desk.ring()
        await office.settle()
        assert office.heard.silences == [(DAY, 2)]
        assert desk.row().silent_since is None


async def test_a_success_that_is_still_being_told_of_is_no_silence(tmp_path: Path) -> None:
    office = Office(tmp_path, alarm_after=1)
    office.heard.slow = asyncio.Event()
    async with office.at_work() as desk:
        await office.until(1)
        StandIn.latest.end.set_result(replace(StandIn.latest.row, state=RunState.COMPLETE))
        await office.heard.told.wait()
        desk.ring()
        for _ in range(50):
            await asyncio.sleep(0)
        office.heard.slow.set()
        await office.settle()
        assert office.heard.silences == []


async def test_a_bug_in_one_run_or_in_telling_of_it_does_not_end_the_desk(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    async with office.at_work():
        await office.until(1)
        StandIn.latest.end.set_exception(KeyError("x"))
        await office.settle()
        assert office.states == [(1, "schedule", "failed", 0)]
        office.heard.fails = True
        await office.until(2)
        await office.run_ends()
        await office.until(3)
        assert office.states[0] == (3, "schedule", "running", 0)
    assert "a: a bug: KeyError: 'x'" in office.said
    assert "a: a bug: ValueError: nobody listens" in office.said
    assert "Traceback" in capsys.readouterr().err


async def test_a_disk_that_takes_nothing_stops_runs_but_loses_none(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: RunHistory, row: RunRow) -> bool:
        raise StateError("history.sqlite: database or disk is full")

    async with office.at_work() as desk:
        await office.until(1)
        with monkeypatch.context() as patch:
            patch.setattr(RunHistory, "begin", full)
            patch.setattr(RunHistory, "put", full)
            await office.run_ends()
            await office.until(2)
            assert office.states[0] == (2, "schedule", "failed", 0)
            problem = desk.row().problem
            assert problem is not None
            assert "disk is full" in problem
        await office.until(3)
        assert desk.row().problem is None
        await office.run_ends()
        rows = await desk.history(limit=9, before=None)
        assert [row.state.value for row in rows] == ["complete", "failed", "complete"]


async def test_old_files_are_removed(tmp_path: Path) -> None:
    office = Office(tmp_path, keep=1)
    async with office.at_work() as desk:
        for hour in (1, 2):
            await office.until(hour)
            folder = StandIn.latest.row.folder
            assert folder is not None
            folder.mkdir(parents=True)
            await office.run_ends()
        assert [row.folder is None for row in desk.row().recent] == [False, True]
    assert [path.name for path in (tmp_path / "a" / "runs").iterdir()] == ["20260501T020000Z"]


async def test_another_text_of_the_job_holds_from_the_next_run_on(office: Office) -> None:
    async with office.at_work() as desk:
        await office.until(1)
        await desk.take_up(replace(office.job, schedule="every 3h"))
        await office.settle()
        await office.run_ends()
        await office.until(2)
        await office.until(3)
        assert [hour for hour, *_ in office.states] == [3, 1]
