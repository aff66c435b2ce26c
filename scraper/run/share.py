"""A part of a larger run: an ordinary run over a share of the list, with a state that outlives its end.

It may come to an end and be given more later, when other parts have met lines for it. So its state stays, and
with it what it has for others.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.frontier.part import Part
from scraper.frontier.state_thread import StateThread
from scraper.frontier.territory import Territory
from scraper.run.state import Kept
from scraper.sinks.endings import ARCHIVE
from scraper.sinks.jsonl import JsonLinesJournal
from scraper.sources.source import Source
from scraper.sources.stream import SeedStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.messages import Errand, Visited
    from scraper.pipeline import Visitor

RECORDS = "records.jsonl"
STATE = "records.jsonl.state"


def archive_name(run: str, part: int) -> str:
    """Return what the first file of a part's archive is called, also within it (WARC 1.1, 5.15)."""
    return f"{run}-{part:05}{ARCHIVE}"


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a part is to do, and where."""

    run: str
    """The name of the larger run, which all records have."""
    folder: Path
    """Where its records and its state are."""
    inputs: tuple[Path, ...]
    """Lists in the form of ``sources.dealt``, all that it was ever given, in their order."""
    number: int
    parts: int
    owners: bytes
    """Whose each slot is; see ``frontier.territory.packed``."""
    first_found: int
    """No line of the list has this number or a greater one."""
    dealt: int = 0
    """What it has put by for others up to this number has been dealt out."""
    is_later: bool = False
    """Somebody may have asked its hosts a moment ago."""
    archive: str = ""
    """The name of the archive's first file; empty where there is none."""
    admission: Callable[[], Awaitable[None]] | None = None
    """Waits until something may be asked for; ``None`` where that is always so."""
    opened: Callable[[StateThread], None] = lambda _state: None
    """Told of the state as soon as it is open."""

    def part(self) -> Part:
        """Return what its state is to know of it."""
        territory = Territory.unpacked(self.number, self.owners)
        return Part(territory, first_found=self.first_found, parts=self.parts)

    @property
    def archive_file(self) -> Path | None:
        """Where its archive is, if it has one."""
        return self.folder / self.archive if self.archive else None

    def fenced(self, visitor: Visitor) -> Visitor:
        """Return a visitor that asks for nothing before it is admitted."""
        return Fenced(visitor, self.admission) if self.admission else visitor


@contextlib.asynccontextmanager
async def kept_by(share: Share) -> AsyncIterator[Kept]:
    """Open the state and the journal of a part, and close them in the end.

    Raises:
        OutputLocked: Another process is still at it.
        UsageError: The folder can't be written.
    """
    await asyncio.to_thread(share.folder.mkdir, parents=True, exist_ok=True)
    state = await StateThread.open(share.folder / STATE)
    try:
        share.opened(state)
        await state.call(state.store.note, run=share.run)
        before = await state.call(state.store.progress)
        journal = await JsonLinesJournal.reopen(share.folder / RECORDS, length=before.output_bytes)
        try:
            yield Kept(state, journal, before.archived)
        finally:
            await journal.close()
    finally:
        await state.close(remove=False)


async def dealt_seeds(share: Share, state: StateThread) -> SeedStream:
    """Return the lines that are still to be read."""
    await state.call(state.store.forget_handed_over, share.dealt)
    read = await state.call(state.store.sources)
    skip = [
        None if one is not None and one.ended else one.consumed if one else 0
        for one in (read.get(number) for number in range(len(share.inputs)))
    ]
    sources = [Source(kind="file", name=str(path), format="dealt") for path in share.inputs]
    return SeedStream(sources, skip=skip)


class Fenced:
    """A visitor that asks for nothing while it is not sure that the part is still ours."""

    def __init__(self, visitor: Visitor, admission: Callable[[], Awaitable[None]]) -> None:
        self._visitor = visitor
        self._admission = admission

    async def visit(
        self, errand: Errand, *, departs: Callable[[], None], waits: Callable[[bool], None] | None = None
    ) -> Visited:
        """Visit as soon as that may be; see ``pipeline.Visitor``."""
        await self._admission()
        return await self._visitor.visit(errand, departs=departs, waits=waits)
