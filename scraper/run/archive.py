"""The archive of a run: opened beside its state, which notes how far it has come."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from scraper.frontier import facts
from scraper.visit.assembly import archive_facts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scraper.clock import Clock
    from scraper.run.state import Kept
    from scraper.settings.model import Settings
    from scraper.sinks.warc_archive import WarcArchive


@contextlib.asynccontextmanager
async def open_archive(
    first: Path | None, kept: Kept, *, settings: Settings, run: str, clock: Clock
) -> AsyncIterator[WarcArchive | None]:
    """Give the archive whose first file this is, ``None`` for a run without one; closed in the end.

    Raises:
        UsageError: It can't be opened there, or is not what the state says; or warcio is missing.
    """
    if first is None:
        yield None
        return
    from scraper.sinks.warc_archive import WarcArchive  # noqa: PLC0415 - most runs have none

    archive = await WarcArchive.open(
        first,
        noted=kept.archived,
        most_bytes=settings.output.warc_bytes,
        facts=archive_facts(settings, run=run),
        clock=clock,
        begins=lambda end: kept.state.call(kept.state.store.note, **facts.archive_facts(end)),
    )
    try:
        yield archive
    finally:
        await archive.close()
