"""What goes between the state and the window: lines and hosts come in, what was learnt of hosts goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.frontier.facts import Want
from scraper.frontier.findings import Findings
from scraper.politeness import HostTurn

if TYPE_CHECKING:
    from scraper.clock import Clock
    from scraper.frontier.facts import Loaded
    from scraper.frontier.gatekeeper import Gatekeeper
    from scraper.frontier.host_queue import HostQueue
    from scraper.frontier.memory import Memory
    from scraper.frontier.occupancy import Largest
    from scraper.frontier.outside import Outside
    from scraper.frontier.state_thread import StateThread
    from scraper.frontier.window import Window
    from scraper.settings.model import PolitenessSettings


class Supply:
    """Keeps a window filled from the state. One task at a time refills."""

    def __init__(
        self,
        *,
        state: StateThread,
        window: Window,
        outside: Outside,
        largest: Largest,
        gatekeeper: Gatekeeper,
        politeness: PolitenessSettings,
        memory: Memory | None,
        clock: Clock,
        resumed: bool,
    ) -> None:
        """Take the parts; with ``resumed`` hosts may have been asked by somebody a moment ago."""
        self._state = state
        self._window = window
        self._outside = outside
        self._largest = largest
        self._gatekeeper = gatekeeper
        self._politeness = politeness
        self._memory = memory
        self._clock = clock
        self._resumed_at_s = clock.monotonic() if resumed else None
        self.findings = Findings()
        """What the state has not been told yet."""

    async def keep(self) -> None:
        """Tell the state what robots.txt files say and how long hosts want to be left alone."""
        found, self.findings = self.findings, Findings()
        if found:
            await self._state.call(self._state.store.keep, found.files, found.holds)

    async def refill(self) -> None:
        """Read more requests of the hungry hosts, and take in other hosts while there is room."""
        await self.keep()  # a host that has left and enters again goes by it
        await self._outside.let_in(
            self._window,
            first=self._largest.urgent,
            hosts_after=self._hosts_after,
            clock=self._clock,
        )
        hungry = self._window.take_hungry()
        wants = [Want(host.host_id, host.cursor, host.name()) for host in hungry]
        entering = [host.host_id for host in hungry if not host.entered]
        for host in hungry:
            host.loading = True
            host.more = False  # what is admitted while the state is read sets it again
        store = self._state.store
        loaded = await self._state.call(store.load, wants, limit=self._window.per_host, entering=entering)
        if self._memory is not None:
            loaded = loaded._replace(rows=await self._memory.of(loaded.rows))
        now_s = self._clock.monotonic()
        for host in hungry:
            host.loading = False
            rows = loaded.rows.get(host.host_id)
            if rows is None:  # put off
                host.more = True
                self._window.feed(host)
                continue
            if host.host_id in loaded.listed:
                host.be_listed()
            host.extend(rows, now_s=now_s)
            host.more = host.more or len(rows) == self._window.per_host
            if not host.entered:
                self._enter(host, loaded)
            self._window.feed(host)
            self._window.queue(host)
            self._window.weigh(host)

    async def _hosts_after(self, host_id: int, limit: int) -> list[int]:
        return await self._state.call(self._state.store.hosts_after, host_id, limit)

    def _enter(self, host: HostQueue, loaded: Loaded) -> None:
        """Let a host begin with what is known of it: its own limits, robots.txt, what it asked for."""
        name = host.name()
        if name is None:  # its lines were finished in between; it leaves, or enters with new ones
            return
        host.entered = True
        now_s, unix_s = self._clock.monotonic(), self._clock.utc().timestamp()
        if not host.is_known and self._politeness.hosts:
            host.turn = HostTurn(self._politeness, host=name)
        for access in loaded.access.get(host.host_id, ()):
            self._gatekeeper.recall(host, access)
        if not host.is_known and self._resumed_at_s is not None:
            # The run before may have asked it a moment ago.
            host.turn.hold_until(self._resumed_at_s + host.turn.delay_s)
            hold_s = loaded.holds.get(host.host_id, 0.0) - unix_s
            host.turn.hold_until(now_s + min(hold_s, self._politeness.retry_after_cap_s))
