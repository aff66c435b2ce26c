"""The robots.txt of each host of the sample site, written by hand beside what it says (RFC 9309)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from scraper.demo.truth import PORT
from scraper.record import Robots

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE = "/private/"
"""The room that robots.txt closes."""

OVERLOADED = "127.0.2.1"
"""Its robots.txt is answered 503 for good, so nothing there may be asked for."""
MOVED = "127.0.2.2"
"""Its robots.txt is found by a redirect to another host."""
GENTLE = "127.0.2.3"
"""Wants time between two requests (``Crawl-delay``)."""
GUARDED = "127.0.2.4"
"""Its robots.txt is answered 403, which forbids nothing (RFC 9309 2.3.1.3)."""
BUSY = "127.0.2.5"
"""Answers 503 with ``Retry-After``."""
RATIONED = "127.0.2.6"
"""Answers 429 with ``Retry-After``."""

UNUSUAL_HOSTS = (OVERLOADED, MOVED, GENTLE, GUARDED, BUSY, RATIONED)
"""Beside the ordinary hosts; they have no pages but those that show what is unusual."""

MOVED_TO = "/robots-of-others.txt"
"""Where the rules of ``MOVED`` lie on the first host."""


class RobotsFile(NamedTuple):
    """What is found at a host's robots.txt, redirects followed, and what it means for us."""

    status: int
    text: str = ""
    rules: tuple[tuple[str, str], ...] = ()
    """For paths that this expression matches, that line decides; the first that matches counts."""
    crawl_delay_s: float | None = None

    def judge(self, path: str) -> Robots:
        """Return what the record is to say of a path."""
        if self.status != 200:  # noqa: PLR2004
            return Robots(allowed=self.status < 500, status=self.status)  # noqa: PLR2004  RFC 9309 2.3.1
        for expression, line in self.rules:
            if re.match(expression, path):
                allowed = line.startswith("Allow")
                return Robots(allowed=allowed, rule=line, status=200, crawl_delay=self.crawl_delay_s)
        return Robots(allowed=True, status=200, crawl_delay=self.crawl_delay_s)


_CLOSED = (PRIVATE, f"Disallow: {PRIVATE}")
_PLAIN = RobotsFile(200, f"User-agent: *\nDisallow: {PRIVATE}\n", (_CLOSED,))
_NONE = RobotsFile(404)

_IN_TURN = (
    _PLAIN,
    RobotsFile(
        200,
        "User-agent: otherbot\nDisallow: /\n\n"
        f"User-agent: scraper\nDisallow: {PRIVATE}\nAllow: {PRIVATE}open\n",
        ((f"{PRIVATE}open", f"Allow: {PRIVATE}open"), _CLOSED),
    ),
    RobotsFile(200, f"# nothing to see\nUser-agent: *\nDisallow:\nDisallow: {PRIVATE} # yet\n", (_CLOSED,)),
    RobotsFile(
        200,
        f"\ufeffUser-Agent: *\r\nDisallow: /*.secret$\r\nDisallow: {PRIVATE}\r\n",
        ((r".*\.secret\Z", "Disallow: /*.secret$"), _CLOSED),
    ),
)

_UNUSUAL = {
    OVERLOADED: RobotsFile(503),
    MOVED: _PLAIN,
    GENTLE: RobotsFile(200, "User-agent: *\nCrawl-delay: 0.2\n", crawl_delay_s=0.2),
    GUARDED: RobotsFile(403),
    BUSY: _NONE,
    RATIONED: _NONE,
}


def robots_files(hosts: Sequence[str]) -> dict[str, RobotsFile]:
    """Return what each host has: the ordinary ones in turn, but the second has none."""
    files = {}
    for index, host in enumerate(hosts):
        file = _UNUSUAL.get(host) or (_NONE if index == 1 else _IN_TURN[index % len(_IN_TURN)])
        if file.text and host not in _UNUSUAL:
            file = file._replace(text=f"{file.text}\nSitemap: http://{host}:{PORT}/sitemap.xml\n")
        files[host] = file
    return files
