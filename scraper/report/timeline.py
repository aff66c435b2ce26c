"""Answers over time, whatever the length of a run, in a bounded number of steps. This module does no I/O."""

from __future__ import annotations

from scraper.report.model import Moment, Timeline

_MOST_HELD = 512
"""Steps with something in them that are kept while records come."""
_MOST_SHOWN = 120
_GAP_STEPS = 20
_GAP_S = 300.0
"""Longer than both without an answer, and the time line is cut there: a run was stopped and resumed."""


class Times:
    """Counts by steps of time whose length doubles when there are too many."""

    def __init__(self) -> None:
        self.first_s: float | None = None
        self.last_s: float | None = None
        self._step_s = 0.125
        self._steps: dict[int, list[int]] = {}

    def add(self, at_s: float, *, is_error: bool, size_bytes: int) -> None:
        """Count an answer."""
        self.first_s = at_s if self.first_s is None else min(self.first_s, at_s)
        self.last_s = at_s if self.last_s is None else max(self.last_s, at_s)
        counts = self._steps.setdefault(int(at_s // self._step_s), [0, 0, 0])
        counts[0] += 1
        counts[1] += is_error
        counts[2] += size_bytes
        while len(self._steps) > _MOST_HELD:
            self._double()

    def timeline(self) -> Timeline:
        """Return the steps as they are shown, the empty ones too; at most some hundred."""
        stretches = self._stretches()
        while sum(last - first + 1 for first, last in stretches) > _MOST_SHOWN and len(self._steps) > 1:
            self._double()
            stretches = self._stretches()
        return Timeline(
            self._step_s,
            [[self._moment(number) for number in range(first, last + 1)] for first, last in stretches],
        )

    def _double(self) -> None:
        self._step_s *= 2
        wider: dict[int, list[int]] = {}
        for number, counts in self._steps.items():
            into = wider.setdefault(number // 2, [0, 0, 0])
            for place, count in enumerate(counts):
                into[place] += count
        self._steps = wider

    def _stretches(self) -> list[tuple[int, int]]:
        """Return the first and last step of each stretch without a gap."""
        longest = max(_GAP_STEPS, _GAP_S / self._step_s)
        found: list[tuple[int, int]] = []
        for number in sorted(self._steps):
            if found and number - found[-1][1] <= longest:
                found[-1] = (found[-1][0], number)
            else:
                found.append((number, number))
        return found

    def _moment(self, number: int) -> Moment:
        answers, errors, size_bytes = self._steps.get(number, (0, 0, 0))
        return Moment(number * self._step_s, answers, errors, size_bytes)
