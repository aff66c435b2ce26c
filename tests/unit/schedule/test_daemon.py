"""The daemon's own loop: clocks, the file, folders that can't be used, and the service manager."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from scraper.errors import UsageError
from scraper.schedule import desk as desk_module
from scraper.schedule.daemon import Daemon
from scraper.schedule.model import RunState
from scraper.schedule.sd_notify import ServiceManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scraper.schedule.job import Job
    from scraper.schedule.model import RunRow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks and sockets of POSIX")

DAY = datetime(2026, 5, 1, tzinfo=UTC)
JOB = '[job.a]\nsources = "https://a.example/"\nschedule = "@daily"\noutput = "{folder}/a"\n'


class AtOnce:
    """A run that is complete as soon as it has begun."""

    def __init__(self, job: Job, row: RunRow, **told: Any) -> None:  # noqa: ARG002 - it is done at once
        self.job = job
        self.row = row
        self.live = None

    async def to_its_end(self) -> RunRow:
        return replace(self.row, state=RunState.COMPLETE)

    def stop(self, reason: str, *, goes_on: bool) -> None:
        """Do nothing: it is as good as complete."""


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def utc(self) -> datetime:
        return DAY + self.ahead + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class Manager(ServiceManager):
    def __init__(self) -> None:
        super().__init__({})
        self.told: list[str] = []

    def _tell(self, text: str) -> None:
        self.told.append(text.partition("\n")[0])


class Scene:
    """A daemon in a folder, and what it has said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.manager = Manager()
        self._said: list[str] = []
        self._heard = asyncio.Event()
        self.daemon = Daemon(
            folder / "jobs.toml",
            clock=self.clock,
            say=self._say,
            service=self.manager,
            beat_s=0.01,
        )

    def _say(self, text: str) -> None:
        self._said.append(text)
        self._heard.set()

    def write(self, text: str) -> None:
        (self.folder / "jobs.toml").write_text(text.replace("{folder}", str(self.folder)))

    async def heard(self, text: str) -> None:
        """Wait until it has said something."""
        async with asyncio.timeout(20):
            while not any(text in line for line in self._said):
                self._heard.clear()
                await self._heard.wait()

    @contextlib.asynccontextmanager
    async def goes_on(self) -> AsyncIterator[Daemon]:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.daemon.attend(), name="daemon")
            await self.heard("ready: ")
            yield self.daemon
            self.daemon.drain()
        await self.heard("ended")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(desk_module, "CarryingOut", AtOnce)
    one = Scene(tmp_path)
    one.write(JOB)
    return one


async def test_a_clock_that_jumps_is_noticed_and_what_was_missed_is_made_up_for(scene: Scene) -> None:
    async with scene.goes_on() as daemon:
        scene.clock.ahead = timedelta(days=10, hours=1)
        await scene.heard("the clock has jumped ahead by 10d1h")
        await scene.heard("is complete")
        (row,) = await daemon.history("a")
        assert (row.due, row.missed) == (DAY + timedelta(days=10), 9)
        scene.clock.ahead = timedelta(days=2)
        await scene.heard("the clock has jumped back by 8d1h")
        assert daemon.jobs()[0].next_due == DAY + timedelta(days=3)
        scene.clock.ahead = timedelta(days=3, minutes=1)
        await scene.heard("run 20260504T000000Z is complete")


async def test_the_service_manager_hears_of_everything(scene: Scene) -> None:
    async with scene.goes_on() as daemon:
        daemon.reload()
        await scene.heard("reloaded")
    assert scene.manager.told == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


async def test_a_folder_that_can_not_be_used_keeps_its_job_alone_and_is_tried_again(scene: Scene) -> None:
    scene.write(JOB + JOB.replace("job.a", "job.b").replace("/a", "/b/b").replace("https:/b/b", "https://a"))
    (scene.folder / "b").touch()
    async with scene.goes_on() as daemon:
        good, bad = daemon.jobs()
        assert (good.name, good.problem) == ("a", None)
        assert bad.problem is not None
        assert "can't be used: " in bad.problem
        with pytest.raises(UsageError, match="can't be used"):
            await daemon.trigger("b")
        (scene.folder / "b").unlink()
        await scene.heard("b: its folder can be used now")
        assert (await daemon.trigger("b")).job == "b"
        await scene.heard("b: run ")


async def test_where_no_folder_can_be_used_nothing_begins(scene: Scene) -> None:
    (scene.folder / "a").touch()
    with pytest.raises(UsageError, match=r"a file|can't be used"):
        await scene.daemon.attend()
    assert scene.manager.told == []


async def test_who_asks_for_a_job_that_is_not_there_is_told(scene: Scene) -> None:
    async with scene.goes_on() as daemon:
        asked: list[Any] = [daemon.trigger, daemon.pause, daemon.resume, daemon.stop_run, daemon.history]
        for ask in asked:
            with pytest.raises(UsageError, match="no job is called b; there are a"):
                await ask("b")
        assert await daemon.run("a", "x") is None
        with pytest.raises(UsageError, match="no run of a goes on"):
            await daemon.stop_run("a")


async def test_another_daemon_is_refused_and_disturbs_nothing(scene: Scene) -> None:
    async with scene.goes_on():
        other = Scene(scene.folder)
        with pytest.raises(UsageError, match="another daemon runs there"):
            await other.daemon.attend()
        scene.daemon.reload()
        await scene.heard("reloaded")


async def test_a_daemon_that_is_told_to_end_before_it_began_begins_nothing(scene: Scene) -> None:
    scene.daemon.drain()
    await scene.daemon.attend()
    assert scene.manager.told == ["STOPPING=1"]
