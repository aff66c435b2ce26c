"""A worker that can't say that it lives stops asking; whoever comes after it loses and doubles nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from scraper.cluster.engine import Ended, InProcess
from scraper.cluster.lease import Lease, awake_s, read_fence, write_fence
from scraper.cluster.orders import Answer, Fence, Figures
from scraper.cluster.places import ShardPlace
from scraper.cluster.task import Attempt
from scraper.errors import RunError, UsageError
from scraper.frontier.store import Store
from scraper.observe.events import Event, PartLost
from scraper.observe.parts import PartRow, Parts, PartState
from scraper.run.files import Mode
from scraper.run.share import RECORDS, STATE
from tests.support.in_parts import records_of, run_in_parts
from tests.support.orders import RUN, orders
from tests.support.polite_site import Answer as Page
from tests.support.polite_site import Ask, page, serving
from tests.support.processes import records_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from scraper.cluster.engine import Engine
    from scraper.cluster.job import Job
    from scraper.cluster.totals import Totals
    from scraper.settings.model import ClusterSettings
    from tests.support.polite_site import Site

HOSTS = 8


def _urls(site: Site, count: int = 80) -> list[str]:
    return [site.url(f"127.0.16.{number % HOSTS + 1}", f"/{number}") for number in range(count)]


def _pages(site: Site) -> list[str]:
    return [entry.target for entry in site.log if entry.target != "/robots.txt"]


@contextlib.asynccontextmanager
async def _acting(at: int, act: Callable[[], None]) -> AsyncIterator[Site]:
    """Serve pages, and act when so many were asked for."""
    count = 0

    def answer(ask: Ask) -> Page:
        nonlocal count
        if ask.target != "/robots.txt":
            count += 1
            if count == at:
                act()
        return page(title=ask.target, delay_s=0.01)

    async with serving(answer) as site:
        yield site


async def _carried_out(order: Any, *, clock: Callable[[], float] = awake_s) -> Answer:
    return await Attempt(order, clock=clock).run()


async def test_without_its_storage_a_worker_begins_no_request_after_half_of_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    asked_by_then: list[int] = []

    def run_out() -> None:
        nonlocal now_s
        now_s = 25.0

    def cut_off() -> None:
        nonlocal now_s
        now_s = 15.0  # of 30
        asked_by_then.append(len(_pages(site)) + 1)
        asyncio.get_running_loop().call_later(1.0, run_out)

        def fail(_place: ShardPlace, name: str, content: bytes) -> None:
            raise OSError(5, "Input/output error", name, None, len(content))

        monkeypatch.setattr(ShardPlace, "write", fail)

    async with _acting(20, cut_off) as site:
        (order,) = orders(_urls(site), tmp_path)
        answer = await _carried_out(order, clock=lambda: now_s)

    assert answer.end == "lease_lost"
    assert len(_pages(site)) - asked_by_then[0] <= HOSTS * 2  # what was under way at each host


async def test_a_sign_that_comes_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    renew = Lease.renew

    def late() -> None:
        nonlocal now_s
        now_s = 20.0  # the machine was busy, say

    def renewed(lease: Lease, figures: Figures, *, released: bool = False) -> Fence:
        if now_s and not released:
            waits.append(len(_pages(site)))
        return renew(lease, figures, released=released)

    waits: list[int] = []
    monkeypatch.setattr(Lease, "renew", renewed)
    async with _acting(20, late) as site:
        urls = _urls(site)
        (order,) = orders(urls, tmp_path)
        answer = await _carried_out(order, clock=lambda: now_s)

    assert answer.end == "complete"
    assert waits[0] < len(urls) == len(_pages(site))


async def test_who_is_superseded_finishes_what_is_under_way_and_the_next_one_goes_on(tmp_path: Path) -> None:
    place = ShardPlace(tmp_path, 0)
    later = Fence(run=RUN, attempt=2)
    async with _acting(20, lambda: write_fence(place, later)) as site:
        urls = _urls(site)
        (order,) = orders(urls, tmp_path, politeness={"delay_s": 0.3, "adaptive": False})
        first = await _carried_out(order)
        second = await _carried_out(msgspec.structs.replace(order, attempt=2))

    assert (first.end, second.end) == ("superseded", "complete")
    assert 20 <= first.figures.done < len(urls)
    records = records_in(place.folder / second.folder / RECORDS)
    assert sorted(record["seq"] for record in records) == list(range(len(urls)))
    assert len(_pages(site)) == len(urls)
    assert not place.run(1).exists()


@pytest.mark.parametrize("may_begin_anew", [True, False])
async def test_a_state_that_is_still_held_is_left_alone(tmp_path: Path, *, may_begin_anew: bool) -> None:
    place = ShardPlace(tmp_path, 0)
    async with _acting(0, lambda: None) as site:
        urls = _urls(site, 20)
        (order,) = orders(urls, tmp_path)
        place.run(1).mkdir()
        held = Store(place.run(1) / STATE)  # by a process that was stopped, say
        write_fence(place, Fence(run=RUN, attempt=2))
        order = msgspec.structs.replace(order, attempt=2, may_begin_anew=may_begin_anew, lease_s=1.0)
        answer = await _carried_out(order)
        held.close(remove=False)

    assert answer.end == ("complete" if may_begin_anew else "locked")
    assert place.run(1).exists()
    if may_begin_anew:
        assert len(records_in(place.run(2) / RECORDS)) == len(urls)


class _Faulty:
    """An engine that does with each attempt what a list says, then what it should."""

    dashboard: str | None = None
    shares_memory = True

    def __init__(self, inner: InProcess, faults: list[str]) -> None:
        self._inner = inner
        self._faults = faults
        self._lost: set[tuple[int, int]] = set()

    async def room(self) -> int:
        return await self._inner.room()

    async def submit(self, shard: int, attempt: int, order: bytes) -> str:
        fault = self._faults.pop(0) if self._faults else ""
        if fault == "never begun":
            return "nobody"
        if fault in {"answer lost", "said to be dead"}:
            self._lost.add((shard, attempt))
        return await self._inner.submit(shard, attempt, order)

    async def wait_any(self) -> Ended:
        while True:
            ended = await self._inner.wait_any()
            if (ended.shard, ended.attempt) not in self._lost:
                return ended
            return Ended(ended.shard, ended.attempt, None, why="was said to be dead")

    async def abandon(self, shard: int, attempt: int) -> None:
        await self._inner.abandon(shard, attempt)

    def avoid(self, worker: str) -> None:
        self._inner.avoid(worker)


def _faulty(*faults: str) -> Callable[[ClusterSettings, int], Any]:
    @contextlib.asynccontextmanager
    async def opened(settings: ClusterSettings, shards: int) -> AsyncIterator[Engine]:
        del settings, shards
        async with InProcess.open() as engine:
            yield _Faulty(engine, list(faults))

    return opened


class _Noted:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rows: tuple[PartRow, ...] = ()
        self.states: set[PartState] = set()
        self._look: Callable[[], Parts] = Parts

    def watch(self, job: Job, totals: Totals) -> None:
        del totals
        self._look = job.parts

    def notice(self, event: Event) -> None:
        self.events.append(event)
        self.rows = self._look().rows
        self.states.update(row.state for row in self.rows)


async def test_what_an_engine_forgets_or_gets_wrong_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.cluster.director._BEGINS_WITHIN_S", 0.5)
    noted = _Noted()
    async with _acting(0, lambda: None) as site:
        urls = _urls(site)
        await run_in_parts(
            urls,
            tmp_path / "out",
            engine=_faulty("never begun", "answer lost", "", "said to be dead"),
            observer=noted,
            begun=noted.watch,
            cluster={"shards": 3, "lease_s": 1.0},
        )

    assert sorted(record["seq"] for record in records_of(tmp_path / "out")) == list(range(len(urls)))
    assert len(_pages(site)) == len(urls)  # a part that is whole asks nobody again
    assert sum(isinstance(event, PartLost) for event in noted.events) == 3
    assert noted.states == set(PartState)  # whoever looks at the run sees it happen
    rows = noted.rows
    assert {row.state for row in rows} == {PartState.FINISHED}
    assert sum(row.lost for row in rows) == 3
    assert all(row.attempt == row.lost + 1 for row in rows)
    assert sum(row.done for row in rows) == len(urls)
    assert {(row.round, row.worker, row.done - row.lines) for row in rows} == {(1, "this process", 0)}


async def test_a_part_that_never_comes_further_ends_the_run(tmp_path: Path) -> None:
    async with _acting(0, lambda: None) as site:
        with pytest.raises(RunError, match="was begun 2 times without coming any further"):
            await run_in_parts(
                _urls(site, 10),
                tmp_path / "out",
                engine=_faulty(*["said to be dead"] * 9),
                cluster={"shards": 1, "attempts": 2},
            )
        assert read_fence(ShardPlace(tmp_path / "out" / "work", 0)).attempt >= 2

        # What is left there is gone on with as it was begun, or not at all.
        urls = _urls(site, 10)
        for sources, shards, said in (
            (urls, 2, "has 1 parts: resume it with --shards 1"),
            (urls[:9], 1, "read from http://127.0.16.1"),
        ):
            with pytest.raises(UsageError, match=said):
                await run_in_parts(sources, tmp_path / "out", mode=Mode.RESUME, cluster={"shards": shards})
        with pytest.raises(UsageError, match="an unfinished run lies in"):
            await run_in_parts(urls, tmp_path / "out", cluster={"shards": 1})
        await run_in_parts(urls, tmp_path / "out", mode=Mode.FRESH, cluster={"shards": 2})
    assert len(records_of(tmp_path / "out")) == 10
