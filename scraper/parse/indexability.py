"""Whether a search engine may list a page, and why not.

The reasons are those of the tools for search engine optimisation, by what the engines publish. This module
does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scraper.errors import InvalidUrl
from scraper.parse.directives import expires_at
from scraper.record import Outcome
from scraper.urls import dedup_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scraper.record import Refresh


class Indexability(NamedTuple):
    """Whether a search engine may list a page under its ``final_url``, as far as can be seen."""

    indexable: bool | None
    """``None`` when nothing came that would tell."""
    reason: str | None
    """Why not: ``blocked``, ``redirected``, ``http_error``, ``noindex``, ``unavailable_after``,
    ``canonicalised``; the first that holds, in this order."""


_YES = Indexability(indexable=True, reason=None)
_UNKNOWN = Indexability(indexable=None, reason=None)
_WHOLE = frozenset((Outcome.OK, Outcome.TOO_LARGE))
"""With any other outcome what the page says is not known, though its headers may have said enough."""
_NOT_MODIFIED = 304


def indexability(
    *,
    outcome: Outcome,
    status: int | None = None,
    final_url: str | None = None,
    directives: Sequence[str] = (),
    now: datetime | None = None,
    canonical: str | None = None,
    canonical_header: str | None = None,
    refresh: Refresh | None = None,
    robots_allowed: bool | None = None,
) -> Indexability:
    """Judge by what a search engine goes by.

    The media type does not matter: PDF and text are indexed too, and the header is there to prevent it.
    Redirects that were followed do not matter either, since all else in a record is of the page they led to.

    Args:
        outcome: what came of the line.
        status: of the last answer.
        final_url: what the page is compared with by.
        directives: what holds for a crawler, as by ``directives_for``.
        now: when the page was read, with a zone; for ``unavailable_after``, which else has no effect.
        canonical: the document's; it counts before the header's. A page is canonicalised when the two keys
            (``scraper.urls.dedup_key``) differ, so a fragment or another spelling makes no difference, and a
            slash at the end, another scheme or other parameters do. A ``?`` with nothing behind it makes none
            either.
        canonical_header: that of the ``Link`` header.
        refresh: of the document; one without a delay is taken for a redirect, as search engines do.
        robots_allowed: what robots.txt says of ``final_url``; ``None`` when it was not asked.
    """
    if outcome is Outcome.ROBOTS_UNREACHABLE:
        return _UNKNOWN
    if outcome is Outcome.ROBOTS_DENIED or robots_allowed is False:
        return Indexability(indexable=False, reason="blocked")
    if status is None or status == _NOT_MODIFIED or final_url is None:
        return _UNKNOWN
    expiry = expires_at(directives)
    if not 200 <= status < 300:  # noqa: PLR2004 RFC 9110 section 15.3
        reason = "redirected" if 300 <= status < 400 else "http_error"  # noqa: PLR2004
    elif refresh and refresh.delay == 0 and _is_elsewhere(refresh.url, final_url=final_url):
        reason = "redirected"
    elif "noindex" in directives:
        reason = "noindex"
    elif expiry is not None and now is not None and expiry <= now:
        reason = "unavailable_after"
    elif _is_elsewhere(canonical or canonical_header, final_url=final_url):
        reason = "canonicalised"
    else:
        return _YES if outcome in _WHOLE else _UNKNOWN
    return Indexability(indexable=False, reason=reason)


def _is_elsewhere(url: str | None, *, final_url: str) -> bool:
    if url is None or url == final_url:
        return False
    try:
        return _compared(url) != _compared(final_url)
    except InvalidUrl:
        return False


def _compared(url: str) -> str:
    """Return a URL's key, without a query that is empty, which a server might take for another page."""
    path, _, query = dedup_key(url).partition("?")
    return f"{path}?{query}" if query else path
