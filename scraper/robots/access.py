"""What one origin's robots.txt came to: what is kept of it, and what it says of a URL. Pure."""

from __future__ import annotations

import enum
from typing import Self

import msgspec

from scraper.record import Failure, Outcome, Robots
from scraper.robots.rules import RobotsRules

STALE_AT_MOST_S = 30 * 86_400.0
"""A copy that is older does not stand in for a robots.txt that can't be had: RFC 9309 section
2.3.1.4 gives 30 days as an example of a reasonably long time."""


FORBIDDEN_STATUSES = frozenset({401, 403})
"""Answers to robots.txt whose meaning the settings choose (``robots.forbidden``)."""


class Standing(enum.StrEnum):
    """What the answer to robots.txt means (RFC 9309 section 2.3.1)."""

    RULES = "rules"
    """It was answered: its rules hold."""
    UNAVAILABLE = "unavailable"
    """There is none: all is allowed."""
    FORBIDDEN = "forbidden"
    """It may not be read, and the user takes that as a no to all."""
    UNREACHABLE = "unreachable"
    """It could not be had: all is disallowed for now."""
    BLOCKED = "blocked"
    """Its host has a private address that is not to be asked for anything."""


class RobotsFile(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What is kept of an origin's robots.txt, also for later runs."""

    origin: str
    """Scheme, host and port: ``https://example.com:8443``."""
    standing: Standing
    status: int | None
    """Of the last answer; ``None`` when nothing came."""
    read_at_s: float
    """Seconds since 1970."""
    expires_at_s: float
    """Likewise: from then on it is to be read anew."""
    body: str = ""
    """The octets, each as the character of its number (Latin-1): rules are compared octet by octet."""
    failure: Failure | None = None
    """Why it is unreachable."""
    cause: Outcome | None = None
    """The outcome of asking for it, when it is unreachable."""


class Access:
    """A robots.txt ready to be asked about URLs of its origin."""

    __slots__ = ("_always", "_rules", "file")

    def __init__(self, file: RobotsFile, rules: RobotsRules | None) -> None:
        self.file = file
        self._rules = rules
        self._always = Robots(
            allowed=file.standing in {Standing.UNAVAILABLE, Standing.RULES},
            status=file.status,
            crawl_delay=rules.crawl_delay_s if rules else None,
        )
        """What it says where no rule has a say."""

    @classmethod
    def of(cls, file: RobotsFile, *, token: str) -> Self:
        """Parse what was kept for the crawler of this product token.

        Takes up to 0.25 s for the worst file there can be: a large one belongs into a thread.
        """
        rules = (
            RobotsRules.parse(file.body.encode("latin-1"), token=token)
            if file.standing is Standing.RULES
            else None
        )
        return cls(file, rules)

    def until(self, expires_at_s: float) -> Self:
        """Return the same, believed until another time (seconds since 1970)."""
        return type(self)(msgspec.structs.replace(self.file, expires_at_s=expires_at_s), self._rules)

    @property
    def weight_bytes(self) -> int:
        """About how much memory it keeps."""
        return len(self.file.body) + (self._rules.weight_bytes if self._rules else 0)

    @property
    def crawl_delay_s(self) -> float | None:
        """The ``Crawl-delay`` for us, as the file has it."""
        return self._rules.crawl_delay_s if self._rules else None

    def judge(self, url: str) -> Robots:
        """Return what it says of a URL of its origin."""
        if self._rules is None:
            return self._always
        allowed, rule = self._rules.judge(url)
        return (
            self._always
            if rule is None
            else msgspec.structs.replace(self._always, allowed=allowed, rule=rule)
        )


def origin_of(url: str) -> str:
    """Return the origin of a request URL, whose robots.txt speaks for it."""
    return url[: url.index("/", 8)]


def robots_url(origin: str) -> str:
    """Return where an origin's robots.txt is."""
    return f"{origin}/robots.txt"
