"""The last runs of a job as a row of bars: where they stand. This module does no I/O."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from scraper.schedule.model import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.schedule.model import RunRow

MOST_BARS = 30
STEP = 8.0
WIDTH = 6.0
HEIGHT = 32.0
_STUB = 4.0
"""The height of a run that has no record."""
_BROKEN = frozenset({RunState.FAILED, RunState.OVERDUE, RunState.ABANDONED})
_NOT_WHOLE = frozenset({RunState.SKIPPED_OVERLAP, RunState.STOPPED})
STATE_WORDS = {
    RunState.RUNNING: "running",
    RunState.COMPLETE: "complete",
    RunState.FAILED: "failed",
    RunState.OVERDUE: "over its deadline",
    RunState.STOPPED: "stopped",
    RunState.ABANDONED: "abandoned",
    RunState.SKIPPED_OVERLAP: "skipped",
}


class Bar(NamedTuple):
    """One run; lengths in the units of the drawing."""

    run: RunRow
    x: float
    height: float
    failed_height: float
    kind: str
    """``good``, ``bad``, ``partly`` or ``running``."""


class Sparkline(NamedTuple):
    """A job's last runs, the oldest first."""

    bars: tuple[Bar, ...]
    width: float
    told: str
    """What it shows, in words."""


def kind_of(state: RunState) -> str:
    """Return how a run in this state is coloured: ``good``, ``bad``, ``partly`` or ``running``."""
    if state in _BROKEN:
        return "bad"
    if state in _NOT_WHOLE:
        return "partly"
    return "running" if state is RunState.RUNNING else "good"


def sparkline(recent: Sequence[RunRow]) -> Sparkline:
    """Return the drawing of runs that come newest first.

    A bar is as high as its run has records, and as red as they failed.
    """
    runs = list(reversed(recent[:MOST_BARS]))
    most = max((run.lines for run in runs), default=0) or 1
    first = MOST_BARS - len(runs)
    bars = [
        Bar(
            run,
            (first + place) * STEP,
            round(max(HEIGHT * run.lines / most, _STUB), 2),
            round(HEIGHT * min(run.failed, run.lines) / most, 2),
            kind_of(run.state),
        )
        for place, run in enumerate(runs)
    ]
    counts = Counter(STATE_WORDS[run.state] for run in runs)
    words = ", ".join(f"{number} {word}" for word, number in counts.most_common())
    told = f"The last {len(runs)} runs: {words}" if len(runs) > 1 else f"One run: {words}"
    return Sparkline(tuple(bars), MOST_BARS * STEP - (STEP - WIDTH), told if runs else "No run yet")
