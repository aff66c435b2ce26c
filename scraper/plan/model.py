"""A plan, in values: what a crawl of some sources would be. They are written as JSON as they are."""

from __future__ import annotations

import msgspec

from scraper.robots.access import Standing


class InvalidLine(msgspec.Struct, frozen=True):
    """An example of a line that is no URL."""

    seq: int
    """The number that its record would have: lines count from 0, over all sources."""
    input: str
    """Without secrets, and cut when it is long."""
    why: str


class InvalidLines(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that are no URLs."""

    lines: int
    reasons: dict[str, int]
    """How many lines by reason, the most first; what is a line's own in it is left out (``...``)."""
    first: tuple[InvalidLine, ...]
    """The first ten."""


class HostPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl asks of one host, and how."""

    host: str
    """Its key: a name or an address, with the port when it is none of the scheme's own."""
    lines: int
    requests: int
    """Pages that it would be asked for and each robots.txt; those refused by robots.txt, if that is
    known, are not among them. Redirects, retries and links come on top."""
    per_host: int
    delay_s: float
    """The delay in force: the settings' or, if known and longer, that of robots.txt."""
    least_s: float
    """The least time between the first and the last of the requests."""


class OriginPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one origin's robots.txt said."""

    origin: str
    standing: Standing | None
    """``None`` when its host was given up before it was asked for."""
    status: int | None
    """What robots.txt was answered with; ``None`` when nothing came."""
    why: str | None
    """Why it could not be had."""
    crawl_delay_s: float | None
    """As it would count: the settings' cap is applied."""
    allowed: int
    """Lines, as the next two."""
    denied: int
    unreachable: int


class DeniedLine(msgspec.Struct, frozen=True):
    """An example of a line that robots.txt denies."""

    seq: int
    input: str
    rule: str | None
    """The line of robots.txt; ``None`` when it may not be read at all."""


class RobotsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the robots.txt files said, together; the numbers count lines."""

    allowed: int
    denied: int
    unreachable: int
    origins: tuple[OriginPlan, ...]
    """Those with the most lines first."""
    denied_first: tuple[DeniedLine, ...]
    """Ten at the most, by ``seq``."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl would be."""

    lines: int
    """All of them; each would give a record."""
    duplicates: int
    filtered: int
    invalid: InvalidLines
    sitemaps: int
    """Lines that name a sitemap. How much they list is not known before they are fetched."""
    depth: int
    """How many links away from the list the crawl would go."""
    hosts: tuple[HostPlan, ...]
    """All of them, those with the most lines first."""
    least_s: float
    """A floor: the most over the hosts of their ``least_s``."""
    least_host: str | None
    """The host that sets it; ``None`` when no host does."""
    robots: RobotsPlan | None
    """``None`` when robots.txt was not asked for."""
