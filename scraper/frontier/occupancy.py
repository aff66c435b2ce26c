"""How the frontier stands at a moment."""

from __future__ import annotations

import heapq
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scraper.frontier.host_queue import HostQueue
    from scraper.frontier.window import Window

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

    def left(self, home: int, *, known: int) -> int:
        """Return how many lines of a host are left: ``known`` where it is none of those that are counted."""
        return max(self._left.get(home, 0), known)

    def least_s(self, delay_s: Callable[[int], float]) -> float:
        """Return what the hosts' delays, by their ids, alone still make them take."""
        return max((left * delay_s(home) for home, left in self._left.items()), default=0.0)


def occupancy_of(window: Window, largest: Largest, *, unfinished: int, handed_out: int) -> Occupancy:
    """Return how many wait where."""
    waiting = [count for host in window if (count := host.in_memory)]
    ready = len(window.ready)
    return Occupancy(
        unfinished=unfinished,
        in_memory=sum(waiting),
        handed_out=handed_out,
        hosts_in_memory=len(window),
        hosts_ready=ready,
        hosts_held=max(0, len(waiting) - ready),
        least_s=largest.least_s(window.delay_s),
    )


class HostStands(NamedTuple):
    """How one host stands."""

    host: str
    waiting: int
    """Its lines that are left; of hosts with few lines only those in memory."""
    held_s: float
    """How long it is left alone beyond its delay, because it asked for it or failed."""


def busiest(hosts: Iterable[HostQueue], largest: Largest, *, most: int, now_s: float) -> list[HostStands]:
    """Return the hosts with the most left to do, or that are left alone, the first of them first."""
    stands = []
    for host in hosts:
        waiting = chain(host.queue, *(gate.parked for gate in host.gates.values()))
        first = next(waiting, None) or (host.again[0][2] if host.again else None)
        if first is not None and first.host:
            held_s = host.turn.not_before_s - now_s
            stands.append(
                HostStands(
                    first.host,
                    largest.left(host.host_id, known=host.in_memory),
                    held_s if held_s > host.turn.delay_s else 0.0,
                )
            )
    return heapq.nlargest(most, stands, key=lambda one: (one.held_s > 0, one.waiting))
