"""Counting with bounded memory: a rate, quantiles, and the slowest of very many hosts. Pure."""

from __future__ import annotations

import heapq
import math
from itertools import accumulate

import msgspec

_RATE_BUCKETS = 61


class RecentRate:
    """How many things happened a second lately, from counts by whole second.

    Memory: 61 numbers. A window of ``n`` seconds holds the second under way and the ``n`` before it,
    so it spans between ``n`` and ``n + 1`` seconds; younger than that, it spans the life so far, but
    at least one second, so that a first batch after a millisecond is no rate of thousands.
    """

    def __init__(self, *, start_s: float) -> None:
        self._start_s = start_s
        self._counts = [0] * _RATE_BUCKETS
        self._seconds = [-1] * _RATE_BUCKETS

    def add(self, count: int, *, now_s: float) -> None:
        """Count ``count`` things at ``now_s``, which must not go back."""
        second = int(now_s - self._start_s)
        slot = second % _RATE_BUCKETS
        if self._seconds[slot] != second:
            self._seconds[slot] = second
            self._counts[slot] = 0
        self._counts[slot] += count

    def per_second(self, *, window_s: int, now_s: float) -> float:
        """Return the rate over the last ``window_s`` (1 to 60) seconds before ``now_s``."""
        age_s = now_s - self._start_s
        first = max(int(age_s) - window_s, 0)
        count = sum(
            count for second, count in zip(self._seconds, self._counts, strict=True) if second >= first
        )
        return count / max(age_s - first, 1.0)


_GROWTH = 1.05
_LEAST_S = 0.001
_MOST_S = 3600.0
_LOG_GROWTH = math.log(_GROWTH)
_LAST = math.ceil(math.log(_MOST_S / _LEAST_S) / _LOG_GROWTH) + 1


def _bucket(seconds: float) -> int:
    """Return the number of the bucket that holds a duration: 0 up to 1 ms, the last from 1 h on."""
    if seconds <= _LEAST_S:
        return 0
    return min(math.ceil(math.log(seconds / _LEAST_S) / _LOG_GROWTH), _LAST)


class Durations:
    """Quantiles of durations from a histogram whose buckets grow by 5 %.

    Memory: 312 numbers. Count, least and most are exact; a quantile between 1 ms and 1 h is wrong by
    at most 2.5 %, below by at most 1 ms, above it is only known to lie between 1 h and the most.
    """

    def __init__(self) -> None:
        self.count = 0
        self.least_s = 0.0
        self.most_s = 0.0
        self._buckets = [0] * (_LAST + 1)

    def add(self, seconds: float) -> None:
        """Count one duration; a negative one counts as 0."""
        seconds = max(seconds, 0.0)
        self.least_s = min(self.least_s, seconds) if self.count else seconds
        self.most_s = max(self.most_s, seconds)
        self.count += 1
        self._buckets[_bucket(seconds)] += 1

    def quantile(self, q: float) -> float | None:
        """Return the ``q`` quantile (0 < q <= 1) by nearest rank in seconds, ``None`` without any."""
        if not self.count:
            return None
        rank = max(math.ceil(q * self.count), 1)
        bucket = next(number for number, seen in enumerate(accumulate(self._buckets)) if seen >= rank)
        # The geometric middle of the bucket: the error is the same to both sides.
        middle_s = _LEAST_S * _GROWTH ** (bucket - 0.5) if bucket else _LEAST_S
        return min(max(middle_s, self.least_s), self.most_s)


class HostFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the asked pages of one host came to."""

    host: str
    pages: int
    failed: int
    mean_s: float
    slowest_s: float
    """The longest that one of its pages took."""
    exact: bool
    """False when pages may be missing from all figures but ``slowest_s``."""


class _Host:
    __slots__ = ("exact", "failed", "pages", "slowest_s", "total_s")

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact
        self.pages = 0
        self.failed = 0
        self.total_s = 0.0
        self.slowest_s = 0.0


class SlowestHosts:
    """The hosts with the slowest single pages, of any number of hosts.

    Memory: at most ``2 * keep`` hosts. With no more hosts than that, everything is exact. Beyond it:

    - Exact are which hosts are among the ``keep`` slowest, and each one's slowest page (hosts that
      tie for the last place aside): the bar a host must pass only ever rises, so a host that belongs
      in the end passed it when its slowest page came, and was never put out.
    - Approximate are pages, failures and mean of a host that came in after hosts were put out:
      they count from then on, and ``exact`` is False.
    """

    def __init__(self, *, keep: int = 2048) -> None:
        if keep < 1:
            raise ValueError("keep must be 1 or more")
        self._keep = keep
        self._hosts: dict[str, _Host] = {}
        self._bar_s = -1.0

    @property
    def distinct(self) -> int | None:
        """How many hosts there were; ``None`` when they were too many to tell."""
        return len(self._hosts) if self._bar_s < 0 else None

    def add(self, host: str, *, seconds: float, failed: bool) -> None:
        """Count one page of ``host`` that took ``seconds``, 0 or more."""
        figures = self._hosts.get(host)
        if figures is None:
            if seconds <= self._bar_s:
                return
            figures = self._hosts[host] = _Host(exact=self._bar_s < 0)
        figures.pages += 1
        figures.failed += failed
        figures.total_s += seconds
        figures.slowest_s = max(figures.slowest_s, seconds)
        if len(self._hosts) > 2 * self._keep:
            # Halved at once, so that a host costs O(log keep) on the average.
            kept = heapq.nlargest(self._keep, self._hosts.items(), key=lambda item: item[1].slowest_s)
            self._hosts = dict(kept)
            self._bar_s = kept[-1][1].slowest_s

    def slowest(self, count: int) -> tuple[HostFigures, ...]:
        """Return up to ``count`` (at most ``keep``) hosts, the slowest first, ties by name."""
        top = heapq.nsmallest(
            min(count, self._keep), self._hosts.items(), key=lambda item: (-item[1].slowest_s, item[0])
        )
        return tuple(
            HostFigures(
                host=host,
                pages=figures.pages,
                failed=figures.failed,
                mean_s=figures.total_s / figures.pages,
                slowest_s=figures.slowest_s,
                exact=figures.exact,
            )
            for host, figures in top
        )
