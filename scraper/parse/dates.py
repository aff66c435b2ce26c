# ruff: noqa: RUF001 - names of months in Greek and Cyrillic letters
"""Dates as pages write them, in ISO 8601.

What is known is kept and nothing is added: a date stays a date, a month a month, a time without a zone has
none, an offset stays the offset that was given. General parsers do not do that: python-dateutil fills what
is missing from today's date ("2024-01", "10", "May" all give a day), drops the zone names it does not know
and reads 1/2/2024 as American; dateparser does the same in more languages, at milliseconds a text.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import TYPE_CHECKING

from scraper.parse.day_order import is_day_first_in_english, writes_day_first
from scraper.parse.text import fold

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_YEAR = 1000
"""Before it a year is a placeholder: CMSs write 0000, -0001 (PHP) and 0001 (.NET) for "no date"."""
LAST_YEAR = 2100
"""The last one taken. A fixed year: the same page gives the same record whenever it is parsed."""

_NEAR = 40  # characters on both sides of a number in which the rest of a date is looked for
_MAX_LENGTH = 200  # a text in which a date is looked for; longer ones are prose

# English, Spanish, German, French, Portuguese, Russian, Italian, Dutch, Polish, Turkish, then Czech, Danish,
# Norwegian, Swedish, Finnish, Hungarian, Romanian, Ukrainian, Greek, Indonesian, Arabic, Hindi, Thai; in the
# case that dates take, and short. Chinese, Japanese, Korean and Vietnamese number their months.
# fmt: off
_MONTHS = (
    ("january jan januar jänner janvier janv enero ene gennaio gen janeiro januari января январь янв "
     "stycznia "
    "styczeń sty ocak oca ledna leden tammikuuta tammikuu január ianuarie ian січня січень січ ιανουαρίου "
    "ιαν يناير जनवरी มกราคม"),
    ("february feb februar feber février févr fév febrero febbraio fevereiro fev februari февраля февраль "
     "фев "
    "февр lutego luty lut şubat şub února únor helmikuuta helmikuu február febr februarie лютого лютий лют "
    "φεβρουαρίου φεβ pebruari فبراير फ़रवरी फरवरी กุมภาพันธ์"),
    ("march mar märz maerz mrz mär mars marzo março maart mrt марта март мар marca marzec mart března březen "
    "marts maaliskuuta maaliskuu március márc martie березня березень бер μαρτίου maret مارس मार्च มีนาคม"),
    ("april apr avril avr abril abr aprile апреля апрель апр kwietnia kwiecień kwi nisan nis dubna duben "
    "huhtikuuta huhtikuu április ápr aprilie квітня квітень квіт απριλίου απρ أبريل ابريل अप्रैल เมษายน"),
    ("may mai mayo maggio mag maio mei мая май maja maj mayıs mayis května květen toukokuuta toukokuu május "
    "máj травня травень трав μαΐου مايو मई พฤษภาคม"),
    ("june jun juni juin junio giugno giu junho июня июнь июн czerwca czerwiec cze haziran haz června červen "
    "kesäkuuta kesäkuu június jún iunie iun червня червень черв ιουνίου ιουν يونيو जून มิถุนายน"),
    ("july jul juli juillet juil julio luglio lug julho июля июль июл lipca lipiec lip temmuz tem července "
    "červenec heinäkuuta heinäkuu július júl iulie iul липня липень лип ιουλίου ιουλ يوليو जुलाई กรกฎาคม"),
    ("august aug août agosto ago agustus augustus augusti августа август авг sierpnia sierpień sie ağustos "
    "ağu srpna srpen elokuuta elokuu augusztus серпня серпень серп αυγούστου αυγ أغسطس अगस्त สิงหาคม"),
    ("september sept sep septembre septiembre setiembre settembre set setembro сентября сентябрь сен сент "
    "września wrzesień wrz eylül eyl září syyskuuta syyskuu szeptember szept septembrie вересня вересень вер "
    "σεπτεμβρίου σεπ سبتمبر सितंबर सितम्बर กันยายน"),
    ("october oct oktober okt octobre octubre ottobre ott outubro out октября октябрь окт października "
    "październik paź ekim eki října říjen lokakuuta lokakuu október octombrie жовтня жовтень жовт "
    "οκτωβρίου οκτ أكتوبر اكتوبر अक्टूबर ตุลาคม"),
    ("november nov novembre noviembre novembro ноября ноябрь ноя нояб listopada listopad listopadu lis kasım "
    "kasim kas marraskuuta marraskuu noiembrie листопада листопад лист νοεμβρίου νοε نوفمبر नवंबर नवम्बर "
    "พฤศจิกายน"),
    ("december dec dezember dez décembre déc diciembre dic dicembre dezembro desember des декабря декабрь "
     "дек "
    "grudnia grudzień gru aralık aralik ara prosince prosinec joulukuuta joulukuu decembrie грудня грудень "
    "груд δεκεμβρίου δεκ ديسمبر दिसंबर दिसम्बर ธันวาคม"),
)

# RFC 5322 4.3 and the names that mean one offset only; IST, BST, AST and the like mean several.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420,
    "MDT": -360, "PST": -480, "PDT": -420, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "WEST": 60,
    "EET": 120, "EEST": 180, "MSK": 180, "JST": 540, "KST": 540, "AEST": 600, "AEDT": 660, "NZST": 720,
    "NZDT": 780,
}
# fmt: on


def _plain(word: str) -> str:
    """Lower case without accents: "Fevrier", "AGUSTOS" and the like are common."""
    lower = word.lower()
    if lower.isascii():
        return lower
    return "".join(char for char in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(char))


_MONTH_OF = {_plain(word): month for month, words in enumerate(_MONTHS, start=1) for word in words.split()}

_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}  # the year before the first

_YEAR_FIRST = re.compile(r"(?<![\d.:/-])(\d{4})([-/.])\s?(\d{1,2})\2\s?(\d{1,2})(?!\d)").search
_YEAR_LAST = re.compile(r"(?<![\d.:/-])(\d{1,2})([-/.])\s?(\d{1,2})\2\s?(\d{4})(?!\d)").search
_YEAR_MONTH = re.compile(r"(\d{4})[-/.](\d{1,2})|(\d{1,2})[/.](\d{4})").fullmatch
_NUMBERED = re.compile(r"(\d{4})\s?[年년](?:\s?(\d{1,2})\s?[月월](?:\s?(\d{1,2})\s?[日号일])?)?").search
_ERA = re.compile(rf"({'|'.join(_ERAS)})\s?(\d{{1,2}}|元)年\s?(\d{{1,2}})月(?:\s?(\d{{1,2}})日)?").search
_VIETNAMESE = re.compile(
    r"(?:(\d{1,2})\s+)?th[aá]ng\s+(\d{1,2})(?:\s+năm\s+|[\s,/]+)(\d{4})", re.IGNORECASE
).search
_BASIC = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?\s?(Z|[+-]\d\d:?(?:\d\d)?)?",
    re.IGNORECASE,
).fullmatch
_WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?(?!\d)", re.IGNORECASE).match
_ORDINAL = re.compile(r"(\d{4})-(\d{3})(?!\d)").match

_WORD = r"([^\W\d_](?:[^\s\d.,;:/()|'\u2019-])*+)"
_OF = r"(?:de\s|del\s|of\s|d['\u2019])?\s?"
_DAY = r"(?<![\d\u2013-])(\d{1,2})(?:st|nd|rd|th|er|re|[º°ª]|-?го|-?е)?"
_DAY_MONTH_YEAR = re.compile(
    rf"{_DAY}[\s.,/-]*+{_OF}{_WORD}([\s.,/-]*+){_OF}(\d{{4}}|\d\d)(?!\d)", re.IGNORECASE
).finditer
_MONTH_DAY_YEAR = re.compile(
    rf"{_WORD}[\s.-]*+(\d{{1,2}})(?:st|nd|rd|th)?[\s.,]++(\d{{4}})(?!\d)", re.IGNORECASE
).finditer
_YEAR_MONTH_DAY = re.compile(rf"(?<!\d)(\d{{4}})[\s.,/-]*+{_WORD}[\s.-]*+(\d{{1,2}})(?!\d)").finditer
_MONTH_YEAR = re.compile(rf"{_WORD}[\s.,-]*+{_OF}(\d{{4}})(?!\d)", re.IGNORECASE).finditer

_TIME = re.compile(
    rf"""(?<![\d:.,+\u2212-])(?P<hour>\d{{1,2}})\s?[:h時时시]\s?(?P<minute>\d\d)(?!\d)
    (?:\s?[:m分분]\s?(?P<second>\d\d)(?!\d)(?:[.,](?P<fraction>\d{{1,9}})\d*)?)?[秒초分분]?
    (?:\s?(?P<half>[ap])\.?\s?m\b\.?)?
    (?:\s?(?P<zone>z\b|(?:GMT|UTC)?[+\u2212-]\d{{1,2}}(?::?\d\d)?(?!\d)|(?-i:{"|".join(_ZONES)})\b|utc\b))?""",
    re.IGNORECASE | re.VERBOSE,
)
_has_year = re.compile(r"(?<!\d)\d{4}(?!\d)").search
# What nearly all fields hold: found so in 3 microseconds instead of 20.
_ISO = re.compile(r"((?:1[5-9]|20)\d\d)-(\d\d)-(\d\d)[Tt ](?=\d)", re.ASCII).match
_EPOCH = re.compile(r"(1\d{9})(\d{3})?(?:\.\d+)?").fullmatch
_PLACEHOLDERS = ("1970-01-01", "1900-01-01")


def iso_date(text: str, *, lang: str | None = None, epoch: bool = False) -> str | None:
    """Return the date that a text gives, with the precision and the zone it gives it with.

    Read are ISO 8601 (extended, basic, week and ordinal dates, ``/`` and ``.`` for ``-``), RFC 5322 3.3,
    RFC 9110 5.6.7 with its obsolete forms, what JavaScript and Java print, written dates in more than
    twenty languages and years by Japanese eras and, with Thai month names, of the Buddhist calendar.

    A day that does not exist is no date; a time that does not exist is left out. ``None`` too: dates
    with the year last in which day and month may be exchanged, unless the language settles it; Persian and
    Islamic years; the placeholder times of databases (1970 and 1900 at midnight).

    Args:
        text: a date, maybe with words around it; the first one counts.
        lang: the page's language (BCP 47), which says whether 1/2/2024 is in January.
        epoch: the field is known to hold seconds or milliseconds since 1970 at times.

    Returns:
        ``YYYY``, ``YYYY-MM``, ``YYYY-Www``, ``YYYY-MM-DD`` or that with ``Thh:mm``, ``:ss``, a fraction,
        and ``Z`` or ``±hh:mm``.
    """
    folded = fold(text[:_MAX_LENGTH]) if len(text) <= _MAX_LENGTH else ""
    if len(folded) < len("2024") or not any(map(str.isdigit, folded)):
        return None
    if (iso := _ISO(folded)) and (time := _TIME.fullmatch(folded, iso.end())):
        date = _calendar(*iso.groups())
        return _with_time(date, time) if date else None
    if epoch and (since := _EPOCH(folded)):
        return _from_epoch(since)
    if basic := _BASIC(folded):
        folded = _extended(basic)
    time = _TIME.search(folded)
    rest = f"{folded[: time.start()]} {folded[time.end() :]}".strip() if time else folded
    day = _day(rest, lang=(lang or "").lower(), has_time=time is not None)
    if day is None or time is None or len(day) < len("2024-01-05"):
        return day
    return _with_time(day, time)


def _from_epoch(since: re.Match[str]) -> str | None:
    moment = dt.datetime.fromtimestamp(int(since[1]), dt.UTC)
    fraction = f".{int(since[2]):03}" if since[2] and int(since[2]) else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _extended(basic: re.Match[str]) -> str:
    """Put ISO 8601's basic format into the extended one."""
    year, month, day, hour, minute, second, fraction, zone = basic.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    rest = (f":{second}" if second else "") + (f".{fraction}" if fraction else "")
    return f"{year}-{month}-{day}T{hour}:{minute}{rest}{zone or ''}"


