"""One host in memory: its next requests, those in back-off, and when its turn comes."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.messages import Request
    from scraper.politeness import HostTurn


class HostQueue:
    """One host in the window; the frontier alone changes it."""

    __slots__ = ("again", "cursor", "due_s", "host_id", "loaded", "loading", "more", "queue", "turn")

    def __init__(self, host_id: int, turn: HostTurn) -> None:
        self.host_id = host_id
        self.turn = turn
        self.queue: deque[Request] = deque()
        """May go as soon as the host may be asked."""
        self.again: list[tuple[float, int, Request]] = []
        """A heap of those that wait for a back-off: until when, tie-break, request."""
        self.cursor = -1
        """The last ``seq`` that was loaded from the state."""
        self.more = True
        """The state may have rows behind the cursor."""
        self.loading = False
        self.loaded = 0
        """Rows that were loaded and are not finished, wherever they are now. While there are any the
        host stays: taken in anew, it would load them a second time."""
        self.due_s: float | None = None
        """The time it is queued for; ``None`` when it stands in no queue."""

    @property
    def in_memory(self) -> int:
        """How many of its requests wait here."""
        return len(self.queue) + len(self.again)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left of it but, perhaps, a delay to keep."""
        waits = self.queue or self.again or self.more or self.loading
        return not (waits or self.loaded or self.turn.under_way)

    def next_at_s(self) -> float | None:
        """When its next request may go; ``None`` when it has none or no slot is free."""
        if self.turn.is_free:
            if self.queue:
                return self.turn.not_before_s
            if self.again:
                return max(self.turn.not_before_s, self.again[0][0])
        return None

    def take(self, now_s: float) -> Request:
        """Take out its next request: one whose back-off is over goes before the queue."""
        if self.again and self.again[0][0] <= now_s:
            return heapq.heappop(self.again)[2]
        return self.queue.popleft()
