"""A plan in words, for people at a terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.observe import figures
from scraper.observe.printable import printable, printable_url
from scraper.robots.access import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.plan.model import DoubtfulLines, HostPlan, InvalidLines, OriginPlan, Plan, RobotsPlan

_LARGEST = 20
"""Hosts, origins and kinds of invalid lines that are shown to people."""
_EXAMPLES = 10
"""Denied lines that are shown to people."""
_URL_LIMIT = 100
"""Characters of a line that are shown to people; JSON has more."""
_UNREAD = "not asked for: the host was given up"


def plan_text(made: Plan) -> str:
    """Return a plan for people to read, fit for any terminal: no colours, nothing of a list's obeyed."""
    parts = [_totals(made), _least(made)]
    if made.hosts:
        parts.append(_hosts(made.hosts))
    if made.robots:
        parts += _robots(made.robots)
    if made.invalid.lines:
        parts.append(_invalid(made.invalid))
    if made.doubtful.lines:
        parts.append(_doubtful(made.doubtful))
    return "\n\n".join(parts)


def _totals(made: Plan) -> str:
    rows = [("lines", made.lines, ""), ("hosts", len(made.hosts), "")]
    rows += [
        (name, count, note)
        for name, count, note in (
            ("duplicates", made.duplicates, ""),
            ("invalid", made.invalid.lines, "no URL that can be asked for"),
            ("doubtful", made.doubtful.lines, "something beside a URL, as it seems"),
            ("filtered", made.filtered, "by --include or --exclude"),
            ("sitemaps", made.sitemaps, "what they list is not known before they are fetched"),
        )
        if count
    ]
    return _table([(name, f"{count:,}", note) for name, count, note in rows], right={1})


def _least(made: Plan) -> str:
    if made.least_host is None:
        return "least time by politeness: none, no host has to wait between two requests"
    of = f"least time by politeness: {figures.duration(made.least_s)}, set by {printable(made.least_host)}"
    unknown = [] if made.robots else ["robots.txt allows all"]
    unknown += ["no links are followed"] if made.depth else []
    given = f" if {' and '.join(unknown)}" if unknown else ""
    return f"{of}\n(a floor{given}: waits between the requests to one host, without the answers' own time)"


def _hosts(hosts: Sequence[HostPlan]) -> str:
    rows = [("host", "lines", "requests", "at once", "delay", "least time")]
    rows += [
        (
            printable(host.host),
            f"{host.lines:,}",
            f"{host.requests:,}",
            f"{host.per_host:,}",
            f"{host.delay_s:g} s",
            figures.duration(host.least_s) if host.least_s else "0 s",
        )
        for host in hosts[:_LARGEST]
    ]
    return _table(rows, right={1, 2, 3, 4, 5}) + _more(len(hosts) - _LARGEST, one="host", many="hosts")


def _robots(robots: RobotsPlan) -> list[str]:
    allowed = figures.counted(robots.allowed, one="line", many="lines")
    said = f"robots.txt: {allowed} allowed, {robots.denied:,} denied"
    if robots.unreachable:
        said += f", {robots.unreachable:,} not to be asked for since it could not be had"
    parts = [said]
    if robots.origins:
        parts.append(_origins(robots.origins))
    if robots.denied_first:
        parts.append(_denied(robots))
    return parts


def _origins(origins: Sequence[OriginPlan]) -> str:
    """Show the origins that refuse or slow down any line, and sum up the others."""
    telling = [origin for origin in origins if origin.concerned]
    others = len(origins) - len(telling)
    if not telling:
        return f"{figures.counted(others, one='origin', many='origins')}: nothing forbidden"
    rows: list[tuple[str, ...]] = [
        ("origin", "robots.txt", "status", "crawl delay", "allowed", "denied", "unreachable", "")
    ]
    rows += [_origin_row(origin) for origin in telling[:_LARGEST]]
    shown = _table(rows, right={2, 3, 4, 5, 6})
    shown += _more(len(telling) - _LARGEST, one="origin like these", many="origins like these")
    if others:
        shown += f"\n{figures.counted(others, one='other origin', many='other origins')}: nothing forbidden"
    return shown


def _denied(robots: RobotsPlan) -> str:
    rows = [("seq", "denied line", "by")]
    rows += [
        (
            str(line.seq),
            printable_url(line.input, limit=_URL_LIMIT),
            printable(line.rule or "-", limit=_URL_LIMIT),
        )
        for line in robots.denied_first[:_EXAMPLES]
    ]
    json_has = f"the first {len(robots.denied_first):,}" if robots.denied_more else "all"
    hidden = robots.denied - len(rows) + 1
    return _table(rows, right={0}) + _more(hidden, one="line", many="lines", json_has=json_has)


def _origin_row(origin: OriginPlan) -> tuple[str, ...]:
    delay_s = origin.crawl_delay_s
    return (
        printable(origin.origin),
        _standing(origin),
        "-" if origin.status is None else str(origin.status),
        "-" if delay_s is None else f"{delay_s:g} s",
        f"{origin.allowed:,}",
        f"{origin.denied:,}",
        f"{origin.unreachable:,}",
        printable(origin.why or "" if origin.standing else _UNREAD, limit=_URL_LIMIT),
    )


def _standing(origin: OriginPlan) -> str:
    if origin.standing is Standing.UNAVAILABLE:  # the RFC's word for one that is not there
        return "none"
    return origin.standing or "unknown"


def _invalid(invalid: InvalidLines) -> str:
    reasons = [(f"{count:,}", why) for why, count in list(invalid.reasons.items())[:_LARGEST]]
    reasons = [("invalid", "because"), *reasons]
    first = [("seq", "invalid line", "because")]
    first += [
        (str(line.seq), printable_url(line.input, limit=_URL_LIMIT), printable(line.why))
        for line in invalid.first
    ]
    return (
        _table(reasons, right={0})
        + _more(len(invalid.reasons) - _LARGEST, one="reason", many="reasons")
        + "\n\n"
        + _table(first, right={0})
    )


def _doubtful(doubtful: DoubtfulLines) -> str:
    rows = [("seq", "doubtful line", "because")]
    rows += [
        (str(line.seq), printable_url(line.input, limit=_URL_LIMIT), line.why) for line in doubtful.first
    ]
    hidden = doubtful.lines - len(doubtful.first)
    return _table(rows, right={0}) + _more(hidden, one="line", many="lines", json_has="the same")


def _more(hidden: int, *, one: str, many: str, json_has: str = "all") -> str:
    """Return the line that says how many rows are not shown, nothing when all are."""
    if hidden <= 0:
        return ""
    return f"\nand {figures.counted(hidden, one=f'more {one}', many=f'more {many}')} (--json has {json_has})"


def _table(rows: Sequence[tuple[str, ...]], *, right: set[int]) -> str:
    """Set rows in columns two blanks apart; those in ``right`` end where their column ends."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
