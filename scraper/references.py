"""What a reference in a page means: a link, a ``Location``, the URL of an image, relative to the page's own.

The URL Standard's, by Ada (``can_ada``). Most references are written so that the result is one text behind
another; one regular expression recognises those. What it takes must be what the parser gives: the tests
hold the two together.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import can_ada

from scraper.errors import InvalidUrl
from scraper.urls import (
    MAX_HOST,
    MAX_URL_BYTES,
    PLAIN_PATH,
    PLAIN_QUERY,
    PLAIN_SEGMENT,
    accepted,
    check_labels,
    drop_fragment,
    plain_url,
    scalar_text,
)

_UP = "../"
_MAX_UP = 8
_FRAGMENT = r"#[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*+"
# Without a slash in front, what has a colon before any slash begins with a scheme. The only dots that lead
# elsewhere are at the beginning.
_RELATIVE = rf"(?=[^/?#])(?![^/?#]*:)((?:\.\./){{0,{_MAX_UP}}}+){PLAIN_SEGMENT}"
_plain_reference = re.compile(
    rf"(?:(?!//){PLAIN_PATH}|{_RELATIVE}(?:{PLAIN_PATH}|{PLAIN_QUERY})?+)(?:{_FRAGMENT})?+|{_FRAGMENT}"
).fullmatch


class _Base(NamedTuple):
    """What references are put behind."""

    parsed: can_ada.URL
    page: str
    """All before a fragment."""
    origin: str
    directories: tuple[str, ...]
    """Of the page, and of each directory above the one before; each ends in a slash."""


@lru_cache(maxsize=128)
def _base(url: str) -> _Base | None:
    try:
        check_labels(url)
        parsed = can_ada.parse(scalar_text(url))
        whole, host = accepted(parsed)
    except (ValueError, InvalidUrl):
        return None
    origin = f"{parsed.protocol}//{host}"
    directories: list[str] = []
    path = parsed.pathname
    while path and len(directories) <= _MAX_UP:
        path = path.rpartition("/")[0]
        directories.append(f"{origin}{path}/")
    return _Base(parsed, drop_fragment(whole), origin, tuple(directories))


def resolve(base: str, reference: str) -> str | None:
    """Return the absolute URL that a link or ``Location`` means, ``None`` when it is not http(s).

    The reference's fragment stays (see ``urls.drop_fragment``); a redirect does not inherit the base's.
    Credentials are left out: nobody but the user may give us any. Bytes of a header that are no
    UTF-8, which aiohttp decodes with ``surrogateescape``, are percent-encoded one by one as browsers
    do; in a host they make it invalid. Also ``None``: longer than ``MAX_URL_BYTES``, a host that DNS
    can't carry, a base that is no http(s) URL.
    """
    if len(reference) > MAX_URL_BYTES:
        return None
    if (plain := plain_url(reference)) and plain[2] and len(plain[1]) <= MAX_HOST:
        return reference
    start = _base(base)
    if start is None:
        return None
    if found := _plain_reference(reference):
        first = reference[0]
        if first == "/":
            url = start.origin + reference
        elif first == "#":
            url = start.page + reference
        else:
            ups = len(found[1]) // len(_UP)
            url = start.directories[min(ups, len(start.directories) - 1)] + reference[len(_UP) * ups :]
        return url if len(url) <= MAX_URL_BYTES else None
    try:
        check_labels(reference)
        return accepted(start.parsed + scalar_text(reference))[0]
    except (ValueError, InvalidUrl):
        return None
