"""The content codings of RFC 9110 section 8.4.1, each undone a bounded step at a time.

Pure: bytes in, bytes out. No step gives more than it was allowed to.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Protocol

import brotli  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ACCEPTED = "gzip, deflate, br, zstd"
"""The codings that can be undone, as a request says it."""

_MOST_CODINGS = 5
"""curl's limit as well. A header of 64 KiB could name thousands, each with a decoder's memory."""
_MOST_PARTS = 4096
"""Members of gzip, frames of zstd. Empty ones cost 9 bytes and a decoder each: measured, 256 KiB of
them held the event loop for half a second."""
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""A frame may ask for a window of 8 MiB and no more (RFC 9659 section 3); the library's own limit
of 128 MiB would be allocated before the first byte comes out."""
_KNOWN_NOT_UNDONE = frozenset(
    {
        # IANA's registry of content codings,
        *("aes128gcm", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"),
        # and compressors that servers name without being in it.
        *("bzip2", "x-bzip2", "lz4", "lzma", "sdch", "snappy", "xz"),
    }
)

ERRORS = (zlib.error, brotli.error, zstd.ZstdError)
"""What the libraries raise when data is not what it is said to be."""


class BadEncoding(Exception):
    """The body is not what its content encoding says, or nothing here can undo it."""


class Decoder(Protocol):
    """One coding being undone."""

    held: bytes
    """Taken in and not yet decoded."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """Return up to ``limit`` bytes of what ``data`` and what was held back before give.

        Raises:
            BadEncoding: There are too many parts; and one of ``ERRORS``.
        """
        ...

    @property
    def is_whole(self) -> bool:
        """Whether the coded stream came to its proper end."""
        ...


def codings_of(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Give what a body was coded with, in its order: for transfer it was packed last (RFC 9112 section 7).

    Only those that curl undoes too; browsers ignore all others, and nobody is asked to send any.
    """
    fields = [(name.lower(), value) for name, value in headers]
    for name, value in fields:
        if name == "content-encoding":
            yield value
    for name, value in fields:
        if name == "transfer-encoding":
            parts = (part.strip().lower() for part in value.split(","))
            yield from (part for part in parts if part in {"gzip", "x-gzip", "deflate"})


def decoders_for(content_encoding: str) -> list[Decoder]:
    """Return what undoes the value of a ``Content-Encoding`` header, in the order of undoing.

    A label that is no coding at all (``utf-8``, ``none``, ``text/html``) is passed over, as Chrome does:
    servers send such things with plain pages. A parameter (``gzip;q=1``) says nothing.

    Raises:
        BadEncoding: There is a coding that can't be undone, or there are too many.
    """
    if not content_encoding:
        return []
    labels = [part.partition(";")[0].strip() for part in content_encoding.lower().split(",")]
    refused = [label for label in labels if label in _KNOWN_NOT_UNDONE]
    if refused:
        raise BadEncoding(f"content encoding {refused[0]!r} can't be undone")
    codings = [label for label in labels if label in _DECODERS]
    if len(codings) > _MOST_CODINGS:
        raise BadEncoding(f"{len(codings)} content encodings on top of each other")
    codings.reverse()
    decoders: list[Decoder] = []
    for place, coding in enumerate(codings):
        is_repeated = place > 0 and _DECODERS[coding] is _DECODERS[codings[place - 1]] is _Gzip
        decoders.append(_Gzip(is_optional=True) if is_repeated else _DECODERS[coding]())
    return decoders


def _counted(parts: int) -> int:
    """Return one more than the members or frames there were.

    Raises:
        BadEncoding: There are too many.
    """
    if parts == _MOST_PARTS:
        raise BadEncoding(f"compressed in more than {_MOST_PARTS} parts")
    return parts + 1


class _Gzip:
    """gzip, of one or several members; what follows the last and is no member is ignored.

    ``is_optional``: what is not gzip is passed on. Where ``gzip`` is said twice, a proxy has often added
    the header once more and not the coding.
    """

    def __init__(self, *, is_optional: bool = False) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._is_optional = is_optional
        """Still to be found out; no bytes at all are a whole body then."""
        self._is_plain = False
        self._is_over = False
        self._members = 1
        self.held = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        if self._is_over:
            return b""
        data = self.held + data
        self.held = b""
        if self._is_optional and not self._is_told(data):
            return b""
        if self._is_plain:
            self.held = data[limit:]
            return data[:limit]
        if self._inflate.eof:
            if len(data) < len(_GZIP_MAGIC) and _GZIP_MAGIC.startswith(data):
                self.held = data  # perhaps the first byte of another member
                return b""
            if not data.startswith(_GZIP_MAGIC):
                self._is_over = True
                return b""
            self._members = _counted(self._members)
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        out = self._inflate.decompress(data, limit)
        self.held = self._inflate.unused_data or self._inflate.unconsumed_tail  # one of them is empty
        return out

    def _is_told(self, data: bytes) -> bool:
        """Return whether the first bytes have told if this is gzip; they are held until they have."""
        if len(data) < len(_GZIP_MAGIC) and _GZIP_MAGIC.startswith(data):
            self.held = data
            return False
        self._is_optional = False
        self._is_plain = not data.startswith(_GZIP_MAGIC)
        return True

    @property
    def is_whole(self) -> bool:
        return self._is_plain or self._inflate.eof or (self._is_optional and not self.held)


class _Deflate:
    """``deflate``: the zlib format by the standard, raw deflate by habit of some servers."""

    def __init__(self) -> None:
        self._inflate: zlib._Decompress | None = None
        self.held = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        data = self.held + data
        if self._inflate is None:
            if len(data) < 2:  # noqa: PLR2004 the zlib header's two bytes (RFC 1950 section 2.2)
                self.held = data
                return b""
            is_zlib = data[0] & 0x0F == zlib.DEFLATED and (data[0] << 8 | data[1]) % 31 == 0
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        if self._inflate.eof:
            self.held = b""
            return b""
        out = self._inflate.decompress(data, limit)
        self.held = self._inflate.unconsumed_tail
        return out

    @property
    def is_whole(self) -> bool:
        return self._inflate is not None and self._inflate.eof


class _Brotli:
    """br (RFC 7932).

    The library knows no window over its 16 MiB: large-window brotli is an error. So is anything behind the
    end, which browsers ignore: the library then gives nothing of what came with it.
    """

    def __init__(self) -> None:
        self._inflate = brotli.Decompressor()
        self.held = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        if self._inflate.is_finished():
            if data:
                raise brotli.error("more bytes behind the end of the brotli stream")
            return b""
        self.held += data
        if self._inflate.can_accept_more_data():
            data, self.held = self.held, b""
        else:
            data = b""
        return bytes(self._inflate.process(data, output_buffer_limit=limit))

    @property
    def is_whole(self) -> bool:
        return bool(self._inflate.is_finished())


class _Zstandard:
    """zstd (RFC 8878), of one or several frames."""

    def __init__(self) -> None:
        self._inflate = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        self._frames = 1
        self.held = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        self.held += data
        if self._inflate.eof:
            if not self.held:
                return b""
            self._frames = _counted(self._frames)
            self._inflate = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        data, self.held = (self.held, b"") if self._inflate.needs_input else (b"", self.held)
        out = self._inflate.decompress(data, max_length=limit)
        if self._inflate.eof:
            self.held = self._inflate.unused_data + self.held
        return out

    @property
    def is_whole(self) -> bool:
        return self._inflate.eof


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstandard,
}
