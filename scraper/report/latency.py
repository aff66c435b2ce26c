"""How long answers took: percentiles of any number of them, in bounded memory.

The sketch is a histogram whose steps grow by a constant factor (DDSketch: Masson, Rim and Lee, VLDB 2019), so
that each percentile is right within 2 % whatever the distribution. This module does no I/O.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

from scraper.report.model import Count, Host, Percentiles, Rows

_GROWTH = 1.04
_LOG_GROWTH = math.log(_GROWTH)
_LEAST_S = 1e-4
_MOST_S = 1e5
"""What takes less or more counts as this much; a record may claim any number."""
_EDGES_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
REST = "(other hosts)"


class Sketch:
    """Durations, counted by their order of magnitude."""

    def __init__(self) -> None:
        self.count = 0
        self._steps: dict[int, int] = {}
        self._greatest_s = 0.0

    def add(self, took_s: float) -> None:
        """Count one."""
        bounded_s = min(max(took_s, _LEAST_S), _MOST_S)
        step = math.ceil(math.log(bounded_s) / _LOG_GROWTH)
        self._steps[step] = self._steps.get(step, 0) + 1
        self._greatest_s = max(self._greatest_s, took_s)
        self.count += 1

    def percentiles(self) -> Percentiles | None:
        """Return those that the report shows, ``None`` when nothing was counted."""
        if not self.count:
            return None
        ranked = sorted(self._steps.items())
        return Percentiles(
            p50_s=self._at(ranked, 0.5),
            p90_s=self._at(ranked, 0.9),
            p99_s=self._at(ranked, 0.99),
            max_s=self._greatest_s,
        )

    def _at(self, ranked: list[tuple[int, int]], share: float) -> float:
        """Return the duration that this share of all does not exceed (nearest rank)."""
        left = math.ceil(share * self.count)
        for step, count in ranked:
            left -= count
            if left <= 0:
                # The value in the step that is off by the same factor from both of its ends.
                return min(2 * _GROWTH**step / (_GROWTH + 1), self._greatest_s)
        raise AssertionError("a share is at most 1")  # pragma: no cover


class Spread:
    """Durations by steps that people think in."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_EDGES_S) + 1)

    def add(self, took_s: float) -> None:
        """Count one."""
        self._counts[bisect_right(_EDGES_S, took_s)] += 1

    def counts(self) -> list[Count]:
        """Return all steps in order, without the empty ones at both ends."""
        names = [f"under {_told(_EDGES_S[0])}"]
        names += [f"{_told(low)} to {_told(high)}" for low, high in pairwise(_EDGES_S)]
        names.append(f"{_told(_EDGES_S[-1])} and more")
        held = [number for number, count in enumerate(self._counts) if count]
        if not held:
            return []
        whole = [Count(*pair) for pair in zip(names, self._counts, strict=True)]
        return whole[held[0] : held[-1] + 1]


class _HostFigures:
    __slots__ = ("failed", "records", "size_bytes", "sketch")

    def __init__(self) -> None:
        self.records = 0
        self.failed = 0
        self.size_bytes = 0
        self.sketch = Sketch()


class Hosts:
    """Figures by host, for so many hosts; those of later hosts go together."""

    def __init__(self, limit: int) -> None:
        self._hosts: dict[str, _HostFigures] = {}
        self._limit = limit

    def add(self, name: str, *, failed: bool, size_bytes: int, took_s: float | None) -> None:
        """Count a record of a host."""
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= self._limit:
                name = REST
            host = self._hosts.setdefault(name, _HostFigures())
        host.records += 1
        host.failed += failed
        host.size_bytes += size_bytes
        if took_s is not None:
            host.sketch.add(took_s)

    def rows(self, limit: int) -> Rows[Host]:
        """Return the hosts, those with the most records first."""
        ranked = sorted(self._hosts.items(), key=lambda item: (-item[1].records, item[0]))
        shown = [
            Host(name, host.records, host.failed, host.size_bytes, host.sketch.percentiles())
            for name, host in ranked[:limit]
        ]
        return Rows(shown, len(ranked))


def _told(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
