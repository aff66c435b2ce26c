"""``scraper plan``: what a crawl would be, before it is begun."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import click
import msgspec

from scraper import loop
from scraper.cli.exits import Exit
from scraper.cli.main import one_line
from scraper.cli.open_files import allow_many_open_files
from scraper.cli.options import loaded_from, settings_options_without
from scraper.observe import figures
from scraper.observe.printable import printable, printable_url
from scraper.plan.survey import plan_crawl
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.plan.model import HostPlan, InvalidLines, OriginPlan, Plan, RobotsPlan
    from scraper.settings.model import Settings
    from scraper.sources.source import Source

_LARGEST = 20
"""Hosts, origins and kinds of invalid lines that are shown to people."""
_URL_LIMIT = 100
"""Characters of a line that are shown to people; JSON has more."""
_UNREAD = "not asked for: the host was given up"


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(allow_dash=True))
@click.option(
    "--robots",
    "ask_robots",
    is_flag=True,
    help="Ask each host for its robots.txt, and hold the lines to it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every host.")
@settings_options_without(taken="--robots")
@click.pass_context
def plan(ctx: click.Context, *, sources: tuple[str, ...], ask_robots: bool, as_json: bool) -> Exit:
    """Say what a crawl of the lists would be: lines, hosts, and the least time that politeness allows.

    No page is asked for and nothing is kept. A SOURCE is what it is for `scraper crawl`, and the
    settings are those that the crawl would have. With --robots each host is asked for its
    robots.txt, as politely as in a crawl, and lines that it denies are counted.

    The least time is a floor: the host with the most requests times its delay. Slow answers,
    retries, redirects and links come on top; what sitemaps list is not known before they are fetched.

    \b
      scraper plan urls.txt
      scraper plan urls.txt --robots --delay 2
      scraper plan urls.txt --json | jq .least_s
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    settings = loaded_from(ctx).settings
    found = sources_from_arguments(sources, settings.sources)
    allow_many_open_files()
    made = loop.run(_unless_stopped(found, settings=settings, ask_robots=ask_robots))
    if isinstance(made, signal.Signals):
        click.echo("stopped: there is no plan", err=True)
        return Exit(128 + made)
    click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2) if as_json else plan_text(made))
    return Exit.COMPLETE


async def _unless_stopped(
    sources: Sequence[Source], *, settings: Settings, ask_robots: bool
) -> Plan | signal.Signals:
    """Return the plan, or the signal that came before it was made."""
    with _signals_cancel() as signals:
        try:
            return await plan_crawl(sources, settings=settings, ask_robots=ask_robots, report=_talk)
        except asyncio.CancelledError:
            if not signals:
                raise
            return signals[0]


@contextlib.contextmanager
def _signals_cancel() -> Iterator[list[signal.Signals]]:
    """Let SIGINT and SIGTERM cancel the task, so that the temporary folder goes; list those that came."""
    task, running = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    came: list[signal.Signals] = []

    def take(number: signal.Signals) -> None:
        came.append(number)
        task.cancel()

    handled = [signal.SIGINT, signal.SIGTERM]
    try:
        for number in handled:
            running.add_signal_handler(number, take, number)
    except NotImplementedError:  # Windows: Python's own way with SIGINT serves
        handled = []
    try:
        yield came
    finally:
        for number in handled:
            running.remove_signal_handler(number)


def _talk(words: str) -> None:
    click.echo(words, err=True)


def plan_text(made: Plan) -> str:
    """Return a plan for people to read, fit for any terminal: no colours, nothing of a list's obeyed."""
    parts = [_totals(made), _least(made)]
    if made.hosts:
        parts.append(_hosts(made.hosts))
    if made.robots:
        parts += _robots(made.robots)
    if made.invalid.lines:
        parts.append(_invalid(made.invalid))
    return "\n\n".join(parts)


def _totals(made: Plan) -> str:
    rows = [("lines", made.lines, ""), ("hosts", len(made.hosts), "")]
    rows += [
        (name, count, note)
        for name, count, note in (
            ("duplicates", made.duplicates, ""),
            ("invalid", made.invalid.lines, "no URL that can be asked for"),
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
    return _table(rows, right={1, 2, 3, 4, 5}) + _more(len(hosts), "hosts")


def _robots(robots: RobotsPlan) -> list[str]:
    said = f"robots.txt: {robots.allowed:,} lines allowed, {robots.denied:,} denied"
    if robots.unreachable:
        said += f", {robots.unreachable:,} not to be asked for since it could not be had"
    rows: list[tuple[str, ...]] = [
        ("origin", "robots.txt", "status", "crawl delay", "allowed", "denied", "unreachable", "")
    ]
    rows += [_origin_row(origin) for origin in robots.origins[:_LARGEST]]
    parts = [said, _table(rows, right={2, 3, 4, 5, 6}) + _more(len(robots.origins), "origins")]
    if robots.denied_first:
        denied = [("denied, seq", "line", "by")]
        denied += [
            (str(line.seq), printable_url(line.input, limit=_URL_LIMIT), printable(line.rule or "-"))
            for line in robots.denied_first
        ]
        parts.append(_table(denied, right={0}))
    return parts


def _origin_row(origin: OriginPlan) -> tuple[str, ...]:
    delay_s = origin.crawl_delay_s
    return (
        printable(origin.origin),
        origin.standing or "unknown",
        "-" if origin.status is None else str(origin.status),
        "-" if delay_s is None else f"{delay_s:g} s",
        f"{origin.allowed:,}",
        f"{origin.denied:,}",
        f"{origin.unreachable:,}",
        printable(origin.why or "" if origin.standing else _UNREAD, limit=_URL_LIMIT),
    )


def _invalid(invalid: InvalidLines) -> str:
    reasons = [(f"{count:,}", why) for why, count in list(invalid.reasons.items())[:_LARGEST]]
    reasons = [("invalid", "because"), *reasons]
    first = [("seq", "line", "")]
    first += [
        (str(line.seq), printable_url(line.input, limit=_URL_LIMIT), one_line(line.why))
        for line in invalid.first
    ]
    return (
        _table(reasons, right={0})
        + _more(len(invalid.reasons), "reasons")
        + "\n\n"
        + _table(first, right={0})
    )


def _more(count: int, what: str) -> str:
    hidden = count - _LARGEST
    return f"\nand {hidden:,} more {what} (--json has all)" if hidden > 0 else ""


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
