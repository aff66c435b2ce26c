"""What a reference in a page means: a link, a ``Location``, the URL of an image, relative to the page's own.

By the URL Standard (4.4, with a base), and Ada (``can_ada``). Most references are written so that the result
is one text behind another; one regular expression recognises those and saves the call. What is made of them
must be what the parser gives: the tests hold the two together.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import can_ada

from scraper.errors import InvalidUrl
from scraper.urls import (
    MAX_URL_BYTES,
    PLAIN_PATH,
    PLAIN_QUERY,
    PLAIN_SEGMENT,
    check_labels,
    drop_fragment,
    plain_url,
    scalar_text,
    url_and_host,
)

_UP = "../"
_MAX_UP = 8
_FRAGMENT = r"#[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*+"
# Without a slash in front, what has a colon before any slash may begin with a scheme. Group 1: the only dots
# that lead elsewhere.
_RELATIVE = rf"(?=[^/?#])(?![^/?#]*:)((?:\.\./){{0,{_MAX_UP}}}+){PLAIN_SEGMENT}"
_plain_reference = re.compile(
    rf"(?:(?!//){PLAIN_PATH}|{_RELATIVE}(?:{PLAIN_PATH})?+){PLAIN_QUERY}?+(?:{_FRAGMENT})?+|{_FRAGMENT}"
).fullmatch


class _Base(NamedTuple):
    """What references are put behind."""

    url: str
    """All before a fragment; without an empty query, which Ada drops where a fragment alone follows."""
    origin: str
    directory: str
    """The path up to its last slash, without it."""


@lru_cache(maxsize=128)
def _base(url: str) -> _Base | None:
    if len(url) <= MAX_URL_BYTES and (plain := plain_url(url)) and (path := plain[2]):
        return _Base(
            _without_empty_query(url), url.removesuffix(path), path.partition("?")[0].rpartition("/")[0]
        )
    parsed = _parsed(url)
    if parsed is None:
        return None
    whole, host = url_and_host(parsed)
    page = _without_empty_query(drop_fragment(whole))
    return _Base(page, f"{parsed.protocol}//{host}", parsed.pathname.rpartition("/")[0])


def _without_empty_query(url: str) -> str:
    return url[:-1] if url.find("?") == len(url) - 1 else url


@lru_cache(maxsize=128)
def _parsed(url: str) -> can_ada.URL | None:
    try:
        check_labels(url)
        parsed = can_ada.parse(scalar_text(url))
        url_and_host(parsed)
    except (ValueError, InvalidUrl):
        return None
    return parsed


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
    if (plain := plain_url(reference)) and plain[2]:
        return reference
    found = _plain_reference(reference)
    if found is None:
        return _by_parser(base, reference)
    start = _base(base)
    if start is None:
        return None
    first = reference[0]
    if first == "/":
        url = start.origin + reference
    elif first == "#":
        url = start.url + reference
    else:
        directory = start.directory
        for _ in range(0, len(found[1]), len(_UP)):
            directory = directory.rpartition("/")[0]
        url = f"{start.origin}{directory}/{reference[len(found[1]) :]}"
    return url if len(url) <= MAX_URL_BYTES else None


def _by_parser(base: str, reference: str) -> str | None:
    start = _parsed(base)
    if start is None:
        return None
    try:
        check_labels(reference)
        return url_and_host(start + scalar_text(reference))[0]
    except (ValueError, InvalidUrl):
        return None
