"""The archives of all parts as one: one file after the other, in files as long as those of any other run.

A file of gzip members behind another one is a file of gzip members (RFC 1952, 2.2), and so one of WARC
records (WARC 1.1, annex D). Each keeps the ``warcinfo`` that it began with.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from scraper.clock import SystemClock, rfc3339
from scraper.sinks.archive_files import files_there, number_of, numbered
from scraper.sinks.whole_file import whole_file
from scraper.visit.assembly import archive_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scraper.settings.model import Settings

_COPIED_BYTES = 1 << 20


def join_archives(archives: Sequence[Path], first: Path, *, run: str, settings: Settings) -> None:
    """Put archives, each named by its first file, into one of that first file. Blocking; may be repeated.

    They stay where they are. A file that becomes one by itself is not copied where the file system can give
    it a second name.

    Raises:
        SinkError: One can't be written.
        OSError: One can't be read, or an old one can't be removed.
    """
    files = [file for archive in archives for file in files_there(archive)]
    last = 0
    for number, together in enumerate(_together(files, most_bytes=settings.output.warc_bytes)):
        _write(together, numbered(first, number))
        last = number
    if not files:
        from scraper.sinks.warc_records import WarcRecords  # noqa: PLC0415 - an extra

        facts, date = archive_facts(settings, run=run), rfc3339(SystemClock().utc())
        with whole_file(first) as file:
            file.write(WarcRecords().opening(first.name, date=date, facts=facts))
    for old in files_there(first):  # of a run that this one was to replace
        if (number_of(old, first=first) or 0) > last:
            old.unlink()


def _together(files: Sequence[Path], *, most_bytes: int) -> Iterator[list[Path]]:
    """Give the files that become one, in their order."""
    found: list[Path] = []
    length = 0
    for file in files:
        size = file.stat().st_size
        if found and length + size > most_bytes:
            yield found
            found, length = [], 0
        found.append(file)
        length += size
    if found:
        yield found


def _write(files: Sequence[Path], target: Path) -> None:
    if len(files) == 1 and _linked(files[0], target):
        return
    with whole_file(target) as whole:
        for path in files:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole, _COPIED_BYTES)


def _linked(file: Path, target: Path) -> bool:
    """Give a file a second name in place of whatever has it; return whether the file system could."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.link(file, temporary)
    except OSError:  # another file system, or one that knows no links
        return False
    try:
        temporary.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    return True
