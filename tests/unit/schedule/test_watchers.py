"""Streams of changes: nothing is missed, what is not taken is one, and the daemon's end is theirs."""

from __future__ import annotations

import asyncio

from scraper.schedule.watchers import Watchers


async def test_changes_that_nobody_took_are_one_and_the_end_ends_the_stream() -> None:
    watchers, taken = Watchers(), 0
    with watchers.watching() as changes:
        watchers.note()
        watchers.note()
        await anext(changes)
        taken += 1
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(changes, "ended"), name="waits")
            await asyncio.sleep(0)
            assert not waiting.done()
            watchers.note()
        assert waiting.result() is None
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(anext(changes, "ended"), name="waits")
            await asyncio.sleep(0)
            watchers.close()
        assert waiting.result() == "ended"
        assert [change async for change in changes] == []
    watchers.note()
    with watchers.watching() as changes:
        assert [change async for change in changes] == [], "there is no daemon any more"
    assert taken == 1
