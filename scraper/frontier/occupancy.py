"""How the frontier stands at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST = 256
"""Hosts whose lines are counted for the time that politeness takes."""


class Occupancy(NamedTuple):
    """How the frontier stands; for people."""

    unfinished: int
    """Lines admitted whose record is not written yet."""
    in_memory: int
    """Errands in the queues of hosts."""
    handed_out: int
    hosts_in_memory: int
    hosts_ready: int
    """Hosts that may be asked now."""
    hosts_held: int
    """Hosts with requests that must wait for their delay, a slot, a back-off or robots.txt."""
    least_s: float
    """What politeness alone still takes, as far as it is known: the most over hosts of lines times
    delay; 0 before the sources are read."""


class Largest:
    """The hosts that had the most lines when the sources were read: they take the longest."""

    def __init__(self) -> None:
        self._left: dict[int, int] = {}
        self._usual = 0
        """No other host had more lines than this."""

    def count(self, lines: Mapping[int, int]) -> None:
        """Begin with so many lines by host id."""
        self._left = dict(lines)
        self._usual = min(lines.values(), default=0) if len(lines) >= LARGEST else 0

    def ahead(self, home: int) -> int:
        """Return how many lines more a host has left than any that is not counted had; 0 for most hosts."""
        left = self._left.get(home)
        return left - self._usual if left is not None and left > self._usual else 0

    def urgent(self) -> list[int]:
        """Return the hosts that have more lines left than others, by their ids, the largest first."""
        ahead = {home: lines for home in self._left if (lines := self.ahead(home))}
        return sorted(ahead, key=ahead.__getitem__, reverse=True)

    def leave(self, home: int) -> None:
        """Note that a line of a host is finished, or waits at another."""
        if home in self._left:
            self._left[home] -= 1

    def come(self, home: int) -> None:
        """Note that a line waits at a host now."""
        if home in self._left:
            self._left[home] += 1

    def least_s(self, delay_s: Callable[[int], float]) -> float:
        """Return what the hosts' delays, by their ids, alone still make them take."""
        return max((left * delay_s(home) for home, left in self._left.items()), default=0.0)
