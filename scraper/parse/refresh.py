"""Where a page sends its readers on to by itself: the ``refresh`` pragma and the ``Refresh`` header."""

from __future__ import annotations

import re

from scraper.record import Refresh
from scraper.references import resolve

# HTML Standard, shared declarative refresh steps; more than nine digits are no time anybody waits.
_REFRESH = re.compile(
    r"\s*(?:0*(?P<s>[0-9]{1,9})[0-9.]*|\.[0-9.]*)(?:\s*[;,]\s*|\s+|$)(?:url\s*=\s*)?(?P<url>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MAX_CHARACTERS = 10_000


def refresh_of(content: str | None, *, base: str) -> Refresh | None:
    """Read a pragma's or a header's value by the HTML Standard's shared declarative refresh steps.

    Args:
        content: as sent; ``None`` when there is none.
        base: the URL that the target is relative to.

    Returns:
        ``None`` also for what means nothing, and for a target that is no web address.
    """
    found = _REFRESH.fullmatch(content[:_MAX_CHARACTERS]) if content else None
    if found is None:
        return None
    target = found["url"].strip()
    if target[:1] in {'"', "'"}:
        target = target[1:].partition(target[0])[0].strip()
    url = resolve(base, target) if target else None
    return None if target and url is None else Refresh(delay=float(found["s"] or 0), url=url)
