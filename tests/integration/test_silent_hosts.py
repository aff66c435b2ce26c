"""Hosts that say nothing cost the others nothing: shown by who is answered while they are still waited for.

No test here looks at a clock: the silent hosts are let go only when all others have their records.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

import scraper
from tests.support.crawling import settings
from tests.support.wire import read_head, serving

if TYPE_CHECKING:
    from scraper import Record

HEALTHY, SILENT = 40, 12
"""Hosts; the second by the number of the host are silent."""
PAGE = b"<title>hello</title>"


class Town:
    """Many hosts, of which those in 127.9.2.0/24 do not answer before they may."""

    def __init__(self, *, drips: bool) -> None:
        self.may_answer = asyncio.Event()
        self.all_wait = asyncio.Event()
        self.waiting = 0
        self._drips = drips

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 20\r\n\r\n"
        )
        await read_head(reader)
        if not writer.get_extra_info("sockname")[0].startswith("127.9.2."):
            writer.write(head + PAGE)
            await writer.drain()
            return
        sent = 0
        if self._drips:
            sent = len(head) + 5
            writer.write((head + PAGE)[:sent])
            await writer.drain()
        self.waiting += 1
        if self.waiting == SILENT:
            self.all_wait.set()
        await self.may_answer.wait()
        self.waiting -= 1
        writer.write((head + PAGE)[sent:])
        await writer.drain()


def is_healthy(record: Record) -> bool:
    return record.input.startswith("http://127.9.1.")


@pytest.mark.parametrize(
    ("drips", "processes"),
    [
        (False, 0),
        (True, 0),
        pytest.param(
            False,
            2,
            marks=pytest.mark.skipif(sys.platform == "win32", reason="no processes to inherit sockets"),
        ),
    ],
)
async def test_all_others_are_answered_while_every_silent_host_is_still_waited_for(
    *, drips: bool, processes: int
) -> None:
    town = Town(drips=drips)
    async with serving(town.talk, address="0.0.0.0") as wire:  # noqa: S104 - a range can't be bound
        silent = [wire.url(host=f"127.9.2.{n + 1}") for n in range(SILENT)]
        healthy = [wire.url(host=f"127.9.1.{n + 1}") for n in range(HEALTHY)]
        chosen = settings(
            run={"workers": 4, "waiting_visits": SILENT, "processes": processes},
            fetch={"patience_s": 0.05, "read_s": 60.0, "total_s": 60.0},
            robots={"policy": "ignore"},
        )
        async with scraper.crawl([*silent, *healthy], settings=chosen) as records:
            first = [await anext(records) for _ in healthy]
            assert all(map(is_healthy, first))
            await town.all_wait.wait()
            assert town.waiting == SILENT
            town.may_answer.set()
            rest = [record async for record in records]
    assert not any(map(is_healthy, rest))
    assert {record.outcome for record in [*first, *rest]} == {scraper.Outcome.OK}
    assert sorted(record.input for record in [*first, *rest]) == sorted([*silent, *healthy])
