"""The summary at the end of a run, for people, on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from scraper.observe import figures
from scraper.observe.counts import GOOD
from scraper.observe.printable import printable, printable_sentence
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from scraper.observe.counts import Snapshot

_STATUSES_SHOWN = 8
_HOST_LIMIT = 40
_WIDTH = 80
_FIELDS_SHOWN = 40
_NAME_LIMIT = 40
_FAILURE_LIMIT = 300
_MOST_BLOCKED = {
    "deny": "Most lines were refused for their private addresses (--private deny):"
    " --private listed asks those that your list names",
    "listed": "Most lines were refused for their private addresses: put those hosts into the list"
    " (as 127.0.0.1, not 127.1); --private allow asks whatever pages name",
}
"""By ``fetch.private``; with ``allow`` none is refused."""
SLOWEST_SHOWN = 5
"""How many hosts to ask a snapshot for."""


def print_summary(
    console: Console,
    snapshot: Snapshot,
    *,
    output: str | None,
    log: str | None = None,
    changes: str | None = None,
    resume_command: str | None = None,
    statements: Sequence[str] = (),
    private: str = "listed",
    next_commands: Sequence[str] = (),
    offline: bool = False,
) -> None:
    """Print what a run came to: tables for 80 columns, then where things are and whether all is there.

    Lines with paths and commands are never wrapped or cut, so that they can be copied.

    Args:
        console: Of standard error.
        snapshot: Taken after ``RunEnded``, with ``hosts=SLOWEST_SHOWN``.
        output: Where the records are; ``None`` when somebody else tells.
        log: Where the log is, if there is one.
        changes: Where it is told what has changed since the run before, if it is.
        statements: Sentences about how the run asked, without secrets: what was not verified, which way.
        private: ``fetch.private``, for what to do about lines that were refused for it.
        resume_command: The command line that goes on with this run, shown when it is incomplete;
            ``None`` when nothing can. It is shown as it is: secrets must not be in it.
        next_commands: Command lines that make sense next; the same holds for them.
        offline: The pages came from an archive, and nobody was asked.
    """
    console.print()
    for table in (_outcomes(snapshot), _statuses(snapshot), _slowest(snapshot), _own(snapshot)):
        if table is not None:
            console.print(table)
            console.print()
    for line in (*_figures(snapshot, offline=offline), *_robots(snapshot)):
        console.print(line)
    _state(console, statements)
    where = "Output" if snapshot.complete else "Records so far"
    if output is not None:
        console.print(
            Text(f"{where}: {printable(output)} ({figures.size(snapshot.output_bytes)})"), soft_wrap=True
        )
    for name, path in (("Changes", changes), ("Log", log)):
        if path is not None:
            console.print(Text(f"{name}: {printable(path)}"), soft_wrap=True)
    _warn_of_fields(console, snapshot)
    _check(console, snapshot, private=private, offline=offline)
    if not snapshot.complete and resume_command:
        console.print(Text(f"To go on: {printable(resume_command)}"), soft_wrap=True)
    if next_commands:
        console.print(Text("Next:"))
    for command in next_commands:
        console.print(Text(f"  {printable(command)}"), soft_wrap=True)


def print_check(
    console: Console,
    snapshot: Snapshot,
    *,
    statements: Sequence[str] = (),
    private: str = "listed",
    offline: bool = False,
) -> None:
    """Print what must be known of a run whose records are on standard output: no figures but failures.

    Args:
        console: Of standard error.
        snapshot: Taken after ``RunEnded``.
        statements: As for ``print_summary``.
        private: The same.
        offline: The same.
    """
    _state(console, statements)
    _warn_of_fields(console, snapshot)
    _check(console, snapshot, private=private, offline=offline)


def _state(console: Console, statements: Sequence[str]) -> None:
    for statement in statements:
        console.print(Text(printable(statement), style="yellow"), soft_wrap=True)


def _warn_of_fields(console: Console, snapshot: Snapshot) -> None:
    """Say which of the user's own fields are nowhere, and that the user's function has failed."""
    own = snapshot.own
    if own is None or not own.pages:
        return
    pages = figures.counted(own.pages, one="page", many="pages")
    before = " of this part of the run" if snapshot.already_done else ""
    lines = []
    if own.failed:
        first = printable_sentence(own.first_failure or "", limit=_FAILURE_LIMIT)
        lines.append(f"extractor: {own.failed:,} of {pages}{before} failed, first: {first}")
    elif own.has_function and not own.given:
        lines.append(f"extractor: no field on any of {pages}{before}")
    if nowhere := own.nowhere:
        names = ", ".join(printable(name, limit=_NAME_LIMIT) for name in nowhere[:_FIELDS_SHOWN])
        rest = len(nowhere) - _FIELDS_SHOWN
        more = f" and {rest:,} more" if rest > 0 else ""
        lines.append(f"Found on none of {pages}{before}: {names}{more}")
    for line in lines:
        console.print(Text(line, style="yellow"), soft_wrap=True)


def _check(console: Console, snapshot: Snapshot, *, private: str, offline: bool) -> None:
    """Say whether all is there, and what may be wrong with a list of which nothing came."""
    console.print(check_line(snapshot, offline=offline), soft_wrap=True)
    if offline:
        return
    if snapshot.complete and snapshot.done and snapshot.by_outcome.get(Outcome.INVALID_URL) == snapshot.done:
        console.print(Text("No line was a URL: are --format and --column right?", style="yellow"))
    if 2 * snapshot.by_outcome.get(Outcome.BLOCKED_ADDRESS, 0) > snapshot.done and private in _MOST_BLOCKED:
        console.print(Text(_MOST_BLOCKED[private], style="yellow"), soft_wrap=True)


def check_line(snapshot: Snapshot, *, offline: bool = False) -> Text:
    """Say whether every input line, or every page of an archive, has its record."""
    one, many, rest = ("page", "pages", "archives go") if offline else ("line", "lines", "sources go")
    records = f"{_records(snapshot.done)} out"
    if snapshot.total is None:
        read = figures.counted(snapshot.known, one=one, many=many)
        return Text(f"Incomplete: {read} read so far, {records}; the {rest} on.", style="yellow")
    found = f" and {snapshot.found:,} found on the way" if snapshot.found else ""
    listed = figures.counted(snapshot.total - snapshot.found, one=one, many=many)
    both = f"{listed} in{found}, {records}"
    if not snapshot.complete:
        return Text(f"Incomplete: {both}.", style="yellow")
    if snapshot.total != snapshot.done:
        return Text(f"MISMATCH: {both}. Please report this.", style="bold red")
    return Text(f"Complete: {both}.", style="green")


def _records(count: int) -> str:
    return figures.counted(count, one="record", many="records")


def _table(*columns: str) -> Table:
    """Make a table whose first column is text and whose others are numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if number else "left", no_wrap=True)
    return table


