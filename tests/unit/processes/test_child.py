"""The child's side of the line, served in the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from scraper.messages import Again, Finished, Hop, RobotsRequest
from scraper.processes.black_box import BlackBox, new_box_file
from scraper.processes.child import serve
from scraper.processes.frames import (
    Came,
    Cancel,
    Departed,
    Line,
    News,
    Order,
    Ping,
    Pong,
    Start,
    Visit,
    decode_news,
    encode_order,
)
from scraper.robots.access import Standing
from tests.support.crawling import settings
from tests.support.fakes import request
from tests.support.polite_site import Answer, Ask, moved, page, serving, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.polite_site import Site

HOST = "127.0.3.1"


class Parent:
    """The other end: what was told, in its order."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self.line = Line[Order, News](
            encode=encode_order, decode=decode_news, receive=self.news.put_nowait, lost=lambda: None
        )

    async def told(self) -> News:
        async with asyncio.timeout(20):
            return await self.news.get()

    async def came(self, number: int) -> Came:
        """Return the end of a visit that departed before."""
        assert await self.told() == Departed(number)
        came = await self.told()
        assert isinstance(came, Came)
        assert came.number == number
        return came


@contextlib.asynccontextmanager
async def child() -> AsyncIterator[Parent]:
    """Serve a child that has begun, and see that it ends when its line is closed."""
    parent = Parent()
    ours, theirs = socket.socketpair()
    descriptor = new_box_file()
    box = BlackBox(descriptor)
    os.close(descriptor)
    await asyncio.get_running_loop().create_unix_connection(lambda: parent.line, sock=ours)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(theirs, box), name="child")
        parent.line.send(Start(settings(fetch={"private": "allow"}), "scraper", "r1"))
        yield parent
        parent.line.close()
    assert box.number == 0
    box.close()


def script(ask: Ask) -> Answer:
    if ask.target == "/robots.txt":
        return text("User-agent: *\nDisallow: /private\n")
    if ask.target == "/old":
        return moved("/new")
    if ask.target == "/busy":
        return Answer(b"", 503)
    return page(title="A page")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(script) as one:
        yield one


async def test_a_visit_departs_and_comes_back_as_a_record(site: Site) -> None:
    async with child() as parent:
        parent.line.send(Visit(1, request(site.url(HOST, "/a"), extra={"n": 2**70}), may_retry=True))
        verdict = (await parent.came(1)).verdict
    assert isinstance(verdict, Finished)
    record = json.loads(verdict.line)
    assert (record["run"], record["outcome"], record["title"]) == ("r1", "ok", "A page")
    assert record["extra"] == {"n": 2**70}


async def test_what_goes_again_leaves_its_other_columns_behind(site: Site) -> None:
    async with child() as parent:
        parent.line.send(Visit(1, request(site.url(HOST, "/old"), extra={"n": 2**70}), may_retry=True))
        verdict = (await parent.came(1)).verdict
    assert isinstance(verdict, Hop)
    assert not isinstance(verdict.errand, RobotsRequest)
    assert (verdict.errand.target, verdict.errand.extra) == (site.url(HOST, "/new"), None)


async def test_a_further_try_is_taken_from_the_runs_budget_or_not_at_all(site: Site) -> None:
    busy = request(site.url(HOST, "/busy"))
    async with child() as parent:
        parent.line.send(Visit(1, busy, may_retry=True))
        first = await parent.came(1)
        parent.line.send(Visit(2, busy, may_retry=False))
        second = await parent.came(2)
    assert isinstance(first.verdict, Again)
    assert first.tries_taken == 1
    assert isinstance(second.verdict, Finished)
    assert second.tries_taken == 0


async def test_a_robots_txt_is_not_read_here(site: Site) -> None:
    origin = site.origin(HOST)
    errand = RobotsRequest(target=f"{origin}/robots.txt", host=f"{HOST}:{site.port}", origin=origin)
    async with child() as parent:
        parent.line.send(Visit(1, errand, may_retry=True))
        came = await parent.came(1)
    assert came.verdict is None
    assert came.robots is not None
    assert (came.robots.standing, came.robots.body) == (
        Standing.RULES,
        "User-agent: *\nDisallow: /private\n",
    )


async def test_it_answers_when_it_is_asked_whether_it_is_there() -> None:
    async with child() as parent:
        parent.line.send(Ping())
        assert await parent.told() == Pong()


async def test_of_a_visit_that_is_left_there_are_no_news() -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    def silent(ask: Ask) -> Answer:
        if ask.target == "/silent":
            arrived.set()
            return Answer(b"", held_by=never)
        return page()

    async with serving(silent) as site, child() as parent:
        parent.line.send(Visit(1, request(site.url(HOST, "/silent")), may_retry=True))
        assert await parent.told() == Departed(1)
        await arrived.wait()
        parent.line.send(Cancel(1))
        parent.line.send(Cancel(99))
        parent.line.send(Visit(2, request(site.url(HOST, "/other")), may_retry=True))
        assert isinstance((await parent.came(2)).verdict, Finished)


async def test_visits_under_way_end_with_the_line() -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    def silent(ask: Ask) -> Answer:
        arrived.set()
        return Answer(b"", held_by=never)

    async with serving(silent) as site, child() as parent:
        parent.line.send(Visit(1, request(site.url(HOST, "/")), may_retry=True))
        await arrived.wait()


async def test_a_line_that_closes_at_once_is_no_error() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    descriptor = new_box_file()
    box = BlackBox(descriptor)
    os.close(descriptor)
    await serve(theirs, box)
    box.close()
