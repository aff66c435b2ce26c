"""How long a machine takes for its hosts, by arithmetic: for lists too long to be crawled for trial.

A host in the window gives a page each *period* (its delay, and what a request takes to arrive), as long as
the machine keeps up. Hosts that are ready go one after the other, so a machine that does not keep up gives
all of them the same share. Served so, a host leaves when those in the window have each had as many turns as
it needed since it came: one number for all of them. So only comings and leavings are events, and the number
of URLs does not matter (generalised processor sharing, Parekh and Gallager 1993). The largest hosts are
served before, the one with the most left first, until they have no more left than others.

From a delay of a second on, hosts that wait step aside for others when the window is full and nothing is
ready, which is left out here: the real frontier is quicker then. Left out is also that a request that was let
go waits for a free worker, and that the largest come into a window that is full: it is some percent slower.

``tests/unit/test_scale.py`` holds it against the real frontier.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scraper.frontier.occupancy import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tests.benchmarks.host_sizes import Sizes

_ARRIVAL = 0.04
"""Of the delay: as in ``scraper.politeness``, at the most so much is added for the way of a request."""
_TRIFLE = 1e-6
"""Of a page: what rounding may come to."""


class Machine(NamedTuple):
    """What a machine, or one run on it, can do; and what the hosts allow."""

    pages_per_s: float
    """What it fetches at the most; of robots.txt files as many."""
    delay_s: float
    """Between two requests to a host."""
    takes_s: float = 0.25
    """From a request to the end of its answer."""
    hosts_in_memory: int = 1024
    stays_s: float = 0.4
    """How long a host that is done keeps its place in the window: until its last record is written, and until
    it is worth reading from disk who could come in its place."""

    counted_hosts: int = LARGEST
    """So many hosts, those with the most pages, go before the others; 0: all in turn."""

    @property
    def period_s(self) -> float:
        """The time from one request to a host to the next."""
        return self.delay_s + min(self.takes_s, _ARRIVAL * self.delay_s)


class Modelled(NamedTuple):
    """How a crawl goes."""

    makespan_s: float
    half_s: float
    """Until half of the pages are fetched,"""
    most_s: float
    """and until 99 of 100."""


class _Curve:
    """How many pages were fetched by when: straight lines between events, of which it keeps what is asked."""

    def __init__(self, pages: int, shares: Sequence[float]) -> None:
        self._wanted = deque(share * pages for share in shares)
        self._at_s = self._pages = 0.0
        self.when_s: list[float] = []

    def go_on(self, until_s: float, per_s: float) -> None:
        """Fetch so many a second until a time."""
        reached = self._pages + per_s * (until_s - self._at_s)
        while self._wanted and reached >= self._wanted[0] > self._pages - 1.0:
            self.when_s.append(self._at_s + (self._wanted.popleft() - self._pages) / per_s)
        self._at_s, self._pages = until_s, reached


class _Largest:
    """The hosts that have more pages than others, the largest served first, until they have no more.

    Those with equally many left are one group and fare alike; the groups stand with the largest first.
    """

    def __init__(self, sizes: Sequence[int], usual: int, *, fastest_per_s: float, most_per_s: float) -> None:
        self._usual = usual
        self._fastest_per_s = fastest_per_s
        self._most_per_s = most_per_s
        self._left = np.array(sorted((size for size in sizes if size > usual), reverse=True), dtype=float)
        self._counts = np.ones(len(self._left))
        self._rates = self._left
        self.count = len(self._left)
        self.per_s = 0.0
        """What all of them are given together."""
        self.next_s = float("inf")
        """How long it will be so."""
        self._deal()

    def go_on(self, for_s: float) -> int:
        """Serve them for so long, at most ``next_s``; return how many are among the usual since."""
        self._left = self._left - self._rates * for_s
        settled = self._left - self._usual < _TRIFLE
        done = int(self._counts[settled].sum())
        left, counts = self._left[~settled], self._counts[~settled]
        if len(left):
            begins = np.flatnonzero(np.concatenate([[True], left[:-1] - left[1:] >= _TRIFLE]))
            left, counts = left[begins], np.add.reduceat(counts, begins)
        self._left, self._counts = left, counts
        self.count -= done
        self._deal()
        return done

    def _deal(self) -> None:
        """Deal out what the machine can do."""
        wanted = self._counts * self._fastest_per_s
        given = np.clip(self._most_per_s - (np.cumsum(wanted) - wanted), 0.0, wanted)
        self._rates = given / self._counts
        self.per_s = float(given.sum())
        apart = self._left - np.append(self._left[1:], self._usual)
        nearer = self._rates - np.append(self._rates[1:], 0.0)
        meet = nearer > _TRIFLE * self._fastest_per_s
        self.next_s = float((apart[meet] / nearer[meet]).min()) if meet.any() else float("inf")


def modelled(sizes: Iterable[int], machine: Machine) -> Modelled:
    """Return how long a machine takes for hosts with so many pages, in the order in which they enter."""
    sizes = list(sizes)
    pages = sum(sizes)
    if not pages:
        return Modelled(0.0, 0.0, 0.0)
    most_per_s = machine.pages_per_s * pages / (pages + len(sizes))  # robots.txt takes a turn of each host
    fastest_per_s = 1.0 / machine.period_s
    usual = _usual(sizes, min(machine.counted_hosts, machine.hosts_in_memory))
    largest = _Largest(sizes, usual, fastest_per_s=fastest_per_s, most_per_s=most_per_s)
    curve = _Curve(pages, (0.5, 0.99))
    entering = (size for size in sizes if size <= usual)
    outside = len(sizes) - largest.count
    served: list[float] = []  # a heap of what all in the window will have been served when one is done
    staying: deque[float] = deque()  # until when those that are done keep their places
    turns = now_s = largest_s = 0.0
    while served or outside or largest.count:
        while outside and len(served) + len(staying) + largest.count < machine.hosts_in_memory:
            heapq.heappush(served, turns + next(entering))
            outside -= 1
        rest_per_s = most_per_s - largest.per_s
        per_host = min(fastest_per_s, rest_per_s / len(served)) if served else 0.0
        done_s = now_s + (served[0] - turns) / per_host if per_host > 0.0 else float("inf")
        free_s = staying[0] if staying and outside else float("inf")
        level_s = largest_s + largest.next_s
        then_s = min(done_s, free_s, level_s)
        curve.go_on(then_s, per_host * len(served) + largest.per_s)
        turns += per_host * (then_s - now_s)
        now_s = then_s
        if level_s == now_s:
            for _ in range(largest.go_on(largest.next_s)):
                heapq.heappush(served, turns + usual)
            largest_s = now_s
        elif done_s == now_s:
            turns = heapq.heappop(served)
            staying.append(now_s + machine.stays_s)
        while staying and staying[0] <= now_s:
            staying.popleft()
    half_s, most_s = curve.when_s if len(curve.when_s) == 2 else (now_s, now_s)
    return Modelled(now_s + machine.takes_s + machine.stays_s, half_s, most_s)


def _usual(sizes: Sequence[int], counted: int) -> int:
    """Return how many pages no host has but those that are counted."""
    if not counted:
        return max(sizes)
    return heapq.nlargest(counted, sizes)[-1] if counted <= len(sizes) else 0


def floor_s(sizes: Sizes, machine: Machine, *, machines: int = 1) -> float:
    """Return what no crawl can be quicker than: its longest host, or all requests by all machines."""
    requests = int(sizes.sum()) + len(sizes)
    return max(int(sizes.max()) * machine.period_s, requests / (machines * machine.pages_per_s))


def met_first(sizes: Sizes, machine: Machine, *, seed: int) -> NDArray[np.int64]:
    """Return an order in which hosts of a shuffled list enter: at first as they are met, then by chance.

    A host with many lines is met early; those that found no room come in the order of their ids' digests.
    """
    chance = np.random.default_rng(seed)
    met = np.argsort(chance.exponential(size=len(sizes)) / sizes, kind="stable")
    early, late = met[: machine.hosts_in_memory], met[machine.hosts_in_memory :]
    return np.concatenate([early, chance.permutation(late)])
