"""Progress where there is no terminal: a line now and then."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING

from scraper.observe.events import Event, RunEnded
from scraper.observe.status import HostsWaiting, event_lines, status_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from scraper.clock import Clock
    from scraper.observe.counts import Counted


class PlainProgress(AbstractContextManager["PlainProgress"]):
    """An observer that writes lines to a stream, at most one of progress in ``every_s``.

    It must come after ``counts`` in the order of observers. There is no task and no timer: an event
    brings a line when the last one is long enough ago, and the end always brings one. A stream that
    can't be written any more (a closed pipe) is left alone from then on; the run goes on.

    Args:
        stream: Standard error; the caller closes it.
        counts: The run's numbers.
        waiting: Called with each line, on the loop's thread; must be cheap.
        clock: Read at each event.
        every_s: Seconds between two lines of progress.
    """

    def __init__(
        self,
        stream: IO[str],
        *,
        counts: Counted,
        waiting: Callable[[], HostsWaiting | None],
        clock: Clock,
        every_s: float = 10.0,
    ) -> None:
        self._stream: IO[str] | None = stream
        self._counts = counts
        self._waiting = waiting
        self._clock = clock
        self._every_s = every_s
        self._last_s = clock.monotonic()

    def notice(self, event: Event) -> None:
        """Write what the event says, and progress when it is due."""
        lines = event_lines(event)
        now_s = self._clock.monotonic()
        if isinstance(event, RunEnded) or now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            lines = (*lines, status_line(self._counts.snapshot(), waiting=self._waiting()))
        self.say(lines)

    def say(self, lines: tuple[str, ...]) -> None:
        """Write lines, in one call."""
        if not lines or self._stream is None:
            return
        try:
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._stream = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is nothing to put back."""
