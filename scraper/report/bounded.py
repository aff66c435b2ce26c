"""Lists and counts that take any number of entries and keep a bounded one. This module does no I/O."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

from scraper.report.model import Count, Rows

T = TypeVar("T")

REST = "(others)"
"""The name that entries are counted under when there are too many names."""


class First(Generic[T]):
    """The first entries of many, and how many there were."""

    def __init__(self, limit: int) -> None:
        self.shown: list[T] = []
        self.total = 0
        self._limit = limit

    @property
    def is_full(self) -> bool:
        """Whether the next entry would be counted only."""
        return len(self.shown) >= self._limit

    def add(self, entry: T) -> None:
        """Keep an entry if there is room, count it always."""
        self.total += 1
        if not self.is_full:
            self.shown.append(entry)

    def rows(self) -> Rows[T]:
        """Return what was kept, in the order it came."""
        return Rows(self.shown, self.total)


class Greatest(Generic[T]):
    """The greatest entries of many by a number, the earlier first among equals."""

    def __init__(self, limit: int) -> None:
        self.total = 0
        self._heap: list[tuple[float, int, T]] = []
        self._limit = limit

    def takes(self, size: float) -> bool:
        """Whether an entry of this size would be kept; asked before one is made."""
        return len(self._heap) < self._limit or size > self._heap[0][0]

    def add(self, size: float, entry: T) -> None:
        """Keep an entry while no ``limit`` greater ones are known, count it always."""
        self.total += 1
        if self.takes(size):
            put = heapq.heappush if len(self._heap) < self._limit else heapq.heapreplace
            put(self._heap, (size, -self.total, entry))

    def rows(self) -> Rows[T]:
        """Return what was kept, the greatest first."""
        return Rows(self.ranked(), self.total)

    def ranked(self) -> list[T]:
        """Return the same without the total."""
        return [entry for *_, entry in sorted(self._heap, key=lambda kept: kept[:2], reverse=True)]


class Tally:
    """Counts by name, for so many names; those of later names go together as ``REST``."""

    def __init__(self, limit: int) -> None:
        self._counts: dict[str, int] = {}
        self._limit = limit

    def add(self, name: str) -> None:
        """Count one more."""
        if name not in self._counts and len(self._counts) >= self._limit:
            name = REST
        self._counts[name] = self._counts.get(name, 0) + 1

    def ranked(self) -> list[Count]:
        """Return the counts, the greatest first, then by name."""
        return sorted(
            (Count(*item) for item in self._counts.items()), key=lambda one: (-one.number, one.name)
        )
