"""Time as a parameter, so that politeness, retries and tests don't depend on the wall.

Two kinds: *monotonic* seconds for waiting and measuring, and UTC for what is written down.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def monotonic(self) -> float:
        """Seconds that never go back; the zero is arbitrary."""
        ...

    def utc(self) -> datetime:
        """The time of day, zone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's own time.

    ``monotonic`` reads the clock that asyncio's loops (also uvloop's) schedule by.
    """

    def monotonic(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the present time in UTC."""
        return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Write a zone-aware time as RFC 3339 in UTC with milliseconds: ``2026-01-31T09:30:00.125Z``."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
