"""Hosts with nothing left to be asked, whose delay is kept in mind until it is over."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.politeness import HostTurn


class Resting:
    """Turns of hosts that have left the window: a fraction of what a host in it takes."""

    def __init__(self) -> None:
        self._turns: dict[int, HostTurn] = {}
        self._ends: list[tuple[float, int]] = []

    def add(self, host_id: int, turn: HostTurn) -> None:
        """Keep the turn of a host that leaves, until it may be asked again."""
        self._turns[host_id] = turn
        heapq.heappush(self._ends, (turn.not_before_s, host_id))

    def take(self, host_id: int) -> HostTurn | None:
        """Return the turn of a host that comes back, ``None`` when there is nothing to keep."""
        return self._turns.pop(host_id, None)

    def forget(self, now_s: float) -> None:
        """Let go of those whose delay is over."""
        while self._ends and self._ends[0][0] <= now_s:
            _, host_id = heapq.heappop(self._ends)
            turn = self._turns.get(host_id)
            if turn is not None and turn.not_before_s <= now_s:
                del self._turns[host_id]
