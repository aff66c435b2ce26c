"""Which request is next, and when the crawl is over.

Lines wait in the state on disk. In memory there is a window of hosts, and a few requests for each.
Waiting is a state of a *host* here (its delay, its slots, its robots.txt, what it has asked for), never
of a worker: what is handed out may go on the wire now. The idea is Mercator's, with a heap by time.

A line is in one of four places: in the state only, in a host's queue, handed out, or in a record that
is not yet written. It is *finished* when its record is written, not when its page is fetched; the crawl
is over when the sources were read to the end and all that they gave is finished, with what was found
on the way. *Empty* is not *over*.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from scraper.frontier.occupancy import LARGEST, HostStands, Largest, Occupancy, busiest, occupancy_of
from scraper.frontier.outside import Outside
from scraper.frontier.rows import NOBODY, host_id
from scraper.frontier.supply import Supply
from scraper.frontier.window import Window
from scraper.messages import NO_IMPRESSION, Impression, Request, RobotsRequest
from scraper.urls import host_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scraper.clock import Clock
    from scraper.exchange import ArchiveEnd
    from scraper.frontier.facts import Progress
    from scraper.frontier.gatekeeper import Gatekeeper
    from scraper.frontier.host_queue import HostQueue
    from scraper.frontier.memory import Memory
    from scraper.frontier.state_thread import StateThread
    from scraper.frontier.territory import Territory
    from scraper.messages import Batch, Errand, Finished
    from scraper.robots.access import Access
    from scraper.settings.model import FrontierSettings, PolitenessSettings

_MOVED_AT_ONCE = 256
"""Redirected requests that are written back to the state in one go, at the latest."""


class Frontier:
    """The lines under way and waiting; an async iterator of the errands that may go now.

    One task iterates; any task may call the other methods. The state is opened and closed by whoever
    makes the frontier.
    """

    def __init__(
        self,
        *,
        state: StateThread,
        settings: FrontierSettings,
        politeness: PolitenessSettings,
        gatekeeper: Gatekeeper,
        clock: Clock,
        progress: Progress,
        territory: Territory | None = None,
        asked_before: bool = False,
        memory: Memory | None = None,
    ) -> None:
        """Take over a state that has come as far as ``progress`` says.

        Args:
            state: Where lines wait.
            settings: How much of it is in memory.
            politeness: The limits of hosts.
            gatekeeper: Who knows robots.txt.
            clock: The time.
            progress: How far the run has come.
            territory: The hosts that are ours, where others have theirs; ``None`` for all.
            asked_before: Somebody has asked hosts of ours a moment ago, whatever the state says.
            memory: What is known of the runs before.
        """
        self._state = state
        self._settings = settings
        self._politeness = politeness
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._largest = Largest()
        self._window = Window(settings, politeness, clock=clock, ahead=self._largest.ahead)
        self.lines = progress.lines
        """Admitted so far, those of an interrupted run before this one included."""
        self._unfinished = progress.lines - progress.done
        self._territory = territory
        self._outside = Outside(may_exist=self._unfinished > 0)
        self._supply = Supply(
            state=state,
            window=self._window,
            outside=self._outside,
            largest=self._largest,
            gatekeeper=gatekeeper,
            politeness=politeness,
            memory=memory,
            clock=clock,
            resumed=progress.lines > 0 or asked_before,
        )
        self._moving: list[Request] = []
        """On their way back to the state, to wait at another host."""
        self._handed_out = 0
        self._sealed = self._closed = False
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

    async def admit(self, batch: Batch) -> int:
        """Take in a batch of lines and note how far its source was read with it; return how many it gave.

        Waits while more lines than the look-ahead are unfinished, unless the source can't wait: the
        back-pressure on the list.
        """
        while batch.seeds and batch.waits and self._unfinished >= self._settings.lookahead:
            self._room.clear()
            await self._room.wait()
        admission = await self._state.call(self._state.store.admit, batch)
        self.lines += admission.lines
        self._unfinished += admission.lines
        self._announce(admission.hosts)
        return admission.lines

    async def seal(self) -> None:
        """Say that the sources have no more lines."""
        counted = await self._state.call(self._state.store.largest_hosts, LARGEST)
        self._largest.count({host.host_id: host.lines for host in counted})
        self._sealed = True
        self._news.set()

    def close(self) -> None:
        """Hand out nothing more; what is handed out may still be finished."""
        self._closed = True
        self._news.set()

    async def lay_down(self) -> None:
        """Write back how far what waits in memory has come, so that a resumed run goes on from there.

        To be called when nothing is handed out any more.
        """
        started = [errand for host in self._window for errand in host.waiting_again()]
        self._moving += [errand for errand in started if isinstance(errand, Request)]
        if self._moving:
            await self._move()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Errand:
        """Return an errand that may go now; ends when closed or over."""
        while not self._closed and not self.is_over:
            self._news.clear()
            now_s = self._clock.monotonic()
            if not self._window.wake(now_s):
                self._outside.notice()
            # One read of the state serves many hosts, so while others are ready it waits until it
            # is worth the way.
            if self._moving and (not self._window.ready or len(self._moving) >= _MOVED_AT_ONCE):
                await self._move()
            elif self._window.is_worth_reading(some_outside=self._outside.may_exist):
                await self._supply.refill()
            elif self._window.ready:
                errand = self._next_of(self._window.ready.take())
                if errand is not None:
                    return errand
            elif self._supply.findings:
                await self._supply.keep()
            elif self._outside.may_exist and self._window.make_room(now_s):
                pass  # there is room now for those who need not wait
            else:
                await self._sleep(now_s)
        await self._supply.keep()
        raise StopAsyncIteration

    def depart(self, errand: Errand) -> None:
        """Note that a worker takes the errand up now."""
        host = self._window[_number(errand)]
        host.turn.depart(self._clock.monotonic())
        self._window.queue(host)
        self._news.set()

    def come_back(self, errand: Errand, impression: Impression = NO_IMPRESSION) -> None:
        """Note that the errand is answered or has failed, so that its host has a free slot."""
        number = _number(errand)
        host = self._window[number]
        now_s = self._clock.monotonic()
        host.turn.come_back(impression, now_s=now_s)
        if impression.asked_wait_s and host.turn.not_before_s > now_s:
            until_s = self._clock.utc().timestamp() + host.turn.not_before_s - now_s
            self._supply.findings.holds[number] = until_s
        self._handed_out -= 1
        self._window.queue(host)
        self._news.set()

    def put_back(self, errand: Errand, *, wait_s: float = 0.0) -> None:
        """Let the errand go again: after a wait, or at once to the host of its new target."""
        now_s = self._clock.monotonic()
        errand = replace(errand, known_at_s=now_s, waited_s=wait_s)
        number = _number(errand)
        host = self._window.get(number)
        self._news.set()
        if isinstance(errand, Request):
            errand = replace(errand, robots=None)  # that was said of the target before
            if number != NOBODY and not self._owns(errand):
                self._moving.append(errand)  # what it has waited for it will wait for again
                return
            # One in back-off stays in memory: it would lose that on disk.
            if errand.home != number and not wait_s and self._window.is_crowded(host):
                self._moving.append(errand)
                return
        elif not self._owns(errand):
            self._send_off(errand)
            return
        self._window.push_again(host or self._window.take_in(number), errand, at_s=now_s + wait_s)

    def open_gate(self, access: Access) -> None:
        """Let go what waited for an origin's robots.txt, now that it is known what it says."""
        host = self._window[host_id(host_key(f"{access.file.origin}/"))]
        opened = self._gatekeeper.open(host, access)
        if opened.file:
            self._supply.findings.files.append(opened.file)
        if opened.refused:
            self._nobody().queue.extend(opened.refused)
            self._window.queue(self._nobody())
            self._window.feed(host)  # it may hold nothing now
        self._window.queue(host)
        self._window.weigh(host)
        self._news.set()

    async def finish(
        self, finished: Sequence[Finished], *, output_bytes: int, archived: ArchiveEnd | None = None
    ) -> int:
        """Note that these records are on disk, and how long the output and the archive are with them.

        Returns how many further lines they led to: those are in the state then, with the records.
        """
        await self._supply.keep()
        note = partial(self._state.store.finish, finished, output_bytes=output_bytes, archived=archived)
        admission = await self._state.call(note)
        self.lines += admission.lines
        self._unfinished += admission.lines - len(finished)
        for one in finished:
            self._largest.leave(one.home)
        self._unload(one.home for one in finished)
        self._announce(admission.hosts)
        self._room.set()
        return admission.lines

    def occupancy(self) -> Occupancy:
        """Return how many wait where, for people."""
        counts = {"unfinished": self._unfinished, "handed_out": self._handed_out}
        return occupancy_of(self._window, self._largest, **counts)

    def busiest(self, most: int) -> list[HostStands]:
        """Return the hosts in memory with the most left to do, or that are left alone; for people."""
        return busiest(self._window, self._largest, most=most, now_s=self._clock.monotonic())

    # --- when a host's turn comes ---------------------------------------------------------------

    def _next_of(self, host: HostQueue) -> Errand | None:
        """Return a ready host's next errand, ``None`` when what was next is not to be asked for now."""
        now_s = self._clock.monotonic()  # not an earlier look: a back-off may have ended since
        if host.due_s is None:  # it has stepped aside since it was ready
            return None
        host.due_s = None
        at_s = host.next_at_s()
        if at_s is None or at_s > now_s:  # what has come back since it was ready put its turn off
            self._window.queue(host)
            return None
        errand = host.take(now_s)
        cleared = self._cleared(host, errand) if self._stays(errand) else None
        if cleared is not None:
            asks_nobody = isinstance(cleared, Request) and cleared.settled
            (self._nobody() if asks_nobody else host).turn.release()
            self._handed_out += 1
            cleared = replace(
                cleared,
                released_at_s=now_s,
                waited_s=now_s - errand.known_at_s if errand.waited_s else 0.0,
                is_last=not host.has_more,
                is_listed=host.is_listed,
                is_doubtful=host.turn.is_doubtful,
            )
        self._window.feed(host)
        self._window.queue(host)
        return cleared

    def _cleared(self, host: HostQueue, errand: Errand) -> Errand | None:
        """Return what is to go in an errand's turn: itself, robots.txt, or nothing.

        What is not to be asked for at all goes by ``NOBODY``, at once: it costs its host no turn.
        """
        if isinstance(errand, RobotsRequest) and host.turn.is_given_up:
            self.open_gate(self._gatekeeper.give_up(host, errand))
            return None
        if not isinstance(errand, Request) or errand.settled:
            return errand
        return self._gatekeeper.clear(host, errand)

    def _owns(self, errand: Errand) -> bool:
        return self._territory is None or self._territory.owns(errand.host)

    def _stays(self, errand: Errand) -> bool:
        """Return whether a ready errand is ours; if its host has gone elsewhere meanwhile, it follows."""
        asks_nobody = isinstance(errand, Request) and errand.settled
        if asks_nobody or self._owns(errand):
            return True
        if isinstance(errand, Request):
            self._moving.append(errand)
        return False

    def _send_off(self, errand: RobotsRequest) -> None:
        """Let a host go to the part that its robots.txt lies with: nobody else may ask for that.

        A guest stays, and goes without: else two parts could send it to and fro for ever.
        """
        assert self._territory is not None  # noqa: S101 - else the errand were ours
        host = self._window[host_id(host_key(f"{errand.origin}/"))]
        name = host_key(f"{errand.origin}/")
        if name in self._territory.guests:
            self.open_gate(self._gatekeeper.out_of_reach(errand))
            return
        self._territory.departed[name] = self._territory.owner(errand.host)
        for gate in host.gates.values():
            self._moving += gate.parked
            gate.parked.clear()
        host.gates.clear()
        self._window.feed(host)
        self._window.queue(host)

    def _nobody(self) -> HostQueue:
        return self._window.get(NOBODY) or self._window.take_in(NOBODY)

    async def _sleep(self, now_s: float) -> None:
        """Wait for news, or until the first host's time comes."""
        due_s = self._window.next_due_s(some_outside=self._outside.may_exist)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due_s is None else due_s - now_s):
                await self._news.wait()

    # --- between the disk and memory ------------------------------------------------------------

    def _announce(self, numbers: Iterable[int]) -> None:
        """Note that these hosts have new lines in the state."""
        if not self._window.announce(numbers):
            self._outside.notice()
        self._news.set()

    def _unload(self, homes: Iterable[int]) -> None:
        """Note that a line of each of these hosts is no longer its own to see through."""
        for home in homes:
            self._window.unload(home)
        self._news.set()

    async def _move(self) -> None:
        """Write redirected requests back to the state, where they wait at the hosts they lead to."""
        moving, self._moving = self._moving, []
        moved = await self._state.call(self._state.store.move, moving)
        self.lines -= moved.left
        self._unfinished -= moved.left
        for request in moving:
            self._largest.leave(request.home)
            if self._owns(request):
                self._largest.come(host_id(request.host))
        self._unload(request.home for request in moving)
        self._announce(moved.hosts)


def _number(errand: Errand) -> int:
    """Return the id of the host that the errand goes to next."""
    return NOBODY if isinstance(errand, Request) and errand.settled else host_id(errand.host)
