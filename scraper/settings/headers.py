"""Header fields as a setting: read from text, and refused when they can't be sent.

This module does no I/O.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HARMLESS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "dnt",
        "from",
        "pragma",
        "priority",
        "referer",
        "save-data",
        "upgrade-insecure-requests",
        "x-requested-with",
    }
)
"""Headers that say what is wanted and how, and open no door."""

SECRET_HEADER = re.compile(
    rf"\A(?!(?:sec-.*|user-agent|{'|'.join(sorted(_HARMLESS))})\Z)"
    r"|auth|cookie|token|secret|pass|pwd|credential|session|signature|key|jwt|bearer|otp",
    re.IGNORECASE,
)
"""Found in the name of a header whose value is never shown: of all those for which ``is_private`` holds."""

# RFC 9110 5.6.2 (token) and 5.5 (no control characters in a field value but the tab).
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Lone surrogates are what Python makes of environment bytes that are no text; no output can hold them.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""A character that neither a header nor any other text of a setting may have."""
_HEADERS_ELSEWHERE = {
    "user-agent": "use fetch.user_agent (--user-agent), which robots.txt is matched by too",
    "host": "it follows from the URL",
    "proxy-authorization": "put user and password into fetch.proxy",
    "connection": "the client sets it",
    "content-length": "the client sets it",
    "transfer-encoding": "the client sets it",
}


def headers_from_text(text: str) -> dict[str, str]:
    """Read header lines, or a JSON object of them.

    Raises:
        ValueError: A line has no colon, a name is there twice, or the JSON is none. The message does not
            repeat the text.
    """
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise ValueError("expected a JSON object of texts, or lines of 'Name: value'") from None
    pairs = [line.partition(":") for line in text.split("\n") if line.strip()]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError("expected lines of 'Name: value'")
    named = [(name.strip(), value.strip()) for name, _, value in pairs]
    _check_given_once(name for name, _ in named)
    return dict(named)


def is_private(name: str) -> bool:
    """Return whether a header of the user's goes only to the origins that the user's own lines name.

    A name does not tell whether its value opens a door (``X-Pass``, ``X-JWT``), so all are private but
    those known to be harmless, and ``Sec-`` ones, which describe a client (W3C Fetch Metadata, Client
    Hints) unless their name tells of a secret.
    """
    name = name.lower()
    return name not in _HARMLESS and not (name.startswith("sec-") and not SECRET_HEADER.search(name))


def check_headers(headers: Mapping[str, str]) -> None:
    """Check that headers can be sent and are ours to set.

    Raises:
        ValueError: A name is no token, a value has control characters, or it is set elsewhere; or two
            names differ only in case.
    """
    for name, text in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("expected header names of letters, digits and hyphens")
        if CONTROL.search(text):
            raise ValueError(f"the value of {name} must be one line without control characters")
        if name.lower() in _HEADERS_ELSEWHERE:
            raise ValueError(f"{name} can't be set here: {_HEADERS_ELSEWHERE[name.lower()]}")
    _check_given_once(headers)


def _check_given_once(names: Iterable[str]) -> None:
    """Refuse a name that is there twice, in any case (RFC 9110 5.1): one of the two would be lost.

    Raises:
        ValueError: There is one.
    """
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen and _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name} is given twice: join its values in one")
        seen.add(name.lower())


def merged_headers(below: Mapping[str, str], above: Mapping[str, str]) -> dict[str, str]:
    """Put headers on top of others; names are compared without case (RFC 9110 5.1)."""
    replaced = {name.lower() for name in above}
    return {name: value for name, value in below.items() if name.lower() not in replaced} | dict(above)
