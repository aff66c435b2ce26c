"""How many workers may be at work, while others stand aside for hosts that make them wait.

Pure bookkeeping within one event loop: who waits here waits for another worker, never for a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.settings.model import RunSettings


class Slots:
    """Slots for workers that have something to do, or are ready for it.

    Whose host makes it wait *stands aside*: its slot is another worker's meanwhile. So many may; who comes
    when they are as many keeps its slot until one of them is back. Who is heard again *steps back* and is at
    work at once, since its page is coming and its deadline counts. For a while there may then be more at
    work than there are slots; nobody takes up anything new before that is over.
    """

    def __init__(self, slots: int, *, aside: int) -> None:
        """Have so many slots, and let so many workers more stand aside."""
        self._free = slots
        """Below 0: so many are at work beyond the slots."""
        self._most_aside = aside
        self._aside: set[str] = set()
        self._would_stand_aside: dict[str, None] = {}
        """In the order in which they came."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def aside(self) -> int:
        """How many stand aside."""
        return len(self._aside)

    async def take(self) -> None:
        """Take a slot; waits while there is none."""
        if self._free > 0:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was served in the very moment of leaving
                self.give()
            elif place in self._waiting:
                self._waiting.remove(place)
            raise

    def give(self) -> None:
        """Give a slot back."""
        self._free += 1
        while self._free > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():  # else it is leaving, and has not come to do so
                self._free -= 1
                place.set_result(None)

    async def renew(self) -> None:
        """Give a slot back and take one again: waits while more are at work than there are slots.

        A cancellation finds the slot still, or again, held.
        """
        if self._free >= 0:
            return
        self.give()
        try:
            await self.take()
        except asyncio.CancelledError:
            self._free -= 1
            raise

    def stand_aside(self, worker: str) -> None:
        """Give up the slot of a worker that has one, now or as soon as fewer stand aside."""
        if len(self._aside) < self._most_aside:
            self._aside.add(worker)
            self.give()
        else:
            self._would_stand_aside[worker] = None

    def step_back(self, worker: str) -> None:
        """Let a worker have its slot again; one that does not stand aside has it."""
        self._would_stand_aside.pop(worker, None)
        if worker not in self._aside:
            return
        self._aside.remove(worker)
        self._free -= 1
        if self._would_stand_aside:
            follower = next(iter(self._would_stand_aside))
            del self._would_stand_aside[follower]
            self.stand_aside(follower)


def most_aside(run: RunSettings) -> int:
    """Return how many workers may stand aside: by the settings, and by how many files may be open.

    Half of the files are for those at work, for connections that are kept, and for all else.
    """
    try:
        import resource  # noqa: PLC0415 not there on Windows
    except ImportError:
        return run.waiting_visits
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return run.waiting_visits
    return max(0, min(run.waiting_visits, soft // 2 - run.workers))
