"""Hosts that are not in memory and may not be asked yet: their turns are kept in mind."""

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
        self._returning: dict[int, float] = {}
        """Hosts that still have lines on disk, and when they are wanted back."""
        self._returns: list[tuple[float, int]] = []

    def add(self, host_id: int, turn: HostTurn) -> None:
        """Keep the turn of a host that leaves, until it may be asked again."""
        self._turns[host_id] = turn
        heapq.heappush(self._ends, (turn.not_before_s, host_id))

    def want_back(self, host_id: int, at_s: float) -> None:
        """Note that a host has lines on disk, to be taken in again when its time has come."""
        if self._returning.get(host_id) != at_s:
            self._returning[host_id] = at_s
            heapq.heappush(self._returns, (at_s, host_id))

    def rests(self, host_id: int, now_s: float) -> float | None:
        """Return until when a host is better left alone, ``None`` when it may come in now."""
        at_s = self._returning.get(host_id)
        if at_s is None and (turn := self._turns.get(host_id)) is not None:
            at_s = turn.not_before_s
        return at_s if at_s is not None and at_s > now_s else None

    def take(self, host_id: int) -> HostTurn | None:
        """Return the turn of a host that comes back, ``None`` when there is nothing to keep."""
        self._returning.pop(host_id, None)
        return self._turns.pop(host_id, None)

    def next_return_s(self) -> float | None:
        """When the first host is wanted back."""
        while self._returns and self._returning.get(self._returns[0][1]) != self._returns[0][0]:
            heapq.heappop(self._returns)
        return self._returns[0][0] if self._returns else None

    def returning(self, now_s: float) -> list[int]:
        """Return the hosts that are wanted back by now; they are forgotten as such."""
        back = []
        while (at_s := self.next_return_s()) is not None and at_s <= now_s:
            _, host_id = heapq.heappop(self._returns)
            del self._returning[host_id]
            back.append(host_id)
        return back

    def forget(self, now_s: float) -> None:
        """Let go of those whose delay is over and that are not wanted back."""
        while self._ends and self._ends[0][0] <= now_s:
            _, host_id = heapq.heappop(self._ends)
            turn = self._turns.get(host_id)
            if turn is not None and turn.not_before_s <= now_s and host_id not in self._returning:
                del self._turns[host_id]
