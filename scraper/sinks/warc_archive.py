"""The archive of a run: files of WARC records that grow while it goes on, beside the journal.

Exchanges come one after the other, each as a whole group of records, which is written before anything
follows from the exchange. So whatever moment the process dies at, all that the journal tells of is there;
and what is torn, or was cut off by a disk that is full, is at the end and is cut away on resuming.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import stat
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

from scraper.clock import rfc3339
from scraper.errors import SinkError, UsageError
from scraper.exchange import ArchiveEnd
from scraper.sinks.archive_files import further_files, numbered
from scraper.sinks.warc_records import WarcRecords

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from scraper.clock import Clock

Result = TypeVar("Result")

_READ_BYTES = 1 << 16
_HEAD_BYTES = 1 << 12
"""So much of a record is looked at to know what it is."""
_is_end_of_group = re.compile(rb"WARC/1\.1\r\n(?:.+\r\n)*?WARC-Type: (?:metadata|warcinfo)\r\n").match
_FLAGS = (
    os.O_RDWR
    | os.O_APPEND
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class WarcArchive:
    """Takes groups of records. Any number of tasks may put at the same time; one thread writes.

    ``open`` gives one; ``close`` it in the end.
    """

    def __init__(
        self,
        first: Path,
        *,
        most_bytes: int,
        facts: Mapping[str, str],
        clock: Clock,
        begins: Callable[[ArchiveEnd], Awaitable[None]],
    ) -> None:
        self._first = first
        self._most_bytes = most_bytes
        self._facts = facts
        self._clock = clock
        self._begins = begins
        self._records = WarcRecords()
        self._number = 0
        self._length = 0
        self._has_groups = False
        """The file that is being written has one; else no further file is begun."""
        self._descriptor = -1
        self._broken: SinkError | None = None
        self._is_begun = False
        self._beginning = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")

    @classmethod
    async def open(
        cls,
        first: Path,
        *,
        noted: ArchiveEnd | None,
        most_bytes: int,
        facts: Mapping[str, str],
        clock: Clock,
        begins: Callable[[ArchiveEnd], Awaitable[None]],
    ) -> Self:
        """Open an archive to go on with, or a new one.

        What files of these names held is there until the first record, so that a run that never comes to
        one costs nothing.

        Args:
            first: The path of its first file.
            noted: How far it had come at least, ``None`` for a new one. What is behind is kept as far as
                it is whole.
            most_bytes: A further file is begun when one would become longer.
            facts: What the ``warcinfo`` of each file says.
            clock: Tells the time of these.
            begins: Is awaited when a new archive has its first record; to be noted before anything else.

        Raises:
            UsageError: It can't be opened there, or is not what was noted; or warcio is missing.
        """
        archive = cls(first, most_bytes=most_bytes, facts=facts, clock=clock, begins=begins)
        try:
            await archive._in_thread(lambda: archive._reopen(noted))
        except BaseException:
            if archive._descriptor >= 0:
                os.close(archive._descriptor)
            archive._thread.shutdown(wait=False)
            raise
        return archive

    async def put(self, make: Callable[[], bytes]) -> None:
        """Append the group of records that a function makes; both is done in the archive's thread.

        Raises:
            SinkError: The disk is full or fails; from then on always.
        """
        if not self._is_begun:
            await self.begin()
        await self._in_thread(lambda: self._append(make()))

    async def begin(self) -> None:
        """Have the archive there, if it has nothing yet; in place of what its files held before.

        Raises:
            SinkError: It can't be written.
        """
        async with self._beginning:
            if not self._is_begun:
                await self._in_thread(self._start)
                await self._begins(ArchiveEnd(0, self._length))
                self._is_begun = True

    async def sync(self) -> ArchiveEnd | None:
        """Make durable what has been put; return how far the archive has come, ``None`` if it has nothing.

        Raises:
            SinkError: The disk fails.
        """
        return await self._in_thread(self._sync) if self._is_begun else None

    async def close(self) -> None:
        """Close the file; a new archive that has come to nothing leaves none."""
        try:
            await self._in_thread(self._close)
        finally:
            self._thread.shutdown(wait=False)

    async def _in_thread(self, act: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    # --- in the thread ----------------------------------------------------------------------------

    def _reopen(self, noted: ArchiveEnd | None) -> None:
        path = numbered(self._first, noted.file) if noted else self._first
        try:
            self._first.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = _opened(path, make=noted is None)
            if noted is None:
                return
            self._number, self._length = noted
            self._find_end(path)
        except OSError as error:
            verb = "go on with" if noted else "write"
            raise UsageError(f"can't {verb} {path}: {_why(error)}") from error
        self._is_begun = True

    def _find_end(self, path: Path) -> None:
        """Go to the end of the last whole group, in this file or in those after it; cut off what is torn."""
        size = os.fstat(self._descriptor).st_size
        if size < self._length:
            raise UsageError(
                f"{path} has {size} bytes where the unfinished run had written {self._length}: "
                "put it back, or start over with --fresh"
            )
        end = _whole_up_to(self._descriptor, self._length)
        following = numbered(self._first, self._number + 1)
        if end == size and os.path.lexists(following):
            os.close(self._descriptor)
            self._descriptor = _opened(following)
            self._number, self._length = self._number + 1, 0
            self._find_end(following)
            return
        os.ftruncate(self._descriptor, end)
        self._length, self._has_groups = end, end > 0

    def _start(self) -> None:
        try:
            os.ftruncate(self._descriptor, 0)
            for path in further_files(self._first):
                path.unlink()
        except OSError as error:
            raise SinkError(f"can't write {self._first}: {error.strerror}") from error
        self._write_opening()
        self._sync()

    def _append(self, group: bytes) -> None:
        if self._length + len(group) > self._most_bytes and self._has_groups:
            self._rotate()
        if not self._length:  # the process died when it had just made the file
            self._write_opening()
        self._write(group)
        self._has_groups = True

    def _rotate(self) -> None:
        """Begin a further file. The one before is safe by then: on resuming it counts as whole."""
        self._sync()
        path = numbered(self._first, self._number + 1)
        try:
            made = _opened(path, make=True, is_new=True)
        except OSError as error:
            raise SinkError(f"can't write {path}: {_why(error)}") from error
        os.close(self._descriptor)
        self._descriptor = made
        self._number, self._length, self._has_groups = self._number + 1, 0, False
        self._write_opening()

    def _write_opening(self) -> None:
        name = numbered(self._first, self._number).name
        date = rfc3339(self._clock.utc())
        self._write(self._records.opening(name, date=date, facts=self._facts))

    def _write(self, data: bytes) -> None:
        if self._broken is not None:  # what came behind a torn record could not be read
            raise self._broken
        rest = memoryview(data)
        try:
            while rest:  # a raw write may take less than it was given, as on a disk just filled
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
            path = numbered(self._first, self._number)
            self._broken = SinkError(f"can't write {path}: {error.strerror}")
            raise self._broken from error
        self._length += len(data)

    def _sync(self) -> ArchiveEnd:
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            path = numbered(self._first, self._number)
            raise SinkError(f"can't write {path}: {error.strerror}") from error
        return ArchiveEnd(self._number, self._length)

    def _close(self) -> None:
        is_empty = not os.fstat(self._descriptor).st_size
        os.close(self._descriptor)
        if is_empty and not self._is_begun:
            self._first.unlink(missing_ok=True)


def _opened(path: Path, *, make: bool = False, is_new: bool = False) -> int:
    """Open a regular file to be read and appended to; ``is_new`` takes none that is there.

    Raises:
        OSError: It can't be, or is a link (``ELOOP``), or no file.
    """
    flags = _FLAGS | (os.O_CREAT if make else 0) | (os.O_EXCL if is_new else 0)
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return descriptor


def _why(error: OSError) -> str:
    return "it is a link by now" if error.errno == errno.ELOOP else str(error.strerror)


def _whole_up_to(descriptor: int, start: int) -> int:
    """Return where the last group of records ends that is whole, from one that begins at ``start`` on."""
    os.lseek(descriptor, start, os.SEEK_SET)
    whole = read_up_to = start
    data, head = b"", b""
    member = zlib.decompressobj(wbits=31)
    while True:
        if not data:
            data = os.read(descriptor, _READ_BYTES)
            if not data:
                return whole
            read_up_to += len(data)
        try:
            out = member.decompress(data, _READ_BYTES)
        except zlib.error:
            return whole
        head += out[: _HEAD_BYTES - len(head)]
        data = member.unused_data if member.eof else member.unconsumed_tail
        if member.eof:
            if _is_end_of_group(head):
                whole = read_up_to - len(data)
            member, head = zlib.decompressobj(wbits=31), b""
