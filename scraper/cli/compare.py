"""``scraper compare``: the same list one page at a time and then concurrently, by the same code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import click
import msgspec

from scraper import loop
from scraper.assembly import open_run
from scraper.cli.exits import Exit
from scraper.cli.options import loaded_from, settings_options
from scraper.cli.signals import signals_stop
from scraper.clock import SystemClock
from scraper.errors import UsageError
from scraper.observe.counts import GOOD
from scraper.observe.events import Aborting, Draining, Stalled
from scraper.observe.printable import printable, printable_url
from scraper.record import Outcome
from scraper.sinks.stdout import StandardOutputJournal
from scraper.sources.arguments import sources_from_arguments
from scraper.sources.lines_given import GivenLines
from scraper.visit import Visitor

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence

    from scraper.clock import Clock
    from scraper.execution import RunResult
    from scraper.messages import Request, Verdict
    from scraper.observe.events import Event
    from scraper.settings.load import Loaded
    from scraper.settings.model import Settings
    from scraper.sources.source import Source

T = TypeVar("T")

_URL_LIMIT = 500
"""Characters of a URL or a line that are shown; a line of a list may be a megabyte long."""
_BATCH_S = 0.01
"""A run is over when its last batch is written. By the default of 0.25 s, that wait would be most of
what is measured of a short list: ten pages of 5 ms each came out as 0.3 s both ways."""
_HAVE_STATUS: Final = frozenset({Outcome.OK, Outcome.HTTP_ERROR})


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@settings_options
@click.pass_context
def compare(ctx: click.Context, *, sources: tuple[str, ...]) -> Exit:
    """Visit a list one page at a time, then concurrently, and print both times.

    Each page is a line when it is finished: its status, its size, and the time that was spent on
    it. The first pass has one worker and one request at a host; the second has the settings that
    you give, so --workers and --per-host say what is compared. Both keep no delay between the
    requests to a host unless you set one (--delay), and try no page again unless you want it
    (--retries), since our own waits would be what is measured.

    Every URL is asked for twice. The second pass may profit from what the first left in caches on
    the way: name servers, proxies, the sites themselves. Nothing is kept: no record is written.

    \b
      scraper compare urls.txt
      scraper compare --workers 16 --per-host 8 https://example.com/ https://example.org/
    """  # noqa: D301 the escape is click's mark for lines that are not to be filled
    loaded = loaded_from(ctx)
    found = sources_from_arguments(sources, loaded.settings.sources)
    return loop.run(compare_passes(found, loaded=loaded))


async def compare_passes(sources: Sequence[Source], *, loaded: Loaded) -> Exit:
    """Run both passes, print what they took to standard output, and return the exit code.

    A list that can't be read twice (standard input, a pipe) is remembered from the first pass.

    Raises:
        UsageError: A source can't be read, or there is no line in any.
        RunError: A pass broke, or nobody reads standard output any more.
    """
    together = pass_settings(loaded, workers=None)
    _talk("One page at a time:")
    keep = not all(source.rereadable for source in sources)
    first = await _visit_all(sources, settings=pass_settings(loaded, workers=1), keep=keep)
    if first.stopped is not None:
        return _interrupted(first.stopped)
    if not first.result.lines:
        raise UsageError("the list is empty: there is nothing to compare")
    _talk(f"Up to {together.run.workers} at the same time, {together.politeness.per_host} a host:")
    again = [GivenLines(first.lines)] if keep else sources
    second = await _visit_all(again, settings=together, keep=False)
    if second.stopped is not None and not second.result.complete:
        return _interrupted(second.stopped)
    one_s, many_s = first.result.elapsed_s, second.result.elapsed_s
    totals = f"Sequential {one_s:.3f} s\nConcurrent {many_s:.3f} s\nSpeed-up {one_s / many_s:.2f}x\n"
    await StandardOutputJournal().append([totals.encode()])
    failed = first.failed or second.failed
    return Exit.PAGES_FAILED if loaded.settings.run.strict and failed else Exit.COMPLETE


def pass_settings(loaded: Loaded, *, workers: int | None) -> Settings:
    """Return the settings of a pass: the user's, or those of a pass with so many workers.

    What the user did not set is chosen so that the pages are measured and not a wait of ours: no
    delay at a host, no back-off (it is drawn at random, and one dead host made a speed-up of 6 out of
    one of 1), and records written at once.
    """

    def unless_set(name: str, value: T) -> T:
        section, _, field = name.partition(".")
        given: T = getattr(getattr(loaded.settings, section), field)
        return value if loaded.origins[name] == "default" else given

    settings = loaded.settings
    politeness = msgspec.structs.replace(settings.politeness, delay_s=unless_set("politeness.delay_s", 0.0))
    retry = msgspec.structs.replace(settings.retry, retries=unless_set("retry.retries", 0))
    output = msgspec.structs.replace(settings.output, batch_s=unless_set("output.batch_s", _BATCH_S))
    run = settings.run
    if workers is not None:
        politeness = msgspec.structs.replace(politeness, per_host=workers)
        run = msgspec.structs.replace(run, workers=workers)
    return msgspec.structs.replace(settings, run=run, politeness=politeness, retry=retry, output=output)


class Finding(msgspec.Struct, frozen=True):
    """What is shown of a record."""

    seq: int
    input: str
    url: str | None
    outcome: Outcome
    status: int | None = None
    size: int | None = None


def finding_line(finding: Finding, *, took_s: float) -> str:
    """Write a page: ``url: 200 (5120 bytes, 0.250 s)``; what gave no answer: ``url: timeout (5.000 s)``."""
    url = printable_url(finding.url or finding.input, limit=_URL_LIMIT)
    if finding.outcome in _HAVE_STATUS:
        return f"{url}: {finding.status} ({finding.size or 0} bytes, {took_s:.3f} s)"
    return f"{url}: {finding.outcome} ({took_s:.3f} s)"


class FindingsJournal:
    """Prints each record as one line, and counts; whole records are not kept."""

    def __init__(self, *, took_s: dict[int, float], keep: bool) -> None:
        """Take the times by ``seq``, removing what is used; ``keep`` the input lines for a second pass."""
        self._stdout = StandardOutputJournal()
        self._decoder = msgspec.json.Decoder(Finding)
        self._took_s = took_s
        self._keep = keep
        self._kept: list[tuple[int, str]] = []
        self.records = 0
        self.failed = 0

    @property
    def lines(self) -> list[str]:
        """The input lines in the order of the list, if they were to be kept."""
        return [line for _, line in sorted(self._kept)]

    async def append(self, lines: Sequence[bytes]) -> int:
        """Print the records; return how many bytes were printed so far.

        Raises:
            SinkError: The reader of standard output has gone.
        """
        findings = [self._decoder.decode(line) for line in lines]
        if self._keep:
            self._kept += [(finding.seq, finding.input) for finding in findings]
        self.failed += sum(finding.outcome not in GOOD for finding in findings)
        self.records += len(lines)
        shown = [
            finding_line(finding, took_s=self._took_s.pop(finding.seq, 0.0)) + "\n" for finding in findings
        ]
        # As the terminal wants it: a list may hold any script, a terminal may know ASCII only.
        encoding = sys.stdout.encoding or "utf-8"
        return await self._stdout.append([line.encode(encoding, "backslashreplace") for line in shown])

    async def close(self) -> None:
        """Do nothing: standard output belongs to the process."""


class TimedVisitor(Visitor):
    """A visitor with a stopwatch: it adds up, by ``seq``, the time of a line's hops and tries.

    Waits between them are not in it. A record has the time of an answer only, and no failure's.
    """

    def __init__(self, visitor: Visitor, *, took_s: dict[int, float], clock: Clock) -> None:
        # Not Visitor's own construction: all work is passed on to the one that is wrapped.
        self._visitor = visitor
        self._took_s = took_s
        self._watch = clock

    async def visit(self, request: Request, *, departs: Callable[[], None]) -> Verdict:
        """Pass the request on and take the time."""
        began_s = self._watch.monotonic()
        try:
            return await self._visitor.visit(request, departs=departs)
        finally:
            took_s = self._watch.monotonic() - began_s
            self._took_s[request.seq] = self._took_s.get(request.seq, 0.0) + took_s


class _Talk:
    """Says on standard error what a person should know while they wait."""

    def notice(self, event: Event) -> None:
        """Tell of an end that was asked for, and of a standstill."""
        match event:
            case Draining(reason=reason, deadline_s=deadline_s):
                _talk(f"{reason}: finishing what is under way, at most {deadline_s:g} s")
            case Aborting(reason=reason):
                _talk(f"giving up: {reason}")
            case Stalled(silent_s=silent_s, waits=waits):
                _talk(f"nothing was finished for {silent_s:.0f} s")
                for wait in waits:
                    _talk(f"  {printable(wait, limit=_URL_LIMIT)}")


class _Pass(NamedTuple):
    """How one pass ended."""

    result: RunResult
    stopped: signal.Signals | None
    failed: int
    lines: list[str]


async def _visit_all(sources: Sequence[Source | GivenLines], *, settings: Settings, keep: bool) -> _Pass:
    clock = SystemClock()
    took_s: dict[int, float] = {}
    journal = FindingsJournal(took_s=took_s, keep=keep)
    async with open_run(sources, journal, settings=settings, observer=_Talk(), clock=clock) as run:
        run.crawl.visitor = TimedVisitor(run.crawl.visitor, took_s=took_s, clock=clock)
        with signals_stop(run) as stops:
            result = await run.execute()
    return _Pass(result, stops.first, journal.failed, journal.lines)


def _interrupted(number: signal.Signals) -> Exit:
    _talk("stopped: there is nothing to compare")
    return Exit(128 + number)


def _talk(text: str) -> None:
    click.echo(text, err=True)
