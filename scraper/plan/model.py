"""A plan, in values: what a crawl of some sources would be.

They are written as JSON as they are: a struct is an object of its fields, in this order, and none is left
out. So the fields' docstrings are what documents ``scraper plan --json``.
"""

from __future__ import annotations

import msgspec

from scraper.robots.access import Standing


class InvalidLine(msgspec.Struct, frozen=True):
    """An example of a line that is no URL, or hardly one."""

    seq: int
    """The number that its record would have: lines count from 0, over all sources."""
    input: str
    """Without secrets, and cut when it is long."""
    why: str
    """A sentence for people."""


class InvalidLines(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that are no URLs."""

    lines: int
    """How many."""
    reasons: dict[str, int]
    """How many lines by reason, the most first; what is a line's own in it is left out (``...``)."""
    first: tuple[InvalidLine, ...]
    """The first ten."""


class DoubtfulLines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that hold something beside a URL, as it seems; a crawl takes them as they are."""

    lines: int
    """How many."""
    first: tuple[InvalidLine, ...]
    """The first ten, each with what is doubtful of it."""


class HostPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl asks of one host, and how."""

    host: str
    """Its key: a name or an address, with the port when it is none of the scheme's own."""
    lines: int
    """Those that lead to it, refused by robots.txt or not; duplicates are not among them."""
    requests: int
    """Pages that it would be asked for and each robots.txt; those refused by robots.txt, if that is
    known, are not among them. Redirects, retries and links come on top."""
    per_host: int
    """How many of them may be under way at the same time."""
    delay_s: float
    """The delay in force, in seconds: the settings' or, if known and longer, that of robots.txt."""
    least_s: float
    """The least time between the first and the last of the requests, in seconds."""


class OriginPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one origin's robots.txt said."""

    origin: str
    """Scheme, host and port: ``https://example.com``."""
    standing: Standing | None
    """``rules``: they hold; ``unavailable``: there is none, so all is allowed; ``forbidden``: it may not be
    read, taken as a no to all; ``unreachable``: it could not be had, so nothing is asked for. ``None`` when
    its host was given up before it was asked for."""
    status: int | None
    """What robots.txt was answered with; ``None`` when nothing came."""
    why: str | None
    """Why it could not be had."""
    crawl_delay_s: float | None
    """As it would count, in seconds: the settings' cap is applied. ``None`` when it has none for us."""
    allowed: int
    """Lines of this origin that would be asked for. One that is robots.txt itself, or has it read for the
    sitemaps that it names, always would be if that can be had."""
    denied: int
    """Lines that a rule denies, or that it may not be read for."""
    unreachable: int
    """Lines that would not be asked for since it could not be had."""

    @property
    def concerned(self) -> int:
        """How many lines it costs something: all that it slows down, else those that it refuses."""
        refused = self.denied + self.unreachable
        return self.allowed + refused if self.crawl_delay_s else refused


class DeniedLine(msgspec.Struct, frozen=True):
    """A line that robots.txt denies."""

    seq: int
    """The number that its record would have: lines count from 0, over all sources."""
    input: str
    """Without secrets, and cut when it is long."""
    rule: str | None
    """The line of robots.txt, cut when it is long; ``None`` when that may not be read at all."""


class RobotsPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the robots.txt files said, together; the numbers count lines."""

    allowed: int
    """Lines that would be asked for. This and the next two are the sums over the origins."""
    denied: int
    """Not to be asked for; listed in ``denied_first``."""
    unreachable: int
    """Not to be asked for since robots.txt could not be had."""
    origins: tuple[OriginPlan, ...]
    """All of them: first those that refuse or slow down the most lines, then those with the most lines."""
    denied_first: tuple[DeniedLine, ...]
    """The denied lines by ``seq``, the first 10,000 at the most."""
    denied_more: int
    """How many more there are."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl would be."""

    lines: int
    """All of them; each would give a record."""
    duplicates: int
    """Lines that name what an earlier one names."""
    filtered: int
    """Lines that ``follow.include`` or ``follow.exclude`` leaves out."""
    invalid: InvalidLines
    """Lines that are no URLs."""
    doubtful: DoubtfulLines
    """Lines with a comment behind a URL, or quotes round it. They may be counted elsewhere too."""
    sitemaps: int
    """Lines that name a sitemap. How much they list is not known before they are fetched."""
    depth: int
    """How many links away from the list the crawl would go; how many they are is not known."""
    hosts: tuple[HostPlan, ...]
    """All of them: those with the longest ``least_s`` first, then those with the most lines."""
    least_s: float
    """A floor in seconds: the most over the hosts of their ``least_s``."""
    least_host: str | None
    """The host that sets it; ``None`` when no host does."""
    robots: RobotsPlan | None
    """``None`` when robots.txt was not asked for."""
