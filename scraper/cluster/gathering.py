"""The end of a run in parts: the parts that count, put where they stay, or into one file of each format.

Each step may be repeated: whoever goes on after a crash does them all again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from scraper.cluster import checkpoint
from scraper.cluster.checkpoint import PARTS as _KEPT
from scraper.cluster.joined_archive import join_archives
from scraper.cluster.places import ShardPlace
from scraper.cluster.storage import all_at_once
from scraper.errors import CountMismatch, RunError, UsageError
from scraper.export import write_outputs
from scraper.run.parts import PARTS_FILE, PartFile, decoded_parts, encoded_parts, write_parts
from scraper.run.share import RECORDS, archive_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scraper.cluster.checkpoint import Segment
    from scraper.cluster.job_place import JobPlace
    from scraper.cluster.manifest import Shard
    from scraper.cluster.storage import Store
    from scraper.settings.model import Settings

_is_segment = re.compile(r"([0-9]{8}T[0-9]{6}Z-[0-9a-f]{6})-[0-9]{5}-[0-9]{6}-[0-9]{6}\.jsonl").fullmatch
_is_part = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}-[0-9]{5}\.jsonl").fullmatch


def check_counts(shards: Sequence[Shard], *, lines: int) -> None:
    """Make sure that what all parts wrote together is what they were given and found.

    Raises:
        CountMismatch: It is not, which is a bug.
    """
    records = sum(shard.figures.done for shard in shards)
    found = sum(shard.figures.found for shard in shards)
    if records != lines + found:
        raise CountMismatch(
            f"{lines} lines were read and {found} found, but {records} records written: "
            "please report this bug"
        )


def gather(
    place: JobPlace, shards: Sequence[Shard], *, run: str, settings: Settings, replaces: str = ""
) -> None:
    """Put the records of complete parts where they belong, and their archives. Blocking.

    ``replaces`` is the run that was there before, empty for none.

    Raises:
        RunError: Something can't be written; all that is needed to do it again is still there.
    """
    written = [shard for shard in shards if shard.figures.done]
    try:
        if place.store:
            _keep_in_store(place.store, written, run=run, under=place.under(run), replaces=replaces)
        elif place.files is None:
            _keep(place, written, run=run)
        else:
            named = [_part(place.work, shard) for shard in written]
            write_parts(place.parts, run=run, parts=[part for part, _ in named])
            write_outputs(place.parts, place.files, ordered=place.files.ordered)
            if place.files.archive:
                begun = [shard for shard in shards if shard.folder]
                archives = [
                    ShardPlace(place.work, shard.shard).folder / shard.folder / archive_name(run, shard.shard)
                    for shard in begun
                ]
                join_archives(archives, place.files.archive, run=run, settings=settings)
    except OSError as error:
        raise RunError(f"can't put {place.name} together: {error.strerror or error}") from error


def _keep(place: JobPlace, shards: Sequence[Shard], *, run: str) -> None:
    folder = place.parts.parent / _KEPT
    folder.mkdir(exist_ok=True)
    kept = []
    for shard in shards:
        part, records = _part(place.work, shard, kept=folder)
        # The run is in the name: those of a run before this one stay whole until this one's are named.
        target = folder / f"{run}-{shard.shard:05}.jsonl"
        if records.exists():
            records.replace(target)
        kept.append(PartFile(file=f"{_KEPT}/{target.name}", records=part.records, size_bytes=part.size_bytes))
    write_parts(place.parts, run=run, parts=kept)
    names = {part.file for part in kept}
    for old in folder.iterdir():  # of a run that this one was to replace
        if f"{_KEPT}/{old.name}" not in names and _is_part(old.name):
            old.unlink()


def run_in(store: Store) -> str:
    """Return the run whose records are in a store, empty for none.

    Raises:
        UsageError: What is there is of something else.
        OSError: It can't be asked.
    """
    try:
        parts = decoded_parts(store.read(PARTS_FILE), shown=f"{store}/{PARTS_FILE}")
    except FileNotFoundError:
        return ""
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{store}/{PARTS_FILE} is not of a run: remove it, or name another output"
        ) from error
    return parts.run


def _keep_in_store(store: Store, shards: Sequence[Shard], *, run: str, under: str, replaces: str) -> None:
    """Name the parts' records, which are where they stay, and remove what is not named."""
    there = run_in(store)
    if there not in {run, replaces, ""}:
        raise RunError(f"{store} has the records of another run by now ({there}): --fresh replaces them")
    if there != run:
        kept = [
            PartFile(file=f"{_KEPT}/{one.name}", records=one.records, size_bytes=one.size_bytes)
            for shard in shards
            for one in _segments(ShardPlace(store, shard.shard, under=under), shard)
        ]
        store.write(PARTS_FILE, encoded_parts(run=run, parts=kept))
    named = {part.file for part in decoded_parts(store.read(PARTS_FILE), shown=str(store)).parts}
    # Of ours what attempts have left that do not count, and the run that this one was to replace.
    old = [
        f"{_KEPT}/{name}"
        for name in store.names(_KEPT)
        if (match := _is_segment(name)) and match[1] in {run, replaces} and f"{_KEPT}/{name}" not in named
    ]
    all_at_once(store, store.delete, old)


def _segments(place: ShardPlace, shard: Shard) -> Sequence[Segment]:
    """Return what the records of a complete part are in."""
    segments = checkpoint.read(place, shard.folder).segments
    told = (shard.figures.done, shard.figures.output_bytes)
    if (sum(one.records for one in segments), sum(one.size_bytes for one in segments)) != told:
        raise RunError(f"{place.shown}/{shard.folder} is not what was written there: start over with --fresh")
    return segments


def remove_segments(store: Store, *, run: str) -> None:
    """Remove the records of a run that nothing names.

    Raises:
        OSError: They can't be removed.
    """
    names = [name for name in store.names(_KEPT) if (match := _is_segment(name)) and match[1] == run]
    all_at_once(store, lambda name: store.delete(f"{_KEPT}/{name}"), names)


def _part(work: Path, shard: Shard, *, kept: Path | None = None) -> tuple[PartFile, Path]:
    """Return what the manifest says of a part's records, and where they are."""
    records = ShardPlace(work, shard.shard).folder / shard.folder / RECORDS
    if kept is None and records.stat().st_size < shard.figures.output_bytes:
        raise RunError(f"{records} is not what was written there: start over with --fresh")
    return (
        PartFile(
            file=str(records.relative_to(work)),
            records=shard.figures.done,
            size_bytes=shard.figures.output_bytes,
        ),
        records,
    )