def _outcomes(snapshot: Snapshot) -> Table | None:
    if not snapshot.by_outcome:
        return None
    table = _table("Outcome", "Records", "Share")
    for outcome, count in sorted(snapshot.by_outcome.items(), key=lambda item: (-item[1], item[0].value)):
        style = "green" if outcome in GOOD else "red"
        table.add_row(
            Text(outcome.value, style=style), f"{count:,}", figures.share(count, whole=snapshot.done)
        )
    return table


def _statuses(snapshot: Snapshot) -> Table | None:
    if not snapshot.by_status:
        return None
    table = _table("Status", "Records", "Share")
    ranked = sorted(snapshot.by_status.items(), key=lambda item: (-item[1], item[0]))
    rows = [(str(status), count) for status, count in ranked[:_STATUSES_SHOWN]]
    rest = sum(count for _, count in ranked[_STATUSES_SHOWN:]) + snapshot.by_status_class.get("other", 0)
    if rest:
        rows.append(("others", rest))
    if silent := snapshot.by_status_class.get("none", 0):
        rows.append(("no status", silent))
    for name, count in rows:
        table.add_row(Text(name), f"{count:,}", figures.share(count, whole=snapshot.done))
    return table


def _slowest(snapshot: Snapshot) -> Table | None:
    if not snapshot.slowest_hosts:
        return None
    table = _table("Slowest hosts", "Longest line", "Mean", "Lines", "Failed")
    for host in snapshot.slowest_hosts:
        least = "" if host.exact else ">="
        table.add_row(
            Text(printable(host.host, limit=_HOST_LIMIT)),
            figures.duration(host.slowest_s),
            figures.duration(host.mean_s),
            f"{least}{host.pages:,}",
            f"{least}{host.failed:,}",
        )
    return table


