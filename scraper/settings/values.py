"""One value of one setting: read from text, validated, and shown without its secrets.

This module does no I/O.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SettingsError
from scraper.redaction import MASK
from scraper.settings.headers import CONTROL, SECRET_HEADER, check_headers, headers_from_text
from scraper.settings.model import Holds
from scraper.settings.proxy import parse_proxy, shown_proxy
from scraper.settings.url_patterns import url_searcher

if TYPE_CHECKING:
    from scraper.settings.options import Option

_SHOWN_CHARACTERS = 80

# Up to the last @ before a slash: a password may have one (WHATWG URL 4.4, authority state).
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+(?=@)")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b", re.IGNORECASE)
_SIZE_WITHOUT_B = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt])i?", re.IGNORECASE)
_POWERS = ("", "k", "m", "g", "t")


def checked(value: object, option: Option, *, origin: str, text: bool) -> Any:
    """Validate a value and return it as the setting's own type.

    Args:
        value: What was given: a TOML value, or a string.
        option: Which setting it is for.
        origin: Where it came from, for the message.
        text: Whether it comes from a place that knows only strings (environment, flags), so that
            ``"5"`` is a number and ``"true"`` a boolean.

    Raises:
        SettingsError: It is not allowed; one line with the setting, the value, the origin and what
            is allowed. Secrets are masked.
    """
    try:
        if isinstance(value, str) and option.field.endswith("_bytes"):
            value = _size_bytes(value)
        elif isinstance(value, str) and option.holds is Holds.HEADERS and text:
            value = headers_from_text(value)
        result = msgspec.convert(value, option.annotation, strict=not text)
        _check_further(result, holds=option.holds)
    except msgspec.ValidationError:
        reason = f"expected {option.allowed}"
    except ValueError as error:
        reason = str(error)
    else:
        return result
    raise SettingsError(f"{option.name} = {cut(shown(value, option))} ({origin}): {reason}") from None


def shown(value: object, option: Option) -> str:
    """Write a value as TOML would, on one line, with secrets masked; what has none can be read back."""
    if option.holds is Holds.HEADERS and not isinstance(value, dict):
        return MASK  # a header list that can't be taken apart may hold anything
    if option.holds is Holds.PROXY:  # what is no URL may be a password all the same
        return toml_literal(shown_proxy(value)) if isinstance(value, str) else MASK
    return toml_literal(masked(value))


def cut(text: str) -> str:
    """Cut a text to what a message can hold."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def toml_literal(value: object) -> str:
    """Write a value in TOML's notation; what TOML does not have is written as Python shows it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            # JSON's escapes are TOML's, but for U+007F, which TOML wants escaped and JSON does not.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case dict():
            pairs = [f"{toml_literal(str(key))} = {toml_literal(item)}" for key, item in value.items()]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case list():
            return f"[{', '.join(map(toml_literal, value))}]"
        case _:
            return str(value)


def masked(value: Any) -> Any:
    """Return a value of a setting as it may be printed, in types that JSON has.

    Credentials in URLs are hidden, and the values of headers whose name tells of a secret. Structs
    become tables of what is given in them; their keys are patterns and may well be called ``token``.
    """
    match value:
        case str():
            return _CREDENTIALS.sub(MASK, value)
        case msgspec.Struct():
            given, defaults = msgspec.structs.asdict(value), type(value)()
            return {field: masked(item) for field, item in given.items() if item != getattr(defaults, field)}
        case dict():
            return {key: _masked_item(key, item) for key, item in value.items()}
        case _:
            return value


def _masked_item(key: object, item: object) -> Any:
    if not isinstance(item, msgspec.Struct) and SECRET_HEADER.search(str(key)):
        return MASK
    return masked(item)


def _size_bytes(text: str) -> int | str:
    """Read ``10MB`` (powers of 1000) or ``10MiB`` (powers of 1024, IEC 80000-13); else leave it alone."""
    if bare := _SIZE_WITHOUT_B.fullmatch(text.strip()):
        number, prefix = bare[1], bare[2].upper().replace("K", "k")
        raise ValueError(f"write {number}{prefix}B, or {number}{prefix.upper()}iB for powers of 1024")
    match = _SIZE.fullmatch(text.strip())
    if not match:
        return int(text) if text.strip().isdecimal() else text
    number, prefix, binary = match.groups()
    return int(Fraction(number) * (1024 if binary else 1000) ** _POWERS.index(prefix.lower()))


def _check_further(value: object, *, holds: Holds | None) -> None:
    """Check what the types of the model can't say.

    Raises:
        ValueError: A number is not finite, a text has control characters or is no regular
            expression, a header can't be sent, or a proxy's URL is none.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a finite number")
    if isinstance(value, str) and CONTROL.search(value):
        raise ValueError("expected one line without control characters")
    if holds in {Holds.REGULAR_EXPRESSION, Holds.URL_PATTERN} and isinstance(value, str):
        check_regular_expression(value)
        if holds is Holds.URL_PATTERN:
            url_searcher(value)
    if holds is Holds.PROXY and isinstance(value, str):
        parse_proxy(value)
    if holds is Holds.HEADERS and isinstance(value, dict):
        check_headers(value)


def check_regular_expression(text: str) -> None:
    """Compile a regular expression, as whoever uses it will.

    Raises:
        ValueError: It is none, with the position; or its meaning will change in a later Python, of
            which ``re`` warns over several lines on standard error.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    except Warning as warning:
        raise ValueError(f"ambiguous regular expression: {warning}; put \\ before it") from None
    except OverflowError as error:
        raise ValueError(f"not a regular expression: {error}") from None
    except RecursionError:
        raise ValueError("not a regular expression: too many parentheses inside each other") from None
