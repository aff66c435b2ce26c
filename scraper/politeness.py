"""When a host may be asked again, and by how many at once.

Pure: the time is an argument, in monotonic seconds, and nothing here waits. The frontier asks; a
request is *released* when it is handed to the workers, *departs* when one of them takes it up, and has
*returned* when its answer is read or has failed.
"""

from __future__ import annotations

from scraper.settings.model import PolitenessSettings


class HostTurn:
    """One host's limits and what is under way there.

    Between a release and its departure a host with a delay gives no other turn: the delay counts from
    the departure, and a released request may have waited for a free worker in between.
    """

    __slots__ = ("_delay_s", "_departing", "_limit", "not_before_s", "under_way")

    def __init__(self, settings: PolitenessSettings) -> None:
        self._limit = settings.per_host
        self._delay_s = settings.delay_s
        self._departing = 0
        self.under_way = 0
        """Released and not yet returned."""
        self.not_before_s = float("-inf")
        """No request may depart before this."""

    @property
    def is_free(self) -> bool:
        """Whether another request may be released once ``not_before_s`` has come."""
        return self.under_way < self._limit and not (self._delay_s and self._departing)

    def release(self) -> None:
        """A request is handed to the workers."""
        self.under_way += 1
        self._departing += 1

    def depart(self, now_s: float) -> None:
        """A worker takes the request up: it goes on the wire now."""
        self._departing -= 1
        self.not_before_s = max(self.not_before_s, now_s + self._delay_s)

    def come_back(self) -> None:
        """The request has an answer, or has failed."""
        self.under_way -= 1


class Unlimited(HostTurn):
    """The turn of requests that ask nobody: duplicates and invalid lines."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(PolitenessSettings(per_host=1 << 30, delay_s=0.0))
