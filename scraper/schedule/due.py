"""When a job is due: instants from a schedule's text and a zone. Pure.

========================  =================================================================================
a clock put forward       what was due in the hour that is left out is due at the first instant after it, once
a clock put back          what is due at a time that comes twice is due the first time; only where the hour is
                          ``*`` it is due both times, since it is meant for each hour that passes
``every 6h``              multiples of six hours since 1970-01-01T00:00Z: no clock, no restart moves them
========================  =================================================================================
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

from scraper.schedule.cron import SHORTCUTS, Cron, WallTimes, parse_cron
from scraper.schedule.durations import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
LEAST_INTERVAL: Final = timedelta(seconds=1)


class Schedule(Protocol):
    """When something is due, for ever."""

    def next_after(self, moment: datetime) -> datetime:
        """Return the first due time after a moment, in UTC."""
        ...


def parse_schedule(text: str, zone: tzinfo) -> Schedule:
    """Read ``every 6h``, ``@daily`` or a cron text; the zone is what the latter two are told in.

    Raises:
        ValueError: It is none; the message ends a sentence.
    """
    words = text.strip()
    if words.lower().startswith("every"):
        interval = duration(words[len("every") :])
        if interval < LEAST_INTERVAL:
            raise ValueError("every 0s is no schedule")
        return Every(interval)
    if words.startswith("@reboot"):
        raise ValueError("a daemon knows no @reboot; `scraper schedule trigger JOB` begins a run")
    if not words:
        raise ValueError(f"expected 'every 6h', a cron text or one of {', '.join(SHORTCUTS)}")
    if meant := _meant(words):
        raise ValueError(f"write {meant!r}")
    return Calendar(parse_cron(words), zone)


def _meant(words: str) -> str:
    """Return what a length of time, or a shortcut without its ``@``, is short for; empty if nothing."""
    if f"@{words.lower()}" in SHORTCUTS:
        return f"@{words.lower()}"
    try:
        duration(words)
    except ValueError:
        return ""
    return f"every {words}"


def parse_zone(name: str) -> ZoneInfo:
    """Return a zone of the IANA data base by its name, such as ``Europe/Berlin``.

    Raises:
        ValueError: There is none; the message ends a sentence.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: it is the name of a folder of zones
        raise ValueError("no zone has that name; expected one such as UTC or Europe/Berlin") from None


class Every:
    """Due each time that an interval has passed."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def next_after(self, moment: datetime) -> datetime:
        """Return the next multiple of the interval since 1970."""
        return _EPOCH + ((moment - _EPOCH) // self._interval + 1) * self._interval


class Calendar:
    """Due when the clocks of a zone show what a cron text allows."""

    def __init__(self, cron: Cron, zone: tzinfo) -> None:
        self._walls = WallTimes(cron)
        self._zone = zone
        self._every_hour = cron.every_hour

    def next_after(self, moment: datetime) -> datetime:
        """Return the first due time after a moment, in UTC.

        Raises:
            OverflowError: There is none before the year 9999.
        """
        moment = moment.astimezone(UTC)
        if self._every_hour and (again := self._in_second_pass(moment)) is not None:
            return again
        # A wall time's instant never lies before that of an earlier wall time, so the first that fits is it.
        wall = moment.astimezone(self._zone).replace(tzinfo=None, fold=0)
        while (instant := self._instant(wall := self._walls.first_after(wall))) <= moment:
            pass
        if self._every_hour and (again := self._in_second_pass(moment, before=instant)) is not None:
            return again
        return instant

    def _instant(self, wall: datetime) -> datetime:
        """Return when clocks show a time first, or, if they skip it, the first instant after that."""
        here = wall.replace(tzinfo=self._zone)
        before, after = _offset(here), _offset(here.replace(fold=1))
        instant = (wall - before).replace(tzinfo=UTC)
        if after <= before:
            return instant
        return self._change(instant - (after - before), instant)

    def _in_second_pass(self, moment: datetime, before: datetime | None = None) -> datetime | None:
        """Return the first due time after a moment at a wall time that comes for the second time.

        Without ``before`` only if the moment itself is at such a time.
        """
        if before is None:
            local = moment.astimezone(self._zone)
            if not local.fold:
                return None
            wall = self._walls.first_after(local.replace(tzinfo=None, fold=0))
        else:
            offset, later = (_offset(one.astimezone(self._zone)) for one in (moment, before))
            if later >= offset:
                return None
            put_back = self._change(moment, before)
            wall = self._walls.first_from(put_back.astimezone(self._zone).replace(tzinfo=None, fold=0))
        second = wall.replace(tzinfo=self._zone, fold=1)
        first = second.replace(fold=0)
        if _offset(second) >= _offset(first):  # it comes once
            return None
        return (wall - _offset(second)).replace(tzinfo=UTC)

    def _change(self, early: datetime, late: datetime) -> datetime:
        """Return the first second with the clocks' later setting, of two moments with one change between."""
        low, high = early.replace(microsecond=0), late
        after = _offset(late.astimezone(self._zone))
        while high - low > _SECOND:
            middle = low + (high - low) // 2 // _SECOND * _SECOND
            if _offset(middle.astimezone(self._zone)) == after:
                high = middle
            else:
                low = middle
        return high


def _offset(moment: datetime) -> timedelta:
    offset = moment.utcoffset()
    assert offset is not None  # noqa: S101 - a zone says so of any time
    return offset


def due_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the due times after one moment, and up to another."""
    due = schedule.next_after(after)
    while due <= until:
        yield due
        due = schedule.next_after(due)
