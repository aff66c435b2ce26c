"""The files of an archive: the first has the name that the user gave, the others a number in it.

``pages.warc.gz``, ``pages-00001.warc.gz``, ``pages-00002.warc.gz``, ...
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from scraper.sinks.endings import ARCHIVE

if TYPE_CHECKING:
    from pathlib import Path

LATE = "an archive is written while pages are fetched: give it to `scraper crawl` as one of its outputs"
"""Why none can be made of records."""
_is_number = re.compile(r"(?!0{5})\d{5}|[1-9]\d{5,8}", re.ASCII).fullmatch


def numbered(first: Path, number: int) -> Path:
    """Return the path of one of an archive's files, by its number from 0."""
    if not number:
        return first
    return first.with_name(f"{first.name.removesuffix(ARCHIVE)}-{number:05}{ARCHIVE}")


def number_of(path: Path, *, first: Path) -> int | None:
    """Return which of an archive's files a path names, ``None`` for none of them."""
    if path.name == first.name:
        return 0
    begins = first.name.removesuffix(ARCHIVE) + "-"
    text = path.name.removeprefix(begins).removesuffix(ARCHIVE)
    return int(text) if path.name == f"{begins}{text}{ARCHIVE}" and _is_number(text) else None


def files_there(first: Path) -> list[Path]:
    """Return the files of an archive that are there, in their order; whatever they may be."""
    with contextlib.suppress(OSError):
        found = ((number_of(path, first=first), path) for path in first.parent.iterdir())
        return [path for _, path in sorted((number, path) for number, path in found if number is not None)]
    return []


def further_files(first: Path) -> list[Path]:
    """Return the files of an archive that are there but for the first."""
    return [path for path in files_there(first) if path.name != first.name]
