"""How many links a page has, and where they lead, without parsing each.

Most hrefs are told by their beginning: a path is the page's own host, ``https://host/`` is looked up
by its host. Only what is odd goes through the URL parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scraper.errors import InvalidUrl
from scraper.record import LinkCounts
from scraper.urls import host_key, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

# RFC 3986 3.1; the URL Standard strips what is no graphic character before it.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# The URL Standard drops tab and line ends wherever they are, and takes \ for /.
_ODD = re.compile(r"[\t\n\r\\]")
# What after a first slash would make the href begin with a host, or might.
_SLASHED = frozenset("/\\\t\n\r")
_EDGES = "".join(map(chr, range(0x21)))


class LinkCounter:
    """Counts ``a`` and ``area`` elements whose target is http or https.

    A fragment of the page itself (``#top``) is a link to the same host. ``internal`` is by the host
    key, which tells ports apart: a link to another port is external, one to https from http is not.
    """

    def __init__(self, *, final_url: str, base: str) -> None:
        """Take the URL that the page came from, and the one that its links are relative to."""
        self._base = base
        self._host = _host(final_url)
        self._relative_is_internal = base is final_url or _host(base) == self._host
        # What a text up to the host's end means: internal or not, None for no link.
        self._known: dict[str, bool | None] = {}

    def count(self, links: Iterable[tuple[str, str | None]]) -> LinkCounts:
        """Count elements by their ``href`` and ``rel`` as they stand in the page."""
        known, relative = self._known, self._relative_is_internal
        internals = externals = nofollow = 0
        for href, rel in links:
            if href[:1] == "/" and href[1:2] not in _SLASHED:
                internal: bool | None = relative
            elif href.startswith(("https://", "http://")):
                # Up to the host's end: what decides.
                start = href[: href.find("/", 8) + 1] or href
                internal = known[start] if start in known else self._remember(start)
            else:
                internal = relative if href[:1] == "#" else self._unusual(href)
            if internal is None:
                continue
            if internal:
                internals += 1
            else:
                externals += 1
            if rel and "nofollow" in rel.lower().split():
                nofollow += 1
        return LinkCounts(
            internal=internals, external=externals, nofollow=nofollow, total=internals + externals
        )

    def _remember(self, start: str) -> bool | None:
        internal = self._known[start] = self._judge(start)
        return internal

    def _unusual(self, href: str) -> bool | None:
        href = href.strip(_EDGES)
        if _ODD.search(href) is None and href[:2] != "//":
            scheme = _SCHEME.match(href)
            if scheme is None:
                return self._relative_is_internal
            if scheme[0].lower() not in {"http:", "https:"}:
                return None
        return self._judge(href)

    def _judge(self, href: str) -> bool | None:
        url = resolve(self._base, href)
        return None if url is None else _host(url) == self._host


def _host(url: str) -> str | None:
    try:
        return host_key(url)
    except InvalidUrl:
        return None
