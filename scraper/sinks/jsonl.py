"""The journal as a JSON Lines file: whole lines, appended in batches."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from typing import TYPE_CHECKING, Self

import aiofiles

from scraper.errors import SinkError, UsageError
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    async def create(cls, path: Path, *, is_output: bool = True) -> Self:
        """Begin a new journal; ``close`` it in the end.

        What a file of that name held is there until the first ``append``, so that a run that never
        comes to it costs nothing. A new one has the mode that the umask gives an output, and 0600 when
        it is none. The last part of ``path`` must be no link: one would have come there just now.

        Raises:
            UsageError: It can't be made there.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = await _open(path, is_output=is_output)
        except OSError as error:
            raise UsageError(f"can't write {path}: {_why(error)}") from error
        return cls(path, file, length=0, records=0)

    @classmethod
    async def reopen(cls, path: Path, *, length: int, is_output: bool = True) -> Self:
        """Open a journal to go on with, cut to ``length`` bytes; what is behind was never noted.

        Raises:
            UsageError: It is gone, can't be opened, or is not what the state says it is.
        """
        if not length:
            return await cls.create(path, is_output=is_output)
        try:
            file = await _open(path, is_there=True)
            try:
                # By the descriptor: what has the name by now may be another file.
                records = await asyncio.to_thread(_cut, path, file.fileno(), length=length)
            except BaseException:
                await file.close()
                raise
        except OSError as error:
            raise UsageError(f"can't go on with {path}: {_why(error)}") from error
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


async def _open(path: Path, *, is_output: bool = True, is_there: bool = False) -> AsyncFileIO:
    """Open a regular file to be read and appended to.

    Raises:
        OSError: It can't be, or is a link (``ELOOP``), or no file.
    """

    def opener(name: str, _flags: int) -> int:
        # Not to wait for the reader of a pipe that has come there since ``RunFiles.check``.
        flags = os.O_RDWR | os.O_APPEND | (0 if is_there else os.O_CREAT) | _NO_LINK
        descriptor = os.open(name, flags, 0o666 if is_output else 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no file", name)
        return descriptor

    # Unbuffered: a batch is one write, and nothing is left to flush when a write has failed.
    return await aiofiles.open(path, "a+b", buffering=0, opener=opener)


_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _why(error: OSError) -> str:
    return "it is a link by now" if error.errno == errno.ELOOP else str(error.strerror)


def _cut(path: Path, descriptor: int, *, length: int) -> int:
    """Cut a file to a length that ends a line; return how many lines are left."""
    size = os.fstat(descriptor).st_size
    if size < length:
        raise UsageError(
            f"{path} has {size} bytes where the unfinished run had written {length}: "
            "put it back, or start over with --fresh"
        )
    lines = 0
    os.lseek(descriptor, 0, os.SEEK_SET)
    left, last = length, b"\n"
    while left and (chunk := os.read(descriptor, min(left, 1 << 20))):
        left -= len(chunk)
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    if last != b"\n":
        raise UsageError(f"{path} is not what the unfinished run had written: start over with --fresh")
    os.ftruncate(descriptor, length)
    return lines


def write_json_lines(records: Iterable[bytes], target: Path) -> None:
    """Write records to another JSON Lines file, which appears whole or not at all.

    Blocking; memory does not depend on their number.

    Raises:
        SinkError: It can't be written; ``target`` is as it was.
    """
    with whole_file(target) as lines:
        lines.writelines(record + b"\n" for record in records)
