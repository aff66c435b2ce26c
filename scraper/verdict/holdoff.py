"""How long the headers of an answer ask us to leave the host alone.

Pure: no I/O, no clock. Read are ``Retry-After`` (RFC 9110 section 10.2.3) and the rate limits: the
``RateLimit`` field of draft-ietf-httpapi-ratelimit-headers in its present form (versions 08 to 11) and
in that of version 07, and the pairs of ``...-Remaining`` and ``...-Reset`` that came before it.

A wish counts on an answer of any status. Services that slow their clients down also say so beside a 200
or a redirect, before they begin to refuse, and the caller's own cap bounds what heeding it can cost.

Whatever a server sends, nothing here raises: what is not understood is no wish, and spoils no other one
beside it. Nor does it cost more than a millisecond or two: of each header only so many values, of these only
so many characters and members are looked at. Without that, 500 headers of 63 KB took 18 s on the event loop.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scraper.messages import Response

LONGEST_S = float(2**31)
"""A longer wish counts as this: what RFC 9111 section 1.2.2 makes of seconds too many to represent."""

_Fields: TypeAlias = dict[str, list[str]]
"""The values of the headers that matter here, by lower-case name, in the order received."""

_Limit: TypeAlias = tuple[float | None, float | None]
"""What remains, and when it is more again; ``None`` for what is missing or no number."""

_PAIRS = tuple(
    (f"{family}-remaining", f"{family}-reset") for family in ("ratelimit", "x-ratelimit", "x-rate-limit")
)
_READ = frozenset({"retry-after", "date", "age", "ratelimit"}.union(*_PAIRS))

_MOST_VALUES = 8  # of a name, each in a header of its own
_LONGEST_VALUE = 1024
_MOST_MEMBERS = 32  # of all values of a name; the policies of a rate limit are a handful
_MOST_PARAMETERS = 16  # of a member, with what stands before them
_LONGEST_DATE = 64

_SECONDS = re.compile(r"[0-9]+")

_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
"""Tolerant where the draft has integers: there are services that send ``598.0`` and a reset with
milliseconds behind the point. The lengths keep a float exact enough and finite."""

_EPOCH_FROM = 1e9
"""From here on a reset is a time since 1970: September 2001 as that, 31 years as a wait."""
_EPOCH_MS_FROM = 1e11
"""From here on in milliseconds: March 1973 as that, the year 5138 in seconds."""
_EPOCH_MS_TO = 1e14
"""From here on it is neither, and is ignored."""

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string of RFC 9651 section 3.3.3. One that isn't closed reaches to the end: if it did not match, each
of its escaped quotes would be tried as a beginning, in quadratic time."""

_COMMA = re.compile(r",(?![ \t]*[0-9]{1,2}[ -][A-Za-z])")
"""Between two values of a ``Retry-After``; the comma behind the day's name in a date is none."""

_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_DATES = (
    re.compile(  # IMF-fixdate and RFC 850, and the mixtures of the two that are met
        r"(?:[a-z]{3,9}, *)?(?P<day>[0-9]{1,2})[ -](?P<month>[a-z]{3})[ -](?P<year>[0-9]{4}|[0-9]{2}) +"
        + _TIME
        + r"(?: +(?:gmt|utc?|(?P<offset>[+-][0-9]{4})))?",
        re.ASCII | re.IGNORECASE,
    ),
    re.compile(  # asctime
        r"[a-z]{3} +(?P<month>[a-z]{3}) +(?P<day>[0-9]{1,2}) +" + _TIME + r" +(?P<year>[0-9]{4})(?: +gmt)?",
        re.ASCII | re.IGNORECASE,
    ),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LEAP_SECOND = 60


def asked_wait_s(response: Response) -> float | None:
    """Return the largest wish of ``Retry-After`` and the rate limits, ``None`` without a valid one.

    Seconds from the moment the answer came, 0 to ``LONGEST_S``. A rate limit is a wish only when nothing
    remains of it; of several the longest counts, since before its end the host would refuse. Rate limits
    of an answer out of a cache (a positive ``Age``) are somebody else's or past, and are not read
    (section 7.3 of the draft).
    """
    fields = _fields(response)
    waits = list(_retry_after_waits(fields, fetched_at=response.fetched_at))
    if not any((_number(age) or 0.0) > 0.0 for age in fields.get("age", ())):
        waits += _rate_limit_waits(fields, fetched_at=response.fetched_at)
    return max(waits, default=None)


def retry_after_s(response: Response) -> float | None:
    """Return what ``Retry-After`` alone asks for, the largest of several, ``None`` without a valid one.

    Seconds from the moment the answer came, 0 to ``LONGEST_S``. RFC 9110 section 10.2.3: whole seconds or
    a date. A date is taken relative to the server's own ``Date``, which cancels a clock that is wrong,
    and asks for 0 seconds when it has passed. A fraction (``1.5``) is ignored, as the RFC's grammar has
    it and as urllib3, and with it requests, does; so are signs and units.
    """
    return max(_retry_after_waits(_fields(response), fetched_at=response.fetched_at), default=None)


def _fields(response: Response) -> _Fields:
    fields: _Fields = {}
    for name, value in response.headers:
        if name in _READ and len(values := fields.setdefault(name, [])) < _MOST_VALUES:
            values.append(_whole_members(value))
    return fields


def _whole_members(value: str) -> str:
    """Cut a value that is too long behind its last whole member: half of a number is another number.

    One without a comma is cut where the limit is; a number of a thousand digits says the same so.
    """
    if len(value) <= _LONGEST_VALUE:
        return value
    members, comma, rest = value[:_LONGEST_VALUE].rpartition(",")
    return members if comma else rest


def _now(fields: _Fields, *, fetched_at: datetime) -> datetime:
    """Return the server's own time, ours where it doesn't tell."""
    dates = (_http_date(value, fetched_at=fetched_at) for value in fields.get("date", ()))
    return next((date for date in dates if date is not None), fetched_at)


def _bounded(wait_s: float) -> float:
    return min(max(0.0, wait_s), LONGEST_S)


# --- Retry-After ---------------------------------------------------------------------------------


def _retry_after_waits(fields: _Fields, *, fetched_at: datetime) -> Iterator[float]:
    now: datetime | None = None
    parts = (part for line in fields.get("retry-after", ()) for part in _COMMA.split(line))
    for part in islice(parts, _MOST_MEMBERS):
        value = part.strip(" \t")
        if _SECONDS.fullmatch(value):
            # Cut before it becomes a number: no wish is longer than so many digits say.
            yield _bounded(float(value.lstrip("0")[:11] or "0"))
        elif value and (then := _http_date(value, fetched_at=fetched_at)):
            now = now or _now(fields, fetched_at=fetched_at)
            yield _bounded((then - now).total_seconds())


def _http_date(value: str, *, fetched_at: datetime) -> datetime | None:
    """Read a date in one of the three forms of RFC 9110 section 5.6.7; without a zone it is GMT.

    Not by ``email.utils``: it has POSIX's rule for two-digit years, takes the names of zones that it
    doesn't know for GMT, and refuses a leap second.
    """
    text = value.strip(" \t")
    if len(text) > _LONGEST_DATE:
        return None
    match = _DATES[0].fullmatch(text) or _DATES[1].fullmatch(text)
    if match is None or match["month"].lower() not in _MONTHS:
        return None
    day, hour, minute, second = (int(match[name]) for name in ("day", "hour", "minute", "second"))
    if second == _LEAP_SECOND:  # the grammar has it, ``datetime`` has not
        second -= 1
    month = _MONTHS.index(match["month"].lower()) + 1
    year = int(match["year"])
    if len(match["year"]) == 2:  # noqa: PLR2004 the number of digits is the rule
        year = _full_year(year, rest=(month, day, hour, minute, second), today=fetched_at)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_zone(match.groupdict().get("offset")))
    except ValueError:
        return None


