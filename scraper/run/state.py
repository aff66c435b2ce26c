"""What a run keeps while it goes on, and finds again when it is resumed: state, journal, sources."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from scraper.errors import StateError, UsageError
from scraper.frontier.state_thread import StateThread
from scraper.redaction import redact, without_user_info
from scraper.run.files import Mode, RunFiles, new_run_id
from scraper.sinks.claim import claimed
from scraper.sinks.jsonl import JsonLinesJournal
from scraper.sources.source import Identity, Source
from scraper.sources.stream import SeedStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from scraper.clock import Clock
    from scraper.exchange import ArchiveEnd
    from scraper.messages import Seed
    from scraper.sinks.base import Journal
    from scraper.sources.lines_given import GivenLines


class Kept:
    """A run's state and journal; whoever ends the run says whether it is ``complete``."""

    def __init__(self, state: StateThread, journal: Journal, archived: ArchiveEnd | None = None) -> None:
        self.state = state
        self.journal = journal
        self.archived = archived
        """How far the archive had come, as far as that was noted; ``None`` for a new one."""
        self.complete = False
        """Nothing is left to resume: the state may go."""


@contextlib.asynccontextmanager
async def kept_on_disk(files: RunFiles, mode: Mode) -> AsyncIterator[Kept]:
    """Open the state and the journal of a run with files; leave behind what its end calls for.

    A run that has come to nothing leaves nothing, so that a mistake in the list can be mended and the
    same command given again.

    Raises:
        OutputExists: Something is there that the mode does not allow to replace.
        OutputLocked: Another run writes there.
        UsageError: The place can't be written, or the outputs are not those of the run to be resumed.
    """
    await asyncio.to_thread(files.check, mode)
    for output in files.outputs:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"can't write {output}: {error.strerror}") from error
    if mode is Mode.FRESH:
        await discard(files.state)
    state = await StateThread.open(files.state)
    kept: Kept | None = None
    try:
        await _same_outputs(files, state)
        before = await state.call(state.store.progress)
        # Given back before the state is removed, so that a kill in between leaves no lock behind.
        with claimed(files.outputs):
            journal = await JsonLinesJournal.reopen(
                files.journal, length=before.output_bytes, is_output=files.keeps_journal
            )
            try:
                kept = Kept(state, journal, before.archived)
                yield kept
            finally:
                await journal.close()
    finally:
        complete = kept is not None and kept.complete
        untouched = (await state.call(state.store.progress)).lines == 0
        await state.close(remove=complete or untouched)
        # After the state: one that is killed in between would leave a state that wants its journal back.
        if (complete and not files.keeps_journal) or (untouched and not complete):
            await asyncio.to_thread(_remove_journal, files, complete=complete)


@contextlib.asynccontextmanager
async def kept_for_now(journal: Journal) -> AsyncIterator[Kept]:
    """Give a run that writes elsewhere a state that does not outlive it. The journal is not closed.

    Where the system can, the state has no name from here on: also ``kill -9`` leaves nothing behind.
    """
    with tempfile.TemporaryDirectory(prefix="scraper-", ignore_cleanup_errors=True) as folder:
        state = await StateThread.open(Path(folder, "state"))
        try:
            if os.name == "posix":
                # SQLite keeps state and write-ahead log open, and by exclusive locking needs no others.
                await asyncio.to_thread(shutil.rmtree, folder)
            yield Kept(state, journal)
        finally:
            await state.close(remove=os.name != "posix")


async def _same_outputs(files: RunFiles, state: StateThread) -> None:
    """Keep the outputs' names with a new run; refuse to resume one with others.

    Raises:
        UsageError: They differ: an output would never be made, or nobody asked for it.
    """
    names = [*(path.name for path in files.outputs), *(remote.shown for remote in files.remotes)]
    remembered = await state.call(state.store.fact, "outputs")
    if remembered is None:
        await state.call(
            state.store.note,
            outputs=msgspec.json.encode(names).decode(),
            ordered=msgspec.json.encode(files.ordered).decode(),
        )
        return
    if sorted(names) != sorted(before := _recalled(remembered, list[str])):
        raise UsageError(f"the unfinished run writes {', '.join(before)}: resume it with the same outputs")
    ordered = await state.call(state.store.fact, "ordered")
    if ordered is not None and _recalled(ordered, bool) is not files.ordered:
        told = "without --ordered" if files.ordered else "with --ordered"
        raise UsageError(f"the unfinished run was begun {told} (output.ordered): resume it so")


async def discard(state_path: Path) -> None:
    """Remove a state, also one that is damaged or of another version, unless another run holds it."""
    try:
        state = await StateThread.open(state_path)  # only so is it known that nobody holds it
    except StateError:
        try:
            await asyncio.to_thread(state_path.unlink)
        except OSError as error:
            raise UsageError(f"can't remove {state_path}: {error.strerror}") from error
    else:
        await state.close(remove=True)


