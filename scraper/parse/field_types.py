"""What the text of a user's field becomes: a number, a date, a URL, JSON. Pure.

Numbers are read as people write them for each other: with separators between the thousands, a comma or a
point before the fraction, a currency or a unit beside them. The first number of a text counts.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.parse.dates import is_written_date, iso_date, readings
from scraper.parse.jsonld import MAX_DEPTH
from scraper.references import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DIGITS = 40
"""A longer number is none that anybody counts with; and Python takes long for very long ones."""
_MAX_INT = 2**63 - 1
_SHOWN = 60
_THOUSANDS = 3

# Letters before a digit are no part of it, so that ``Rs.500`` is no fraction.
_NUMBER = re.compile(
    r"""(?P<sign>(?<!\w)[-\u2212](?=[\d.\u066b]|\s?[$€£¥₹]\s?\d)[$€£¥₹\s]*)?
    (?P<number>(?:\d|(?<![\w.])[.\u066b](?=\d))\d*(?:[.,'\u2019\u066b\u066c]\d+|[ ]\d{3}(?!\d))*)
    (?P<power>[eE][+-]?\d{1,3}(?!\w))?
    (?P<short>[kKM](?!\w))?""",
    re.VERBOSE,
)
# Scripts that set words apart by blanks; "价格1299元" has no other way.
_LETTERS = r"[^\W\d\u0530-\U0010ffff]"
_GLUED_BEFORE = re.compile(rf"({_LETTERS}+)[-\u2010\u2011\u2212]?$")
_GLUED_BEHIND = re.compile(rf"(?!(?:[kcdm]?m|ft)[23]\b){_LETTERS}+\d")
# What is written before a number without a blank: ISO 4217 of the currencies most traded, and short names.
# fmt: off
_CURRENCIES = frozenset((
    "aud", "brl", "cad", "chf", "cny", "czk", "dkk", "eur", "fr", "gbp", "hkd", "huf", "idr", "ils", "inr",
    "jpy", "kr", "krw", "mxn", "myr", "nok", "nzd", "php", "pln", "r", "rm", "ron", "rp", "rs", "rub", "sek",
    "sgd", "thb", "tl", "try", "twd", "us", "usd", "zar",
))
# fmt: on
_DATE = re.compile(
    r"""(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d\d)
    |(?:19|20)\d\d-(?:0[1-9]|1[0-2]))(?!\d)""",
    re.VERBOSE,
)
_TIME = re.compile(r"\d+:\d")
_SEPARATOR = re.compile(r"[., '\u2019]")
_AFTER_CURRENCY = re.compile(r"[$€£¥₹]\s?[-\u2212]$")
# Arabic has separators of its own (Unicode Standard, 9.2).
_ARABIC = str.maketrans({"\u066b": "\x00", "\u066c": "'"})

# fmt: off
_COMMA_LANGUAGES = frozenset((
    "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "id",
    "is", "it", "ka", "kk", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl",
    "sq", "sr", "sv", "tr", "uk", "vi",
))
# fmt: on
"""Languages in which a comma stands before the fraction (CLDR, numbers)."""
_POINT_LOCALES = frozenset(("de-ch", "de-li", "es-mx", "es-us", "fr-ch", "it-ch"))
"""But not there."""


class Context(NamedTuple):
    """What of a page the meaning of a text may depend on."""

    base: str
    """What relative URLs are resolved against."""
    lang: str | None = None
    """The page's language (BCP 47)."""


def converted(text: str, *, kind: str, context: Context) -> Any:
    """Return what a text says as a value of a type.

    Args:
        text: Folded, not empty; for ``json`` as it is in the page.
        kind: ``str``, ``int``, ``float``, ``date``, ``url`` or ``json``.
        context: Of the page.

    Raises:
        ValueError: It says no such thing; the message has the beginning of the text.
    """
    return _CONVERTERS[kind](text, context)


def shown(text: str) -> str:
    """Quote the beginning of a text for a message."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "...")


def _number(text: str, *, kind: type[int | float], lang: str | None) -> str:
    """Return a text's first number as Python writes it."""
    found = _NUMBER.search(text)
    if found is None:
        raise ValueError(f"expected a number, found {shown(text)}")
    if other := _other_than_number(text, found):
        raise ValueError(
            f"expected a number, found {other} in {shown(text)}: a pattern can take the right one"
        )
    if found["short"]:
        raise ValueError(f"expected a number in full, found {shown(text)}")
    if sum(map(str.isdigit, found["number"])) > MAX_DIGITS:
        raise ValueError(f"expected a number of {MAX_DIGITS} digits at the most, found {shown(text)}")
    is_negative = found["sign"] or _AFTER_CURRENCY.search(text, 0, found.start("number"))
    digits = _plain(found["number"].translate(_ARABIC), is_int=kind is int, lang=(lang or "").lower())
    if digits is None:
        raise ValueError(f"expected a number, can't tell which {shown(text)} is")
    return f"{'-' if is_negative else ''}{digits}{found['power'] or ''}"


def _other_than_number(text: str, found: re.Match[str]) -> str | None:
    """Return what a text's first digits are where they are no number: a date, a time, part of a name."""
    start, end = found.span("number")
    if _DATE.match(text, start) or is_written_date(text, start):
        return "a date"
    if _TIME.match(text, start):
        return "a time"
    before = _GLUED_BEFORE.search(text[max(0, start - _SHOWN) : start])
    if before and not (before[1].lower() in _CURRENCIES and before[0] == before[1]):
        return "digits that letters stand beside"
    return (
        "digits that letters stand beside"
        if _GLUED_BEHIND.match(text, found.end("power") if found["power"] else end)
        else None
    )


def _plain(number: str, *, is_int: bool, lang: str) -> str | None:
    """Take the separators out but for the point before the fraction, ``None`` when they make no sense."""
    if "\x00" in number:  # the Arabic decimal separator is nothing else
        whole, _, fraction = number.partition("\x00")
        return _joined(_SEPARATOR.split(whole), fraction)
    marks = _SEPARATOR.findall(number)
    groups = _SEPARATOR.split(number)
    if not marks:
        return number
    last = marks[-1]
    if len(marks) == 1 and last in ",.":
        is_fraction = not (
            len(groups[1]) == _THOUSANDS
            and 0 < len(groups[0]) <= _THOUSANDS
            and groups[0][0] != "0"
            and (is_int or last == ("." if _has_comma(lang) else ","))
        )
    else:
        # Of two kinds the last one, which stands there once, is before the fraction.
        kinds = len(set(marks))
        is_fraction = kinds > 1
        if kinds > 2 or (is_fraction and (last not in ",." or marks.count(last) > 1)):  # noqa: PLR2004
            return None
    return _joined(groups[:-1], groups[-1]) if is_fraction else _joined(groups)


def _has_comma(lang: str) -> bool:
    return lang.partition("-")[0] in _COMMA_LANGUAGES and lang not in _POINT_LOCALES


def _joined(groups: list[str], fraction: str = "") -> str | None:
    """Join the groups of a whole number: three digits each, in India two but for the last."""
    first, *others = groups
    if others and not (
        1 <= len(first) <= _THOUSANDS
        and len(others[-1]) == _THOUSANDS
        and all(len(group) in {2, _THOUSANDS} for group in others[:-1])
    ):
        return None
    return f"{first}{''.join(others) or ''}{'.' + fraction if fraction else ''}"


def _int(text: str, context: Context) -> int:
    number = _number(text, kind=int, lang=context.lang)
    whole, _, fraction = number.partition(".")
    if "e" in number.lower():
        exact = float(number)
        if not exact.is_integer():
            raise ValueError(f"expected a whole number, found {shown(text)}")
        value = int(exact)
    elif any(map(int, fraction)):
        raise ValueError(f"expected a whole number, found {shown(text)}")
    else:
        value = int(whole if whole.strip("-") else whole + "0")
    if abs(value) > _MAX_INT:
        raise ValueError(f"expected a number of 64 bits, found {shown(text)}")
    return value


def _float(text: str, context: Context) -> float:
    value = float(_number(text, kind=float, lang=context.lang))
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {shown(text)}")
    return value


def _date(text: str, context: Context) -> str:
    found = iso_date(text, lang=context.lang)
    if found is None:
        either = " or ".join(readings(text))
        why = f", which may be {either}: the page's language does not tell" if either else ""
        raise ValueError(f"expected a date, found {shown(text)}{why}")
    return found


def _url(text: str, context: Context) -> str:
    found = resolve(context.base, text)
    if found is None:
        raise ValueError(f"expected an http or https URL, found {shown(text)}")
    return found


def _json(text: str, _context: Context) -> Any:
    try:
        value = msgspec.json.decode(text)
        msgspec.json.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON, found {shown(text.strip())}: {error}") from None
    if _is_deep(value):
        raise ValueError(f"expected JSON of {MAX_DEPTH} levels at the most, found {shown(text.strip())}")
    return value


def _is_deep(value: Any) -> bool:
    """Whether containers are more than ``MAX_DEPTH`` in one another: many readers of JSON take 128 levels."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
    return bool(level)


def _str(text: str, _context: Context) -> str:
    return text


_CONVERTERS: dict[str, Callable[[str, Context], Any]] = {
    "str": _str,
    "int": _int,
    "float": _float,
    "date": _date,
    "url": _url,
    "json": _json,
}
