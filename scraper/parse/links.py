"""How many links a page has and, when they are to be followed, where they lead.

Counting does not parse each: most hrefs are told by their beginning. A path is the page's own host,
``https://host/`` is looked up by its host, and only what is odd goes through the URL parser. Targets
are asked for only when links are followed, since they cost several times as much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from scraper.errors import InvalidUrl
from scraper.parse.text import field, fields
from scraper.record import LinkCounts, LinkEntry
from scraper.references import resolve
from scraper.urls import dedup_key, drop_fragment, host_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scraper.parse.document import Document, Node

# RFC 3986 3.1; the URL Standard strips what is no graphic character before it.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# The URL Standard drops tab and line ends wherever they are, and takes \ for /.
_ODD = re.compile(r"[\t\n\r\\]")
# What after a first slash would make the href begin with a host, or might.
_SLASHED = frozenset("/\\\t\n\r")
# What has no scheme, and nothing in front that is dropped or taken for another.
_plainly_relative = re.compile(r"#|[A-Za-z0-9._~%-]++(?:[/?#]|\Z)").match
_EDGES = "".join(map(chr, range(0x21)))

MAX_TARGETS = 2000
"""So many links of a page are followed at the most. Few indexes and tables of contents have more; most
pages that do are link farms or traps, and one page is to fill neither the state nor the memory: a body
at its cap has room for a million. Each target may be a new host, and all of a page enter the state in
one transaction, which every other page waits for: 5000 new hosts took 0.26 s, 2000 take 0.1 s."""

MAX_LISTED = 10_000
"""The most links of a page that are recorded."""

_MAX_LISTED_CHARACTERS = 4_000_000
"""Of their URLs and texts, eight times what a record has room for: links within links around a long text, or
relative to a long base, came to 1.1 GB."""

# Of so many the texts are read before they are folded. Links within links (in svg, in object) each have the
# text of all: that of 400 around 2.4 MB took 1 GB.
_READ_AT_ONCE = 250

# Other hrefs that may be looked at for it, so that a million of mailto: does not hold up all pages.
_MAX_LOOKED_AT = 4 * MAX_TARGETS


class Target(NamedTuple):
    """A link that may be followed."""

    url: str
    """Absolute, http or https, without a fragment: a request URL."""
    nofollow: bool
    """Whether each element of the page that leads there says ``rel=nofollow``."""


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
                internal = relative if _plainly_relative(href) else self._unusual(href)
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
        host = _host(start)  # a URL that has a scheme needs no base
        internal = self._known[start] = None if host is None else host == self._host
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


def targets(links: Iterable[tuple[str, str | None]], *, final_url: str, base: str) -> list[Target]:
    """Return where a page's links lead, in order, each target once and the page itself not at all.

    Two spellings of one URL (``scraper.urls.dedup_key``) are one target, as the first has it.
    When there are more than ``MAX_TARGETS`` the first ones are returned; what else the page says of
    them further on counts if it is spelt alike.

    Args:
        links: The ``href`` and ``rel`` of each ``a`` and ``area`` element, as they stand in the page.
        final_url: The URL that the page came from.
        base: What its links are relative to: the first ``<base href>``, else the same.
    """
    own_key = _key(final_url)
    known: dict[str, str] = {}  # what a text means: the key of its target, empty for no link
    found: dict[str, str] = {}  # the target's URL, by its key
    followed: set[str] = set()  # keys that something without nofollow leads to
    for href, rel in links:
        text = _without_fragment(href) if "#" in href else href
        key = known.get(text)
        if key is None:
            if len(found) >= MAX_TARGETS or len(known) >= _MAX_LOOKED_AT:
                continue
            url = drop_fragment(resolve(base, text) or "")
            # What was resolved is its own key but for percent signs; parsing it again took as long.
            key = known[text] = dedup_key(url) if "%" in url else url
            if key and key != own_key:
                found.setdefault(key, url)
        if key in found and not (rel and "nofollow" in rel.lower().split()):
            followed.add(key)
    return [Target(url, nofollow=key not in followed) for key, url in found.items()]


def listed(
    document: Document,
    nodes: Sequence[Node],
    *,
    links: Sequence[tuple[str, str | None]],
    base: str,
) -> tuple[list[LinkEntry], bool]:
    """Return the links of a page as they are recorded, and whether these are all.

    Args:
        document: The page.
        nodes: Its ``a`` and ``area`` elements that have an ``href``.
        links: The ``href`` and ``rel`` of each, as they stand in the page.
        base: What its links are relative to.
    """
    is_whole = len(nodes) <= MAX_LISTED
    pairs = list(zip(nodes[:MAX_LISTED], links, strict=False))
    entries: list[LinkEntry] = []
    rels: dict[str | None, str | None] = {None: None}  # pages have few
    characters = 0
    for at in range(0, len(pairs), _READ_AT_ONCE):
        if characters > _MAX_LISTED_CHARACTERS:
            return entries, False
        found = [
            (node, url, rel)
            for node, (href, rel) in pairs[at : at + _READ_AT_ONCE]
            if (url := resolve(base, href)) is not None
        ]
        texts, are_all = document.texts(node for node, _, _ in found)
        is_whole &= are_all
        for (node, url, rel), text in zip(found, fields(texts), strict=True):
            if rel not in rels:
                rels[rel] = field(rel)
            said = text or _label(document, node)
            characters += len(url) + len(said or "")
            entries.append(LinkEntry(url=url, text=said, rel=rels[rel]))
    return entries, is_whole


def _label(document: Document, node: Node) -> str | None:
    """Return what a link without text is called: by its images, else by its author for those who hear it."""
    is_area = document.tag(node) == "area"
    said = document.attr(node, "alt") if is_area else " ".join(document.alternatives(node))
    return field(said) or field(document.attr(node, "aria-label"))


def _without_fragment(href: str) -> str:
    """Cut an href before its first ``#``, unless that would change what is before it.

    White space at the end is dropped by the URL parser, and white space before a fragment is not.
    """
    text = drop_fragment(href)
    return href if text and text[-1] <= " " else text


def _key(url: str) -> str | None:
    try:
        return dedup_key(url)
    except InvalidUrl:
        return None
