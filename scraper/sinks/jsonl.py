"""The journal as a JSON Lines file: whole lines, appended in batches."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING, Self

import aiofiles

from scraper.errors import SinkError, UsageError
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aiofiles.threadpool.binary import AsyncFileIO


class JsonLinesJournal:
    """A file that grows by batches of whole lines, each batch synced before it counts."""

    def __init__(self, path: Path, file: AsyncFileIO, *, length: int, records: int) -> None:
        self._path = path
        self._file = file
        self._length = length
        self.records = records

    @classmethod
    async def create(cls, path: Path) -> Self:
        """Begin a new journal; ``close`` it in the end.

        What a file of that name held is there until the first ``append``, so that a run that never
        comes to it costs nothing.

        Raises:
            UsageError: It can't be made there.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a batch is one write, and nothing is left to flush when a write has failed.
            file = await aiofiles.open(path, "ab", buffering=0)
        except OSError as error:
            raise UsageError(f"can't write {path}: {error.strerror}") from error
        return cls(path, file, length=0, records=0)

    @classmethod
    async def reopen(cls, path: Path, *, length: int) -> Self:
        """Open a journal to go on with, cut to ``length`` bytes; what is behind was never noted.

        Raises:
            UsageError: It is gone, can't be opened, or is not what the state says it is.
        """
        try:
            if not length:
                return await cls.create(path)
            records = await asyncio.to_thread(_cut, path, length)
            file = await aiofiles.open(path, "ab", buffering=0)
        except OSError as error:
            raise UsageError(f"can't go on with {path}: {error.strerror}") from error
        return cls(path, file, length=length, records=records)

    async def append(self, lines: Sequence[bytes]) -> int:
        """Append whole lines and sync; return the file's length in bytes.

        Raises:
            SinkError: The disk is full or fails. The file may then end in a torn line, which
                ``reopen`` cuts off.
        """
        batch = memoryview(b"".join(lines))
        size = len(batch)
        try:
            if not self._length:
                await self._file.truncate(0)
            while batch:  # a raw write may take less than it was given, as on a disk just filled
                batch = batch[await self._file.write(batch) :]
            await asyncio.to_thread(os.fsync, self._file.fileno())
        except OSError as error:
            raise SinkError(f"can't write {self._path}: {error.strerror}") from error
        self._length += size
        self.records += len(lines)
        return self._length

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()


def _cut(path: Path, length: int) -> int:
    """Cut a file to a length that ends a line; return how many lines are left."""
    size = path.stat().st_size
    if size < length:
        raise UsageError(
            f"{path} has {size} bytes where the unfinished run had written {length}: "
            "put it back, or start over with --fresh"
        )
    lines = 0
    with path.open("r+b") as file:
        left, last = length, b"\n"
        while left and (chunk := file.read(min(left, 1 << 20))):
            left -= len(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
        if last != b"\n":
            raise UsageError(f"{path} is not what the unfinished run had written: start over with --fresh")
        file.truncate(length)
    return lines


def copy_journal(journal: Path, target: Path) -> None:
    """Copy a complete journal to another JSON Lines file, which appears whole or not at all.

    Blocking.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    with whole_file(target) as copy, journal.open("rb") as lines:
        shutil.copyfileobj(lines, copy)
