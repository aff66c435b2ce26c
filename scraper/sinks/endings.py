"""Which endings of files name a format; ``formats`` has what makes each, and loads their libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import PurePath

JSON_LINES: Final = (".jsonl", ".ndjson")
"""Formats that a journal itself is in."""
RECORDS: Final = (*JSON_LINES, ".json", ".csv", ".parquet", ".sqlite")
"""Formats that hold records, and can be made of them at any time."""
ARCHIVE: Final = ".warc.gz"
"""What holds the pages themselves, and can only be written while they are fetched."""
ENDINGS: Final = (*RECORDS, ARCHIVE)


def ending_of(path: PurePath) -> str:
    """Return what of a file's name would name its format: ``.json``."""
    return ARCHIVE if path.name.endswith(ARCHIVE) else path.suffix
