"""Where the marks of the report's charts stand. This module does no I/O."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from scraper.report.tables import number, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.report.model import Count, Host, Timeline

_WIDTH = 1000.0
_LEAST_WIDTH = 6.0
"""What is there at all is seen."""
_MOST_BARS = 15
_MOST_HOSTS = 12
_DAY_S = 86_400


class Bar(NamedTuple):
    """One line of a bar chart."""

    name: str
    number: int
    width: float
    """Of a thousand."""
    share: str
    is_bad: bool
    query: str
    """What the table beside it is searched for when the bar is chosen; empty for none."""


class Step(NamedTuple):
    """One column of the time line; x and heights of a thousand, y from the top."""

    x: float
    width: float
    height: float
    error_height: float
    at: str
    told: str


class TimeChart(NamedTuple):
    """Answers a second over time."""

    steps: list[Step]
    gaps: list[tuple[float, float]]
    """Where the line is cut: x and width."""
    ticks: list[str]
    """Of the vertical axis, from the top."""
    begins: str
    ends: str


class Range(NamedTuple):
    """One host's times on a logarithmic scale; places of a thousand."""

    host: Host
    median: float
    p90: float
    p99: float


def bars(
    counts: Sequence[Count],
    total: int,
    *,
    bad: frozenset[str] = frozenset(),
    queries: frozenset[str] = frozenset(),
) -> list[Bar]:
    """Return the lines of a bar chart; what is beyond the first lines goes together."""
    shown = [(one.name, one.number) for one in counts[:_MOST_BARS]]
    if rest := sum(one.number for one in counts[_MOST_BARS:]):
        shown.append((f"{len(counts) - _MOST_BARS} others", rest))
    most = max((count for _, count in shown), default=1)
    return [
        Bar(
            name,
            count,
            max(round(_WIDTH * count / most, 1), _LEAST_WIDTH),
            _share(count, total),
            name in bad,
            name if name in queries else "",
        )
        for name, count in shown
    ]


def _share(count: int, total: int) -> str:
    share = 100 * count / max(total, 1)
    if count and share < 0.1:  # noqa: PLR2004 what one digit can show
        return "< 0.1 %"
    return f"{share:.1f} %"


def time_chart(timeline: Timeline) -> TimeChart | None:
    """Return the columns of the time line, ``None`` when there is nothing to show."""
    moments = [moment for stretch in timeline.stretches for moment in stretch]
    if not moments:
        return None
    gap = max(1.0, 0.03 * len(moments))
    unit = _WIDTH / (len(moments) + gap * (len(timeline.stretches) - 1))
    top = _round_up(max(moment.answers for moment in moments) / timeline.step_s)
    with_day = moments[-1].at_s - moments[0].at_s > _DAY_S
    exact = timeline.step_s < 1
    steps: list[Step] = []
    gaps: list[tuple[float, float]] = []
    x = 0.0
    for stretch in timeline.stretches:
        if steps:
            gaps.append((round(x, 2), round(gap * unit, 2)))
            x += gap * unit
        for moment in stretch:
            rate = moment.answers / timeline.step_s
            errors = moment.errors / timeline.step_s
            told = f"{rate:,.1f} answers a second, {number(moment.errors)} errors, {size(moment.size_bytes)}"
            at = moment_text(moment.at_s, with_day=with_day, exact=exact)
            height, error_height = (round(_WIDTH * value / top, 1) for value in (rate, errors))
            steps.append(Step(round(x, 2), round(unit, 2), height, error_height, at, told))
            x += unit
    ticks = [f"{top:,g}", f"{top / 2:,g}", "0"]
    return TimeChart(steps, gaps, ticks, steps[0].at, steps[-1].at)


def ranges(hosts: Sequence[Host]) -> list[Range]:
    """Return the hosts with the most records and where their percentiles stand."""
    shown = [(host, host.took) for host in hosts if host.took is not None][:_MOST_HOSTS]
    if not shown:
        return []
    low = math.log10(min(took.p50_s for _, took in shown)) - 0.1
    high = max(math.log10(max(took.p99_s for _, took in shown)), low + 0.5)

    def place(value_s: float) -> float:
        return round(_WIDTH * (math.log10(value_s) - low) / (high - low), 1)

    return [Range(host, place(took.p50_s), place(took.p90_s), place(took.p99_s)) for host, took in shown]


def moment_text(at_s: float, *, with_day: bool = True, exact: bool = False) -> str:
    """Return a time in UTC as people write it; empty for one that no calendar has."""
    try:
        at = datetime.fromtimestamp(at_s, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    clock = at.strftime("%H:%M:%S") + (f".{at.microsecond // 1000:03d}" if exact else "")
    return f"{at.day} {at:%b %Y}, {clock}" if with_day else clock


def _round_up(value: float) -> float:
    """Return the next number of 1, 2, 4, 5 or 10 times a power of ten: its half is easily read, too."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(power * step for step in (1, 2, 4, 5, 10) if power * step >= value * (1 - 1e-9))