def _day(text: str, *, lang: str, has_time: bool) -> str | None:
    """Find the date's part of a text from which the time was taken."""
    language = lang.partition("-")[0]
    found: str | None
    if numeric := _YEAR_FIRST(text):
        year, _, month, day = numeric.groups()
        is_other = language in {"fa", "ar", "ckb", "ps", "ur"} or not year.isascii()
        # Persian and Islamic years of our time; no page of those languages tells of our Middle Ages.
        return None if is_other and 1300 <= int(year) < 1500 else _calendar(year, month, day)  # noqa: PLR2004
    for read in _READERS:
        if found := read(text):
            return found
    if found := _written(text, has_time=has_time):
        return found
    if numeric := _YEAR_LAST(text):
        return _year_last(*numeric.groups(), lang=lang)
    if months := _YEAR_MONTH(text):
        return _calendar(months[1] or months[4], months[2] or months[3])
    return _calendar(text) if text.isdecimal() and len(text) == len("2024") else None


def _calendar(year: str | int, month: str | int | None = None, day: str | int | None = None) -> str | None:
    """Write a date that exists and lies within our years."""
    number = int(year)
    if not FIRST_YEAR <= number <= LAST_YEAR:
        return None
    try:
        date = dt.date(number, 1 if month is None else int(month), 1 if day is None else int(day))
    except ValueError:
        return None
    written = date.isoformat()
    return written if day is not None else written[:7] if month is not None else written[:4]


