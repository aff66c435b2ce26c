"""A pool whose children can't be started: whoever waits for one is told, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from scraper.clock import SystemClock
from scraper.errors import RunError
from scraper.processes import process
from scraper.processes.pool import ProcessPool
from scraper.settings.model import RunSettings, Settings
from tests.support.fakes import CollectingObserver, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")


@contextlib.asynccontextmanager
async def pool_of(processes: int) -> AsyncIterator[ProcessPool]:
    async with ProcessPool.open(
        Settings(run=RunSettings(processes=processes)),
        token="scraper",  # noqa: S106 robots.txt calls us by it
        run="run",
        clock=SystemClock(),
        observer=CollectingObserver(),
    ) as pool:
        yield pool


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def no_file(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("missing", ["socket.socketpair", "new_box_file", "_started"])
async def test_who_waits_for_a_child_is_told_when_none_can_be_started(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that the system has no more of; what was opened by then is closed again."""
    monkeypatch.setattr(f"{process.__name__}.{missing}", no_file)
    departures: list[str] = []
    before = open_files()

    async with pool_of(2) as pool:
        with pytest.raises(RunError, match="no further process can be started: Too many open files"):
            await pool.visit(request(), departs=lambda: departures.append("departed"))
        with pytest.raises(RunError, match="no further process"):
            await pool.visit(request("https://b.example/"), departs=lambda: departures.append("departed"))
    assert departures == ["departed"] * 2
    await asyncio.sleep(0)  # a transport closes its socket in the next turn
    assert open_files() <= before


async def test_a_bug_while_a_child_is_started_ends_the_pool_and_who_waits_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise LookupError("a bug on purpose")

    monkeypatch.setattr(process, "new_box_file", broken)
    with pytest.raises(LookupError, match="on purpose"):
        async with pool_of(1) as pool:
            await pool.visit(request(), departs=lambda: None)
