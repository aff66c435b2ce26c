"""The bytes of a list as lines: read, gunzipped where they are gzip, cut at line ends.

Memory is bounded whatever the list holds: a chunk decompresses to ``CHUNK_BYTES`` at a time, and of a
line longer than ``MAX_LINE_BYTES`` only the first ``KEPT_BYTES`` are kept.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

from scraper.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 1024 * 1024
KEPT_BYTES = 64 * 1024
"""Long past the longest URL, so a line that was cut can't become a valid one."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class RawBytes(Protocol):
    """An unbuffered binary stream: ``io.FileIO``."""

    def read(self, size: int, /) -> bytes | None:
        """Read once; fewer bytes than asked for when no more are there yet, none at the end."""
        ...


def read_lines(
    raw: RawBytes,
    *,
    name: str,
    before_read: Callable[[], None] | None = None,
    note_bytes: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """Yield the lines of a list with their ends (LF, CRLF or CR), as soon as they are whole.

    A UTF-8 byte order mark is dropped. Gzip is known by its first bytes, not by the name, also of
    several members. ``before_read`` is called before each read of ``raw``, which may block, and
    ``note_bytes`` after it with the bytes read so far. Does not close ``raw``.

    Raises:
        SourceError: The bytes can't be read, the gzip data is corrupt or ends early (with the number
            of lines that were whole), or the list is UTF-16 or no text at all.
    """
    count = 0
    try:
        for line in _split(_without_bom(_gunzipped(_chunks(raw, before_read, note_bytes)))):
            yield line
            count += 1
    except (zlib.error, EOFError) as error:
        raise SourceError(f"{name}: broken gzip data after line {count}: {error}") from error
    except OSError as error:
        raise SourceError(f"{name}: can't be read after line {count}: {error.strerror}") from error
    except UnicodeError as error:
        raise SourceError(f"{name}: {error}; save the list as UTF-8 text") from error


def _chunks(
    raw: RawBytes, before_read: Callable[[], None] | None, note_bytes: Callable[[int], None] | None
) -> Iterator[bytes]:
    read_bytes = 0
    while True:
        if before_read is not None:
            before_read()
        chunk = raw.read(CHUNK_BYTES)
        if not chunk:
            return
        read_bytes += len(chunk)
        if note_bytes is not None:
            note_bytes(read_bytes)
        yield chunk


def _head(chunks: Iterator[bytes], *, size: int, while_like: tuple[bytes, ...]) -> bytes:
    """Return the beginning, read on to ``size`` bytes only while it may still become one of the marks."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size or not any(mark.startswith(head) for mark in while_like):
            break
    return head


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = _head(chunks, size=2, while_like=(_GZIP_MAGIC,))
    if not head.startswith(_GZIP_MAGIC):
        if head:
            yield head
        yield from chunks
        return
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    data: bytes | None = head
    while data is not None:
        while data:
            if inflater.eof:
                inflater = zlib.decompressobj(_GZIP_WINDOW)
            yield inflater.decompress(data, CHUNK_BYTES)
            data = inflater.unconsumed_tail
            if inflater.eof:  # zeros pad the file to a block, RFC 1952 2.2 allows members to follow
                data = inflater.unused_data.lstrip(b"\0")
        data = next(chunks, None)
        if data is not None and inflater.eof:
            data = data.lstrip(b"\0")
    if not inflater.eof:
        yield inflater.flush()
    if not inflater.eof:
        raise EOFError("the end is missing")


def _without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = _head(chunks, size=3, while_like=(_UTF8_BOM,))
    if head.startswith(_UTF16_BOMS):
        raise UnicodeError("the list is UTF-16")
    if b"\0" in head:  # a program, a picture, UTF-16 without a mark: each line of it would be a record
        raise UnicodeError("the list begins with NUL characters in it, as no text does")
    yield head.removeprefix(_UTF8_BOM)
    yield from chunks


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    skipping = False  # the rest of a line that was cut
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        # A CR at the end may be half of a CRLF.
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if lines and skipping:
            del lines[0]
            skipping = False
        if lines and len(lines[0]) > MAX_LINE_BYTES:
            lines[0] = lines[0][:KEPT_BYTES]
        yield from lines
        if skipping:
            rest = rest[-1:] if rest.endswith(b"\r") else b""
        elif len(rest) > MAX_LINE_BYTES:
            yield rest[:KEPT_BYTES]
            skipping = True
            rest = rest[-1:] if rest.endswith(b"\r") else b""
    if rest and not skipping:
        yield rest[:KEPT_BYTES] if len(rest) > MAX_LINE_BYTES else rest


def decoded(line: bytes) -> str:
    """Return a line as text; bytes that are no UTF-8 become U+FFFD, which makes a URL invalid."""
    return line.decode("utf-8", "replace")
