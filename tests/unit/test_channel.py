from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from scraper.channel import Channel
from tests.support.fakes import FakeClock, pass_s, play, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


async def taken(channel: Channel[int]) -> list[int]:
    return [item async for item in channel]


async def test_items_come_in_the_order_sent_and_end_with_the_closing() -> None:
    channel = Channel[int](2)
    async with asyncio.TaskGroup() as tasks:
        received = tasks.create_task(taken(channel))
        for item in range(10):
            await channel.send(item)
        await channel.close()
    assert received.result() == list(range(10))


async def test_each_item_goes_to_one_of_the_receivers_and_all_of_them_end() -> None:
    channel = Channel[int](1)
    async with asyncio.TaskGroup() as tasks:
        received = [tasks.create_task(taken(channel)) for _ in range(5)]
        for item in range(50):
            await channel.send(item)
        await channel.close()
    assert sorted(item for one in received for item in one.result()) == list(range(50))


async def test_a_closed_channel_stays_closed() -> None:
    channel = Channel[int](1)
    await channel.close()
    assert await taken(channel) == []
    assert await taken(channel) == []


async def test_who_sends_into_a_full_channel_waits() -> None:
    channel = Channel[int](2)
    await channel.send(1)
    await channel.send(2)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(channel.send(3))
        await settle()
        assert not sending.done()
        assert len(channel) == 2
        assert await anext(channel) == 1
    assert len(channel) == 2


async def cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_cancelled_send_or_receive_leaves_the_channel_as_it_was() -> None:
    channel = Channel[int](1)
    async with asyncio.TaskGroup() as tasks:
        receiving: asyncio.Task[object] = tasks.create_task(anext(channel))
        await settle()
        await cancelled(receiving)
        await channel.send(1)
        sending: asyncio.Task[object] = tasks.create_task(channel.send(2))
        await settle()
        await cancelled(sending)
        await settle()
    assert await anext(channel) == 1
    await channel.close()
    assert await taken(channel) == []


@pytest.mark.parametrize("served_first", [True, False])
async def test_a_receive_that_is_cancelled_as_its_item_comes_loses_nothing(*, served_first: bool) -> None:
    channel = Channel[int](1)
    async with asyncio.TaskGroup() as tasks:
        first: asyncio.Task[int] = tasks.create_task(anext(channel))
        second: asyncio.Task[int] = tasks.create_task(anext(channel))
        await settle()
        await channel.send(7)
        (first if served_first else second).cancel()
        await settle()
        if served_first:
            assert second.result() == 7
        else:
            assert first.result() == 7


def batches(
    send: Callable[[Channel[int]], AsyncIterator[None]], *, items: int = 3, weight: int = 100
) -> list[tuple[float, list[int]]]:
    """Return the batches of what is sent, each with the seconds since the beginning when it came."""

    async def act(clock: FakeClock) -> list[tuple[float, list[int]]]:
        channel = Channel[int](1)
        began_s = clock.now_s

        async def sender() -> None:
            async for _ in send(channel):
                pass
            await channel.close()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sender())
            taken = channel.batches(items=items, weight=weight, within_s=0.5, weigh=lambda item: item)
            return [(clock.now_s - began_s, batch) async for batch in taken]

    return play(act)


def sends(*steps: float) -> Callable[[Channel[int]], AsyncIterator[None]]:
    """Return a sender: an ``int`` is an item, a ``float`` a pause in seconds."""

    async def send(channel: Channel[int]) -> AsyncIterator[None]:
        for step in steps:
            if isinstance(step, int):
                await channel.send(step)
            else:
                await pass_s(step)
            yield

    return send


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), []),
        ((1.0,), []),
        ((1, 2, 3, 4), [(0.0, [1, 2, 3]), (0.0, [4])]),
        ((1, 2, 3), [(0.0, [1, 2, 3])]),
        ((100, 1), [(0.0, [100]), (0.0, [1])]),
        ((60, 40, 1), [(0.0, [60, 40]), (0.0, [1])]),
        ((60, 41, 1), [(0.0, [60, 41]), (0.0, [1])]),
        ((1, 0.25, 2, 4.0, 3), [(0.5, [1, 2]), (4.25, [3])]),
        ((2.0, 1, 0.25, 2), [(2.25, [1, 2])]),
    ],
)
def test_a_batch_ends_by_number_weight_time_or_the_closing(
    steps: tuple[int | float, ...], expected: list[tuple[float, list[int]]]
) -> None:
    assert batches(sends(*steps)) == expected
