"""When a target is told what: at most one message in an interval, and nothing forgotten in silence. Pure.

Of the notices that come within the interval after a message, the latest becomes the next message and the
others are named in it, or counted when there are many. So are those that could not be delivered.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from scraper.notify.message import MAX_EARLIER, Earlier, Message, as_earlier, compose

if TYPE_CHECKING:
    from scraper.notify.notice import Notice


class Batch(NamedTuple):
    """What one message tells."""

    notice: Notice
    earlier: tuple[Earlier, ...]
    earlier_total: int

    def __len__(self) -> int:
        """How many notices it stands for."""
        return 1 + self.earlier_total

    @property
    def message(self) -> Message:
        """The message."""
        return compose(self.notice, earlier=self.earlier, earlier_total=self.earlier_total)


class Pending:
    """What one target has not been told yet. It holds one notice and a few lines, however many came."""

    def __init__(self, *, interval_s: float) -> None:
        self._interval_s = interval_s
        self._latest: Notice | None = None
        self._earlier: deque[Earlier] = deque(maxlen=MAX_EARLIER)
        self._earlier_total = 0
        self._not_before_s = float("-inf")

    def __len__(self) -> int:
        """How many notices have not been told."""
        return self._earlier_total + (self._latest is not None)

    def add(self, notice: Notice) -> None:
        """Take one more."""
        if self._latest is not None:
            self._earlier.append(as_earlier(self._latest))
            self._earlier_total += 1
        self._latest = notice

    def wait_s(self, now_s: float) -> float | None:
        """Return how long the next message has to wait, ``None`` when there is none.

        Notices that could not be delivered make no message of their own: the next one names them.
        """
        return None if self._latest is None else max(0.0, self._not_before_s - now_s)

    def take(self) -> Batch:
        """Return what the next message tells, whether or not its time has come.

        Raises:
            ValueError: There is nothing to tell.
        """
        if self._latest is None:
            raise ValueError("there is nothing to tell")
        batch = Batch(self._latest, tuple(self._earlier), self._earlier_total)
        self._latest, self._earlier_total = None, 0
        self._earlier.clear()
        return batch

    def told(self, now_s: float) -> None:
        """Note that a message has just been delivered: the interval begins."""
        self._not_before_s = now_s + self._interval_s

    def give_back(self, batch: Batch) -> None:
        """Take back what could not be delivered, for the next message."""
        later = tuple(self._earlier)
        self._earlier.clear()
        self._earlier.extend((*batch.earlier, as_earlier(batch.notice), *later))
        self._earlier_total += batch.earlier_total + 1
