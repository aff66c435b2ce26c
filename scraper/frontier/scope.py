"""Which URLs belong to the crawl: how deep, whose, matching what, and no traps.

Pure but for one file: the Public Suffix List that comes with ``publicsuffixlist``, read when links
are to be held to their site. Nothing is ever downloaded.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from scraper.errors import SettingsError
from scraper.settings.url_patterns import url_searcher
from scraper.urls import host_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from publicsuffixlist import PublicSuffixList

    from scraper.settings.model import FollowSettings

MAX_LINK_BYTES = 2047
"""No longer link is followed: sitemaps.org wants URLs of fewer than 2048 characters. It is also what stops
a trap that repeats nothing but grows, such as a query that gets one more parameter on each page."""

# A page names some dozens of hosts; one that is not in here costs some 10 us.
_HOSTS_REMEMBERED = 8192


class Scope:
    """Decides, URL by URL, what the crawl takes; it keeps nothing between them.

    URLs are to be request URLs as ``scraper.urls`` makes them: absolute, without a fragment.
    ``max_urls_per_host`` and ``honour_nofollow`` are not decided here: they need more than the URL.
    """

    def __init__(self, settings: FollowSettings) -> None:
        """Compile the expressions, and read the Public Suffix List if it will be needed (0.1 s).

        Raises:
            SettingsError: ``include`` or ``exclude`` is no regular expression; one line that says where.
        """
        self._depth = settings.depth
        self._same_site = settings.same_site
        self._max_repeats = settings.max_path_repeats
        self._included = _searcher(settings.include, setting="follow.include")
        self._excluded = _searcher(settings.exclude, setting="follow.exclude")
        if settings.same_site and settings.depth:
            _suffixes()  # now, rather than while all requests wait for it

    def takes_line(self, url: str) -> bool:
        """Say whether a line of the user's list is fetched.

        ``exclude`` always holds. ``include`` does only while no links are followed: with links it says
        what to collect, and the list where to begin. Depth, site and traps are rules for links.
        """
        return self._selects(url, included=self._included if self._depth == 0 else None)

    def follows(self, url: str, *, found_on: str, depth: int) -> bool:
        """Say whether a link belongs to the crawl.

        Args:
            url: What the link leads to.
            found_on: The page that has it, by the URL that it came from after redirects.
            depth: How many links that page itself is away from the list; 0 for a page of the list.

        Raises:
            InvalidUrl: ``same_site`` is set, and one of the two is no http or https URL.
        """
        return (
            depth < self._depth
            and len(url) <= MAX_LINK_BYTES
            and (not self._same_site or _on_one_site(url, found_on))
            and not _repeats(url, limit=self._max_repeats)
            and self._selects(url, included=self._included)
        )

    def _selects(self, url: str, *, included: Callable[[str], object] | None) -> bool:
        if included is not None and included(url) is None:
            return False
        return self._excluded is None or self._excluded(url) is None


@lru_cache(maxsize=_HOSTS_REMEMBERED)
def registrable_domain(host: str) -> str:
    """Return the name that was registered, which all hosts of one site end in: ``example.co.uk``.

    The site is that of browsers ("site" in the HTML Standard, "registrable domain" in the URL Standard
    3.2), by the whole Public Suffix List: the suffixes of registries, and the private ones of those who
    hand out names to strangers. Thus ``alice.github.io`` and ``bob.github.io`` are two sites, which keeps a
    crawl of one person's pages from going over to everybody's. As there, a port does not make another
    site, and below a top-level domain that the list does not know the last two labels count.

    An IP address, a bare host (``localhost``) and a public suffix (``github.io``) are sites by themselves.

    Args:
        host: A host key, as by ``scraper.urls.host_key``: lower case, perhaps with a port.
    """
    if host.startswith("["):
        return host[: host.index("]") + 1]
    name = host.partition(":")[0].removesuffix(".")
    # A host that ends in a number is an IPv4 address, or the URL parser refuses it (URL Standard 3.5).
    if "." not in name or name.rpartition(".")[2].isdecimal():
        return name
    return _suffixes().privatesuffix(name) or name


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - most runs follow no links

    return PublicSuffixList()


def _on_one_site(url: str, other: str) -> bool:
    """Compare sites; most links lead to the page's own host, which the beginning alone tells."""
    origin = other[: other.find("/", len("https://")) + 1]
    if origin and url.startswith(origin):
        return True
    return registrable_domain(host_key(url)) == registrable_domain(host_key(other))


def _repeats(url: str, *, limit: int) -> bool:
    """Say whether a part of the path stands there more than ``limit`` times.

    Relative links that are wrong by one level make such paths grow without end (``/a/b/a/b/a/b/``, or
    ``//////``: an empty part is a part too). Parts are compared as they are spelt, and need not be
    neighbours. A limit of 1 takes ``/2024/01/01/`` for a trap, which is why it is not the default.
    """
    path = url.partition("?")[0]
    # Scheme and host hold three of the slashes.
    if path.count("/") - 2 <= limit:
        return False
    parts = path.split("/")[3:]
    if not parts[-1]:
        parts.pop()  # what is behind the last slash
    if len(parts) - len(set(parts)) < limit:
        return False
    # In one pass: a hostile page has thousands of links with hundreds of parts each.
    return max(Counter(parts).values()) > limit


def _searcher(pattern: str, *, setting: str) -> Callable[[str], object] | None:
    """Return the search of a regular expression, ``None`` for an empty one.

    Raises:
        SettingsError: It is none, or one that some URL could hold up the run with.
    """
    try:
        return url_searcher(pattern) if pattern else None
    except ValueError as error:
        reason = str(error)
    raise SettingsError(f"{setting}: {reason}")
