"""What one origin's robots.txt says, and who waits for it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from scraper.record import Outcome
from scraper.robots.access import STALE_AT_MOST_S, Standing

if TYPE_CHECKING:
    from scraper.messages import Request
    from scraper.robots.access import Access, RobotsFile


class Gate:
    """One origin's robots.txt, as its host in memory knows it; times are monotonic seconds."""

    __slots__ = ("_access", "_expires_s", "_stale", "asked", "is_outdated", "parked")

    def __init__(self) -> None:
        self.asked = False
        """robots.txt is on its way: nobody else asks for it."""
        self.is_outdated = False
        """It was asked for before its host was known to be listed."""
        self.parked: deque[Request] = deque()
        """What waits for it."""
        self._access: Access | None = None
        self._stale: Access | None = None
        self._expires_s = 0.0

    def access(self, now_s: float) -> Access | None:
        """Return what robots.txt said, ``None`` when it has to be asked for."""
        if self._access is not None and now_s >= self._expires_s:
            self._stale, self._access = self._access, None
        return self._access

    @property
    def latest(self) -> Access | None:
        """What robots.txt said last, believed or not; ``None`` when it was never had."""
        return self._access or self._stale

    @property
    def crawl_delay_s(self) -> float:
        """The ``Crawl-delay`` that is known last, 0 without one."""
        known = self.latest
        return (known.crawl_delay_s or 0.0) if known else 0.0

    def holds(self, until_s: float) -> bool:
        """Whether what robots.txt said is there and believed until a time."""
        return not self.asked and self._access is not None and self._expires_s > until_s

    @property
    def weight_bytes(self) -> int:
        """About how much memory its robots.txt takes."""
        return sum(known.weight_bytes for known in (self._access, self._stale) if known is not None)

    def recall(self, access: Access, *, now_s: float, unix_s: float) -> None:
        """Take over what was kept from earlier; one that has expired is still better than none."""
        if access.file.expires_at_s > unix_s:
            self._access, self._expires_s = access, now_s + access.file.expires_at_s - unix_s
        else:
            self._stale = access

    def forget_blocked(self) -> None:
        """Have robots.txt asked for again if an address was not to be asked: the host is listed by now."""
        self.is_outdated = self.asked
        if self._access is not None and is_blocked(self._access.file):
            self._access = None

    def open(self, access: Access, *, now_s: float, unix_s: float) -> Access:
        """Take what came of asking; return what holds now, which may be a stale copy.

        RFC 9309 section 2.3.1.4 and the practice of large crawlers: a robots.txt that can't be had
        forbids all, unless there is a copy to go by. That copy then holds until it would be asked again.
        """
        expires_at_s = access.file.expires_at_s
        stale = self._stale
        if (
            access.file.standing is Standing.UNREACHABLE
            and stale is not None
            and stale.file.standing not in {Standing.UNREACHABLE, Standing.BLOCKED}
            and unix_s - stale.file.read_at_s < STALE_AT_MOST_S
        ):
            access = stale.until(expires_at_s)
        self.asked = False
        self._access, self._expires_s = access, now_s + expires_at_s - unix_s
        return access


def is_blocked(file: RobotsFile) -> bool:
    """Return whether robots.txt could not be had because an address was not to be asked."""
    return file.cause is Outcome.BLOCKED_ADDRESS
