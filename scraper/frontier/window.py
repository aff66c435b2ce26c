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
    from collections.abc import Callable, Iterable, Iterator

    from scraper.clock import Clock
    from scraper.messages import Errand
    from scraper.settings.model import FrontierSettings, PolitenessSettings

_ASIDE_FROM_S = 1.0
"""A host that has to wait for so long gives its place to one that need not. For a shorter wait the way to the
disk and back is not worth it."""

_FED_AT_ONCE = 256
"""So many hosts have their next lines read by one statement. Those of a whole window took 6 MB at once, which
stays with the process."""

_ASIDE_AT_ONCE = 256
_LOOKED_EVERY_S = 0.25
"""How often it is looked for such hosts; each time at all of them."""

_HEAVY_BYTES = 64 * 1024
"""Rules of robots.txt that take less are not counted."""

_RULES_BYTES = 64 * 1024 * 1024
"""What rules may take in memory. A file of 500 KiB can come to 11 MB, so a window full of hosts that want to
harm would take 10 GB."""

_HEAVY_ASIDE_S = 30.0
"""To read and parse such rules again and again would be the next burden."""

_READY = float("-inf")
"""The ``due_s`` of a host that stands in the queue of those that may go."""


class Ready:
    """Hosts that may be asked now, in the order in which they came; but the urgent go before the others.

    A host with very many lines takes their number times its delay, whatever the others do. Asked in turn
    with all others it is asked less often than its delay allows, and is still under way when they are done.
    """

    def __init__(self) -> None:
        self._urgent: list[tuple[int, int, HostQueue]] = []
        self._others: deque[HostQueue] = deque()
        self._ties = itertools.count()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def __bool__(self) -> bool:
        return bool(self._urgent or self._others)

    def add(self, host: HostQueue, *, urgency: int) -> None:
        """Let a host wait; with an urgency above 0 before all that have a lesser one."""
        if urgency:
            heapq.heappush(self._urgent, (-urgency, next(self._ties), host))
        else:
            self._others.append(host)

    def take(self) -> HostQueue:
        """Return the next, of which there has to be one."""
        return heapq.heappop(self._urgent)[2] if self._urgent else self._others.popleft()


