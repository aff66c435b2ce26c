"""What the rounds come to: pure."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.measuring import Took

NONE: Final = "\N{EN DASH}"
HEAD: Final = ("program", "pages/s", "from", "to", "of bare", "CPU ms a page", "peak MiB", "one page, s")


class Run(NamedTuple):
    """One program in one round."""

    pages: int
    took: Took

    @property
    def rate(self) -> float:
        """Pages a second."""
        return self.pages / self.took.elapsed_s


class Figure(NamedTuple):
    """What all rounds of a program over the pages of one kind come to."""

    label: str
    rate: float
    """Pages a second, the median of the rounds."""
    least_rate: float
    most_rate: float
    ratio: float | None
    """Its rate over the yardstick's of the same round, the median; ``None`` without a yardstick."""
    processor_ms: float
    """Processor time a page, the median of the rounds."""
    peak_mib: float
    """The most of all rounds."""
    start_s: float
    """What a list of one page took."""

    @property
    def row(self) -> list[str]:
        """The cells of its line in a table, in the order of ``HEAD``."""
        ratio = NONE if self.ratio is None else f"{self.ratio:.2f}"
        rates = [rounded(rate) for rate in (self.rate, self.least_rate, self.most_rate)]
        return [
            self.label,
            *rates,
            ratio,
            f"{self.processor_ms:.2f}",
            f"{self.peak_mib:.0f}",
            f"{self.start_s:.2f}",
        ]


def rounded(rate: float) -> str:
    """Return a rate with the digits that mean something."""
    return f"{rate:.1f}" if rate < 100 else f"{rate:.0f}"


def figure(
    label: str, key: str, rounds: Sequence[Mapping[str, Run]], *, yardstick: str, start_s: float
) -> Figure | None:
    """Put the rounds of one program together.

    Args:
        label: Its name in tables.
        key: Its name in the rounds.
        rounds: Each with the runs of its programs by key; a run that was void is not there.
        start_s: What it took for one page.
        yardstick: The key of the program that it is compared with, round by round.

    Returns:
        ``None`` when it has no run.
    """
    runs = [one[key] for one in rounds if key in one]
    if not runs:
        return None
    rates = [run.rate for run in runs]
    ratios = [one[key].rate / one[yardstick].rate for one in rounds if key in one and yardstick in one]
    return Figure(
        label,
        statistics.median(rates),
        min(rates),
        max(rates),
        statistics.median(ratios) if ratios else None,
        statistics.median(1000 * run.took.processor_s / run.pages for run in runs),
        max(run.took.peak_mib for run in runs),
        start_s,
    )
