"""Attempts that share a store alone: what one knew of hosts when it died, the next one keeps to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from scraper.cluster import checkpoint
from scraper.cluster.checkpoint import PARTS
from scraper.cluster.lease import write_fence
from scraper.cluster.orders import Answer, Fence, Order
from scraper.cluster.places import BEAT, ShardPlace
from scraper.cluster.scratch import scratch_folder
from scraper.cluster.storage import Store
from scraper.cluster.task import Attempt
from scraper.run.files import Mode
from scraper.run.parts import decoded_parts
from tests.support.in_parts import run_in_parts
from tests.support.orders import RUN, orders
from tests.support.polite_site import Answer as Page
from tests.support.polite_site import Ask, page, serving, text
from tests.support.stores import stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from scraper.cluster.job import Job
    from tests.support.polite_site import Site

HOSTS = 8


@pytest.fixture
def store() -> Iterator[Store]:
    with stores():
        yield Store("memory://bucket")


def _urls(site: Site, count: int = 80, hosts: int = HOSTS) -> list[str]:
    return [site.url(f"127.0.26.{number % hosts + 1}", f"/{number}") for number in range(count)]


def _pages(site: Site) -> list[str]:
    return [entry.target for entry in site.log if entry.target != "/robots.txt"]


def _next(order: Order, store: Store) -> Order:
    """Return the next attempt, said in the part's place."""
    following = msgspec.structs.replace(order, attempt=order.attempt + 1)
    write_fence(ShardPlace(store, order.shard), Fence(run=RUN, attempt=following.attempt))
    return following


def _seqs(store: Store, answer: Answer) -> list[int]:
    segments = checkpoint.read(ShardPlace(store, 0), answer.folder).segments
    lines = [line for one in segments for line in store.read(f"{PARTS}/{one.name}").splitlines()]
    return sorted(msgspec.json.decode(line)["seq"] for line in lines)


async def _killed(order: Order, when: Callable[[], bool]) -> None:
    """Carry an order out until something is so; then nothing more comes of it."""
    attempt = asyncio.ensure_future(Attempt(order).run())
    while not when():
        assert not attempt.done(), attempt.result()
        await asyncio.sleep(0.01)
    attempt.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await attempt


@contextlib.asynccontextmanager
async def _site(answer: Callable[[Ask], Page]) -> AsyncIterator[Site]:
    async with serving(answer) as site:
        yield site


def _page(ask: Ask) -> Page:
    return page(title=ask.target, delay_s=0.01)


async def test_the_next_attempt_goes_on_from_the_last_checkpoint(store: Store) -> None:
    async with _site(_page) as site:
        urls = _urls(site)
        politeness: dict[str, Any] = {"delay_s": 0.1, "per_host": 1, "adaptive": False}
        (order,) = orders(urls, store, politeness=politeness)
        order = msgspec.structs.replace(order, checkpoint_s=0.1)
        place = ShardPlace(store, 0)

        def has_come_far() -> bool:
            found = checkpoint.newest(place)
            return found is not None and sum(one.records for one in found.segments) >= 20

        await _killed(order, has_come_far)
        last = checkpoint.newest(place)
        assert last is not None
        kept = sum(one.records for one in last.segments)
        asked = len(_pages(site))
        answer = await Attempt(_next(order, store)).run()
        gaps = [min(site.gaps_s(f"127.0.26.{number + 1}")) for number in range(HOSTS)]

    assert (answer.end, answer.figures.done) == ("complete", len(urls))
    assert _seqs(store, answer) == list(range(len(urls)))
    assert len(_pages(site)) - asked == len(urls) - kept, "what came after the checkpoint is asked for again"
    assert min(gaps) > 0.05


async def test_who_is_superseded_ships_what_it_has(store: Store) -> None:
    async with _site(_page) as site:
        urls = _urls(site)
        (order,) = orders(urls, store, politeness={"delay_s": 0.3, "adaptive": False})
        order = msgspec.structs.replace(order, lease_s=1.2)
        first = asyncio.ensure_future(Attempt(order).run())
        while len(_pages(site)) < 20:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        following = _next(order, store)
        one = await first
        two = await Attempt(following).run()

    assert (one.end, two.end) == ("superseded", "complete")
    assert _seqs(store, two) == list(range(len(urls)))
    assert len(_pages(site)) == len(urls)


async def test_a_crawl_delay_outlives_a_worker_that_has_made_no_checkpoint(store: Store) -> None:
    def answer(ask: Ask) -> Page:
        if ask.target == "/robots.txt":
            return text("User-agent: *\nCrawl-delay: 0.5\n")
        return _page(ask)

    async with _site(answer) as site:
        urls = _urls(site, 6, hosts=2)
        (order,) = orders(urls, store, politeness={"adaptive": False, "delay_s": 0.0})
        order = msgspec.structs.replace(order, checkpoint_s=1000.0, lease_s=1.2)
        place = ShardPlace(store, 0)
        await _killed(order, lambda: "learnt-000001" in place.names() and len(_pages(site)) >= 2)
        assert checkpoint.newest(place) is None
        answered = await Attempt(_next(order, store)).run()

    assert _seqs(store, answered) == list(range(6))
    assert sum(entry.target == "/robots.txt" for entry in site.log) == 2, "once at each host"
    gaps = [gap for number in (1, 2) for gap in site.gaps_s(f"127.0.26.{number}")]
    assert min(gaps) > 0.4, gaps


