"""The bytes of an archive, unpacked a bounded step at a time, with the places that can be come back to.

An archive is plain, or gzip with a member for each record (WARC 1.1, annex D) or one for all. Blocking.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

GZIP_MAGIC = b"\x1f\x8b\x08"
_CHUNK_BYTES = 64 * 1024
_RATIO_FREE_BYTES = 64 * 1024 * 1024
_MOST_RATIO = 200
"""From 64 MiB on, no more of a member is unpacked than so many times its bytes: what is skipped of a bomb
takes time as well. Films do not compress, and pages of that size do not come near."""
_MOST_READ = 4
"""So many times the archive's own size is read of it altogether, for what has to be searched again behind
damage. Damage within damage could make it quadratic."""
_READ_FREE_BYTES = 64 * 1024 * 1024
_HEAD_BYTES = 64


class Torn(Exception):
    """Here the archive is not what it should be; the message says what is wrong."""


class Exhausted(Torn):
    """So much of the archive is damaged that the rest is not worth the reading."""


class Unpacked:
    """Reads one file. Not for use in several threads; whoever opened the file closes it."""

    def __init__(self, file: BinaryIO) -> None:
        """Take a file at the place where a record begins, or at its beginning."""
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._raw = b""
        """Read and not unpacked yet."""
        self._raw_at = file.tell()
        """Where ``_raw`` begins."""
        self._ready = bytearray()
        """Unpacked and not taken yet."""
        self._at = self._raw_at
        """Where ``_ready`` begins, of a plain file."""
        self._read_bytes = 0
        self._inflate: zlib._Decompress | None = None
        self._member_at = self._raw_at
        self._member_out = 0
        self._taken = 0
        """Of the member."""
        self._is_torn = False
        """The member can't be unpacked any further."""
        self.is_gzip = self._peek(len(GZIP_MAGIC)) == GZIP_MAGIC

    @property
    def place(self) -> int | None:
        """Where what comes next can be come back to, ``None`` when it is inside of a member."""
        if not self.is_gzip:
            return self._at
        return self._member_at if not self._taken else None

    @property
    def shown_place(self) -> int:
        """Where in the file we are, for people."""
        return self._at if not self.is_gzip else self._member_at

    @property
    def read_share(self) -> float:
        """How much of the file lies behind us, from 0 to 1."""
        return min(1.0, self._raw_at / self._size) if self._size else 1.0

    def begin(self) -> bool:
        """Get ready for what comes next, a further member if this one is at its end; ``False`` at the end.

        Raises:
            Torn: There is something that is no member.
        """
        if not self.is_gzip:
            return bool(self._ready) or self._fill()
        while not self._ready:
            if self._inflate is None:
                if not self._begin_member():
                    return False
            else:
                self._fill()
        return True

    def read(self, most: int) -> bytes:
        """Return up to ``most`` bytes; fewer at the end of the file or of a member.

        Raises:
            Torn: They can't be unpacked.
        """
        if not self._ready and not self._fill():
            return b""
        taken = bytes(self._ready[:most])
        self._take(len(taken))
        return taken

    def read_into(self, kept: bytearray, size: int) -> None:
        """Read ``size`` bytes into ``kept``; fewer at the end, as by ``read``, and up to what is torn."""
        while size and (part := self.read(min(size, _CHUNK_BYTES))):
            kept += part
            size -= len(part)

    def readline(self, most: int) -> bytes:
        """Return a line with its end, or ``most`` bytes of it, or what is left.

        Raises:
            Torn: It can't be unpacked.
        """
        searched = 0
        while (end := self._ready.find(b"\n", searched, most)) < 0:
            searched = len(self._ready)
            if searched >= most or not self._fill():
                end = min(len(self._ready), most) - 1
                break
        line = bytes(self._ready[: end + 1])
        self._take(len(line))
        return line

    def skip(self, size: int) -> int:
        """Pass over ``size`` bytes; return how many there were.

        Raises:
            Torn: They can't be unpacked.
        """
        passed = min(size, len(self._ready))
        self._take(passed)
        if not self.is_gzip and passed < size:
            self._raw = b""
            there = max(0, min(size - passed, self._size - self._at))
            self._go_to(self._at + there)
            return passed + there
        while passed < size and (part := self.read(min(size - passed, _CHUNK_BYTES))):
            passed += len(part)
        return passed

    def peek(self, size: int) -> bytes:
        """Return what comes next without taking it; less at the end of the file or of a member."""
        while len(self._ready) < size and self._fill():
            pass
        return bytes(self._ready[:size])

    def seek_record(self, start: int, begins: bytes) -> bool:
        """Go to the next place from ``start`` on where a record begins; ``False`` when there is none.

        Args:
            start: Of a plain file where to search from. Of gzip that is the rest of the member, if it can
                be unpacked, and then the members behind it.
            begins: What a record begins with.

        Raises:
            Exhausted: Too much was read again already.
        """
        if self.is_gzip:
            if not self._is_torn:
                try:
                    self._search(begins)  # one member may hold several; else it is at its end now
                except Exhausted:
                    raise
                except Torn:
                    pass
                else:
                    return True
            return self._seek_member(begins)
        self._go_to(start)
        return self._search(begins)

    # --- below: what is behind it -----------------------------------------------------------------

    def _search(self, begins: bytes) -> bool:
        """Go to where a line begins so; ``False`` at the end of the file or of the member."""
        keep = len(begins) + 1
        while True:
            found = self._ready.find(b"\n" + begins)
            if found >= 0:
                self._take(found + 1)
                return True
            self._take(max(0, len(self._ready) - keep))
            if not self._fill():
                self._take(len(self._ready))
                return False

    def _seek_member(self, begins: bytes) -> bool:
        at = self._member_at + 1
        while True:
            self._go_to(at)
            found = self._find_magic()
            if found is None:
                self._go_to(self._size)
                return False
            self._go_to(found)
            head = self._peek(_CHUNK_BYTES)[:_HEAD_BYTES]
            try:
                if zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, len(begins)) in {begins, b""}:
                    return True
            except zlib.error:
                pass
            at = found + 1

    def _find_magic(self) -> int | None:
        while True:
            found = self._raw.find(GZIP_MAGIC)
            if found >= 0:
                return self._raw_at + found
            kept = self._raw[-(len(GZIP_MAGIC) - 1) :]
            more = self._file.read(_CHUNK_BYTES)
            if not more:
                return None
            self._count(len(more))
            self._raw_at += len(self._raw) - len(kept)
            self._raw = kept + more

    def _begin_member(self) -> bool:
        """Begin a further member; what fills a file up with zeros is passed over."""
        while True:
            head = self._peek(len(GZIP_MAGIC))
            if not head:
                return False
            if head == GZIP_MAGIC:
                break
            self._member_at = self._raw_at
            if self._raw.strip(b"\0"):
                if self._raw.startswith(b"\0"):
                    stripped = self._raw.lstrip(b"\0")
                    self._raw_at += len(self._raw) - len(stripped)
                    self._raw = stripped
                    continue
                self._member_at -= 1  # a member may begin right here
                raise self._torn("what should be a compressed record is none")
            self._raw_at += len(self._raw)
            self._raw = b""
        self._member_at, self._member_out, self._taken = self._raw_at, 0, 0
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return True

    def _fill(self) -> bool:
        """Get more ready; ``False`` at the end of the file or of the member."""
        if not self.is_gzip:
            if not self._raw:
                self._raw = self._file.read(_CHUNK_BYTES)
                self._count(len(self._raw))
            self._raw_at += len(self._raw)
            self._ready += self._raw
            is_more, self._raw = bool(self._raw), b""
            return is_more
        while self._inflate is not None:
            before = len(self._ready)
            if not self._raw and not self._peek(1):
                raise self._torn("it ends within a compressed record")
            try:
                self._ready += self._inflate.decompress(self._raw, _CHUNK_BYTES)
            except zlib.error as error:
                why = str(error).rpartition(": ")[2]
                raise self._torn(f"it can't be unpacked ({why})") from error
            rest = self._inflate.unconsumed_tail or self._inflate.unused_data
            self._raw_at += len(self._raw) - len(rest)
            self._raw = rest
            self._member_out += len(self._ready) - before
            if self._inflate.eof:
                self._inflate = None
            self._check_ratio()
            if len(self._ready) > before:
                return True
        return False

    def _check_ratio(self) -> None:
        packed = self._raw_at - self._member_at
        if self._member_out > _RATIO_FREE_BYTES and self._member_out > _MOST_RATIO * packed:
            self._ready.clear()
            raise self._torn(f"a record unpacks to more than {_MOST_RATIO} times its size")

    def _torn(self, why: str) -> Torn:
        self._inflate, self._is_torn = None, True
        return Torn(why)

    def _take(self, size: int) -> None:
        del self._ready[:size]
        self._at += size
        self._taken += size

    def _peek(self, size: int) -> bytes:
        """Return the next bytes of the file as they are."""
        while len(self._raw) < size:
            more = self._file.read(_CHUNK_BYTES)
            if not more:
                break
            self._count(len(more))
            self._raw += more
        return self._raw[:size]

    def _go_to(self, at: int) -> None:
        self._file.seek(at)
        self._raw, self._raw_at, self._at = b"", at, at
        self._ready.clear()
        self._inflate, self._is_torn = None, False

    def _count(self, size: int) -> None:
        self._read_bytes += size
        if self._read_bytes > _READ_FREE_BYTES + _MOST_READ * self._size:
            raise Exhausted("so much of it is damaged that the rest is not read")
