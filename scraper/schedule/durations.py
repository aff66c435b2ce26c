"""Lengths of time as people write them: ``90s``, ``6h``, ``1h30m``, ``2 days``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WORDS: Final = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w", "weeks": "w",
}  # fmt: skip
_part = re.compile(r"(\d{1,9})[ ]?([a-z]+)[ ]?").match
_MOST_CHARACTERS: Final = 60
EXAMPLES: Final = "such as 90s, 15m, 6h, 1h30m or 2d"


def duration(text: str) -> timedelta:
    """Read a length of time: numbers with a unit each, ``s m h d w`` or their words.

    Raises:
        ValueError: It is none; the message ends a sentence.
    """
    rest, total_s = text.strip().lower(), 0
    if not rest or len(rest) > _MOST_CHARACTERS:
        raise ValueError(f"expected a length of time {EXAMPLES}")
    if rest.isdecimal():
        raise ValueError(f"write the unit too, {EXAMPLES}")
    while rest:
        found = _part(rest)
        unit = _WORDS.get(found[2], found[2]) if found else ""
        if found is None or unit not in _UNITS_S:
            raise ValueError(f"expected a length of time {EXAMPLES}")
        total_s += int(found[1]) * _UNITS_S[unit]
        rest = rest[found.end() :]
    try:
        return timedelta(seconds=total_s)
    except OverflowError:
        raise ValueError("that is longer than any calendar") from None


def shown_duration(length: timedelta | float) -> str:
    """Write a length of time in its two largest units: ``1h30m``, ``2d``; below a minute ``4.2s``."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if seconds < _UNITS_S["m"]:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    left, parts = round(seconds), []
    for unit in ("d", "h", "m", "s"):
        count, left = divmod(left, _UNITS_S[unit])
        parts.append(f"{count}{unit}" if count else "")
    first = next(number for number, part in enumerate(parts) if part)
    return "".join(parts[first : first + 2])
