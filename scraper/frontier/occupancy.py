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
    """What politeness alone still takes, as far as it is known: the most over hosts of what their lines
    take by the delay; 0 before the sources are read."""
    longest_host: str | None = None
    """The host that takes so long, where its name is in memory."""


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

    def longest(self, takes_s: Callable[[int, int], float]) -> tuple[float, int | None]:
        """Return the longest that a host still takes by its delay alone, and that host's id.

        ``takes_s`` is given the id of a host and how many of its lines are left.
        """
        return max(
            ((takes_s(home, left), home) for home, left in self._left.items() if left > 0),
            default=(0.0, None),
        )


def occupancy_of(window: Window, largest: Largest, *, unfinished: int, handed_out: int) -> Occupancy:
    """Return how many wait where."""
    waiting = [count for host in window if (count := host.in_memory)]
    ready = len(window.ready)
    least_s, home = largest.longest(window.least_s)
    longest = None if home is None else window.get(home)
    return Occupancy(
        unfinished=unfinished,
        in_memory=sum(waiting),
        handed_out=handed_out,
        hosts_in_memory=len(window),
        hosts_ready=ready,
        hosts_held=max(0, len(waiting) - ready),
        least_s=least_s,
        longest_host=_name(longest) if longest else None,
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
        if (name := _name(host)) is not None:
            held_s = host.turn.not_before_s - now_s
            stands.append(
                HostStands(
                    name,
                    largest.left(host.host_id, known=host.in_memory),
                    held_s if held_s > host.turn.delay_s else 0.0,
                )
            )
    return heapq.nlargest(most, stands, key=lambda one: (one.held_s > 0, one.waiting))


def _name(host: HostQueue) -> str | None:
    """Return a host's name, which its errands have; ``None`` when none is in memory, or it is nobody."""
    waiting = chain(host.queue, *(gate.parked for gate in host.gates.values()))
    first = next(waiting, None) or (host.again[0][2] if host.again else None)
    return (first.host or None) if first is not None else None
