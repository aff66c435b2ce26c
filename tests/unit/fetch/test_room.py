"""Room for bodies: never more than there is, in order, and nothing is lost by those who leave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.room import Room

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE_BYTES = 100


class Guests:
    """Tasks that each want room and hold it until they are let go."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.room = Room(SIZE_BYTES)
        self.inside: list[int] = []
        self._tasks = tasks
        self._doors: list[asyncio.Event] = []
        self._all: list[asyncio.Task[None]] = []

    async def come(self, wanted_bytes: int) -> None:
        door = asyncio.Event()
        number = len(self._all)
        self._doors.append(door)

        async def stay() -> None:
            async with self.room.of(wanted_bytes):
                self.inside.append(number)
                await door.wait()
                self.inside.remove(number)

        self._all.append(self._tasks.create_task(stay(), name=f"guest-{number}"))
        await settle()

    async def let_go(self, number: int) -> None:
        self._doors[number].set()
        await settle()

    async def cancel(self, number: int) -> None:
        self._all[number].cancel()
        if number in self.inside:
            self.inside.remove(number)
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_first_gets_first() -> None:
    async with asyncio.TaskGroup() as tasks:
        guests = Guests(tasks)
        for wanted_bytes in (60, 50, 10):
            await guests.come(wanted_bytes)
        assert guests.inside == [0], "10 would fit, but a stream of small ones must not starve a large one"
        await guests.let_go(0)
        assert guests.inside == [1, 2]
        for number in (1, 2):
            await guests.let_go(number)


async def test_what_is_more_than_all_there_is_counts_as_all() -> None:
    async with asyncio.TaskGroup() as tasks:
        guests = Guests(tasks)
        await guests.come(SIZE_BYTES * 5)
        await guests.come(1)
        assert guests.inside == [0]
        await guests.let_go(0)
        assert guests.inside == [1]
        await guests.let_go(1)


@pytest.mark.parametrize("leaves", [0, 1])
async def test_who_is_cancelled_leaves_room_to_others(leaves: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        guests = Guests(tasks)
        for _ in range(3):
            await guests.come(60)
        await guests.cancel(leaves)
        assert guests.inside == ([1] if leaves == 0 else [0])
        for number in {0, 1} - {leaves}:
            await guests.let_go(number)
        assert guests.inside == [2]
        await guests.let_go(2)


async def test_who_is_cancelled_when_served_gives_it_back() -> None:
    room = Room(SIZE_BYTES)
    async with asyncio.TaskGroup() as tasks:
        guests = Guests(tasks)
        guests.room = room
        await guests.come(SIZE_BYTES)
        await guests.come(SIZE_BYTES)
        guests._doors[0].set()
        await asyncio.sleep(0)  # the first leaves and serves the second, which has not run yet
        guests._all[1].cancel()
        await settle()
        await guests.come(SIZE_BYTES)
        assert guests.inside == [2]
        await guests.let_go(2)


async def test_all_may_be_cancelled_at_once() -> None:
    async with asyncio.TaskGroup() as tasks:
        guests = Guests(tasks)
        for _ in range(3):
            await guests.come(SIZE_BYTES)
        for task in guests._all:
            task.cancel()
        await settle()
        assert all(task.cancelled() for task in guests._all)
        await guests.come(SIZE_BYTES)
        assert guests.inside[-1] == 3
        await guests.let_go(3)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["come", "let_go", "cancel"]), st.integers(0, 2 * SIZE_BYTES)), max_size=30
    )
)
def test_no_more_is_held_than_there_is_and_all_is_served(steps: Sequence[tuple[str, int]]) -> None:
    async def play() -> None:
        async with asyncio.TaskGroup() as tasks:
            guests = Guests(tasks)
            wanted: list[int] = []
            for what, number in steps:
                if what == "come":
                    wanted.append(number)
                    await guests.come(number)
                elif wanted:
                    act = guests.let_go if what == "let_go" else guests.cancel
                    await act(number % len(wanted))
                assert sum(min(wanted[one], SIZE_BYTES) for one in guests.inside) <= SIZE_BYTES
            for number in range(len(wanted)):
                await guests.let_go(number)
            assert guests.inside == []
            await guests.come(SIZE_BYTES)
            assert guests.inside, "all of it is there again"
            await guests.let_go(len(wanted))

    asyncio.run(play())
