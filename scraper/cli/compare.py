"""``scraper compare``: the same list one page at a time and then concurrently, by the same code."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

import click
import msgspec

from scraper import loop
from scraper.assembly import open_run
from scraper.cli.exits import Exit
from scraper.cli.options import (
    BODY_FLAGS,
    CLUSTER_FLAGS,
    NotHonoured,
    SettingsCommand,
    loaded_from,
    settings_options_without,
)
from scraper.cli.signals import signals_stop
from scraper.errors import UsageError
from scraper.observe.counts import GOOD
from scraper.observe.events import Written
from scraper.observe.printable import printable_url
from scraper.observe.status import event_lines
from scraper.record import Outcome
from scraper.settings.model import HistorySettings
from scraper.sinks.stdout import StandardOutputJournal
from scraper.sources.arguments import sources_from_arguments
from scraper.sources.source import Source

if TYPE_CHECKING:
    import signal
    from collections.abc import Awaitable, Callable, Sequence

    from scraper.messages import Finished
    from scraper.observe.events import Event
    from scraper.run.execution import RunResult
    from scraper.settings.load import Loaded
    from scraper.settings.model import Settings

_URL_LIMIT = 500
"""Characters of a URL or a line that are shown; a line of a list may be a megabyte long."""
_UNLESS_SET: Final = {"politeness.delay_s": 0.0, "retry.retries": 0, "output.batch_s": 0.01}
"""What a pass does where the user did not say, so that pages are measured and no wait of ours. A back-off
is drawn at random: one dead host made a speed-up of 6 out of one of 1. And a pass is over when its last
batch is written: ten pages of 5 ms each took 0.27 s both ways by the default of 0.25 s a batch, and by
this one 0.080 s one at a time and 0.050 s together (two cores, loopback)."""
_STOPPED = "stopped: there is nothing to compare"
_HAVE_STATUS: Final = frozenset({Outcome.OK, Outcome.HTTP_ERROR})


@click.command(cls=SettingsCommand)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(allow_dash=True))
@settings_options_without(
    NotHonoured("follow", "asks for each page of the list once"),
    left_out=("--ordered", "--history", *BODY_FLAGS, *CLUSTER_FLAGS),
)
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
        UsageError: There is no line in any source.
        ExceptionGroup: A source can't be read, a pass broke, or nobody reads standard output any more.
    """
    one_by_one, together = pass_settings(loaded, workers=1), pass_settings(loaded, workers=None)
    _talk("One page at a time:")
    keep = not all(source.rereadable for source in sources)
    pages = PageLines(keep=keep)
    first, stopped = await _visit_all(sources, settings=one_by_one, pages=pages)
    if stopped is not None:
        _talk(_STOPPED)
        return Exit(128 + stopped)
    if not first.lines:
        raise UsageError("the list is empty: there is nothing to compare")
    _talk(f"Up to {together.run.workers} at the same time, {together.politeness.per_host} a host:")
    kept = tuple(line for _, line in sorted(pages.kept.items()))
    again = [Source(kind="argument", name="-", urls=kept)] if keep else sources
    second, stopped = await _visit_all(again, settings=together, pages=pages)
    if stopped is not None and not second.complete:
        _talk(_STOPPED)
        return Exit(128 + stopped)
    one_s, many_s = first.elapsed_s, second.elapsed_s
    totals = f"Sequential {one_s:.3f} s\nConcurrent {many_s:.3f} s\nSpeed-up {one_s / many_s:.2f}x\n"
    await StandardOutputJournal().append([totals.encode()])
    failed = loaded.settings.run.strict and pages.failed
    return Exit.PAGES_FAILED if failed else Exit.COMPLETE


