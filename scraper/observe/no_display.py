"""The display of a quiet run, which loads nothing: rich takes as long to import as Python to start."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from scraper.observe.events import Event


class NoDisplay:
    """Shows no events; lines that must be said (``say``) are still said, on standard error."""

    def notice(self, event: Event) -> None:
        """Do nothing."""

    def say(self, lines: tuple[str, ...]) -> None:
        """Print lines. Their reader may go away; the run goes on."""
        with contextlib.suppress(BrokenPipeError):
            for line in lines:
                print(line, file=sys.stderr, flush=True)  # noqa: T201 - the program's output

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
