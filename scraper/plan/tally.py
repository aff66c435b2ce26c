"""Counting lines into a plan: those that nobody is asked for, each host's, and how robots.txt rules.

Pure. Memory is by host and origin, not by line, whatever the lines hold; but for denied lines, of which
there is a most.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.frontier.rows import names_sitemap
from scraper.host_limits import limits_for
from scraper.observe.printable import printable, printable_sentence, printable_url
from scraper.plan.model import (
    DeniedLine,
    DoubtfulLines,
    HostPlan,
    InvalidLine,
    InvalidLines,
    OriginPlan,
    RobotsPlan,
)
from scraper.record import Outcome
from scraper.robots.access import origin_of
from scraper.urls import host_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.frontier.facts import Counted
    from scraper.messages import Request
    from scraper.robots.access import Access, RobotsFile
    from scraper.settings.model import Settings

_EXAMPLES = 10
_DENIED_KEPT = 10_000
"""Measured: 3 MB of short URLs, 23 MB where lines and rules are Chinese and cut."""
_REASONS = 64
"""Reasons that are told apart, in case the next pattern misses one: a list may have as many as lines."""
_OTHER_REASONS = "other reasons"
_LONGEST_S = 100 * 365.25 * 86_400
"""A hundred years, the highest floor that is told: a delay may be so long that many of them are no number."""
_SHOWN = 500
"""Characters of a line or a rule that are shown; it may be a megabyte long."""

# What is the line's own in a reason: quoted parts, ports, code points, and the URL that is proposed.
_particular = re.compile(r"""'.*'|".*"|https://\S+|(?<=port )\S+|(?<=U\+)[0-9A-F]+""")


_comment = re.compile(r"\S\s+#").search
_wrapped = re.compile(r"""\s*["'<`\u2018\u201c\u00ab]|.*["'>`\u2019\u201d\u00bb]\s*\Z""", re.DOTALL).match


class DoubtfulCount:
    """Counts the lines that hold something beside a URL, as it seems."""

    def __init__(self) -> None:
        self._lines = 0
        self._first: list[InvalidLine] = []

    def count(self, line: str, *, seq: int) -> None:
        """Look at a line; they come by ascending ``seq``."""
        if _comment(line):
            why = "a # is a comment only where it begins the line: here it belongs to the URL"
        elif _wrapped(line):
            why = "quotes and angle brackets belong to the URL: leave them out"
        else:
            return
        self._lines += 1
        if len(self._first) < _EXAMPLES:
            shown = printable_url(line, limit=_SHOWN)
            self._first.append(InvalidLine(seq=seq, input=shown, why=why))

    def found(self) -> DoubtfulLines:
        """Return what was counted."""
        return DoubtfulLines(lines=self._lines, first=tuple(self._first))


class SettledLines:
    """Counts the lines that nobody would be asked for."""

    def __init__(self) -> None:
        self.duplicates = 0
        self.filtered = 0
        self.sitemaps = 0
        """Those among them that name a sitemap."""
        self._reasons: Counter[str] = Counter()
        self._first: list[InvalidLine] = []

    def count(self, request: Request) -> None:
        """Count a settled line; they come by ascending ``seq``."""
        assert request.settled is not None  # noqa: S101 - what NOBODY keeps is settled
        self.sitemaps += names_sitemap(request.input)
        if request.settled.outcome is Outcome.DUPLICATE:
            self.duplicates += 1
        elif request.settled.outcome is Outcome.FILTERED:
            self.filtered += 1
        else:
            failure = request.settled.failure
            why = printable_sentence(failure.message if failure else "", limit=_SHOWN)
            kind = _particular.sub("...", why)
            known = kind in self._reasons or len(self._reasons) < _REASONS
            self._reasons[kind if known else _OTHER_REASONS] += 1
            if len(self._first) < _EXAMPLES:
                self._first.append(
                    InvalidLine(seq=request.seq, input=printable_url(request.input, limit=_SHOWN), why=why)
                )

    def invalid(self) -> InvalidLines:
        """Return what is known of the lines that are no URLs."""
        reasons = self._reasons
        return InvalidLines(
            lines=reasons.total(), reasons=dict(reasons.most_common()), first=tuple(self._first)
        )


