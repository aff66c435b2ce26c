"""Whether a request is kept waiting by its host, told to whoever could do something else meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRESS_BYTES = 1024
"""What has to come while one is patient: less than any line brings that pages can be had over, and more than
a server sends that only keeps us there."""
_TIMES = 4.0
_LEAST_S = 0.25
"""Less is noise."""
_STEP = 1 / 32
"""By such a part the usual time is moved by each answer; that of all hosts doubles within some twenty."""


class Pace:
    """How soon answers usually begin, of all hosts, and how long one is patient by that.

    A host is slow by what the others take. Where all of them are, the line is, or this machine; to ask for
    more at once would make it worse.
    """

    def __init__(self, *, most_s: float) -> None:
        """Begin with a guess; ``most_s`` is how long one is patient at the most."""
        self._most_s = most_s
        self._usual_s = _LEAST_S
        """The median, or on the way to it: a few that take very long are not to make it long."""

    def note(self, took_s: float) -> None:
        """Take in that an answer began after so long."""
        self._usual_s *= 1 + _STEP if took_s > self._usual_s else 1 - _STEP
        self._usual_s = max(self._usual_s, _LEAST_S / _TIMES)

    @property
    def patience_s(self) -> float:
        """How long one is patient now."""
        return min(_TIMES * self._usual_s, self._most_s)


class Patience:
    """Tells that a host keeps a request waiting, and that it does so no more.

    What counts is the bytes that come. A name that is not found, a connection that does not come about, a
    head that is not sent and a body that drips are all the same to who waits. A host that keeps us waiting by
    turns has to send twice as much each time until it is believed.
    """

    __slots__ = (
        "_began_s",
        "_looked_bytes",
        "_loop",
        "_pace",
        "_progress_bytes",
        "_timer",
        "_waits",
        "heard_bytes",
        "is_lost",
        "was_ever_lost",
    )

    def __init__(self, waits: Callable[[bool], None] | None, *, pace: Pace) -> None:
        """Take what is called with ``True`` when it is kept waiting, and with ``False`` when no more."""
        self._waits = waits
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._began_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._looked_bytes = 0
        self._progress_bytes = _PROGRESS_BYTES
        self.heard_bytes = 0
        """What has come."""
        self.is_lost = False
        """It is kept waiting."""
        self.was_ever_lost = False
        """It is, or was before."""

    def begin(self, *, is_doubtful: bool) -> None:
        """Begin to wait; ``is_doubtful``: for a host that deserves no patience."""
        if self._waits is None:
            return
        self._began_s = self._loop.time()
        if is_doubtful:
            self._lose(self._waits)
        else:
            self._look_later()

    def hear(self, size_bytes: int) -> None:
        """Note that so much has come."""
        if not self.heard_bytes and self._waits:
            self._pace.note(self._loop.time() - self._began_s)
        self.heard_bytes += size_bytes
        if self.is_lost and self._waits and self.heard_bytes - self._looked_bytes >= self._progress_bytes:
            self._progress_bytes *= 2
            self._regain(self._waits)
            self._look_later()

    def end(self) -> None:
        """Wait no more: all is there, or nothing is to come."""
        if self._timer is not None:
            self._timer.cancel()
        if self.is_lost and self._waits is not None:
            self._regain(self._waits)
        self._waits = self._timer = None

    def _look_later(self) -> None:
        self._looked_bytes = self.heard_bytes
        self._timer = self._loop.call_later(self._pace.patience_s, self._look)

    def _look(self) -> None:
        if self._waits is None:
            return
        if self.heard_bytes - self._looked_bytes >= _PROGRESS_BYTES:
            self._look_later()
            return
        self._lose(self._waits)

    def _lose(self, waits: Callable[[bool], None]) -> None:
        self._looked_bytes = self.heard_bytes
        self.is_lost = self.was_ever_lost = True
        waits(True)

    def _regain(self, waits: Callable[[bool], None]) -> None:
        self.is_lost = False
        waits(False)
