"""What a part can be gone on with by a worker that shares no disk with the one before: its checkpoints.

A checkpoint is a copy of the state after a transaction, and the records that were written by then, in files
of whole lines; and one small file that names these, which is written last. So it is there whole or not at
all. Every name has the attempt and the checkpoint in it: what a worker writes that was given up for dead, and
is not, takes the place of nothing. Nor does it remove anything: whoever goes on claims the part before it
reads what is there, and a worker looks for such claims between writing a checkpoint and removing older ones.

The records are put where they stay when the run is complete, and never moved again.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.cluster.places import checkpoint_name
from scraper.errors import RunError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.cluster.places import ShardPlace
    from scraper.cluster.storage import Storage

PARTS = "parts"
"""The folder of the records, which stay."""
_CHUNK_BYTES = 1 << 20
_WHOLE_BYTES = 64 << 20
"""A file of records as long as this is not put together with later ones any more."""
_KEPT = 2
"""Checkpoints of an attempt that are kept."""
_is_checkpoint = re.compile(r"checkpoint-([0-9]{6})-([0-9]{6})").fullmatch
_numbered = re.compile(r"(?:state|checkpoint|learnt)-([0-9]{6})(?:-[0-9]{6})?").fullmatch
_is_claim = re.compile(r"claim-([0-9]{6})(?:-.*)?").fullmatch
_ZSTD_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.checksum_flag: 1,
    zstd.CompressionParameter.compression_level: 1,
}


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of records: some of the part's, without a gap."""

    name: str
    records: int
    size_bytes: int


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The small file."""

    attempt: int
    number: int
    state: str
    state_bytes: int
    """As it lies in the storage, compressed."""
    segments: tuple[Segment, ...]

    @property
    def output_bytes(self) -> int:
        """How long the records are together."""
        return sum(segment.size_bytes for segment in self.segments)


class Cut(NamedTuple):
    """A state and how much of the journal belongs to it."""

    state: Path
    """The copy; it is used up."""
    journal: Path
    output_bytes: int


def newest(place: ShardPlace) -> Checkpoint | None:
    """Return what is to be gone on from: the last checkpoint of the latest attempt that has any.

    Raises:
        OSError: It can't be read.
    """
    found = [match.groups() for name in place.names() if (match := _is_checkpoint(name))]
    if not found:
        return None
    attempt, number = max(found)
    return read(place, checkpoint_name(int(attempt), int(number)))


def read(place: ShardPlace, name: str) -> Checkpoint:
    """Return a checkpoint by its name.

    Raises:
        OSError: It can't be read.
    """
    try:
        return msgspec.json.decode(place.read(name), type=Checkpoint)
    except msgspec.DecodeError as error:
        raise OSError(f"{place.shown}/{name} is damaged: {error}") from error


def fetch(place: ShardPlace, checkpoint: Checkpoint, *, state: Path, journal: Path) -> None:
    """Put a checkpoint's state and records into files of this machine.

    Raises:
        OSError: They can't be had.
        RunError: They are not what was put there.
    """
    packed = state.with_name(f"{state.name}.packed")
    _get(place.storage, f"{place.name}/{checkpoint.state}", packed, size_bytes=checkpoint.state_bytes)
    try:
        with zstd.open(packed, "rb") as there, state.open("wb") as here:
            shutil.copyfileobj(there, here, _CHUNK_BYTES)
    except (zstd.ZstdError, EOFError) as error:
        raise RunError(f"{place.shown}/{checkpoint.state} is damaged: {error}") from error
    packed.unlink()
    piece = journal.with_name(f"{journal.name}.piece")
    with journal.open("wb") as here:
        for segment in checkpoint.segments:
            _get(place.storage, f"{PARTS}/{segment.name}", piece, size_bytes=segment.size_bytes)
            with piece.open("rb") as there:
                shutil.copyfileobj(there, here, _CHUNK_BYTES)
            piece.unlink()


class Shipping:
    """Puts one attempt's checkpoints into the storage, one at a time. Everything blocks."""

    def __init__(
        self, place: ShardPlace, *, run: str, shard: int, attempt: int, after: Checkpoint | None
    ) -> None:
        """Go on from a checkpoint; ``None`` for a part that begins."""
        self._place = place
        self._of = f"{run}-{shard:05}-{attempt:06}"
        self._attempt = attempt
        self._segments = after.segments if after else ()
        self._number = 0
        self._kept: list[Checkpoint] = []
        self._is_first = after is not None

    def ship(self, cut: Cut) -> str:
        """Put a checkpoint there, and return its name; what it has made needless is removed.

        Raises:
            OSError: It can't be put there. The one before it holds, and the next may be tried.
        """
        self._number += 1  # also of one in vain: what of it got there is never taken for another's
        segments = self._with_new(cut)
        packed = cut.state.with_name(f"{cut.state.name}.packed")
        with cut.state.open("rb") as there, zstd.open(packed, "wb", options=_ZSTD_OPTIONS) as here:
            shutil.copyfileobj(there, here, _CHUNK_BYTES)
        cut.state.unlink()
        checkpoint = Checkpoint(
            attempt=self._attempt,
            number=self._number,
            state=f"state-{self._attempt:06}-{self._number:06}",
            state_bytes=packed.stat().st_size,
            segments=segments,
        )
        self._place.storage.put(packed, f"{self._place.name}/{checkpoint.state}")
        packed.unlink()
        name = checkpoint_name(self._attempt, self._number)
        self._place.write(name, msgspec.json.encode(checkpoint))
        self._segments = segments
        with contextlib.suppress(OSError):  # the checkpoint holds all the same
            self._clear_away(checkpoint)
        return name

    def _with_new(self, cut: Cut) -> tuple[Segment, ...]:
        """Put there what is new of the records, and return what all of them are in by now.

        Files that are no longer than what is new go into one with it, until they are long enough: so there
        are few, and each record is put there a few times at the most (the logarithm of the part's length).
        """
        kept = list(self._segments)
        begin = sum(segment.size_bytes for segment in kept)
        if begin == cut.output_bytes:
            return tuple(kept)
        while kept and kept[-1].size_bytes <= min(cut.output_bytes - begin, _WHOLE_BYTES):
            begin -= kept.pop().size_bytes
        name = f"{self._of}-{self._number:06}.jsonl"
        piece = cut.state.with_name(f"{cut.state.name}.piece")
        records = _copy_range(cut.journal, piece, begin=begin, end=cut.output_bytes)
        self._place.storage.put(piece, f"{PARTS}/{name}")
        piece.unlink()
        return (*kept, Segment(name=name, records=records, size_bytes=cut.output_bytes - begin))

    def _clear_away(self, last: Checkpoint) -> None:
        """Remove what nobody will read any more: of this attempt what is old, and of those before it all.

        Of records only our own: those of others are removed when it is known which count.
        """
        place, storage = self._place, self._place.storage
        self._kept.append(last)
        names = place.names()
        if any(int(match[1]) > self._attempt for match in map(_is_claim, names) if match):
            return  # we were given up: somebody may go on from what is old to us
        if self._is_first:
            self._is_first = False
            for name in names:
                if (match := _numbered(name)) and int(match[1]) < self._attempt:
                    place.delete(name)
        while len(self._kept) > _KEPT:
            old = self._kept.pop(0)
            # First what names the others.
            place.delete(checkpoint_name(old.attempt, old.number))
            place.delete(old.state)
            needed = {segment.name for kept in self._kept for segment in kept.segments}
            for segment in old.segments:
                if segment.name not in needed and segment.name.startswith(f"{self._of}-"):
                    storage.delete(f"{PARTS}/{segment.name}")


def _copy_range(source: Path, target: Path, *, begin: int, end: int) -> int:
    """Copy a part of a file that ends with a line, and return how many lines it has."""
    lines, left = 0, end - begin
    with source.open("rb") as there, target.open("wb") as here:
        there.seek(begin)
        while left:
            chunk = there.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise RunError(f"{source} is shorter than its state says")
            left -= len(chunk)
            lines += chunk.count(b"\n")
            here.write(chunk)
    return lines


def _get(storage: Storage, name: str, target: Path, *, size_bytes: int) -> None:
    storage.get(name, target)
    if target.stat().st_size != size_bytes:
        raise RunError(
            f"{storage.shown}/{name} has {target.stat().st_size} bytes where {size_bytes} were written"
        )
