"""How many URLs each host of a long list has: few have most of them.

Huberman and Adamic ("Growth dynamics of the World-Wide Web", Nature 401, 1999, page 131) found in the crawls
of two search engines that the share of sites with n pages falls as a power of n, the exponent being between
-1.7 and -1.9. Here it is -1.8, cut off at the largest host: without a cut the mean of such a law is infinite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Sizes: TypeAlias = NDArray[np.int64]

EXPONENT: Final = 1.8
_HALVINGS: Final = 200


def host_sizes(hosts: int, urls: int, *, most: int | None = None, exponent: float = EXPONENT) -> Sizes:
    """Return how many URLs each host has, the largest first; together precisely ``urls``, each at least one.

    Args:
        hosts: How many.
        urls: Of all hosts together.
        most: No host has more, as when its maker took only so many of a site. The smallest then have more
            than one, if need be. ``None``: the smallest have one, and the largest what the law then gives it.
        exponent: Of the power law, without its sign; more than 1.

    Raises:
        ValueError: So many URLs can't be spread so.
    """
    ranks = (np.arange(hosts) + 0.5) / hosts

    def law(least: float, largest: float) -> NDArray[np.float64]:
        """Return the quantiles of a power law between two sizes."""
        power = 1.0 - exponent
        low, high = least**power, largest**power
        return np.asarray((high + ranks * (low - high)) ** (1.0 / power))

    top = float(urls if most is None else most)
    if law(1.0, top).sum() >= urls:
        drawn = _fitted(lambda largest: law(1.0, largest), 1.0, top, urls)
    else:
        drawn = _fitted(lambda least: law(least, top), 1.0, top, urls)
    ends = np.floor(np.cumsum(drawn) + 0.5).astype(np.int64)
    sizes = np.diff(ends, prepend=0)
    sizes[0] += urls - int(ends[-1])  # what a sum of floats misses by
    return np.sort(sizes)[::-1]


def _fitted(
    drawn: Callable[[float], NDArray[np.float64]], low: float, high: float, urls: int
) -> NDArray[np.float64]:
    """Return the sizes for that value between two with which they add up to so many URLs."""
    if not drawn(low).sum() <= urls <= drawn(high).sum() * (1 + 1e-9):
        raise ValueError(f"{urls:,} URLs can't be spread so")
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if drawn(middle).sum() < urls:
            low = middle
        else:
            high = middle
    return drawn(high)