def _full_year(two_digits: int, *, rest: tuple[int, ...], today: datetime) -> int:
    """Return the latest year by those digits that isn't more than 50 years ahead (RFC 9110 5.6.7)."""
    in_50_years = today.astimezone(UTC).timetuple()
    last = in_50_years.tm_year + 50
    year = last - (last - two_digits) % 100
    return year - 100 if (year, *rest) > (last, *in_50_years[1:6]) else year


def _zone(offset: str | None) -> timezone:
    """Return the zone of ``+0100``, GMT for nothing; raise ValueError when it is a day or more."""
    if not offset:
        return UTC
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    return timezone(-ahead if offset[0] == "-" else ahead)


# --- rate limits ---------------------------------------------------------------------------------


def _rate_limit_waits(fields: _Fields, *, fetched_at: datetime) -> Iterator[float]:
    now_s: float | None = None
    for remaining, reset in _limits(fields):
        if remaining is None or remaining > 0.0 or reset is None or not 0.0 <= reset < _EPOCH_MS_TO:
            continue
        if reset < _EPOCH_FROM:
            yield _bounded(reset)
            continue
        if now_s is None:
            now_s = _now(fields, fetched_at=fetched_at).timestamp()
        yield _bounded((reset if reset < _EPOCH_MS_FROM else reset / 1000.0) - now_s)


def _limits(fields: _Fields) -> Iterator[_Limit]:
    yield from _structured(fields.get("ratelimit", ()))
    for remaining, reset in _PAIRS:
        if remaining in fields and reset in fields:
            yield from _paired(_numbers(fields[remaining]), resets=_numbers(fields[reset]))


def _structured(lines: Iterable[str]) -> Iterator[_Limit]:
    """Read ``"policy";r=0;t=30`` (a list) and ``limit=9, remaining=0, reset=30`` (a dictionary).

    Not by a parser of structured fields (RFC 9651): such a one drops the whole field for one flaw, and
    the other headers here aren't structured fields.
    """
    remaining: list[float | None] = []
    resets: list[float | None] = []
    # The names of the policies don't matter, and may have the commas and semicolons that do.
    members = (member for line in lines for member in _QUOTED.sub("", line).split(","))
    for member in islice(members, _MOST_MEMBERS):
        if "=" not in member:
            continue
        head, *parameters = member.split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS]
        named = dict(_named(parameter) for parameter in parameters)
        if "r" in named:
            yield _number(named["r"]), _number(named.get("t", ""))
        name, value = _named(head)
        if name == "remaining":
            remaining.append(_number(value))
        elif name == "reset":
            resets.append(_number(value))
    yield from _paired(remaining, resets=resets)


def _paired(remaining: list[float | None], *, resets: list[float | None]) -> Iterable[_Limit]:
    """Return which reset belongs to which quota: by position, else the longest to the emptiest."""
    if len(remaining) == len(resets):
        return zip(remaining, resets, strict=True)
    least = min((number for number in remaining if number is not None), default=None)
    return [(least, max((number for number in resets if number is not None), default=None))]


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value


def _numbers(lines: Iterable[str]) -> list[float | None]:
    """Read lists of numbers, each perhaps with parameters; empty members are none (RFC 9110 5.6.1)."""
    members = islice((member for line in lines for member in line.split(",")), _MOST_MEMBERS)
    return [_number(member.partition(";")[0]) for member in members if member.strip()]


def _number(text: str) -> float | None:
    text = text.strip(" \t")
    return float(text) if _NUMBER.fullmatch(text) else None