def _numbered(text: str) -> str | None:
    found = _NUMBERED(text)
    return _calendar(*found.groups()) if found else None


def _era(text: str) -> str | None:
    found = _ERA(text)
    if not found:
        return None
    year = 1 if found[2] == "元" else int(found[2])
    return _calendar(_ERAS[found[1]] + year, found[3], found[4])


def _vietnamese(text: str) -> str | None:
    found = _VIETNAMESE(text)
    return _calendar(found[3], found[2], found[1]) if found else None


def _week(text: str) -> str | None:
    found = _WEEK(text)
    if not found:
        return None
    try:
        date = dt.date.fromisocalendar(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        return None
    return date.isoformat() if found[3] else f"{int(found[1])}-W{int(found[2]):02}"


def _ordinal(text: str) -> str | None:
    found = _ORDINAL(text)
    if not found or not (first := _calendar(found[1], 1, 1)) or not int(found[2]):
        return None
    date = dt.date.fromisoformat(first) + dt.timedelta(days=int(found[2]) - 1)
    return date.isoformat() if date.year == int(found[1]) else None


_READERS: tuple[Callable[[str], str | None], ...] = (_numbered, _era, _vietnamese, _week, _ordinal)


def _written(text: str, *, has_time: bool) -> str | None:
    """Find a date whose month is a word; the fullest form counts."""
    for day, word, gap, year in (found.groups() for found in _DAY_MONTH_YEAR(text)):
        # RFC 850 and RFC 822 have years of two digits; elsewhere 24 may as well be a day.
        if (month := _MONTH_OF.get(_plain(word))) and (len(year) == len("2024") or has_time or "-" in gap):
            return _calendar(_full_year(year, word=word), month, day)
    for word, day, year in (found.groups() for found in _MONTH_DAY_YEAR(text)):
        if month := _MONTH_OF.get(_plain(word)):
            return _calendar(year, month, day)
    for year, word, day in (found.groups() for found in _YEAR_MONTH_DAY(text)):
        if month := _MONTH_OF.get(_plain(word)):
            return _calendar(year, month, day)
    for word, year in (found.groups() for found in _MONTH_YEAR(text)):
        if month := _MONTH_OF.get(_plain(word)):
            return _calendar(_full_year(year, word=word), month)
    return None


def _full_year(year: str, *, word: str) -> int:
    """Give a year its century (RFC 5322 4.3), and the Buddhist calendar's its number in ours."""
    number = int(year)
    if len(year) == len("24"):
        return number + (2000 if number < 50 else 1900)  # noqa: PLR2004
    return number - 543 if "\u0e00" <= word[0] <= "\u0e7f" and number > LAST_YEAR else number


def _year_last(first: str, separator: str, second: str, year: str, *, lang: str) -> str | None:
    """Read d/m/y, and m/d/y where it can be nothing else."""
    # No locale of CLDR puts the month first and dots between.
    day_first = separator == "." or writes_day_first(lang)
    if day_first or first == second:
        return _calendar(year, second, first)
    one, other = _calendar(year, second, first), _calendar(year, first, second)
    if not (one and other):
        return one or other
    if (is_day_first := is_day_first_in_english(lang)) is None:
        return None
    return one if is_day_first else other


def readings(text: str) -> tuple[str, ...]:
    """Return the two dates that a text may be, where only the page's language could tell which.

    Nothing when there is one or none.
    """
    either = (iso_date(text, lang="en-GB"), iso_date(text, lang="en-US"))
    one, other = either
    return (one, other) if one and other and one != other else ()


def is_written_date(text: str, start: int) -> bool:
    """Whether the digits at ``start`` are a day or a year beside the name of a month: ``4 May 2026``."""
    near = text[max(0, start - _NEAR) : start + _NEAR]
    if not _has_year(near):
        return False
    at = min(start, _NEAR)
    # The groups of the day or the year that stands first, of the month, and of the year.
    forms = (
        (_DAY_MONTH_YEAR, 1, 2, 4),
        (_MONTH_DAY_YEAR, 2, 1, 3),
        (_YEAR_MONTH_DAY, 1, 2, 1),
        (_MONTH_YEAR, 2, 1, 2),
    )
    return any(
        found.start(first) == at and len(found[year]) == len("2024") and _plain(found[word]) in _MONTH_OF
        for find, first, word, year in forms
        for found in find(near)
    )


def _with_time(day: str, time: re.Match[str]) -> str | None:
    """Write the time behind the day; one that does not exist, leap seconds included, is left out."""
    hour, minute = int(time["hour"]), int(time["minute"])
    second = time["second"]
    half = (time["half"] or "").lower()
    if half and 1 <= hour <= 12:  # noqa: PLR2004
        hour = hour % 12 + (12 if half == "p" else 0)
    if (hour, minute, int(second or 0), int(time["fraction"] or 0)) == (24, 0, 0, 0):
        # ISO 8601:2004 4.2.3: the end of the day; not all readers know it.
        day, hour = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat(), 0
    if hour > 23 or minute > 59 or int(second or 0) > 59:  # noqa: PLR2004
        return day
    minutes = _offset(time["zone"])
    instant = hour * 60 + minute - (minutes or 0)
    if not int(second or 0) and (
        (day in _PLACEHOLDERS and instant == 0) or (day == "1969-12-31" and instant == 24 * 60)
    ):
        return None
    written = f"{day}T{hour:02}:{minute:02}"
    if second:
        written += f":{int(second):02}"
        if time["fraction"]:
            written += "." + "".join(str(int(digit)) for digit in time["fraction"])
    return written + _zone(time["zone"], minutes)


def _offset(zone: str | None) -> int | None:
    """Return the minutes east of Greenwich, ``None`` when there is no zone or none that exists."""
    if not zone:
        return None
    if (named := _ZONES.get(zone.upper())) is not None:
        return named
    signed = zone.upper().removeprefix("GMT").removeprefix("UTC").replace("\u2212", "-").replace(":", "")
    digits = signed[1:]
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")  # noqa: PLR2004
    total = int(hours) * 60 + int(minutes)
    if total > 14 * 60 or int(minutes) > 59:  # noqa: PLR2004
        return None
    return -total if signed[0] == "-" else total


def _zone(zone: str | None, minutes: int | None) -> str:
    if minutes is None or zone is None:
        return ""
    # RFC 3339 4.3: -00:00 says that the local offset is not known, which is what Z says today (RFC 9557).
    if not minutes and (zone[0] in "-\u2212" or zone.isalpha()):
        return "Z"
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
