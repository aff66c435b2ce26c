"""The sample site from day to day."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING

import pytest

from scraper.demo.days import edition, is_gone
from scraper.demo.server import SampleServer, _bound_beside
from scraper.demo.site import build_site
from scraper.record import Outcome

if TYPE_CHECKING:
    from scraper.demo.truth import Expected

PORT, DEAD = 8080, 9


def rows(day: int) -> dict[str, Expected]:
    """What is expected of the ordinary pages, by URL."""
    listed = build_site(1, 240, day=day).expectations(PORT, dead_port=DEAD)
    pages = {row.url: row for row in listed if row.url and row.duplicate_of is None}
    kinds = "blog|shop|news|docs|wiki|forum|government|app|amp"
    return {url: row for url, row in pages.items() if re.search(rf":{PORT}/({kinds})/", url)}


def test_each_day_another_twentieth_of_the_pages_is_changed() -> None:
    for day in range(1, 41):
        changed = [n for n in range(240) if edition(n, day=day) > edition(n, day=day - 1)]
        assert len(changed) == 12
    assert {edition(n, day=0) for n in range(240)} == {0}
    assert {edition(n, day=20) for n in range(240)} == {1}


def test_a_page_that_is_gone_comes_back() -> None:
    assert [day for day in range(10) if is_gone(59, day=day)] == [1, 2]
    assert [day for day in range(10) if is_gone(119, day=day)] == [2, 3]
    assert not any(is_gone(n, day=1) for n in range(240) if n != 59)


def test_the_list_is_the_same_and_the_truth_is_of_the_day() -> None:
    first, second = build_site(1, 240), build_site(1, 240, day=1)
    lists = [site.list_text(PORT, dead_port=DEAD) for site in (first, second)]
    assert lists[0] == lists[1]
    before, after = rows(0), rows(1)
    assert before.keys() == after.keys()
    differing = [(before[url], after[url]) for url in before if before[url] != after[url]]
    gone = [new for _, new in differing if new.status == 404]
    changed = [(old.title, new.title) for old, new in differing if new.status != 404]
    assert len(gone) == 1
    assert gone[0].outcome is Outcome.HTTP_ERROR
    assert 10 <= len(changed) <= 12
    assert all(old and new and "(2)" in new and "(2)" not in old for old, new in changed)


def test_a_tag_tells_whether_a_page_has_changed() -> None:
    first, second = build_site(1, 240), build_site(1, 240, day=1)
    tags = set()
    for place in first.places:
        one, two = (
            site.answer(place.host, place.path, port=PORT, dead_port=DEAD) for site in (first, second)
        )
        tag, later = dict(one.headers).get("ETag"), dict(two.headers).get("ETag")
        if tag is not None and two.status == 200:
            assert (tag == later) is (one.body == two.body)
            tags.add(tag == later)
    assert tags == {True, False}


async def test_the_next_day_the_dead_port_is_the_same() -> None:
    async with SampleServer(build_site(1, 240)) as server:
        port, dead = server.port, server.dead_port
    async with SampleServer(build_site(1, 240, day=1), port=port) as server:
        assert server.dead_port == dead
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", dead)


async def test_where_the_port_beside_is_taken_another_is_dead() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with _bound_beside(port - 1) as dead, _bound_beside(65_535) as last:
            assert dead.getsockname()[1] not in {port, port - 1}
            assert last.getsockname()[1] != 65_535