def pass_settings(loaded: Loaded, *, workers: int | None) -> Settings:
    """Return the settings of a pass: the user's, or those of a pass with so many workers.

    What ``_UNLESS_SET`` names and the user did not set is chosen so that pages are measured.
    """
    settings = msgspec.structs.replace(loaded.settings, history=HistorySettings())  # nothing is kept
    chosen = {name: value for name, value in _UNLESS_SET.items() if loaded.origins[name] == "default"}
    if workers is not None:
        chosen |= {"run.workers": workers, "politeness.per_host": workers}
    for name, value in chosen.items():
        section, _, field = name.partition(".")
        changed = msgspec.structs.replace(getattr(settings, section), **{field: value})
        settings = msgspec.structs.replace(settings, **{section: changed})
    return settings


class _Kept(msgspec.Struct, frozen=True):
    """What the second pass needs of a record: the line, which tells, unlike the URL, if it has a scheme."""

    input: str


def page_line(page: Finished) -> str:
    """Write a page: ``url: 200 (5120 bytes, 0.250 s)``; what gave no answer: ``url: timeout (5.000 s)``."""
    url = printable_url(page.url, limit=_URL_LIMIT)
    if page.outcome in _HAVE_STATUS:
        return f"{url}: {page.status} ({page.size_bytes} bytes, {page.took_s:.3f} s)"
    return f"{url}: {page.outcome} ({page.took_s:.3f} s)"


class PageLines:
    """An observer that has a line printed for each written record, and counts the failed ones.

    An observer may not hold up the loop, a reader of standard output may: so ``print_on`` prints, in a
    task. With ``keep``, the input lines are kept by ``seq``; else nothing stays of a record.
    """

    def __init__(self, *, keep: bool) -> None:
        self.batches: asyncio.Queue[list[bytes]] = asyncio.Queue()
        """What is still to be printed."""
        self.kept: dict[int, str] = {}
        self.failed = 0
        self._keep = keep

    def notice(self, event: Event) -> None:
        """Queue the lines of a batch; say on standard error that nothing moves, or that the end comes."""
        if not isinstance(event, Written):
            _talk(*event_lines(event))
            return
        self.failed += sum(page.outcome not in GOOD for page in event.records)
        if self._keep:
            decode = msgspec.json.Decoder(_Kept).decode
            self.kept.update((page.seq, decode(page.line).input) for page in event.records)
        # As the terminal wants it: a list may hold any script, a terminal may know ASCII only.
        encoding = sys.stdout.encoding or "utf-8"
        shown = (f"{page_line(page)}\n" for page in event.records)
        self.batches.put_nowait([line.encode(encoding, "backslashreplace") for line in shown])

    async def print_on(self) -> None:
        """Print what is queued, until cancelled.

        Raises:
            SinkError: The reader of standard output has gone.
        """
        stdout = StandardOutputJournal()
        while True:
            await stdout.append(await self.batches.get())
            self.batches.task_done()


class CountingJournal:
    """Counts records and keeps none; takes no more while the ones before wait to be shown."""

    def __init__(self, *, shown: Callable[[], Awaitable[None]]) -> None:
        self._shown = shown
        self._length = 0
        self.records = 0

    async def append(self, lines: Sequence[bytes]) -> int:
        """Count; return how long a file would be by now, in bytes."""
        await self._shown()  # else the lines for a reader that has paused would fill the memory
        self.records += len(lines)
        self._length += sum(map(len, lines))
        return self._length

    async def close(self) -> None:
        """Do nothing: nothing is open."""


async def _visit_all(
    sources: Sequence[Source], *, settings: Settings, pages: PageLines
) -> tuple[RunResult, signal.Signals | None]:
    """Run one pass; return how it ended and the signal that stopped it."""
    journal = CountingJournal(shown=pages.batches.join)
    opened = open_run(sources, journal, settings=settings, observer=pages)
    async with opened as run, asyncio.TaskGroup() as tasks:
        printer = tasks.create_task(pages.print_on(), name="printer")
        with signals_stop(run) as stops:
            result = await run.execute()
        await pages.batches.join()
        printer.cancel()
    return result, stops.first


def _talk(*lines: str) -> None:
    for line in lines:
        click.echo(line, err=True)