def _own(snapshot: Snapshot) -> Table | None:
    """Show on how many pages each of the user's own fields is, of those that were read in this part."""
    own = snapshot.own
    if own is None or not own.pages or not own.fields:
        return None
    table = _table("Field (in this part)" if snapshot.already_done else "Field", "Found", "Missing", "Wrong")
    for field in own.fields[:_FIELDS_SHOWN]:
        name = Text(printable(field.name, limit=_HOST_LIMIT), style="" if field.found else "yellow")
        table.add_row(name, f"{field.found:,}", f"{field.missing:,}", f"{field.wrong:,}")
    if own.has_more or len(own.fields) > _FIELDS_SHOWN:
        table.add_row(Text("and more"), "", "", "")
    return table


def _robots(snapshot: Snapshot) -> list[Text]:
    """Say what came of robots.txt, and why some could not be had; nothing when none was asked for.

    What a run before this one has asked for is not counted; its failures still are behind lines of this one.
    """
    failed = sum(snapshot.robots_failed.values())
    if not failed and not snapshot.robots_read:
        if not snapshot.by_cause:
            return []
        begun = f"{Outcome.ROBOTS_UNREACHABLE.value} because of "
        return [Text(begun + _ranked(snapshot.by_cause, room=_WIDTH - len(begun)))]
    read = f"{figures.counted(snapshot.robots_read, one='robots.txt', many='robots.txt files')} read"
    if not failed:
        return [Text(read)]
    begun = f"{read}, {failed:,} not to be had ("
    return [Text(f"{begun}{_ranked(snapshot.robots_failed, room=_WIDTH - len(begun) - 1)})")]


def _ranked(causes: Mapping[Outcome, int], *, room: int) -> str:
    """Name causes with their numbers, most frequent first, and sum up those that find no room."""
    ranked = sorted(causes.items(), key=lambda item: (-item[1], item[0].value))
    named = [f"{cause.value} {count:,}" for cause, count in ranked]
    for shown in range(len(named), 0, -1):
        rest = sum(count for _, count in ranked[shown:])
        text = ", ".join([*named[:shown], *([f"others {rest:,}"] if rest else [])])
        if len(text) <= room:
            return text
    return f"{named[0]}, ..."


def _figures(snapshot: Snapshot, *, offline: bool) -> list[Text]:
    before = f", {snapshot.already_done:,} before it" if snapshot.already_done else ""
    pace = f"in {figures.duration(snapshot.elapsed_s)} ({figures.rate(snapshot.mean_rate)})"
    volume = f"{figures.size(snapshot.wire_bytes)}, {figures.size(snapshot.size_bytes)} unpacked"
    retries = figures.counted(snapshot.retries, one="retry", many="retries")
    redirects = figures.counted(snapshot.redirects, one="redirect", many="redirects")
    came = f"Bodies of {volume}" if offline else f"Received {volume}; {retries}, {redirects}"
    lines = [f"{_records(snapshot.written)} {pace}{before}", came]
    if snapshot.median_s is not None and snapshot.p95_s is not None and snapshot.p99_s is not None:
        median, p95 = figures.duration(snapshot.median_s), figures.duration(snapshot.p95_s)
        p99, longest = figures.duration(snapshot.p99_s), figures.duration(snapshot.longest_s)
        lines.append(f"Answers took: median {median}, 95 % {p95}, 99 % {p99}, longest {longest}")
    if snapshot.changes:
        lines.append(f"Pages since the run before: {figures.kinds(snapshot.changes)}")
    if snapshot.stalls:
        lines.append(f"Stalled {figures.counted(snapshot.stalls, one='time', many='times')}")
    if snapshot.stopping is not None:
        lines.append(f"Stopped: {printable_sentence(snapshot.stopping, limit=200)}")
    return [Text(line) for line in lines]
