"""The hosts in memory, and when each of them may be asked next."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from typing import TYPE_CHECKING

from scraper.frontier.host_queue import HostQueue
from scraper.frontier.resting import Resting
from scraper.frontier.rows import NOBODY
from scraper.politeness import HostTurn, Unlimited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scraper.clock import Clock
    from scraper.messages import Errand
    from scraper.settings.model import FrontierSettings, PolitenessSettings

_READY = float("-inf")
"""The ``due_s`` of a host that stands in the queue of those that may go."""


class Window:
    """A part of all hosts, each with a few of its requests. Only the frontier uses it."""

    def __init__(self, settings: FrontierSettings, politeness: PolitenessSettings, *, clock: Clock) -> None:
        self._most_hosts = settings.hosts_in_memory
        self._politeness = politeness
        self._clock = clock
        self.per_host = max(settings.urls_per_host_in_memory, 4 * politeness.per_host)
        """How many requests of a host are held ready: enough for all of its slots between two reads."""
        self._crowd = 4 * self.per_host
        """With so many a host is full: what redirects bring waits on disk."""
        self._hosts: dict[int, HostQueue] = {}
        self._resting = Resting()
        self.ready: deque[HostQueue] = deque()
        """Hosts that may be asked now."""
        self._later: list[tuple[float, int, HostQueue]] = []
        """A heap of hosts by the time they are due. An entry whose time is not the host's ``due_s``
        is stale: the host was queued for an earlier time since."""
        self.hungry: dict[int, HostQueue] = {}
        """Hosts that run low and may have more on disk, and those that have not entered yet."""
        self._ties = itertools.count()

    def __len__(self) -> int:
        return len(self._hosts)

    def __iter__(self) -> Iterator[HostQueue]:
        return iter(self._hosts.values())

    def __getitem__(self, number: int) -> HostQueue:
        return self._hosts[number]

    def get(self, number: int) -> HostQueue | None:
        """Return a host, ``None`` when it is not in memory."""
        return self._hosts.get(number)

    @property
    def room(self) -> int:
        """How many more hosts may be taken in; redirects may have brought more than that."""
        return self._most_hosts - len(self._hosts)

    def take_in(self, number: int) -> HostQueue:
        """Take a host into memory; it has to enter before it is asked for anything."""
        if number == NOBODY:
            host = HostQueue(number, Unlimited(), entered=True)
        else:
            rested = self._resting.take(number)
            host = HostQueue(number, rested or HostTurn(self._politeness))
            host.is_known = rested is not None
        self._hosts[number] = host
        self.feed(host)
        return host

    def announce(self, numbers: Iterable[int]) -> bool:
        """Note that hosts have new lines on disk; return whether there was room for all of them."""
        all_in = True
        for number in numbers:
            host = self._hosts.get(number)
            if host is not None:
                host.more = True
                self.feed(host)
            elif number == NOBODY or self.room > 0:
                self.take_in(number)
            else:
                all_in = False
        return all_in

    def is_worth_reading(self, *, some_outside: bool) -> bool:
        """Whether the disk should be read now rather than later, with more for one read."""
        ready, room = len(self.ready), self.room
        if some_outside and room > 0 and (not ready or room >= len(self._hosts) // 8):
            return True
        return len(self.hungry) > ready

    def is_crowded(self, host: HostQueue | None) -> bool:
        """Whether a redirect's target, ``None`` when it is not in memory, had better wait on disk."""
        return self.room <= 0 if host is None else host.in_memory >= self._crowd

    def feed(self, host: HostQueue) -> None:
        """Note that a host runs low, if it does and may have more on disk, or is still to enter."""
        low = host.waiting * 4 <= self.per_host and len(host.again) < self._crowd
        if not host.entered or (host.more and low):
            self.hungry[host.host_id] = host

    def push_again(self, host: HostQueue, errand: Errand, *, at_s: float) -> None:
        """Let a host have an errand that may go from a time on."""
        heapq.heappush(host.again, (at_s, next(self._ties), errand))
        self.queue(host)

    def queue(self, host: HostQueue) -> None:
        """Put a host where it is found when its next errand may go; one that is spent leaves."""
        at_s = host.next_at_s()
        if at_s is None:
            if host.is_spent:
                self._leave(host)
            return
        if host.due_s is not None and host.due_s <= at_s:
            return
        if at_s <= self._clock.monotonic():
            host.due_s = _READY
            self.ready.append(host)
        else:
            host.due_s = at_s
            heapq.heappush(self._later, (at_s, next(self._ties), host))

    def wake(self, now_s: float) -> None:
        """Look again at the hosts whose time has come."""
        while self._later and self._later[0][0] <= now_s:
            due_s, _, host = heapq.heappop(self._later)
            if host.due_s == due_s:
                host.due_s = None
                self.queue(host)
        self._resting.forget(now_s)

    def next_due_s(self) -> float | None:
        """When the first of the hosts that must wait may go; ``None`` when none waits for a time."""
        return self._later[0][0] if self._later else None

    def _leave(self, host: HostQueue) -> None:
        """Give a spent host's place to another; its delay is kept in mind."""
        if self._hosts.pop(host.host_id, None) is not None:
            self.hungry.pop(host.host_id, None)
            if host.entered or host.is_known:  # else its turn is not yet its own
                self._resting.add(host.host_id, host.turn)
