"""Who may ask a part's hosts: one worker at a time, also where one that is given up for dead is not.

A worker says that it lives by a file in the storage, and reads there whether it still has the part. It trusts
nobody's clock but its own: its lease counts from *before* its last sign was written, the one who watches
counts from *after* having seen it. So the lease is over for the worker first, whatever their clocks
show. And it stops asking well before that: a request that was begun may take long to be sent.

Sign first, then reading: whoever takes the part writes first and looks for a sign then. So of two that come
at the same time at least one sees the other.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from scraper.cluster.orders import Beat, Fence, Figures, encode
from scraper.cluster.places import BEAT, FENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.cluster.places import ShardPlace

_ASKS_FOR = 0.5
"""Of the lease: so long after a sign requests are begun. Those under way may need as long as name and
connection take to be sent, then they are given up:"""
_HOLDS_FOR = 0.8
_SIGNS = 6
"""A lease is renewed so many times while it lasts, and more often where a sign costs nothing."""


def awake_s() -> float:
    """Return seconds that also pass while the machine sleeps, where the system counts them."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Lease:
    """The worker's side. ``renew`` blocks; the rest may be asked at any time, in any thread."""

    def __init__(
        self,
        place: ShardPlace,
        attempt: int,
        *,
        run: str,
        lease_s: float,
        clock: Callable[[], float] = awake_s,
    ) -> None:
        """Name the part and the attempt; nothing is written before ``renew``."""
        self._place = place
        self._run = run
        self._attempt = attempt
        self._lease_s = lease_s
        self._clock = clock
        self._renewed_s = float("-inf")
        self._count = 0

    @property
    def every_s(self) -> float:
        """How long to wait between two signs."""
        return min(self._place.storage.sign_every_s, self._lease_s / _SIGNS)

    def may_ask(self) -> bool:
        """Whether a request may be begun."""
        return self._clock() - self._renewed_s < self._lease_s * _ASKS_FOR

    def is_over(self) -> bool:
        """Whether what is under way has to be given up."""
        return self._clock() - self._renewed_s >= self._lease_s * _HOLDS_FOR

    def renew(self, figures: Figures, *, released: bool = False) -> Fence:
        """Give a sign of life, and return what is to be done.

        Raises:
            OSError: It can't be given or read. The lease is then as old as before.
        """
        began_s = self._clock()
        self._count += 1
        beat = Beat(
            run=self._run, attempt=self._attempt, count=self._count, released=released, figures=figures
        )
        self._place.write(BEAT, encode(beat))
        fence = read_fence(self._place)
        if self.is_mine(fence) and not released:
            self._renewed_s = began_s
        return fence

    def is_mine(self, fence: Fence) -> bool:
        """Whether what stands in the part's folder is for this attempt."""
        return (fence.run, fence.attempt) == (self._run, self._attempt)


class Watch:
    """The other side: whether a part's worker has been heard of lately. Pure but for one read."""

    def __init__(
        self,
        place: ShardPlace,
        *,
        run: str,
        sent: int,
        lease_s: float,
        clock: Callable[[], float] = awake_s,
    ) -> None:
        """Begin with nothing seen: whoever may have the part has it for a whole lease from now on.

        ``sent`` is the last attempt that may have been sent to anybody, 0 for none.
        """
        self._place = place
        self._run = run
        self._sent = sent
        self._lease_s = lease_s
        self._clock = clock
        self._seen: tuple[str, int, int] | None = None
        self._buried: tuple[str, int, int] | None = None
        """The last sign of one that was seen to end."""
        self._changed_s = clock()
        self.beat: Beat | None = None
        """The last sign."""

    def look(self) -> None:
        """Read the sign; what can't be read is as none."""
        try:
            beat = msgspec.json.decode(self._place.read(BEAT), type=Beat)
        except (OSError, msgspec.DecodeError):
            return
        if (beat.run, beat.attempt, beat.count) != self._seen:
            self._seen = (beat.run, beat.attempt, beat.count)
            self._changed_s = self._clock()
        self.beat = beat
        if self._seen == self._buried:
            self.bury()

    def begin(self, attempt: int) -> None:
        """Count from now on: a new attempt is on its way."""
        self._sent = attempt
        self._changed_s = self._clock()

    def bury(self) -> None:
        """Note that whoever gave the last sign was seen to end."""
        if self.beat is not None:
            self._buried = self._seen
            self.beat = msgspec.structs.replace(self.beat, released=True)

    def is_free(self) -> bool:
        """Whether nobody asks the part's hosts: released, never begun, or not heard of for a lease.

        That somebody has left who was there before the last one says nothing of the last one.
        """
        beat = self.beat
        if beat is None:
            return True
        is_last = not self._sent or (beat.run == self._run and beat.attempt >= self._sent)
        return (beat.released and is_last) or self.is_silent()

    def hears(self, attempt: int) -> Beat | None:
        """Return the last sign if it is of this attempt, else ``None``."""
        beat = self.beat
        return beat if beat and (beat.run, beat.attempt) == (self._run, attempt) else None

    def is_silent(self) -> bool:
        """Whether nothing was heard for a lease."""
        return self._clock() - self._changed_s > self._lease_s


def last_figures(place: ShardPlace, *, run: str) -> Figures | None:
    """Return what the last worker of a part said of it, in whichever attempt of the run."""
    try:
        beat = msgspec.json.decode(place.read(BEAT), type=Beat)
    except (OSError, msgspec.DecodeError):
        return None
    return beat.figures if beat.run == run else None


def write_fence(place: ShardPlace, fence: Fence) -> None:
    """Say what the part's worker is to do.

    Raises:
        OSError: It can't be written.
    """
    place.write(FENCE, encode(fence))


def read_fence(place: ShardPlace) -> Fence:
    """Return what the part's worker is to do.

    Raises:
        OSError: It can't be read.
    """
    try:
        return msgspec.json.decode(place.read(FENCE), type=Fence)
    except msgspec.DecodeError as error:
        raise OSError(f"{place.shown}/{FENCE} is damaged: {error}") from error