async def test_while_what_was_learnt_takes_its_time_signs_are_given_and_nothing_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats, further = 0, threading.Event()
    waited: list[bool] = []
    asked: list[int] = []
    write = ShardPlace.write

    def slow(place: ShardPlace, name: str, content: bytes) -> None:
        nonlocal beats
        if name == BEAT:
            beats += 1
            if beats > 12:
                further.set()
        elif name == "learnt-000001" and not waited:
            waited.append(further.wait(10))
            asked.append(len(_pages(site)))
        write(place, name, content)

    def answer(ask: Ask) -> Page:
        if ask.target == "/robots.txt":
            return text("User-agent: *\nCrawl-delay: 0.3\n")
        return _page(ask)

    monkeypatch.setattr(ShardPlace, "write", slow)
    async with _site(answer) as site:
        (order,) = orders(_urls(site, 8, hosts=1), store, politeness={"adaptive": False, "delay_s": 0.0})
        answered = await Attempt(msgspec.structs.replace(order, lease_s=1.2)).run()

    assert (answered.end, waited) == ("complete", [True])
    assert asked[0] <= 4, "with all of them asked for, the next attempt would know of no delay"


async def test_a_host_that_asked_to_be_left_alone_is_left_alone_by_the_next_attempt(store: Store) -> None:
    def answer(ask: Ask) -> Page:
        if ask.host == "127.0.26.1" and ask.target != "/robots.txt":
            return text("", status=503, headers=(("Retry-After", "3600"),))
        return page(title=ask.target, delay_s=0.05)

    def asked(site: Site, host: str) -> int:
        return sum(entry.host == host and entry.target != "/robots.txt" for entry in site.log)

    async with _site(answer) as site:
        urls = _urls(site, 40, hosts=2)
        (order,) = orders(urls, store, politeness={"per_host": 1, "adaptive": False, "delay_s": 0.05})
        order = msgspec.structs.replace(order, checkpoint_s=1000.0, lease_s=1.2)
        place = ShardPlace(store, 0)
        await _killed(order, lambda: "learnt-000001" in place.names())
        before = asked(site, "127.0.26.1")
        await _killed(_next(order, store), lambda: asked(site, "127.0.26.2") >= 20)

    assert asked(site, "127.0.26.1") == before


async def test_a_history_goes_to_the_parts_and_takes_in_what_they_found(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changed = False

    def answer(ask: Ask) -> Page:
        return page(title="another" if changed and ask.target == "/3" else ask.target)

    async with _site(answer) as site:
        urls, history = _urls(site, 8, hosts=4), {"file": "history.sqlite"}
        first = await run_in_parts(urls, f"{store}/one", history=history)
        changed = True
        second = await run_in_parts(urls[:7], f"{store}/two", history=history)

    assert (first.changes["new"], second.changes["unchanged"], second.changes["changed"]) == (8, 6, 1)
    assert second.uploaded == (f"{store}/two",)
    assert not second.outputs
    assert store.names("one") == ["parts", "parts.json"]


async def _stopped(urls: list[str], url: str, site: Site, *, at: int) -> None:
    """Run parts into a store until so many pages were asked for."""
    jobs: list[Job] = []
    slow: dict[str, Any] = {
        "politeness": {"delay_s": 0.2, "per_host": 1, "adaptive": False},
        "cluster": {"shards": 1, "lease_s": 1.2},
    }

    async def stop() -> None:
        while len(_pages(site)) < at:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        jobs[0].drain("enough")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stop(), name="stop")
        result = await run_in_parts(urls, url, begun=lambda job, _totals: jobs.append(job), **slow)
    assert not result.complete


async def test_a_run_that_was_stopped_is_gone_on_with_or_thrown_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with _site(_page) as site:
        urls = _urls(site, 80)
        await _stopped(urls, f"{store}/on", site, at=15)
        (there,) = store.names("on/work")
        resumed = await run_in_parts([], f"{store}/on", mode=Mode.RESUME, cluster={"shards": 0})
        assert len(_pages(site)) == len(urls), "each was asked for once"
        await _stopped(urls, f"{store}/anew", site, at=len(urls) + 15)
        anew = await run_in_parts(urls[:3], f"{store}/anew", mode=Mode.FRESH, cluster={"shards": 2})

    assert resumed.run == there
    for name, result, records in (("on", resumed, 80), ("anew", anew, 3)):
        named = decoded_parts(store.read(f"{name}/parts.json"), shown=name)
        assert (named.run, named.records) == (result.run, records)
        assert store.names(name) == ["parts", "parts.json"]
        assert sorted(f"parts/{one}" for one in store.names(f"{name}/parts")) == sorted(
            part.file for part in named.parts
        )


def test_the_scratch_of_a_worker_that_was_killed_is_swept(tmp_path: Path) -> None:
    left, new = tmp_path / "scraper-part-left", tmp_path / "scraper-part-new"
    for folder in (left, new, tmp_path / "other"):
        folder.mkdir()
    (left / "lock").touch()
    (left / "run-000001").mkdir()
    with scratch_folder(str(tmp_path)) as held:
        (held / "run-000001").mkdir()
        assert not left.exists()
        with scratch_folder(str(tmp_path)) as other:
            assert other != held
        assert held.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"scraper-part-new", "other"}
