"""Who is at work, who stands aside, and who waits for a slot."""

from __future__ import annotations

import asyncio
import resource
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.settings.model import RunSettings
from scraper.slots import Slots, most_aside
from tests.support.fakes import play, settle

if TYPE_CHECKING:
    from tests.support.fakes import FakeClock


class Crew:
    """Workers that hold a slot until they are let go."""

    def __init__(self, *, slots: int, aside: int) -> None:
        self.slots = Slots(slots, aside=aside)
        self.at_work: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._let_go: dict[str, asyncio.Event] = {}
        self._again: set[str] = set()
        self.waits: set[str] = set()
        """Those that were told to stand aside by ``step``, and not to step back."""

    async def work(self, name: str) -> None:
        await self.slots.take()
        try:
            while True:
                self.at_work.append(name)
                self._let_go[name] = asyncio.Event()
                await self._let_go[name].wait()
                self.at_work.remove(name)
                if name not in self._again:
                    return
                await self.slots.renew()
        finally:
            self.slots.give()

    async def begin(self, tasks: asyncio.TaskGroup, *names: str) -> None:
        for name in names:
            self.tasks[name] = tasks.create_task(self.work(name), name=name)
        await settle()

    async def end(self, name: str, *, goes_on: bool = False) -> None:
        (self._again.add if goes_on else self._again.discard)(name)
        self._let_go[name].set()
        await settle()

    async def step(self, what: str, name: str) -> None:
        """Let one that is at work ``end``, ``go on`` with something else, go ``aside`` or come ``back``.

        Or ``cancel`` one that is not.
        """
        if (name in self.at_work) == (what == "cancel"):
            return
        if what == "cancel":
            self.tasks[name].cancel()
        elif what == "aside":
            if name not in self.waits:
                self.slots.stand_aside(name)
                self.waits.add(name)
        else:
            self.slots.step_back(name)
            self.waits.discard(name)
            if what != "back":
                await self.end(name, goes_on=what == "go on")
        await settle()


async def is_waiting(slots: Slots) -> bool:
    """Whether who wants a slot has to wait for it; it is left alone again."""
    async with asyncio.TaskGroup() as tasks:
        taking = tasks.create_task(slots.take())
        await settle()
        waits = not taking.done()
        taking.cancel()
    return waits


async def test_so_many_are_at_work_as_there_are_slots_and_others_follow_in_order() -> None:
    crew = Crew(slots=2, aside=0)
    async with asyncio.TaskGroup() as tasks:
        await crew.begin(tasks, *"abcd")
        assert crew.at_work == ["a", "b"]
        await crew.end("b")
        assert crew.at_work == ["a", "c"]
        await crew.end("c", goes_on=True)
        assert crew.at_work == ["a", "c"], "it keeps its slot while there are enough"
        for name in "acd":
            await crew.end(name)


async def test_who_stands_aside_gives_its_slot_to_another_and_is_at_work_at_once_when_it_is_back() -> None:
    crew = Crew(slots=1, aside=1)
    async with asyncio.TaskGroup() as tasks:
        await crew.begin(tasks, *"abc")
        crew.slots.stand_aside("a")
        await settle()
        assert crew.slots.aside == 1
        assert crew.at_work == ["a", "b"]
        crew.slots.step_back("a")
        assert crew.slots.aside == 0
        await crew.end("b", goes_on=True)
        assert crew.at_work == ["a"], "there is one slot, and a has it"
        await crew.end("a", goes_on=True)
        assert crew.at_work == ["a"]
        await crew.end("a")
        assert crew.at_work == ["c"]
        await crew.end("c")
        assert crew.at_work == ["b"], "it waits behind who came before"
        await crew.end("b")


async def test_who_comes_when_too_many_stand_aside_keeps_its_slot_until_one_is_back() -> None:
    crew = Crew(slots=3, aside=1)
    async with asyncio.TaskGroup() as tasks:
        await crew.begin(tasks, *"abcdefg")
        for name in "abc":
            crew.slots.stand_aside(name)
        await settle()
        assert crew.at_work == [*"abcd"]
        crew.slots.step_back("b")  # it never stood aside
        await settle()
        assert crew.at_work == [*"abcd"]
        crew.slots.step_back("a")
        await settle()
        assert crew.slots.aside == 1, "now it is c that does"
        assert crew.at_work == [*"abcd"], "a has the slot of c"
        for name in "abcdefg":
            crew.slots.step_back(name)
            await crew.end(name)


async def test_to_step_back_twice_is_to_step_back() -> None:
    slots = Slots(1, aside=1)
    await slots.take()
    slots.step_back("a")
    slots.stand_aside("a")
    slots.step_back("a")
    slots.step_back("a")
    slots.give()
    await slots.take()  # there is one,
    assert await is_waiting(slots), "and only one"


@pytest.mark.parametrize("leaves", [1, 2])
async def test_who_leaves_while_it_waits_takes_nothing_from_the_others(leaves: int) -> None:
    """Also in the very moment in which it is served."""
    slots = Slots(1, aside=0)
    await slots.take()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(slots.take()) for _ in range(3)]
        await settle()
        if leaves == 1:
            waiting[0].cancel()
            slots.give()
        else:
            slots.give()
            waiting[0].cancel()
        await settle()
        assert [task.done() for task in waiting] == [True, True, False]
        slots.give()


async def test_who_is_cancelled_while_it_renews_still_has_a_slot_to_give_back() -> None:
    slots = Slots(1, aside=1)
    await slots.take()
    slots.stand_aside("a")
    await slots.take()
    slots.step_back("a")  # two are at work now
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(slots.renew())
        await settle()
        assert not renewing.done()
        renewing.cancel()
    slots.give()
    slots.give()
    await slots.take()
    assert await is_waiting(slots)


@given(
    slots=st.integers(1, 3),
    aside=st.integers(0, 3),
    steps=st.lists(
        st.tuples(st.sampled_from(["end", "go on", "aside", "back", "cancel"]), st.integers(0, 9)),
        max_size=40,
    ),
)
def test_whatever_happens_all_slots_are_had_and_none_twice(
    slots: int, aside: int, steps: list[tuple[str, int]]
) -> None:
    async def act(_clock: FakeClock) -> None:
        crew = Crew(slots=slots, aside=aside)
        async with asyncio.TaskGroup() as tasks:
            await crew.begin(tasks, *(f"w{n}" for n in range(10)))
            for what, number in steps:
                await crew.step(what, f"w{number}")
                left = sum(not task.done() for task in crew.tasks.values())
                assert crew.slots.aside == min(len(crew.waits), aside)
                assert len(crew.at_work) >= min(left, slots + crew.slots.aside), "no slot lies idle"
            while crew.at_work:
                await crew.step("end", crew.at_work[0])
        for _ in range(slots):  # all of them are there again,
            await crew.slots.take()
        assert await is_waiting(crew.slots), "and no more than that"

    play(act)


@pytest.mark.parametrize(
    ("files", "expected"),
    [(20_000, 500), (1024, 412), (600, 200), (200, 0), (40, 0), (resource.RLIM_INFINITY, 500)],
)
def test_fewer_stand_aside_where_few_files_may_be_open(
    files: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert most_aside(RunSettings(workers=100, waiting_visits=500)) == expected


def test_where_the_system_has_no_such_limit_the_settings_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert most_aside(RunSettings(workers=100, waiting_visits=500)) == 500
