"""One host in memory: its next requests, those in back-off, and when its turn comes."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.frontier.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.messages import Errand, Request
    from scraper.politeness import HostTurn

_AT_ONCE_S = float("-inf")


class HostQueue:
    """One host in the window; the frontier alone changes it."""

    __slots__ = (
        "again",
        "cursor",
        "due_s",
        "entered",
        "gates",
        "host_id",
        "is_known",
        "is_listed",
        "loaded",
        "loading",
        "more",
        "queue",
        "turn",
    )

    def __init__(self, host_id: int, turn: HostTurn, *, entered: bool = False) -> None:
        self.host_id = host_id
        self.turn = turn
        self.entered = entered
        """What the state knows of the host was read; before that nothing is asked of it."""
        self.is_known = False
        """Its turn has been used before."""
        self.is_listed = False
        """The user's own list names it, as far as that is read."""
        self.gates: dict[str, Gate] = {}
        """By origin: what its robots.txt says. http and https may differ, and so do ports."""
        self.queue: deque[Request] = deque()
        """May go as soon as the host may be asked."""
        self.again: list[tuple[float, int, Errand]] = []
        """A heap of those that wait for a back-off: until when, tie-break, errand."""
        self.cursor = -1
        """The last place that was loaded from the state."""
        self.more = True
        """The state may have rows behind the cursor."""
        self.loading = False
        self.loaded = 0
        """Rows that were loaded and are not finished, wherever they are now. While there are any the
        host stays: taken in anew, it would load them a second time."""
        self.due_s: float | None = None
        """The time it is queued for; ``None`` when it stands in no queue."""

    @property
    def waiting(self) -> int:
        """How many of its requests wait for nothing but their turn, or for robots.txt."""
        return len(self.queue) + sum(len(gate.parked) for gate in self.gates.values())

    @property
    def in_memory(self) -> int:
        """How many errands wait here, for whatever."""
        return self.waiting + len(self.again)

    @property
    def has_more(self) -> bool:
        """Whether anything else is known to be asked of it."""
        return bool(self.queue or self.again or self.more or self.loading) or self.waiting > 0

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left of it but, perhaps, a delay to keep."""
        return not (self.has_more or self.loaded or self.turn.under_way)

    def can_step_aside(self, until_s: float) -> bool:
        """Whether all that it holds would be there again at a time, from the disk.

        What robots.txt said has to hold until then, too: else it would be asked for again and again.
        """
        if not self.entered or self.loading or self.again or self.turn.under_way:
            return False
        if self.loaded != len(self.queue) or not all(gate.holds(until_s) for gate in self.gates.values()):
            return False
        return all(
            one.home == self.host_id and not (one.tries or one.redirects or one.is_anew) for one in self.queue
        )

    def next_at_s(self) -> float | None:
        """When its next errand may go; ``None`` when it has none or no slot is free."""
        if not self.entered or not (self.queue or self.again):
            return None
        if self.turn.is_given_up:
            return _AT_ONCE_S
        if not self.turn.is_free:
            return None
        return self.turn.not_before_s if self.queue else max(self.turn.not_before_s, self.again[0][0])

    def waiting_again(self) -> Iterator[Errand]:
        """Give what waits here and has already come some way."""
        parked = (errand for gate in self.gates.values() for errand in gate.parked)
        for errand in (*(errand for _, _, errand in self.again), *self.queue, *parked):
            if errand.tries or errand.redirects:
                yield errand

    def take(self, now_s: float) -> Errand:
        """Take out its next errand: one whose back-off is over goes before the queue."""
        if self.again and (self.again[0][0] <= now_s or not self.queue):
            return heapq.heappop(self.again)[2]
        return self.queue.popleft()

    def extend(self, rows: Sequence[Request], *, now_s: float) -> None:
        """Take up what was loaded from the state, the next of its rows in their order."""
        self.loaded += len(rows)
        self.queue.extend(replace(row, known_at_s=now_s) for row in rows)
        if rows:
            self.cursor = rows[-1].place

    def be_listed(self) -> None:
        """Note that the user's own list names the host; its private addresses are then not refused."""
        if not self.is_listed:
            self.is_listed = True
            for gate in self.gates.values():
                gate.forget_blocked()

    def name(self) -> str | None:
        """Return its host key, ``None`` when nothing here tells it."""
        if self.queue:
            return self.queue[0].host
        return self.again[0][2].host if self.again else None

    def gate(self, origin: str) -> Gate:
        """Return the gate of an origin, a new one where there was none."""
        gate = self.gates.get(origin)
        if gate is None:
            gate = self.gates[origin] = Gate()
        return gate
