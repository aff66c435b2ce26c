"""What an extraction keeps while it goes on: a journal of records, and beside it what it reads.

Records come in an order that the archives alone decide. So to resume is to read them again from the
beginning, and to pass over as many lines as the journal has; only those in hand are parsed twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from scraper.archives.sources import Identity
from scraper.errors import UsageError
from scraper.record import Outcome
from scraper.run.files import Mode, RunFiles, new_run_id
from scraper.sinks.claim import claimed
from scraper.sinks.jsonl import JsonLinesJournal
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scraper.archives.sources import Archives, SavedPages
    from scraper.clock import Clock
    from scraper.sinks.base import Journal

_CHUNK_BYTES = 1 << 20


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside an unfinished extraction."""

    extraction: int = 1
    """The version of this form."""
    run: str
    reads: tuple[Identity, ...]
    base: str | None
    outputs: tuple[str, ...]
    ordered: bool


class Kept:
    """A journal; whoever ends the run says whether it is ``complete``."""

    def __init__(self, journal: Journal, *, run: str, tally: dict[tuple[Outcome, int | None], int]) -> None:
        self.journal = journal
        self.run = run
        self.tally = tally
        """What the records that are there came to."""
        self.complete = False


class _Told(msgspec.Struct):
    outcome: Outcome
    status: int | None = None


_decode_told = msgspec.json.Decoder(_Told).decode
_decode_state = msgspec.json.Decoder(State).decode


@contextlib.asynccontextmanager
async def kept_on_disk(
    files: RunFiles, source: Archives | SavedPages, *, mode: Mode, clock: Clock
) -> AsyncIterator[Kept]:
    """Open the journal of an extraction with files; leave behind what its end calls for.

    Raises:
        OutputExists: Something is there that the mode does not allow to replace.
        OutputLocked: Another run writes there.
        UsageError: The place can't be written, or what lies there is not this extraction.
    """
    await asyncio.to_thread(files.check, mode)
    for output in (*files.outputs, files.journal):
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"can't write {output}: {error.strerror}") from error
    # The journal as well: of several outputs at other machines it is all that two runs have in common.
    with claimed(dict.fromkeys((*files.outputs, files.journal))):
        if mode is Mode.FRESH:
            await asyncio.to_thread(_discard, files)
        state = await asyncio.to_thread(_state, files, source, clock)
        length, tally = await asyncio.to_thread(_written, files.journal) if files.is_unfinished() else (0, {})
        journal = await JsonLinesJournal.reopen(files.journal, length=length, is_output=files.keeps_journal)
        try:
            if not files.is_unfinished():
                await journal.append([])  # whatever it held: from here on the state vouches for it
                await asyncio.to_thread(_note, files.state, state)
            kept = Kept(journal, run=state.run, tally=tally)
            yield kept
        finally:
            await journal.close()
        await asyncio.to_thread(_leave, files, kept)


def _leave(files: RunFiles, kept: Kept) -> None:
    """Remove what is of no use any more; a run that has come to nothing leaves nothing."""
    if not kept.complete and kept.journal.records:
        return
    files.state.unlink(missing_ok=True)
    if not (kept.complete and files.keeps_journal):
        files.journal.unlink(missing_ok=True)


def _state(files: RunFiles, source: Archives | SavedPages, clock: Clock) -> State:
    """Return what is noted of an extraction, of the one under way if there is one.

    Raises:
        UsageError: That is another one, or a crawl.
    """
    names = sorted([*(path.name for path in files.outputs), *(remote.shown for remote in files.remotes)])
    state = State(
        run=new_run_id(clock.utc()),
        reads=source.identity(),
        base=getattr(source, "base", None),
        outputs=tuple(names),
        ordered=files.ordered,
    )
    if not files.is_unfinished():
        return state
    try:
        before = _decode_state(files.state.read_bytes())
    except OSError as error:
        raise UsageError(f"can't read {files.state}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(
            f"what lies unfinished in {files.name} is no extraction: go on with `scraper crawl --resume`, "
            "or start over with --fresh"
        ) from None
    if before.outputs != state.outputs or before.ordered != state.ordered:
        told = " --ordered" if before.ordered else ""
        raise UsageError(
            f"the unfinished extraction writes {', '.join(before.outputs)}{told}: resume it with the same"
        )
    if before.reads != state.reads or before.base != state.base:
        raise UsageError(
            f"the unfinished extraction in {files.name} reads other archives, or they have changed: "
            "resume it with the same, or start over with --fresh"
        )
    return before


def _note(path: Path, state: State) -> None:
    with whole_file(path) as file:
        file.write(msgspec.json.encode(state))


def _written(journal: Path) -> tuple[int, dict[tuple[Outcome, int | None], int]]:
    """Return up to where a journal has whole lines, and what those came to."""
    length, tally = 0, dict[tuple[Outcome, int | None], int]()
    try:
        with journal.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                told = _decode_told(line)
                tally[told.outcome, told.status] = tally.get((told.outcome, told.status), 0) + 1
                length += len(line)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UsageError(f"can't go on with {journal}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{journal} is not what the unfinished run had written: start over with --fresh"
        ) from error
    return length, tally


def _discard(files: RunFiles) -> None:
    """Remove what an unfinished run has left, of whatever kind."""
    for path in files.written():
        if path not in files.outputs:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
