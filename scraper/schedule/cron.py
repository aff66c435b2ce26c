"""Cron texts as crontab(5) has them, and the same said to APScheduler. Pure.

Five fields: minute, hour, day of the month, month, day of the week. Sunday is 0 and 7, names are English,
three letters, in any case. As everywhere, where both days are restricted one of them suffices; a field that
begins with ``*`` restricts nothing (Vixie's cron, POSIX.1-2024 crontab). APScheduler counts weekdays from
Monday and wants both, so it is never given the text: each field becomes the list of what it allows, weekdays
by name.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from apscheduler.triggers.cron import CronTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_MOST_DAYS: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_EVERY_DAY: Final = 31
_MOST_CHARACTERS: Final = 500
_MOST_STEP: Final = 99

SHORTCUTS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class _Kind(NamedTuple):
    name: str
    least: int
    most: int
    names: Mapping[str, int]


_KINDS: Final = (
    _Kind("minute", 0, 59, {}),
    _Kind("hour", 0, 23, {}),
    _Kind("day of the month", 1, 31, {}),
    _Kind("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Kind("day of the week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)


class Cron(NamedTuple):
    """What a cron text allows."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """From 0, Sunday, to 6."""
    any_day: bool
    """The day of the month restricts nothing."""
    any_weekday: bool
    every_hour: bool
    """The hour is ``*``: it is meant for each hour that passes, whatever the clock calls it."""


def parse_cron(text: str) -> Cron:
    """Read a cron text or a shortcut such as ``@daily``.

    Raises:
        ValueError: It is none, or names a day that never comes; the message says all that is wrong.
    """
    given = text.strip().lower()
    if given.startswith("@"):
        if given not in SHORTCUTS:
            raise ValueError(f"{text.strip()[:40]!r} is none of {', '.join(SHORTCUTS)}")
        given = SHORTCUTS[given]
    fields = given.split()
    if len(fields) != len(_KINDS) or len(given) > _MOST_CHARACTERS:
        raise ValueError(
            "a cron text has five fields: minute, hour, day of the month, month, day of the week;"
            f" this one has {len(fields)}"
        )
    sets, wrong = [], []
    for kind, field in zip(_KINDS, fields, strict=True):
        try:
            sets.append(_allowed(field, kind))
        except ValueError as error:
            wrong.append(f"{kind.name}: {error}")
            sets.append(frozenset())
    if wrong:
        raise ValueError("; ".join(wrong))
    minutes, hours, days, months, weekdays = sets
    cron = Cron(
        minutes,
        hours,
        days,
        months,
        frozenset(day % len(_WEEKDAYS) for day in weekdays),
        any_day=fields[2].startswith("*"),
        any_weekday=fields[4].startswith("*"),
        every_hour=fields[1] == "*",
    )
    if cron.any_weekday and all(min(days) > _MOST_DAYS.get(month, _EVERY_DAY) for month in months):
        raise ValueError("that day of the month never comes")
    return cron


def _allowed(field: str, kind: _Kind) -> frozenset[int]:
    allowed: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        every = _number(step, _Kind("step", 1, _MOST_STEP, {})) if slash else 1
        if span == "*":
            first, last = kind.least, kind.most - (kind.least == 0 and "sun" in kind.names)
        else:
            begins, dash, ends = span.partition("-")
            first = _number(begins, kind)
            last = _last(ends, kind) if dash else kind.most if slash else first
            if last < first:
                raise ValueError(
                    f"{span!r} runs backwards; write {begins}-{_shown(kind.most, kind)},"
                    f"{_shown(kind.least, kind)}-{ends}"
                )
        allowed.update(range(first, last + 1, every))
    return frozenset(allowed)


def _last(text: str, kind: _Kind) -> int:
    """Return the end of a range; ``sat-sun`` ends with the Sunday after."""
    number = _number(text, kind)
    return 7 if text == "sun" and number == 0 else number


def _shown(number: int, kind: _Kind) -> str:
    return str(number if "sun" not in kind.names else min(number, 6))


def _number(text: str, kind: _Kind) -> int:
    if text in kind.names:
        return kind.names[text]
    if not (text.isascii() and text.isdecimal()):
        words = f" or a name such as {next(iter(kind.names))}" if kind.names else ""
        raise ValueError(f"{text[:20]!r} is no number from {kind.least} to {kind.most}{words}")
    number = int(text[:9])
    if not kind.least <= number <= kind.most:
        raise ValueError(f"{number} is not from {kind.least} to {kind.most}")
    return number


class WallTimes:
    """The times on a wall clock that is never put forward or back that a cron text allows."""

    def __init__(self, cron: Cron) -> None:
        self._triggers = [CronTrigger(**fields, timezone=UTC) for fields in _translated(cron)]

    def first_from(self, wall: datetime) -> datetime:
        """Return the first allowed time that is not before a naive one.

        Raises:
            OverflowError: There is none in any calendar.
        """
        found = [trigger.get_next_fire_time(None, wall.replace(tzinfo=UTC)) for trigger in self._triggers]
        if not (times := [time for time in found if time is not None]):
            raise OverflowError("no further time")
        first: datetime = min(times)
        return first.replace(tzinfo=None)

    def first_after(self, wall: datetime) -> datetime:
        """Return the first allowed time after a naive one; as ``first_from``."""
        return self.first_from(wall + timedelta(microseconds=1))


def _translated(cron: Cron) -> Sequence[dict[str, str]]:
    """Return APScheduler's fields: two sets where either day suffices."""
    common = {
        "minute": _listed(cron.minutes),
        "hour": _listed(cron.hours),
        "month": _listed(cron.months),
    }
    days = {"day": _listed(cron.days)}
    weekdays = {"day_of_week": ",".join(_WEEKDAYS[day] for day in sorted(cron.weekdays))}
    if cron.any_day or cron.any_weekday:
        return [{**common, **days, **weekdays}]
    return [{**common, **days}, {**common, **weekdays}]


def _listed(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))
