"""When a host may be asked again, by how many at once, and when it is given up.

Pure: the time is an argument, in monotonic seconds, and nothing here waits. The frontier asks; a
request is *released* when it is handed to the workers, *departs* when one of them takes it up, and has
*come back* when its answer is read or has failed.

Three things hold a host back beyond the user's own limits: what it asks for (``Crawl-delay``,
``Retry-After``), how it bears what it is asked (``_Pace``), and whether it answers at all (``_Circuit``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scraper.host_limits import limits_for
from scraper.messages import Sign
from scraper.settings.model import PolitenessSettings

if TYPE_CHECKING:
    from scraper.messages import Impression

_ON_THE_WAY = 0.04
"""Of the delay: how much later than it was sent a request may have arrived, for the next one not to come
too close to it by the host's own clock. Measured: on a busy machine 5 of 500 ms."""
_FIRST_STEP_S = 1.0
"""What an overloaded host is given at least; twice a delay near zero would be no relief."""
_REGAINED = 0.1
"""Of the adapted delay, by each good answer. A doubling is undone after seven, so a host that keeps a
fixed rate refuses about one request in eight while we look for it."""
_GIVEN_WAY = 0.25
"""Of the way to the delay that a slow host is to have, by each slow answer."""
_TRIFLE_S = 0.05
"""An adapted delay below this is over: shrinking by parts it would never end."""
_GOOD_FOR_A_SLOT = 8
_LEARNING = 8
"""Answers that only say what is normal."""
_RECENT = 1 / 8
"""The weight of an answer in the recent latency. Measured: ten times slower is noticed at the third answer;
a host of whose pages one in ten takes 1 s, the others 20 ms, counts as slow for 0.6 % of them."""
_NORMAL = 1 / 64
_NORMAL_WHILE_SLOW = 1 / 256
"""What we may have brought about ourselves becomes normal only after some two hundred answers."""
_SLOWER_TIMES = 2.0
_SLOWER_BY_S = 0.1
"""Less is noise: a fast host easily takes twice of next to nothing."""
_OUTLIER_TIMES = 4.0
"""Of the recent latency, and _SLOWER_BY_S more: one answer tells no more than this. Without it a
single page that takes five seconds makes a host slow."""
_LONGEST_PAUSE_S = 3600.0
"""Doubling ends here, unless the first pause is longer already."""


class HostTurn:
    """One host's limits and what is under way there.

    Between a release and its departure a host with a delay gives no other turn: the delay counts from
    the departure, and a released request may have waited for a free worker in between. The delay in
    force at a departure separates it from the departure of whatever is released after it.
    """

    __slots__ = (
        "_circuit",
        "_crawl_delay_s",
        "_departed_s",
        "_departing",
        "_own_delay_s",
        "_pace",
        "_settings",
        "is_doubtful",
        "not_before_s",
        "trouble",
        "under_way",
    )

    def __init__(self, settings: PolitenessSettings, *, host: str = "") -> None:
        """Begin with a host that nothing is known of; ``host`` is its key, for limits of its own."""
        limits = limits_for(host, settings)
        self._settings = settings
        self._own_delay_s = limits.delay_s
        self._crawl_delay_s = 0.0
        self._pace = _Pace(limits.per_host)
        self._circuit = _Circuit()
        self._departing = 0
        self._departed_s = float("-inf")
        self.under_way = 0
        """Released and not yet come back."""
        self.not_before_s = float("-inf")
        """No request may be released before this. It never goes back."""
        self.trouble: str | None = None
        """What came of the last request that brought no answer, or that we were sent away by."""
        self.is_doubtful = False
        """What was asked last brought no answer, or none in time."""

    @property
    def delay_s(self) -> float:
        """The delay in force: the largest of the user's, the host's ``Crawl-delay`` and the adapted."""
        return max(self._own_delay_s, self._crawl_delay_s, self._pace.delay_s)

    def least_s(self, requests: int) -> float:
        """Return what so many requests take by the delay alone, if the host bears each of them well."""
        rest_s = max(self._own_delay_s, self._crawl_delay_s, self._pace.slower_by_s)
        return shrinking_s(requests, self._pace.delay_s, rest_s=rest_s)

    @property
    def is_prompt(self) -> bool:
        """Whether answers come before the delay allows the next request, by all that is known."""
        return self._pace.latency_s < self.delay_s

    @property
    def is_free(self) -> bool:
        """Whether another request may be released once ``not_before_s`` has come."""
        if self._circuit.is_open:
            return not self.under_way and not self._circuit.is_given_up
        return self.under_way < self._pace.slots and not (self._departing and self.delay_s)

    @property
    def is_given_up(self) -> bool:
        """Whether the rest of the host's URLs are not to be asked for.

        The last probe has failed then and nothing is under way. If something is asked nevertheless
        and any answer comes, the host is alive and the circuit closes: what is known beats what was guessed.
        """
        return self._circuit.is_given_up

    def release(self) -> None:
        """A request is handed to the workers."""
        self.under_way += 1
        self._departing += 1
        self._circuit.is_probing = self._circuit.is_open

    def depart(self, now_s: float) -> None:
        """A worker takes the request up: it goes on the wire now."""
        self._departing -= 1
        self._departed_s = now_s
        self._keep_distance()

    def come_back(self, impression: Impression, *, now_s: float) -> None:
        """The request has an answer, or has failed, or was given back without having departed."""
        self.under_way -= 1
        self.trouble = impression.trouble or self.trouble
        if impression.sign is not Sign.UNKNOWN or impression.is_late:
            self.is_doubtful = impression.sign is Sign.SILENT or impression.is_late
        # One that never departed is found out at the latest when nothing else is under way.
        self._departing = min(self._departing, self.under_way)
        if not self.under_way and impression.latency_s:
            # It was the last to depart, and has arrived by the time its answer began at the latest.
            way_s = min(impression.latency_s, now_s - self._departed_s, _ON_THE_WAY * self.delay_s)
            self.hold_until(self._departed_s + way_s + self.delay_s)
        wished_s, cap_s = impression.asked_wait_s or 0.0, self._settings.retry_after_cap_s
        self.hold_until(now_s + min(wished_s, cap_s))
        if self._settings.adaptive:
            is_slowed = self._pace.notice(
                impression,
                now_s=now_s,
                in_force_s=self.delay_s,
                at_most_s=self._settings.max_delay_s,
                under_way=self.under_way,
            )
            if is_slowed:  # a rest first: the delay alone would count from a departure long past
                self.hold_until(now_s + self.delay_s)
            self._keep_distance()
        if self._settings.circuit_failures:
            # With a cap of 0 the user wants no wish to be heeded; such a wish then opens nothing.
            pause_s = self._circuit.notice(
                impression.sign, is_sent_away=wished_s > cap_s > 0, settings=self._settings
            )
            self.hold_until(now_s + pause_s)

    def keep_crawl_delay(self, delay_s: float) -> None:
        """Heed the ``Crawl-delay`` of robots.txt from the last departure on; the caller has capped it."""
        self._crawl_delay_s = delay_s
        self._keep_distance()

    def hold_until(self, at_s: float) -> None:
        """Release nothing before a time; an earlier one than is in force changes nothing."""
        self.not_before_s = max(self.not_before_s, at_s)

    def _keep_distance(self) -> None:
        self.hold_until(self._departed_s + self.delay_s)


