"""Undoing a body's content encoding in bounded steps (RFC 9110 section 8.4).

Pure: bytes in, bytes out. No step gives more than it was allowed to, so a bomb costs no more memory
than the cap.
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
    from collections.abc import Sequence

ACCEPTED = "gzip, deflate, br, zstd"
"""The codings that can be undone, as a request says it."""

_STEP_BYTES = 1 << 16
_MOST_CODINGS = 5
"""curl's limit as well. A header of 64 KiB could name thousands, each with a decoder's memory."""
_MOST_PARTS = 4096
"""Members of gzip, frames of zstd. Empty ones cost 9 bytes and a decoder each: measured, 256 KiB of
them held the event loop for half a second."""
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}
"""A frame may ask for a window of 8 MiB and no more (RFC 9659 section 3); the library's own limit
of 128 MiB would be allocated before the first byte comes out."""


class BadEncoding(Exception):
    """The body is not what its content encoding says, or the coding is not known."""


class _Decoder(Protocol):
    """One coding being undone."""

    held: bytes
    """Taken in and not yet decoded."""

    def feed(self, data: bytes, limit: int) -> bytes:
        """Return up to ``limit`` bytes of what ``data`` and what was held back before give."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether the coded stream came to its proper end."""
        ...


def _counted(parts: int) -> int:
    """Return one more than the members or frames there were.

    Raises:
        BadEncoding: There are too many.
    """
    if parts == _MOST_PARTS:
        raise BadEncoding(f"compressed in more than {_MOST_PARTS} parts")
    return parts + 1


class _Gzip:
    """gzip, of one or several members; what follows the last and is no member is ignored."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._is_over = False
        self._members = 1
        self.held = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        if self._is_over:
            return b""
        data = self.held + data
        self.held = b""
        if self.is_whole:
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

    @property
    def is_whole(self) -> bool:
        return self._inflate.eof


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
    def __init__(self) -> None:
        self._inflate = brotli.Decompressor()
        self.held = b""

    def feed(self, data: bytes, limit: int) -> bytes:
        if self._inflate.is_finished():
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
    """zstd, of one or several frames."""

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


_DECODERS: dict[str, type[_Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstandard,
}


class Body:
    """A body as it arrives: its size on the wire and its decoded bytes, both capped.

    Codings are undone in the reverse order of the header. Reading may stop as soon as ``is_full``.
    """

    def __init__(self, content_encoding: str, *, max_wire_bytes: int, max_body_bytes: int) -> None:
        """Prepare for the value of a ``Content-Encoding`` header (empty without one).

        Raises:
            BadEncoding: A coding is not known, or there are too many.
        """
        names = [name for part in content_encoding.lower().split(",") if (name := part.strip())]
        codings = [name for name in names if name != "identity"]
        unknown = [name for name in codings if name not in _DECODERS]
        if unknown:
            raise BadEncoding(f"unknown content encoding {unknown[0][:40]!r}")
        if len(codings) > _MOST_CODINGS:
            raise BadEncoding(f"{len(codings)} content encodings on top of each other")
        self._decoders: Sequence[_Decoder] = [_DECODERS[name]() for name in reversed(codings)]
        # Not a list of chunks: those of a dripping server are smaller than what holds them.
        self._body = bytearray()
        self._between_bytes = 0
        self._max_wire_bytes = max_wire_bytes
        self._max_body_bytes = max_body_bytes
        self.wire_bytes = 0
        """Taken in so far; never more than the cap."""
        self.is_full = False
        """A cap was passed: what is beyond it is not kept."""

    def feed(self, data: bytes) -> None:
        """Take in what came from the wire.

        Raises:
            BadEncoding: It can't be decoded.
        """
        room = self._max_wire_bytes - self.wire_bytes
        is_over = len(data) > room
        if is_over:
            data = data[:room]
        self.wire_bytes += len(data)
        self._decode(data, 0)
        self.is_full = self.is_full or is_over

    def finish(self) -> bytes:
        """Return the decoded body.

        Raises:
            BadEncoding: The coded stream ended early, and not because of a cap.
        """
        if not self.is_full and self.wire_bytes and not all(one.is_whole for one in self._decoders):
            raise BadEncoding("the compressed body ends early")
        return bytes(self._body)

    def _decode(self, data: bytes, stage: int) -> None:
        """Pass data through the decoders from ``stage`` on, a bounded step at a time."""
        if stage == len(self._decoders):
            self._keep(data)
            return
        decoder = self._decoders[stage]
        held = -1
        while not self.is_full:
            try:
                out = decoder.feed(data, _STEP_BYTES)
            except (zlib.error, brotli.error, zstd.ZstdError) as error:
                raise BadEncoding(str(error)) from error
            if out:
                self._count(out, stage)
                self._decode(out, stage + 1)
            elif not decoder.held or len(decoder.held) == held:
                return  # nothing came and nothing moved: it wants more from the wire
            data = b""
            held = len(decoder.held)

    def _count(self, out: bytes, stage: int) -> None:
        """Cap what passes between two codings as well.

        Else a bomb whose inside decodes to nothing holds the event loop for as long as it inflates.
        """
        if stage + 1 < len(self._decoders):
            self._between_bytes += len(out)
            self.is_full = self.is_full or self._between_bytes > self._max_body_bytes

    def _keep(self, data: bytes) -> None:
        room = self._max_body_bytes - len(self._body)
        self.is_full = self.is_full or len(data) > room
        self._body += data[:room]
