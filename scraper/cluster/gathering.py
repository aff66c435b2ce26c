"""The end of a run in parts: the parts that count, put where they stay, or into one file of each format.

Each step may be repeated: whoever goes on after a crash does them all again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scraper.cluster.joined_archive import join_archives
from scraper.cluster.places import ShardPlace
from scraper.errors import CountMismatch, RunError
from scraper.export import write_outputs
from scraper.run.parts import PartFile, write_parts
from scraper.run.share import RECORDS, archive_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scraper.cluster.job_place import JobPlace
    from scraper.cluster.manifest import Shard
    from scraper.settings.model import Settings

_KEPT = "parts"
"""The folder that parts stay in."""
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


def gather(place: JobPlace, shards: Sequence[Shard], *, run: str, settings: Settings) -> None:
    """Put the records of complete parts where they belong, and their archives. Blocking.

    Raises:
        RunError: Something can't be written; all that is needed to do it again is still there.
    """
    written = [shard for shard in shards if shard.figures.done]
    try:
        if place.files is None:
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
        raise RunError(f"can't put {place.name} together: {error.strerror}") from error


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