def _remove_journal(files: RunFiles, *, complete: bool) -> None:
    """Remove a journal that is of no use any more, or one that nothing was written to."""
    with contextlib.suppress(FileNotFoundError):
        if complete or not files.journal.stat().st_size:
            files.journal.unlink()


class WithoutUserInfo:
    """A source whose lines have their user info masked before anything keeps them.

    Such a line is no URL that would be asked for, with its user info or without, so the record is the same.
    What holds it meanwhile, the state above all, never has the password.
    """

    def __init__(self, source: Source | GivenLines) -> None:
        self._source = source
        self.name = source.name
        self.rereadable = source.rereadable
        self.size_bytes = source.size_bytes

    def open_seeds(
        self,
        *,
        before_read: Callable[[], None] | None = None,
        note_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Seed]:
        """Yield the source's seeds; see ``Source.open_seeds``."""
        for seed in self._source.open_seeds(before_read=before_read, note_bytes=note_bytes):
            shown = without_user_info(seed.input)
            yield seed if shown == seed.input else msgspec.structs.replace(seed, input=shown)


def masked(source: Source) -> Source:
    """Return a source as it may be kept: the URLs of arguments without user info."""
    if source.kind != "argument":
        return source
    urls = tuple(map(without_user_info, source.urls))
    return msgspec.structs.replace(source, name=without_user_info(source.name), urls=urls)


class Listed(msgspec.Struct, frozen=True):
    """A source as the state remembers it."""

    source: Source
    identity: Identity | None


async def remaining_seeds(sources: Sequence[Source | GivenLines], state: StateThread) -> SeedStream:
    """Return the lines that are still to be read, of the sources given or remembered.

    Lines that a program gave can't be remembered; a run with them has a state that does not outlive it.

    Raises:
        UsageError: They are not the same, or a list that is still to be read has changed.
    """
    remembered = await state.call(state.store.fact, "sources")
    if remembered is None:
        listed = [
            Listed(masked(source), source.identity()) for source in sources if isinstance(source, Source)
        ]
        await state.call(state.store.note, sources=msgspec.json.encode(listed).decode())
        return SeedStream([WithoutUserInfo(source) for source in sources])
    listed = _recalled(remembered, list[Listed])
    if sources and [place_of(source) for source in sources] != [place_of(one.source) for one in listed]:
        names = ", ".join(redact(one.source.name) for one in listed)
        raise UsageError(
            f"the unfinished run read from {names}: resume it with the same, or with no SOURCE, "
            "or start over with --fresh"
        )
    read = await state.call(state.store.sources)
    for number, (source, identity) in enumerate((one.source, one.identity) for one in listed):
        ended = number in read and read[number].ended
        # A list that was read to its end is not needed again; but who names it wants it as it is now.
        if identity is not None and (sources or not ended) and source.identity() != identity:
            raise UsageError(
                f"{source.name} has changed since the run began: put it back, "
                "or start over with --fresh" + (", or name no SOURCE to finish the old list" if ended else "")
            )
        if ended:
            continue
        if source.kind == "stdin" and not sources:
            lines = read[number].consumed if number in read else 0
            raise UsageError(
                f"standard input was not read to its end ({lines} lines were): "
                "pipe the same list in again, with - as the source"
            )
    skip = [
        None if one is not None and one.ended else one.consumed if one else 0
        for one in (read.get(number) for number in range(len(listed)))
    ]
    return SeedStream([WithoutUserInfo(one.source) for one in listed], skip=skip)


async def knows_its_sources(files: RunFiles) -> bool:
    """Return whether an unfinished run lies there that remembers its lists, so that none need be named.

    One that was killed at its very beginning has a state, but no lists in it yet.

    Raises:
        OutputLocked: The run goes on.
        StateError: Its state can't be read.
    """
    if not files.is_unfinished():
        return False
    state = await StateThread.open(files.state)
    try:
        return await state.call(state.store.fact, "sources") is not None
    finally:
        await state.close(remove=False)


async def run_name(state: StateThread, clock: Clock, *, given: str | None = None) -> str:
    """Return the run's name, the same in all of its parts: the one that it was given, else a new one."""
    name = await state.call(state.store.fact, "run")
    if name is None:
        name = given or new_run_id(clock.utc())
        await state.call(state.store.note, run=name)
    return name


def place_of(source: Source | GivenLines) -> object:
    """Return what tells sources apart, however a file's path is spelled."""
    if isinstance(source, Source) and source.kind == "file":
        return msgspec.structs.replace(source, name=str(Path(source.name).resolve()))
    return masked(source) if isinstance(source, Source) else source


T = TypeVar("T")


def _recalled(fact: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(fact, type=kind)
    except msgspec.DecodeError as error:
        raise StateError(f"the state is damaged ({error}): start over with --fresh") from error
