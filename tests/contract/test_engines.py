"""What every engine does, whatever runs the parts: in this process, in child processes, on Dask's workers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.cluster.dask_engine import DaskCluster
from scraper.cluster.engine import Ended, Engine, InProcess
from scraper.cluster.lease import write_fence
from scraper.cluster.local import LocalProcesses
from scraper.cluster.orders import Answer, Fence, encode
from scraper.cluster.places import ShardPlace
from scraper.run.share import RECORDS
from tests.support.orders import RUN, orders
from tests.support.polite_site import page, serving
from tests.support.processes import lines_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

KINDS = ("in process", "local", "dask")


def _open(kind: str) -> AbstractAsyncContextManager[Engine]:
    if kind == "in process":
        return InProcess.open()
    return LocalProcesses.open(workers=2) if kind == "local" else DaskCluster.open("", workers=2)


@pytest.fixture
async def urls() -> AsyncIterator[list[str]]:
    async with serving(lambda ask: page(title=ask.target)) as site:
        yield [site.url(f"127.0.15.{number % 9 + 1}", f"/{number}") for number in range(30)]


async def _submit_when_there_is_room(engine: Engine, shard: int, order: bytes) -> None:
    while not await engine.room():  # noqa: ASYNC110 - an engine does not tell when that changes
        await asyncio.sleep(0.02)
    await engine.submit(shard, 1, order)


async def _ended(engine: Engine) -> tuple[Ended, Answer]:
    ended = await engine.wait_any()
    assert ended.answer is not None, ended.why
    return ended, msgspec.json.decode(ended.answer, type=Answer)


@pytest.mark.parametrize("kind", KINDS)
async def test_attempts_are_carried_out_once_and_their_ends_told(
    kind: str, urls: list[str], tmp_path: Path
) -> None:
    first, second = map(encode, orders(urls, tmp_path, parts=2))
    async with _open(kind) as engine:
        room = await engine.room()
        await engine.submit(0, 1, first)
        assert await engine.room() == room - 1
        ended, answer = await _ended(engine)
        assert (ended.shard, ended.attempt, answer.end) == (0, 1, "complete")

        # Engines send again what they think is lost: whoever comes second leaves it alone.
        await _submit_when_there_is_room(engine, 0, first)
        _, again = await _ended(engine)
        assert again.end == "taken"

        await _submit_when_there_is_room(engine, 1, second)
        ended, other = await _ended(engine)
        assert (ended.shard, other.end) == (1, "complete")
    records = [
        lines_in(ShardPlace(tmp_path, shard).folder / one.folder / RECORDS)
        for shard, one in enumerate((answer, other))
    ]
    assert records == [answer.figures.done, other.figures.done]
    assert sum(records) == len(urls)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_attempt_that_is_given_up_does_not_come_back(
    kind: str, urls: list[str], tmp_path: Path
) -> None:
    first, second = map(encode, orders(urls, tmp_path, parts=2))
    place = ShardPlace(tmp_path, 0)
    async with _open(kind) as engine:
        await engine.submit(0, 1, first)
        write_fence(place, Fence(run=RUN, attempt=2))
        await engine.abandon(0, 1)
        await _submit_when_there_is_room(engine, 1, second)
        ends: list[Ended] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while not ends or ends[-1].shard != 1:
                    ends.append(await engine.wait_any())
    # What is told of it, if anything, is that it died or was superseded: never that it is complete.
    assert [ended.shard for ended in ends][-1] == 1
    told = [msgspec.json.decode(one.answer, type=Answer).end for one in ends[:-1] if one.answer]
    assert set(told) <= {"superseded"}
