"""One value of one setting: read from text, validated, and shown without its secrets.

This module does no I/O.
"""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SettingsError

if TYPE_CHECKING:
    from scraper.settings.options import Option

MASK = "***"
_SHOWN_CHARACTERS = 80

_SECRET_HEADER = re.compile(r"auth|cookie|token|secret|passw|credential|session|signature|key", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")

# RFC 9110 5.6.2 (token) and 5.5 (no control characters in a field value but the tab).
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Lone surrogates are what Python makes of environment bytes that are no text; no output can hold them.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_HEADERS_ELSEWHERE = {
    "user-agent": "use fetch.user_agent, which robots.txt is matched by too",
    "host": "it follows from the URL",
    "connection": "the client sets it",
    "content-length": "the client sets it",
    "transfer-encoding": "the client sets it",
}

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b", re.IGNORECASE)
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
        elif isinstance(value, str) and option.is_mapping and text:
            value = _lines(value)
        result = msgspec.convert(value, option.annotation, strict=not text)
        _check_further(result)
    except msgspec.ValidationError:
        reason = f"expected {option.allowed}"
    except ValueError as error:
        reason = str(error)
    else:
        return result
    raise SettingsError(f"{option.name} = {shown(value, option)} ({origin}): {reason}") from None


def shown(value: object, option: Option) -> str:
    """Write a value as TOML would, on one line, cut to a readable length, with secrets masked."""
    if option.is_mapping and not isinstance(value, dict):
        return MASK  # a header list that can't be taken apart may hold anything
    text = toml_literal(_masked(value))
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


def _masked(value: object) -> object:
    """Hide credentials in URLs and the values of headers whose name tells of a secret."""
    if isinstance(value, str):
        return _CREDENTIALS.sub(MASK, value)
    if isinstance(value, dict):
        return {
            key: MASK if _SECRET_HEADER.search(str(key)) else _masked(item) for key, item in value.items()
        }
    return value


def masked(value: Any) -> Any:
    """Return a value of a setting as it may be printed; numbers and booleans are unchanged."""
    return _masked(value)


def _size_bytes(text: str) -> int | str:
    """Read ``10MB`` (powers of 1000) or ``10MiB`` (powers of 1024, IEC 80000-13); else leave it alone."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        return int(text) if text.strip().isdecimal() else text
    number, prefix, binary = match.groups()
    return int(Fraction(number) * (1024 if binary else 1000) ** _POWERS.index(prefix.lower()))


def _lines(text: str) -> dict[str, str]:
    """Read header lines, or a JSON object of them.

    Raises:
        ValueError: A line has no colon, or the JSON is none. The message does not repeat the text.
    """
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise ValueError("expected a JSON object of texts, or lines of 'Name: value'") from None
    pairs = [line.partition(":") for line in text.split("\n") if line.strip()]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError("expected lines of 'Name: value'")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _check_further(value: object) -> None:
    """Check what the types of the model can't say.

    Raises:
        ValueError: A number is not finite, a text has control characters, or a header can't be sent.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a finite number")
    if isinstance(value, str) and _CONTROL.search(value):
        raise ValueError("expected one line without control characters")
    if isinstance(value, dict):
        for name, text in value.items():
            _check_header(name, text)


def _check_header(name: str, text: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("expected header names of letters, digits and hyphens")
    if _CONTROL.search(text):
        raise ValueError(f"the value of {name} must be one line without control characters")
    if name.lower() in _HEADERS_ELSEWHERE:
        raise ValueError(f"{name} can't be set here: {_HEADERS_ELSEWHERE[name.lower()]}")