class Rulings:
    """What robots.txt said of whom."""

    def __init__(self, *, crawl_delay_cap_s: float, denied_kept: int = _DENIED_KEPT) -> None:
        """Begin with nothing known.

        Args:
            crawl_delay_cap_s: A longer ``Crawl-delay`` counts as this.
            denied_kept: How many denied lines are kept at the most.
        """
        self._cap_s = crawl_delay_cap_s
        self._denied_kept = denied_kept
        self._files: dict[str, RobotsFile] = {}
        self._delays_s: dict[str, float] = {}
        """By origin, where there is one."""
        self._asked: Counter[str] = Counter()
        """How many origins, by host."""
        self._lines: dict[str, Counter[Outcome]] = {}
        """By origin; ``OK`` counts what is allowed."""
        self._pages: Counter[str] = Counter()
        """Allowed lines, by host."""
        self._denied: list[tuple[int, DeniedLine]] = []
        """A heap by ``-seq``: the last of those that are kept is its top, the first to go."""

    def know(self, access: Access) -> None:
        """Take in what is known of an origin's robots.txt."""
        origin = access.file.origin
        if origin not in self._files:
            self._asked[host_key(f"{origin}/")] += 1
        self._files[origin] = replace(access.file, body="")  # it may be half a megabyte
        if access.crawl_delay_s is not None:
            self._delays_s[origin] = min(access.crawl_delay_s, self._cap_s)

    def count(self, request: Request) -> None:
        """Count a line by what came of it; one that is not settled is allowed. In any order."""
        outcome = request.settled.outcome if request.settled else Outcome.OK
        if not request.target:
            return  # nobody would be asked for it anyway
        self._lines.setdefault(origin_of(request.target), Counter())[outcome] += 1
        if outcome is Outcome.OK:
            self._pages[request.host] += 1
        elif outcome is Outcome.ROBOTS_DENIED:
            self._keep_denied(request)

    def _keep_denied(self, request: Request) -> None:
        is_full = len(self._denied) >= self._denied_kept
        if is_full and -request.seq <= self._denied[0][0]:
            return
        rule = request.robots.rule if request.robots else None
        line = DeniedLine(
            seq=request.seq,
            input=printable_url(request.input, limit=_SHOWN),
            # Cut before, too: a rule may be as long as robots.txt, and it is cleaned anew for each line.
            rule=None if rule is None else printable(rule[: 2 * _SHOWN], limit=_SHOWN),
        )
        (heapq.heapreplace if is_full else heapq.heappush)(self._denied, (-request.seq, line))

    @property
    def files(self) -> int:
        """How many robots.txt files are known."""
        return len(self._files)

    def requests(self, host: str) -> int:
        """Return how many requests a host would get: its allowed lines, and each robots.txt."""
        return self._pages[host] + self._asked[host]

    def crawl_delay_s(self, host: str) -> float:
        """Return the longest ``Crawl-delay`` of a host's origins, 0 without one."""
        origins = (f"{scheme}://{host}" for scheme in ("http", "https"))
        return max(self._delays_s.get(origin, 0.0) for origin in origins)

    def plan(self) -> RobotsPlan:
        """Return all of it."""
        origins = dict.fromkeys([*self._files, *self._lines])
        plans = sorted(map(self._origin_plan, origins), key=_rank)
        denied = sum(plan.denied for plan in plans)
        return RobotsPlan(
            allowed=sum(plan.allowed for plan in plans),
            denied=denied,
            unreachable=sum(plan.unreachable for plan in plans),
            origins=tuple(plans),
            denied_first=tuple(line for _, line in sorted(self._denied, reverse=True)),
            denied_more=denied - len(self._denied),
        )

    def _origin_plan(self, origin: str) -> OriginPlan:
        file = self._files.get(origin)
        lines = self._lines.get(origin, Counter[Outcome]())
        allowed, denied = lines[Outcome.OK], lines[Outcome.ROBOTS_DENIED]
        failure = file.failure if file else None
        return OriginPlan(
            origin=origin,
            standing=file.standing if file else None,
            status=file.status if file else None,
            why=printable_sentence(failure.message, limit=_SHOWN) if failure else None,
            crawl_delay_s=self._delays_s.get(origin),
            allowed=allowed,
            denied=denied,
            # Also when the host was given up in between.
            unreachable=lines.total() - allowed - denied,
        )


def _rank(plan: OriginPlan) -> tuple[int, int, str]:
    return -plan.concerned, -(plan.allowed + plan.denied + plan.unreachable), plan.origin


def host_plans(
    counted: Sequence[Counted], *, settings: Settings, rulings: Rulings | None = None
) -> tuple[HostPlan, ...]:
    """Return the plans of hosts: those with the longest ``least_s`` first, then those with the most lines.

    The first request waits for nothing, so ``n`` of them take ``n - 1`` delays. Without ``rulings`` all
    lines count as allowed, and each host as having one robots.txt, if that is obeyed.
    """
    plans = []
    for host, _, lines in counted:
        limits = limits_for(host, settings.politeness)
        requests, delay_s = lines + (settings.robots.policy == "obey"), limits.delay_s
        if rulings:
            requests = rulings.requests(host)
            delay_s = max(delay_s, rulings.crawl_delay_s(host))
        plans.append(
            HostPlan(
                host=host,
                lines=lines,
                requests=requests,
                per_host=limits.per_host,
                delay_s=delay_s,
                least_s=min(max(0, requests - 1) * delay_s, _LONGEST_S),
            )
        )
    return tuple(sorted(plans, key=lambda plan: (-plan.least_s, -plan.lines, plan.host)))