class Window:
    """A part of all hosts, each with a few of its requests. Only the frontier uses it."""

    def __init__(
        self,
        settings: FrontierSettings,
        politeness: PolitenessSettings,
        *,
        clock: Clock,
        ahead: Callable[[int], int],
    ) -> None:
        """Begin empty; ``ahead`` says of a host's id by how many lines it is larger than others."""
        self._most_hosts = settings.hosts_in_memory
        self._politeness = politeness
        self._clock = clock
        self.per_host = max(settings.urls_per_host_in_memory, 4 * politeness.per_host)
        """How many requests of a host are held ready: enough for all of its slots between two reads."""
        self._crowd = 4 * self.per_host
        """With so many a host is full: what redirects bring waits on disk."""
        self._hosts: dict[int, HostQueue] = {}
        self._resting = Resting()
        self.ready = Ready()
        """Hosts that may be asked now."""
        self._ahead = ahead
        self._later: list[tuple[float, int, HostQueue]] = []
        """A heap of hosts by the time they are due. An entry whose time is not the host's ``due_s``
        is stale: the host was queued for an earlier time since."""
        self.hungry: dict[int, HostQueue] = {}
        """Hosts that run low and may have more on disk, and those that have not entered yet."""
        self._some_starve = False
        """Of the hungry, a host that is to go before the others has nothing left to be asked for."""
        self._ties = itertools.count()
        self._heavy: dict[int, int] = {}
        """Hosts with large rules, and what these take."""
        self._looked_s = float("-inf")
        self._looks_again = False
        """It was too early to look for hosts that can step aside."""

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
        return 0 if self.is_overweight else self._most_hosts - len(self._hosts)

    @property
    def is_overweight(self) -> bool:
        """Whether the rules of robots.txt take more memory than they should."""
        return sum(self._heavy.values()) > _RULES_BYTES

    def least_s(self, number: int, requests: int) -> float:
        """Return what so many requests to a host take by its delay, as far as that is known."""
        host = self._hosts.get(number)
        return host.turn.least_s(requests) if host else requests * self._politeness.delay_s

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
        return self._some_starve or len(self.hungry) > ready

    def is_crowded(self, host: HostQueue | None) -> bool:
        """Whether a redirect's target, ``None`` when it is not in memory, had better wait on disk."""
        return self.room <= 0 if host is None else host.in_memory >= self._crowd

    def feed(self, host: HostQueue) -> None:
        """Note that a host runs low, if it does and may have more on disk, or is still to enter."""
        low = host.waiting * 4 <= self.per_host and len(host.again) < self._crowd
        if not host.entered or (host.more and low):
            self.hungry[host.host_id] = host
            if not host.waiting and self._ahead(host.host_id):
                self._some_starve = True

    def take_hungry(self) -> list[HostQueue]:
        """Return hosts that run low, as many as are read at once; they are no longer known as such."""
        hungry = list(itertools.islice(self.hungry.values(), _FED_AT_ONCE))
        for host in hungry:
            del self.hungry[host.host_id]
        self._some_starve = self._some_starve and bool(self.hungry)
        return hungry

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
            urgency = self._ahead(host.host_id)
            # One that takes long to answer would take a worker away from others for each of its turns.
            self.ready.add(host, urgency=urgency if urgency and host.turn.is_prompt else 0)
        else:
            host.due_s = at_s
            heapq.heappush(self._later, (at_s, next(self._ties), host))

    def wake(self, now_s: float) -> bool:
        """Look again at the hosts whose time has come; return whether there was room for all of them."""
        while self._later and self._later[0][0] <= now_s:
            due_s, _, host = heapq.heappop(self._later)
            if host.due_s == due_s:
                host.due_s = None
                self.queue(host)
        all_in = True
        for number in self._resting.returning(now_s):
            if self.room > 0:
                self.take_in(number)
            else:
                self._resting.want_back(number, now_s + _ASIDE_FROM_S)
                all_in = False
        self._resting.forget(now_s)
        return all_in

    def next_due_s(self, *, some_outside: bool) -> float | None:
        """When there is something to be done again; ``None`` when nothing waits for a time."""
        times = [self._later[0][0]] if self._later else []
        if (at_s := self._resting.next_return_s()) is not None:
            times.append(at_s)
        if some_outside and self._looks_again:
            times.append(self._looked_s + _LOOKED_EVERY_S)
        return min(times, default=None)

    def keeps_out(self, number: int, now_s: float) -> bool:
        """Whether a host on disk has to wait for so long that it is not worth a place; it is called later."""
        at_s = self._resting.rests(number, now_s)
        if at_s is None or at_s - now_s < _ASIDE_FROM_S:
            return False
        self._resting.want_back(number, at_s)
        return True

    def make_room(self, now_s: float) -> bool:
        """Send hosts aside that have to wait anyway; return whether there were any.

        Without this, hosts with long delays would come to fill the window, and keep out those that could
        be asked at once.
        """
        self._looks_again = self.room <= 0 and now_s < self._looked_s + _LOOKED_EVERY_S
        if self._looks_again or self.room > 0:
            return False
        self._looked_s = now_s
        waiting = [(host.due_s, host) for host in self._hosts.values() if host.due_s is not None]
        far = [one for one in waiting if one[0] - now_s >= _ASIDE_FROM_S and one[1].can_step_aside(one[0])]
        for due_s, host in heapq.nlargest(_ASIDE_AT_ONCE, far, key=lambda one: one[0]):
            self._step_aside(host, due_s)
        return bool(far)

    def unload(self, number: int) -> None:
        """Note that a line of a host is no longer its own to see through."""
        host = self._hosts[number]
        host.loaded -= 1
        if not host.loaded:
            self.queue(host)
        if self.is_overweight:
            self.weigh(host)

    def weigh(self, host: HostQueue) -> None:
        """Count what a host's rules take; one that makes it too much steps aside, if it can."""
        weight_bytes = sum(gate.weight_bytes for gate in host.gates.values())
        if weight_bytes >= _HEAVY_BYTES:
            self._heavy[host.host_id] = weight_bytes
            until_s = self._clock.monotonic() + _HEAVY_ASIDE_S
            if self.is_overweight and len(self._heavy) > 1 and host.can_step_aside(until_s):
                self._step_aside(host, until_s)

    def _step_aside(self, host: HostQueue, until_s: float) -> None:
        """Give a host's place to another; what it holds is on disk as well."""
        host.due_s = None
        self._leave(host)
        self._resting.want_back(host.host_id, until_s)

    def _leave(self, host: HostQueue) -> None:
        """Give a host's place to another; its delay is kept in mind."""
        if self._hosts.pop(host.host_id, None) is not None:
            self.hungry.pop(host.host_id, None)
            self._heavy.pop(host.host_id, None)
            if host.entered or host.is_known:  # else its turn is not yet its own
                self._resting.add(host.host_id, host.turn)
