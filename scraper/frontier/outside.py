"""Hosts that have lines on disk and are not in memory, and how they come into the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.frontier.rows import NOBODY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from scraper.clock import Clock
    from scraper.frontier.window import Window

_SCANNED_AT_ONCE = 256
"""Host ids looked at in one read of the state; hosts in the window are met again among them."""


class Outside:
    """Whether there may be hosts outside the window: not who they are."""

    __slots__ = ("_noticed", "_scanned", "may_exist")

    def __init__(self, *, may_exist: bool) -> None:
        self.may_exist = may_exist
        self._noticed = may_exist
        """Some were met since the scan began at the lowest id, so one more scan is due."""
        self._scanned = -1
        """The ids up to here were looked at in this scan."""

    def notice(self) -> None:
        """Some host had to stay outside, or was met there."""
        self.may_exist = self._noticed = True

    async def let_in(
        self,
        window: Window,
        *,
        first: Callable[[], Iterable[int]],
        hosts_after: Callable[[int, int], Awaitable[Sequence[int]]],
        clock: Clock,
    ) -> None:
        """Take hosts into the window while it has room.

        Args:
            window: Where they go.
            first: Gives the ids of hosts that go in before all others: those that take the longest.
            hosts_after: Reads from the state the next ids above one, at most so many; all others come in this
                order, round and round.
            clock: What the window's times are by.
        """
        if not self.may_exist:
            return
        now_s = clock.monotonic()
        for number in first():
            if window.room <= 0:
                return
            if window.get(number) is None and not window.keeps_out(number, now_s):
                window.take_in(number)
        while window.room > 0:
            found = await hosts_after(self._scanned, _SCANNED_AT_ONCE)
            now_s = clock.monotonic()
            for number in found:
                if window.get(number) is None and not window.keeps_out(number, now_s):
                    self.notice()
                    if number != NOBODY and window.room <= 0:
                        return
                    window.take_in(number)
                self._scanned = number
            if len(found) < _SCANNED_AT_ONCE and not self._starts_again():
                return

    def _starts_again(self) -> bool:
        """Begin a new scan; when the one before met nobody outside, there is nobody and it is over."""
        self._scanned = -1
        self.may_exist, self._noticed = self._noticed, False
        return self.may_exist
