"""What a run goes by of the runs before: the history of its settings, held for it or only read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.history.recall import Recall
    from scraper.history.remembered import History
    from scraper.settings.model import Settings


class Remembered(NamedTuple):
    """What a run has of the runs before."""

    recall: Recall | None = None
    """What is known of the lines that it loads; ``None`` without ``history.file``."""
    history: History | None = None
    """What it adds to when it is complete; ``None`` where it only reads."""


@contextlib.asynccontextmanager
async def open_remembered(
    settings: Settings, *, changes: Path | None, run: str, token: str, clock: Clock
) -> AsyncIterator[Remembered]:
    """Open the history of the settings, if they name one, and close it in the end.

    With ``changes``, where it is to be written what has changed, the run holds it and will add to it.
    Without, it is only read, as by a part of a larger run.

    Raises:
        OutputLocked: Another run holds it.
        UsageError: It can't be read or made, or is something else.
    """
    if not settings.history.file:
        yield Remembered()
        return
    from scraper.history.remembered import History, Past  # noqa: PLC0415 - few runs need it

    if changes is None:
        async with Past.open(settings, token=token, clock=clock) as past:
            yield Remembered(past.recall)
        return
    async with History.hold(settings, changes=changes, run=run, token=token, clock=clock) as history:
        yield Remembered(history.recall, history)
