"""A run's history: held while it goes on, read as it was before, and updated when it is complete."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Self

from scraper.history.extraction import extraction_of
from scraper.history.file import held, made, opened_to_read, salt_of, tidy, translated
from scraper.history.judging import Compared
from scraper.history.recall import Reader, Recall
from scraper.history.update import Finished, Totals, update
from scraper.history.validators import Asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.clock import Clock
    from scraper.settings.model import Settings


class History:
    """What is known of each page; made by ``open``."""

    def __init__(
        self,
        *,
        path: Path,
        changes: Path,
        recall: Recall,
        settings: Settings,
        asking: Asking,
        extraction: str,
        run: str,
        clock: Clock,
    ) -> None:
        self.recall = recall
        """What is known of the lines that a run loads."""
        self._path = path
        self._changes = changes
        self._settings = settings
        self._asking = asking
        self._extraction = extraction
        self._run = run
        self._clock = clock

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, settings: Settings, *, changes: Path, run: str, token: str, clock: Clock
    ) -> AsyncIterator[Self]:
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
            extraction = await asyncio.to_thread(extraction_of, settings, token=token)
            asking = Asking(settings.fetch, salt=await asyncio.to_thread(_salt, path))
            try:
                async with Reader.open(path) as reader:
                    recall = Recall(
                        reader, settings=settings, extraction=extraction, asking=asking, clock=clock
                    )
                    yield cls(
                        path=path,
                        changes=changes,
                        recall=recall,
                        settings=settings,
                        asking=asking,
                        extraction=extraction,
                        run=run,
                        clock=clock,
                    )
            finally:
                await asyncio.to_thread(tidy, path)

    async def complete(self, journal: Path) -> Totals:
        """Take the run in, whose records are whole in ``journal``, and write what has changed.

        To be called before anything that a resumed run needs is removed; called again, it changes nothing.

        Raises:
            StateError: The history is damaged, or can't be written.
            SinkError: The changes can't be written.
        """
        finished = Finished(self._run, journal, self._changes, self._extraction)
        return await asyncio.to_thread(
            update,
            self._path,
            finished,
            settings=self._settings.history,
            compared=Compared(self._settings.history.compare),
            asking=self._asking,
            now=self._clock.utc(),
        )


def _salt(path: Path) -> bytes:
    with contextlib.closing(opened_to_read(path)) as db, translated(path):
        return salt_of(db)
