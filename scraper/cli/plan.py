"""``scraper plan``: what a crawl would be, before it is begun."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import typing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from scraper import loop
from scraper.cli.exits import Exit
from scraper.cli.open_files import allow_many_open_files
from scraper.cli.options import BODY_FLAGS, CLUSTER_FLAGS, loaded_from, settings_options_without
from scraper.errors import UsageError
from scraper.plan.text import plan_text
from scraper.settings.options import options
from scraper.sources.arguments import sources_from_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.plan.model import Plan
    from scraper.settings.model import Settings
    from scraper.sources.source import Source

_LEFT_OUT = (
    "--robots",
    "--strict",
    "--same-site",
    "--max-body",
    "--parser",
    "--history",
    "--ordered",
    *BODY_FLAGS,
    *CLUSTER_FLAGS,
)
"""The first is a switch of its own here, the others say how pages are read, kept and links followed."""


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(allow_dash=True))
@click.option(
    "--robots",
    "ask_robots",
    is_flag=True,
    help="Ask each host for its robots.txt, and hold the lines to it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every host and origin.")
@settings_options_without(left_out=_LEFT_OUT)
@click.pass_context
def plan(ctx: click.Context, *, sources: tuple[str, ...], ask_robots: bool, as_json: bool) -> Exit:
    """Say what a crawl of the lists would be: lines, hosts, and the least time that politeness allows.

    No page is asked for and nothing is kept. A SOURCE is what it is for `scraper crawl`, and the
    settings are those that the crawl would have. With --robots each host is asked for its
    robots.txt, as politely as in a crawl, and lines that it denies are counted and named. A line
    is named by seq, the number that its record would have: lines count from 0, over all sources.

    The least time is a floor: the host with the most requests times its delay. Slow answers,
    retries, redirects and links come on top; what sitemaps list is not known before they are fetched.

    --json prints one object of lines, duplicates, filtered, invalid (lines, reasons, first),
    doubtful (lines, first), sitemaps, depth, hosts (a list of host, lines, requests, per_host,
    delay_s, least_s), least_s, least_host, and robots: null, or allowed, denied, unreachable,
    origins (a list of origin, standing, status, why, crawl_delay_s, allowed, denied,
    unreachable), denied_first (a list of seq, input, rule; the first 10,000) and denied_more (how
    many it leaves out).

    \b
      scraper plan urls.txt
      scraper plan urls.txt --robots --delay 2
      scraper plan urls.txt --json | jq .least_s
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    settings = loaded_from(ctx).settings
    if ask_robots:
        _refuse_policy(sources)
    found = sources_from_arguments(sources, settings.sources)
    allow_many_open_files()
    made = loop.run(_unless_stopped(found, settings=settings, ask_robots=ask_robots))
    if isinstance(made, signal.Signals):
        click.echo("stopped: there is no plan", err=True)
        return Exit(128 + made)
    click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2) if as_json else plan_text(made))
    return Exit.COMPLETE


def _refuse_policy(sources: Sequence[str]) -> None:
    """Refuse what looks like the value that ``--robots`` has for a crawl, unless it is a file.

    Raises:
        UsageError: A source is named as such a value is.
    """
    for policy in typing.get_args(options()["robots.policy"].annotation):
        if policy in sources and not Path(policy).exists():
            raise UsageError(
                f"--robots takes no value here, it has each robots.txt asked for: leave {policy!r} out"
                " (--set robots.policy=ignore plans a crawl that does without)"
            )


async def _unless_stopped(
    sources: Sequence[Source], *, settings: Settings, ask_robots: bool
) -> Plan | signal.Signals:
    """Return the plan, or the signal that came before it was made."""
    from scraper.plan.survey import plan_crawl  # noqa: PLC0415 - help needs no aiohttp

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
