"""A fetch tells when its host keeps it waiting; over real connections."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

import pytest

from scraper.fetch.room import Room
from tests.support.fetching import fetch_by, fetching
from tests.support.wire import answering, read_head, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def test_it_tells_when_a_host_keeps_it_waiting_and_when_no_more() -> None:
    """Before the head, and within the body; the answer is that of any other."""
    page = b"a" * 5000
    told: list[bool] = []
    lost = asyncio.Event()

    def waits(is_kept_waiting: bool) -> None:  # noqa: FBT001 - it is what is told
        told.append(is_kept_waiting)
        if is_kept_waiting:
            lost.set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
        await read_head(reader)
        for piece in (head + page[:2000], page[2000:]):
            await lost.wait()
            lost.clear()
            writer.write(piece)
            await writer.drain()

    async with serving(talk) as wire, fetching(patience_s=0.02) as fetcher:
        got = await fetch_by(fetcher, wire.url(), waits=waits)
    assert got.body == page
    assert told == [True, False] * 2


@pytest.mark.parametrize("is_doubtful", [False, True])
async def test_what_is_answered_at_once_is_not_waited_for_unless_it_was_doubtful(
    *, is_doubtful: bool
) -> None:
    told: list[bool] = []
    async with serving(answering(OK)) as wire, fetching() as fetcher:
        await fetch_by(fetcher, wire.url(), waits=told.append, is_doubtful=is_doubtful)
    assert told == ([True, False] if is_doubtful else [])


class Narrow(Room):
    """Room for one."""

    def __init__(self, *, guests: int) -> None:
        super().__init__(1)
        self._guests = guests
        self.all_have_asked = asyncio.Event()
        self.inside = self.most_inside = 0

    @contextlib.asynccontextmanager
    async def of(self, wanted_bytes: int) -> AsyncIterator[None]:
        self._guests -= 1
        if not self._guests:
            self.all_have_asked.set()
        async with super().of(wanted_bytes):
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            yield
            self.inside -= 1


async def test_large_bodies_of_hosts_that_kept_us_waiting_wait_for_each_other() -> None:
    """Such hosts may be many times as many as there are workers, and begin all at once."""
    page = b"a" * 200_000
    may_end, room = asyncio.Event(), Narrow(guests=3)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + page[:-1])
        await writer.drain()
        await may_end.wait()
        writer.write(page[-1:])
        await writer.drain()

    async with serving(talk) as wire, fetching() as fetcher, asyncio.TaskGroup() as tasks:
        fetcher._late_room = room
        late = partial(fetch_by, fetcher, waits=lambda _: None, is_doubtful=True)
        got = [tasks.create_task(late(wire.url(f"/{n}")), name=f"fetch-{n}") for n in range(3)]
        await room.all_have_asked.wait()
        may_end.set()
    assert room.most_inside == 1
    assert all(one.result().body == page for one in got)
