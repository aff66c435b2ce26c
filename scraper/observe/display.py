"""Which display a run gets that is not to be quiet: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console

from scraper.observe.plain import PlainProgress
from scraper.observe.progress import TerminalProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from scraper.clock import Clock
    from scraper.observe.counts import Counted
    from scraper.observe.events import Event
    from scraper.observe.status import HostsWaiting


class Display(Protocol):
    """An observer for people's eyes; used as a context manager around the run."""

    def notice(self, event: Event) -> None:
        """Show an event."""
        ...

    def say(self, lines: tuple[str, ...]) -> None:
        """Show lines that are fit for a terminal, without tearing what else is shown."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class TalkConsole(Console):
    """A console whose reader may go away: it falls silent, and the run goes on.

    Rich's own answer to a closed pipe ends the program.
    """

    def on_broken_pipe(self) -> None:
        """Be quiet from now on."""
        self.quiet = True


def stderr_console() -> Console:
    """Return the console for talk: standard error, markup, emoji codes and highlighting off.

    Rich leaves colour out when ``NO_COLOR`` is set or standard error is no terminal.
    """
    return TalkConsole(stderr=True, markup=False, emoji=False, highlight=False)


def progress_display(
    console: Console, *, counts: Counted, waiting: Callable[[], HostsWaiting | None], clock: Clock
) -> Display:
    """Choose the display for a console: a bar, or a line now and then."""
    if console.is_terminal and not console.is_dumb_terminal:
        return TerminalProgress(console, counts=counts, waiting=waiting, clock=clock)
    return PlainProgress(console.file, counts=counts, waiting=waiting, clock=clock)