def shrinking_s(requests: int, delay_s: float, *, rest_s: float) -> float:
    """Return the sum of so many delays, of which each is as much smaller as a good answer makes it.

    Args:
        requests: How many.
        delay_s: The adapted delay before the first of them.
        rest_s: Where it ends.
    """
    least_s = max(rest_s, _TRIFLE_S)
    if delay_s <= least_s:
        return requests * max(delay_s, rest_s)
    kept = 1.0 - _REGAINED
    larger = min(requests, math.ceil(math.log(least_s / delay_s) / math.log(kept)))
    return delay_s * (1.0 - kept**larger) / _REGAINED + (requests - larger) * rest_s


class Unlimited(HostTurn):
    """The turn of requests that ask nobody: duplicates and invalid lines."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(PolitenessSettings(per_host=1 << 30, delay_s=0.0))

    def come_back(self, impression: Impression, *, now_s: float) -> None:  # noqa: ARG002 - nobody answered
        """The request is settled; there is nothing to be learnt from it."""
        self.under_way -= 1
        self._departing = min(self._departing, self.under_way)


class _Pace:
    """How often a host may be asked by how it bears it.

    *Overloaded* (429, 503): the delay in force is doubled, to a second at least, and the slots are halved,
    because the host says that it is too much. A burst of them says it once: only what was released
    after the last slowdown is news, the rest was let go at the former pace. Nor is it news that a line
    which was refused is refused again: that may well be the page, and other lines tell when it is the host.
    Else each such page makes its host many times slower. Measured: with 503 for one page in 200, the last
    tenth of 50,000 lines at 400 hosts took five minutes in place of one.

    *Slower than it was*: the delay approaches what the answers take longer than normal, because a queue
    grows where we can't see it. Normal is what the host itself showed, so a slow one is not punished.

    *Good answers at normal speed* give back a part of the delay each, and after several a slot.
    Errors never do, and their latency says nothing: an error page is quicker than the page, so a host
    that breaks down would be asked faster (the reason why Scrapy's AutoThrottle has this rule, too).
    """

    __slots__ = (
        "_answers",
        "_good",
        "_most",
        "_normal_s",
        "_old",
        "_recent_s",
        "_slowed_s",
        "delay_s",
        "slots",
    )

    def __init__(self, slots: int) -> None:
        self.slots = self._most = slots
        self.delay_s = 0.0
        """The adapted delay; 0 when the host needs none."""
        self._answers = 0
        self._normal_s = self._recent_s = 0.0
        self._good = 0
        """Good answers since a slot was given back."""
        self._slowed_s = float("-inf")
        """When the host was slowed down last because it was overloaded."""
        self._old = 0
        """How many that were released before that have not come back, by all we know."""

    def notice(
        self, impression: Impression, *, now_s: float, in_force_s: float, at_most_s: float, under_way: int
    ) -> bool:
        """Adapt to what came back, ``under_way`` still being so; return whether it was one slowdown more."""
        latency_s = impression.latency_s
        is_news = self._is_news(now_s - (latency_s or 0.0))
        if impression.sign is Sign.OVERLOADED and is_news and not impression.is_repeated:
            self.delay_s = min(max(2 * in_force_s, _FIRST_STEP_S), at_most_s)
            self.slots = max(1, self.slots // 2)
            self._good, self._slowed_s, self._old = 0, now_s, under_way
            return True
        if impression.sign is Sign.GOOD:
            if latency_s is not None:
                self._learn(latency_s)
            goal_s = min(self.slower_by_s, at_most_s)
            if goal_s > self.delay_s:
                self.delay_s += (goal_s - self.delay_s) * _GIVEN_WAY
            elif is_news:
                self._recover(goal_s)
        return False

    def _is_news(self, departed_s: float) -> bool:
        """Say whether the request was released after the last slowdown; in doubt not.

        Which of several it was is not known here, so those of before are counted off as if they came
        back in order. One that was overtaken is found out by its latency: ``departed_s`` is
        too late by what the body took, never too early.
        """
        if self._old:
            self._old -= 1
            return False
        return departed_s > self._slowed_s

    @property
    def latency_s(self) -> float:
        """How long the answers take lately; 0 when nothing is known of it."""
        return self._recent_s

    @property
    def slower_by_s(self) -> float:
        """How much longer than normal the answers take, 0 when that is no more than noise."""
        by_s = self._recent_s - self._normal_s
        is_slow = by_s > _SLOWER_BY_S and self._recent_s > _SLOWER_TIMES * self._normal_s
        return by_s if is_slow else 0.0

    def _learn(self, latency_s: float) -> None:
        """Take a latency into the two moving averages, which begin as the mean of the first answers."""
        if self._answers < _LEARNING:
            self._answers += 1
            self._recent_s += (latency_s - self._recent_s) / self._answers
            self._normal_s = self._recent_s
            return
        latency_s = min(latency_s, _OUTLIER_TIMES * self._recent_s + _SLOWER_BY_S)
        weight = _NORMAL_WHILE_SLOW if self.slower_by_s else _NORMAL
        self._normal_s += (latency_s - self._normal_s) * weight
        self._recent_s += (latency_s - self._recent_s) * _RECENT

    def _recover(self, goal_s: float) -> None:
        self.delay_s -= (self.delay_s - goal_s) * _REGAINED
        if self.delay_s < _TRIFLE_S:
            self.delay_s = 0.0
        if self.slots < self._most and not goal_s:
            self._good += 1
            if self._good == _GOOD_FOR_A_SLOT:
                self._good = 0
                self.slots += 1


class _Circuit:
    """Whether a host answers at all; open means that it is only probed, one request at a time.

    Without it each URL of a dead host costs a worker its timeouts. It opens after so many requests in a row
    without an answer, or at once when the host sends us away for longer than we are ready to wait: its other
    URLs would be refused too. What was under way then counts no more; nothing else is
    under way beside a probe, so its result is its own. Any answer closes the circuit, errors included:
    the host is there. A probe that is sent away for too long again is in vain, unless its answer is good:
    who serves a page every time is not given up. A probe that nothing is learnt from is repeated.
    """

    __slots__ = ("_silent", "_vain", "is_given_up", "is_open", "is_probing")

    def __init__(self) -> None:
        self.is_open = self.is_given_up = False
        self.is_probing = False
        """What is under way, if anything, is a probe: it was released while the circuit was open."""
        self._silent = 0
        """Requests in a row without an answer."""
        self._vain = 0
        """Probes in vain since it opened."""

    def notice(self, sign: Sign, *, is_sent_away: bool, settings: PolitenessSettings) -> float:
        """Take in what came back; return the seconds to wait before the next probe, else 0."""
        if self.is_open and not self.is_probing and (is_sent_away or sign is Sign.SILENT):
            return 0.0
        if is_sent_away:
            was_vain = self.is_open and sign is not Sign.GOOD
            return self._stay_open(settings) if was_vain else self._open(0.0)
        if sign is Sign.SILENT:
            if self.is_open:
                return self._stay_open(settings)
            self._silent += 1
            if self._silent >= settings.circuit_failures:
                return self._open(settings.circuit_pause_s)
        elif sign is not Sign.UNKNOWN:
            self.is_open = self.is_given_up = False
            self._silent = 0
        return 0.0

    def _open(self, pause_s: float) -> float:
        self.is_open, self.is_given_up, self.is_probing = True, False, False
        self._vain = self._silent = 0
        return pause_s

    def _stay_open(self, settings: PolitenessSettings) -> float:
        self._vain += 1
        self.is_given_up = self._vain >= settings.circuit_probes
        # The exponent is bounded too: circuit_probes is not, and 2.0**1024 overflows.
        doubled_s = settings.circuit_pause_s * 2.0 ** min(self._vain, 62)
        return min(doubled_s, max(settings.circuit_pause_s, _LONGEST_PAUSE_S))
