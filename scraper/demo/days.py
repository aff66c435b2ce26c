"""How the sample site's ordinary pages change from day to day, so that there is something to watch.

Pure: a page's number and the day tell all.
"""

from __future__ import annotations

_CHANGES_EVERY = 20
"""Days between two changes of a page; each day another twentieth of the pages is changed."""
_VANISHES_EVERY = 60
"""One page of so many is not there for some days."""
_GONE_DAYS = 2


def edition(number: int, *, day: int) -> int:
    """Return how often a page was changed by a day; 0 on day 0."""
    return (day + number * 7 % _CHANGES_EVERY) // _CHANGES_EVERY


def is_gone(number: int, *, day: int) -> bool:
    """Return whether a page is not there on a day; it comes back after two."""
    group, rest = divmod(number, _VANISHES_EVERY)
    return rest == _VANISHES_EVERY - 1 and group < day <= group + _GONE_DAYS
