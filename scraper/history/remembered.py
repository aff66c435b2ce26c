"""A run's history: held while it goes on, read as it was before, and updated when it is complete."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.history.extraction import extraction_of
from scraper.history.file import copied, held, made, opened_to_read, salt_of, tidy, translated
from scraper.history.judging import Compared
from scraper.history.recall import Reader, Recall
from scraper.history.update import Finished, Totals, update
from scraper.history.validators import Asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from scraper.clock import Clock
    from scraper.settings.model import Settings


class Past:
    """What is known of each page, for who only reads; made by ``open``."""

    def __init__(self, recall: Recall, *, asking: Asking, extraction: str) -> None:
        self.recall = recall
        """What is known of the lines that a run loads."""
        self.asking = asking
        self.extraction = extraction

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings, *, token: str, clock: Clock) -> AsyncIterator[Past]:
        """Open ``history.file``, which has to be there.

        Args:
            settings: Of the run; ``history.file`` is set.
            token: What directives for crawlers may call us by.
            clock: Says when a page is due.

        Raises:
            UsageError: It can't be read, or is something else; the user's function can't be loaded.
        """
        path = Path(settings.history.file)
        extraction = await asyncio.to_thread(extraction_of, settings, token=token)
        asking = Asking(settings.fetch, salt=await asyncio.to_thread(_salt, path))
        async with Reader.open(path) as reader:
            recall = Recall(reader, settings=settings, extraction=extraction, asking=asking, clock=clock)
            yield Past(recall, asking=asking, extraction=extraction)


class History:
    """What is known of each page, held by the run that will add to it; made by ``hold``."""

    def __init__(self, past: Past, *, changes: Path, settings: Settings, run: str, clock: Clock) -> None:
        self._past = past
        self._path = Path(settings.history.file)
        self._changes = changes
        self._settings = settings
        self._run = run
        self._clock = clock

    @property
    def recall(self) -> Recall:
        """What is known of the lines that a run loads."""
        return self._past.recall

    @classmethod
    @contextlib.asynccontextmanager
    async def hold(
        cls, settings: Settings, *, changes: Path, run: str, token: str, clock: Clock
    ) -> AsyncIterator[History]:
        """Open ``history.file``, made if need be, and hold it for a run.

        Args:
            settings: Of the run; ``history.file`` is set.
            changes: Where it is to be written what has changed.
            run: The run's name.
            token: What directives for crawlers may call us by.
            clock: Says when a page is due.

        Raises:
            OutputLocked: Another run holds it.
            UsageError: It can't be read or made, or is something else; the user's function can't be loaded.
        """
        path = Path(settings.history.file)
        await asyncio.to_thread(made, path)
        with held(path):
            try:
                async with Past.open(settings, token=token, clock=clock) as past:
                    yield cls(past, changes=changes, settings=settings, run=run, clock=clock)
            finally:
                await asyncio.to_thread(tidy, path)

    async def complete(self, records: Sequence[Path]) -> Totals:
        """Take the run in, whose records are whole in these files, and write what has changed.

        To be called before anything that a resumed run needs is removed; called again, it changes nothing.

        Raises:
            StateError: The history is damaged, or can't be written.
            SinkError: The changes can't be written.
        """
        finished = Finished(self._run, tuple(records), self._changes, self._past.extraction)
        return await asyncio.to_thread(
            update,
            self._path,
            finished,
            settings=self._settings.history,
            compared=Compared(self._settings.history.compare),
            asking=self._past.asking,
            now=self._clock.utc(),
        )

    def copy(self, target: Path, *, goes_on: Callable[[], bool]) -> bool:
        """Write what is known now to a file for others to read; return false if ``goes_on`` did. Blocking.

        Raises:
            StateError: The history is damaged, or there is no room for the copy.
        """
        return copied(self._path, target, goes_on=goes_on)


def _salt(path: Path) -> bytes:
    with contextlib.closing(opened_to_read(path)) as db, translated(path):
        return salt_of(db)
