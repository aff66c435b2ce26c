"""When a page is to be asked for again: sooner after a change, later after none. Pure.

The rule is that of Nutch's and StormCrawler's adaptive schedules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.settings.model import HistorySettings

_AFTER_CHANGE = 0.5
_AFTER_NONE = 1.5
_EARLY = 0.1
"""So much of its interval a page may be early: runs do not begin at the same second each time, and what
comes a moment too early would be left for a whole round."""


def next_interval_s(before_s: float, *, changed: bool, settings: HistorySettings) -> float:
    """Return how long to leave a page alone that had this interval, and has changed or has not.

    ``before_s`` is 0 for a page that had none: it begins with that of the settings.
    """
    least_s, most_s = settings.shortest_s, max(settings.shortest_s, settings.longest_s)
    if before_s <= 0:
        return min(max(settings.interval_s, least_s), most_s)
    return min(max(before_s * (_AFTER_CHANGE if changed else _AFTER_NONE), least_s), most_s)


def is_due(due_s: float, *, interval_s: float, now_s: float) -> bool:
    """Return whether a page is to be asked for again; times are seconds since 1970."""
    # A clock that was set back must not leave a page alone for longer than it ever would be.
    return now_s >= due_s - _EARLY * interval_s or now_s < due_s - 2 * interval_s
