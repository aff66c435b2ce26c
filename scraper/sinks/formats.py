"""The formats that are made from a journal when a run is complete: one table, by the ending of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from scraper.errors import SinkError
from scraper.sinks import parquet, warc_records
from scraper.sinks.csv_table import write_csv
from scraper.sinks.endings import ARCHIVE, JSON_LINES
from scraper.sinks.json_array import write_json_array
from scraper.sinks.jsonl import write_json_lines
from scraper.sinks.lines import record_lines
from scraper.sinks.sqlite import write_sqlite
from scraper.sinks.whole_file import remove_torn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Format(NamedTuple):
    """How one format is made."""

    write: Callable[[Iterable[bytes], Path], None]
    """Writes records, given as JSON, to a file that appears whole or not at all; blocking."""
    require: Callable[[], None] | None = None
    """Raises a ``UsageError`` where a library is missing, without loading it."""


FORMATS: Final = {
    **dict.fromkeys(JSON_LINES, Format(write_json_lines)),
    ".json": Format(write_json_array),
    ".csv": Format(write_csv),
    ".parquet": Format(parquet.write_parquet, parquet.require_library),
    ".sqlite": Format(write_sqlite),
}


def require_format(ending: str) -> None:
    """Look for what a format needs, before anything is begun.

    Raises:
        UsageError: A library is missing; the message says how to install it.
    """
    if ending == ARCHIVE:
        warc_records.require_library()
        return
    if (require := FORMATS[ending].require) is not None:
        require()


def write_format(records: Iterable[bytes], target: Path, *, ending: str) -> None:
    """Write records to ``target`` in the format of an ending; nobody else may be writing there.

    Blocking; memory does not depend on their number. What a process that was killed at it left is removed.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
        msgspec.DecodeError: One of ``records`` is none.
    """
    remove_torn(target)
    FORMATS[ending].write(records, target)


def finalise(journal: Path, target: Path, *, ending: str, ordered: bool) -> None:
    """Make an output from a complete journal; see ``write_format`` and ``record_lines``."""
    try:
        with journal.open("rb") as lines:
            write_format(record_lines(lines, ordered=ordered), target, ending=ending)
    except OSError as error:
        raise SinkError(f"can't write {target}: {journal}: {error.strerror}") from error
