"""Progress on a terminal: a bar and a line of figures, drawn by rich."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scraper.observe import figures
from scraper.observe.events import (
    Admitted,
    Event,
    LinksTaken,
    Redirected,
    RobotsKnown,
    RunEnded,
    RunStarted,
    TriedAgain,
)
from scraper.observe.status import (
    HostsWaiting,
    event_lines,
    hosts_words,
    list_words,
    longest_words,
    progress_words,
    time_left_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from rich.console import Console, RenderableType

    from scraper.clock import Clock
    from scraper.observe.counts import Counted, Snapshot

_REFRESHES_PER_S = 4
_FREQUENT_EVERY_S = 0.1
_SILENT_S = 5.0
"""From then on the display says how long nothing came, in place of a rate that is no longer true."""


@contextmanager
def _silenced(console: Console) -> Iterator[None]:
    """Let a terminal that went away cost the display and not the run."""
    try:
        yield
    except OSError:
        console.quiet = True


class TerminalProgress(AbstractContextManager["TerminalProgress"]):
    """An observer that keeps two lines at the bottom of a terminal up to date.

    It must come after ``counts`` in the order of observers. Rich's own thread draws; it reads nothing
    but the last snapshot, which never changes, so the counts need no lock. Everything else that is
    written while the display stands must go through the same console (``say``) or ``sys.stderr``,
    which rich lays above the bar; standard output is left alone, it may carry data.

    Used as a context manager: leaving it takes the display away, also after an error. ``RunEnded``
    does so too.

    Args:
        console: Of standard error; see ``display.stderr_console``.
        counts: The run's numbers.
        waiting: Called at most about ten times a second, on the loop's thread; must be cheap.
        clock: Read at each event and each drawing.
    """

    def __init__(
        self, console: Console, *, counts: Counted, waiting: Callable[[], HostsWaiting | None], clock: Clock
    ) -> None:
        self._console = console
        self._counts = counts
        self._waiting = waiting
        self._clock = clock
        self._shown: tuple[Snapshot, HostsWaiting | None] = (counts.snapshot(), waiting())
        self._last_progress_s = self._last_shown_s = clock.monotonic()
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=_REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        """Put the display up."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the display away and leave the terminal as it was before."""
        self._stop()

    def notice(self, event: Event) -> None:
        """Take the numbers anew, say what the event says, and at the end take the display away."""
        now_s = self._clock.monotonic()
        frequent = isinstance(event, TriedAgain | Redirected | Admitted | LinksTaken | RobotsKnown)
        if not frequent or now_s - self._last_shown_s >= _FREQUENT_EVERY_S:
            self._last_shown_s = now_s
            snapshot = self._counts.snapshot()
            if snapshot.done > self._shown[0].done or isinstance(event, RunStarted):
                self._last_progress_s = now_s
            self._shown = (snapshot, self._waiting())
        self.say(event_lines(event))
        if isinstance(event, RunEnded):
            self._stop()

    def say(self, lines: tuple[str, ...]) -> None:
        """Print lines above the display. They must be fit for a terminal; markup is not read."""
        if lines:
            with _silenced(self._console):
                self._console.print(Text("\n".join(lines)), soft_wrap=True)

    def _stop(self) -> None:
        with _silenced(self._console):
            self._live.stop()

    def _render(self) -> RenderableType:
        snapshot, waiting = self._shown
        silent_s = self._clock.monotonic() - self._last_progress_s
        lines = snapshot.known if snapshot.total is None else snapshot.total
        top = Table.grid(padding=(0, 2))
        for _ in range(2):
            top.add_column(no_wrap=True)
        top.add_column(no_wrap=True, justify="right")
        bar = ProgressBar(total=max(lines, 1), completed=snapshot.done, width=24)
        percent = figures.share(snapshot.done, whole=lines)
        top.add_row(
            bar,
            Text(f"{progress_words(snapshot)}  {percent}", style="bold"),
            Text(time_left_words(snapshot, waiting=waiting)),
        )
        failed = Text(f"{snapshot.failed:,} failed", style="red" if snapshot.failed else "")
        if silent_s < _SILENT_S:
            pace = Text(figures.rate(snapshot.rate), style="green")
        else:
            pace = Text(f"nothing for {figures.duration(silent_s)}", style="yellow")
        parts = [pace, failed]
        if (read := list_words(snapshot)) is not None:
            parts.append(Text(read))
        if (hosts := hosts_words(waiting)) is not None:
            parts.append(Text(hosts))
        if (longest := longest_words(snapshot, waiting=waiting)) is not None:
            parts.append(Text(longest))
        bottom = Text(", ").join(parts)
        bottom.no_wrap, bottom.overflow = True, "ellipsis"
        whole = Table.grid()
        whole.add_row(top)
        whole.add_row(bottom)
        return whole
