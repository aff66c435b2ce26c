"""A run whose records lie in several files, and the one file that says which these are.

Only what is named there counts, whatever else lies beside it: a part that somebody began and did not finish
has no name there. It is the run's file for every command that reads one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import UsageError
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PARTS_FILE = "parts.json"
"""Its name, in the folder of a run."""
BEGINNING = b'{"scraper_parts":'
"""By which it is known, whatever its name."""

_VERSION = 1
# Beside the file or in a folder there: one that comes from elsewhere reads nothing else.
_is_place = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*").fullmatch


class PartFile(msgspec.Struct, frozen=True, kw_only=True):
    """One part."""

    file: str
    """Relative to the folder of the file that names it."""
    records: int
    size_bytes: int


class PartsOfRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    scraper_parts: int = _VERSION
    run: str
    records: int
    parts: tuple[PartFile, ...]


def write_parts(path: Path, *, run: str, parts: Sequence[PartFile]) -> None:
    """Write the file, whole or not at all.

    Raises:
        SinkError: It can't be written.
    """
    with whole_file(path) as file:
        file.write(encoded_parts(run=run, parts=parts))


def encoded_parts(*, run: str, parts: Sequence[PartFile]) -> bytes:
    """Return what stands in the file."""
    total = sum(part.records for part in parts)
    return msgspec.json.encode(PartsOfRun(run=run, records=total, parts=tuple(parts))) + b"\n"


def read_parts(path: Path) -> PartsOfRun:
    """Return what the file says.

    Raises:
        UsageError: It is of another version, or names what it must not.
        msgspec.DecodeError: It is damaged.
        OSError: It can't be read.
    """
    return decoded_parts(path.read_bytes(), shown=str(path))


def decoded_parts(content: bytes, *, shown: str) -> PartsOfRun:
    """Return what the content of the file says; ``shown`` is what to call it.

    Raises:
        UsageError: It is of another version, or names what it must not.
        msgspec.DecodeError: It is damaged.
    """
    parts = msgspec.json.decode(content, type=PartsOfRun)
    if parts.scraper_parts != _VERSION:
        raise UsageError(f"{shown}: is of version {parts.scraper_parts}, and this program reads {_VERSION}")
    for part in parts.parts:
        if not _is_place(part.file):
            raise UsageError(f"{shown}: names {part.file!r}, which is not beside it")
    return parts


def part_files(path: Path) -> list[Path]:
    """Return the files of records, in the order of the parts.

    Raises:
        UsageError, msgspec.DecodeError, OSError: As ``read_parts``.
    """
    return [path.parent / part.file for part in read_parts(path).parts]


def part_lines(path: Path) -> Iterator[bytes]:
    """Give the records of all parts, one part after the other, without line ends.

    Raises:
        UsageError: A part is not there, or is not the one that was written.
        OSError: One can't be read.
    """
    for part in read_parts(path).parts:
        place = path.parent / part.file
        if not place.is_file():
            raise UsageError(f"{path}: its part {part.file} is not there")
        size_bytes = place.stat().st_size
        if size_bytes != part.size_bytes:
            raise UsageError(
                f"{place}: has {size_bytes} bytes where {part.size_bytes} were written: it was changed"
            )
        with place.open("rb") as lines:
            yield from map(bytes.rstrip, lines)
