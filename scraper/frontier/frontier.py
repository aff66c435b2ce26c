"""Which request is next, and when the crawl is over.

Lines wait in the state on disk. In memory there is a window of hosts, and a few requests for each.
Waiting is a state of a *host* here (its delay, its slots, the back-off of its requests), never of a
worker: what is handed out may go on the wire now. The idea is Mercator's, with a heap by time.

A line is in one of four places: in the state only, in a host's queue, handed out, or in a record that
is not yet written. It is *finished* when its record is written, not when its page is fetched; the crawl
is over when the sources were read to the end and all that they gave is finished. *Empty* is not *over*.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from scraper.frontier.host_queue import HostQueue
from scraper.frontier.rows import NOBODY, host_id
from scraper.frontier.store import Progress, Want
from scraper.politeness import HostTurn, Unlimited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.clock import Clock
    from scraper.frontier.state_thread import StateThread
    from scraper.messages import Batch, Finished, Request
    from scraper.settings.model import FrontierSettings, PolitenessSettings

_LOADED_AT_MOST = 32_768
"""Lines in memory over all hosts. Only reached when redirects or back-offs pile up; then what is on
disk waits until some of them are finished."""


_SCANNED_AT_ONCE = 256
"""Host ids looked at in one read of the state; hosts in the window are met again among them."""


class Occupancy(NamedTuple):
    """How the frontier stands; for people."""

    unfinished: int
    """Lines admitted whose record is not written yet."""
    in_memory: int
    """Requests in the queues of hosts."""
    handed_out: int
    hosts_in_memory: int
    hosts_ready: int
    """Hosts that may be asked now."""
    hosts_held: int
    """Hosts with requests that must wait for their delay, a slot or a back-off."""


class Frontier:
    """The lines under way and waiting; an async iterator of the requests that may go now.

    One task iterates; any task may call the other methods. The state is opened and closed by whoever
    makes the frontier.
    """

    def __init__(
        self,
        *,
        state: StateThread,
        settings: FrontierSettings,
        politeness: PolitenessSettings,
        clock: Clock,
        progress: Progress,
    ) -> None:
        """Take over a state that has come as far as ``progress`` says."""
        self._state = state
        self._settings = settings
        self._politeness = politeness
        self._clock = clock
        self._per_host = max(settings.urls_per_host_in_memory, 4 * politeness.per_host)
        """How many requests of a host are held ready: enough for all of its slots between two reads."""
        self.lines = progress.lines
        """Admitted so far, those of an interrupted run before this one included."""
        self._unfinished = progress.lines - progress.done
        self._hosts: dict[int, HostQueue] = {}
        self._ready: deque[HostQueue] = deque()
        self._later: list[tuple[float, int, HostQueue]] = []
        """A heap of hosts by the time they are due. An entry whose time is not the host's ``due_s``
        is stale: the host was queued for an earlier time since."""
        self._hungry: dict[int, HostQueue] = {}
        """Hosts that run low and may have more on disk."""
        self._outside = _Outside(may_exist=self._unfinished > 0)
        self._ties = itertools.count()
        self._in_memory = 0
        self._loaded = 0
        self._handed_out = 0
        self._sealed = False
        self._closed = False
        self._news = asyncio.Event()
        """Something happened that may have made a request ready, or ended the crawl."""
        self._room = asyncio.Event()
        """Lines were finished: there may be room for more."""

    @property
    def is_over(self) -> bool:
        """Whether the sources are read to the end and every line's record is written."""
        return self._sealed and not self._unfinished

    @property
    def is_closed(self) -> bool:
        """Whether the run was asked to stop."""
        return self._closed

    @property
    def has_handed_out(self) -> bool:
        """Whether any request is on its way."""
        return self._handed_out > 0

    async def admit(self, batch: Batch) -> None:
        """Take in a batch of lines and note how far its source was read with it.

        Waits while more lines than the look-ahead are unfinished, unless the source can't wait: the
        back-pressure on the list.
        """
        while batch.waits and self._unfinished >= self._settings.lookahead:
            self._room.clear()
            await self._room.wait()
        admission = await self._state.call(self._state.store.admit, batch)
        self.lines += admission.lines
        self._unfinished += admission.lines
        for number in admission.hosts:
            host = self._hosts.get(number)
            if host is None:
                host = self._welcome(number)
            if host is None:
                self._outside.notice()
            else:
                host.more = True
                self._feed(host)
        self._news.set()

    def seal(self) -> None:
        """Say that no more lines will be admitted."""
        self._sealed = True
        self._news.set()

    def close(self) -> None:
        """Hand out nothing more; what is handed out may still be finished."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Request:
        """Return a request that may go now; ends when closed or over."""
        while not self._closed and not self.is_over:
            self._news.clear()
            now_s = self._clock.monotonic()
            self._wake(now_s)
            # One read of the state serves many hosts, so while others are ready it waits until it
            # is worth the way.
            if self._is_worth_reading():
                await self._refill()
            elif self._ready:
                return self._hand_out(self._ready.popleft())
            else:
                await self._sleep(now_s)
        raise StopAsyncIteration

    def depart(self, request: Request) -> None:
        """Note that a worker takes the request up now."""
        host = self._hosts[_number(request)]
        host.turn.depart(self._clock.monotonic())
        self._queue(host)
        self._news.set()

    def come_back(self, request: Request) -> None:
        """Note that the request is answered or has failed, so that its host has a free slot."""
        host = self._hosts[_number(request)]
        host.turn.come_back()
        self._handed_out -= 1
        self._queue(host)
        self._news.set()

    def put_back(self, request: Request, *, wait_s: float = 0.0) -> None:
        """Let the request go again: after a wait, or at once to the host of its new target."""
        now_s = self._clock.monotonic()
        request = msgspec.structs.replace(request, known_at_s=now_s, waited_s=wait_s)
        number = _number(request)
        host = self._hosts.get(number)
        if host is None:  # a redirect's target comes in also when the window is full
            host = self._hosts[number] = HostQueue(number, HostTurn(self._politeness))
            self._feed(host)
        heapq.heappush(host.again, (now_s + wait_s, next(self._ties), request))
        self._in_memory += 1
        self._queue(host)
        self._news.set()

    async def finish(self, finished: Sequence[Finished], *, output_bytes: int) -> None:
        """Note that these records are on disk, and how long the output is with them."""
        await self._state.call(self._state.store.finish, finished, output_bytes=output_bytes)
        self._unfinished -= len(finished)
        self._loaded -= len(finished)
        for one in finished:
            host = self._hosts[one.home]
            host.loaded -= 1
            if not host.loaded:
                self._queue(host)
        self._room.set()
        self._news.set()

    def occupancy(self) -> Occupancy:
        """Return how many wait where, for people."""
        held = sum(1 for host in self._hosts.values() if host.in_memory)
        ready = len(self._ready)
        return Occupancy(
            self._unfinished, self._in_memory, self._handed_out, len(self._hosts), ready, held - ready
        )

    # --- when a host's turn comes ---------------------------------------------------------------

    def _queue(self, host: HostQueue) -> None:
        """Put a host where it is found when its next request may go, or when it may leave."""
        at_s = host.turn.not_before_s if host.is_spent else host.next_at_s()
        if at_s is None or (host.due_s is not None and host.due_s <= at_s):
            return
        if not host.is_spent and at_s <= self._clock.monotonic():
            host.due_s = float("-inf")
            self._ready.append(host)
        else:
            host.due_s = at_s
            heapq.heappush(self._later, (at_s, next(self._ties), host))

    def _wake(self, now_s: float) -> None:
        """Look again at the hosts whose time has come."""
        while self._later and self._later[0][0] <= now_s:
            due_s, _, host = heapq.heappop(self._later)
            if host.due_s != due_s:
                continue
            host.due_s = None
            if host.is_spent and host.turn.not_before_s <= now_s:
                del self._hosts[host.host_id]
            else:
                self._queue(host)

    def _hand_out(self, host: HostQueue) -> Request:
        now_s = self._clock.monotonic()  # not an earlier look: a back-off may have ended since
        request = host.take(now_s)
        host.due_s = None
        host.turn.release()
        self._in_memory -= 1
        self._handed_out += 1
        self._feed(host)
        self._queue(host)
        return msgspec.structs.replace(request, released_at_s=now_s)

    async def _sleep(self, now_s: float) -> None:
        """Wait for news, or until the first host's time comes."""
        wait_s = self._later[0][0] - now_s if self._later else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()

    # --- from the disk into memory --------------------------------------------------------------

    def _welcome(self, number: int) -> HostQueue | None:
        """Take a host into the window, ``None`` when the window is full."""
        if number == NOBODY:
            turn: HostTurn = Unlimited()
        elif len(self._hosts) < self._settings.hosts_in_memory:
            turn = HostTurn(self._politeness)
        else:
            return None
        host = self._hosts[number] = HostQueue(number, turn)
        return host

    def _feed(self, host: HostQueue) -> None:
        """Note that a host runs low, if it does and may have more on disk."""
        if host.more and host.in_memory * 4 <= self._per_host:
            self._hungry[host.host_id] = host

    def _is_worth_reading(self) -> bool:
        room = self._settings.hosts_in_memory - len(self._hosts)
        if self._outside.may_exist and room > 0 and (not self._ready or room >= len(self._hosts) // 8):
            return True
        return len(self._hungry) > len(self._ready) and self._loaded < _LOADED_AT_MOST

    async def _refill(self) -> None:
        """Read more requests of the hungry hosts, and take in other hosts while there is room."""
        await self._welcome_outsiders()
        hungry = list(self._hungry.values())
        self._hungry.clear()
        wants = [Want(host.host_id, host.cursor) for host in hungry]
        for host in hungry:
            host.loading = True
            host.more = False  # what is admitted while the state is read sets it again
        loads = await self._state.call(self._state.store.load, wants, limit=self._per_host)
        now_s = self._clock.monotonic()
        for host in hungry:
            rows = loads[host.host_id]
            host.loading = False
            host.more = host.more or len(rows) == self._per_host
            host.loaded += len(rows)
            self._loaded += len(rows)
            self._in_memory += len(rows)
            host.queue.extend(msgspec.structs.replace(row, known_at_s=now_s) for row in rows)
            if rows:
                host.cursor = rows[-1].seq
            self._feed(host)
            self._queue(host)

    async def _welcome_outsiders(self) -> None:
        """Take hosts from the disk into the window, in the order of their ids, round and round."""
        while self._outside.may_exist and len(self._hosts) < self._settings.hosts_in_memory:
            found = await self._state.call(
                self._state.store.hosts_after, self._outside.scanned, _SCANNED_AT_ONCE
            )
            for number in found:
                if number not in self._hosts:
                    self._outside.notice()
                    host = self._welcome(number)
                    if host is None:
                        return
                    self._feed(host)
                self._outside.scanned = number
            if len(found) < _SCANNED_AT_ONCE:
                self._outside.start_again()


class _Outside:
    """What is known of hosts that have rows on disk and are not in the window: not who they are."""

    __slots__ = ("_noticed", "may_exist", "scanned")

    def __init__(self, *, may_exist: bool) -> None:
        self.may_exist = may_exist
        self._noticed = may_exist
        """Some were met since the scan began at the lowest id, so one more scan is due."""
        self.scanned = -1
        """The ids up to here were looked at in this scan."""

    def notice(self) -> None:
        """Some host had to stay outside, or was met there."""
        self.may_exist = self._noticed = True

    def start_again(self) -> None:
        """Begin a new scan; when the one before met nobody outside, there is nobody."""
        self.scanned = -1
        self.may_exist, self._noticed = self._noticed, False


def _number(request: Request) -> int:
    """Return the id of the host that the request goes to next."""
    return NOBODY if request.settled else host_id(request.host)
