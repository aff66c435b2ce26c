"""The bytes of a sitemap unpacked, and brought to UTF-8. Pure; the input is hostile."""

from __future__ import annotations

import codecs
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from scraper.errors import PageError
from scraper.parse.decode import decode, encoding_of
from scraper.urls import scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = b"\x1f\x8b"
"""What a file compressed with gzip begins with."""

_STEP_BYTES = 1 << 16
_INFLATE_BYTES = 1 << 14
_MAX_MEMBERS = 4096  # of one gzip file; empty ones cost 20 bytes and a decoder each
_MAX_LEGACY_BYTES = 8 * 1024 * 1024  # decoded in one call, under the interpreter's lock, in 0.1 s
_MAX_PERCENT_ENCODED = 10_000
_declared = re.compile(rb"\s{0,100}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})").match


class SitemapError(PageError):
    """The bytes are no sitemap. The message is one line that reads on after the sitemap's name."""


def inflate(body: bytes, *, cap_bytes: int) -> tuple[bytes, bool]:
    """Undo gzip of several members (RFC 1952 2.2); return also whether the end is missing.

    The input goes in by slices, since zlib copies what it leaves over. Padding at the end is ignored.
    """
    out = bytearray()
    at = members = 0
    decoder = zlib.decompressobj(wbits=31)
    while at < len(body):
        piece = memoryview(body)[at : at + _INFLATE_BYTES]
        try:
            out += decoder.decompress(piece, cap_bytes + 1 - len(out))
        except zlib.error:
            if not out:
                raise SitemapError("is damaged gzip") from None
            return bytes(out), True
        if len(out) > cap_bytes:
            return bytes(out[:cap_bytes]), True
        at += len(piece) - len(decoder.unused_data)
        if decoder.eof:
            members += 1
            more = body[at : at + 2] == GZIP
            if not more or members == _MAX_MEMBERS:
                return bytes(out), more
            decoder = zlib.decompressobj(wbits=31)
    return bytes(out), True


def as_utf8(body: bytes) -> tuple[bytes, bool]:
    """Return the text in UTF-8, without a byte-order mark, and whether the end is left out.

    The protocol allows UTF-8 alone, so what is valid UTF-8 is that, whatever it declares; else the
    declaration counts. Bytes that are neither are percent-encoded: in a URL that is what they mean.
    """
    if body.startswith(codecs.BOM_UTF8):
        body = body[3:]
    for label, marks in (("utf-16-le", (b"\xff\xfe", b"<\0")), ("utf-16-be", (b"\xfe\xff", b"\0<"))):
        if body.startswith(marks):
            text = b"".join(piece.encode() for piece in _decoded(body, label, errors="replace"))
            return text.removeprefix(codecs.BOM_UTF8), False
    with suppress(UnicodeDecodeError):
        for _ in _decoded(body, "utf-8", errors="strict"):
            pass
        return body, False
    declared = _declared(body)
    name = encoding_of(declared[1].decode("ascii", "replace")) if declared else None
    if name and not name.startswith("utf-"):
        legacy = decode(body[:_MAX_LEGACY_BYTES], http_charset=name)
        return legacy.text.encode("utf-8", "replace"), len(body) > _MAX_LEGACY_BYTES
    good_bytes = sum(len(piece.encode()) for piece in _decoded(body, "utf-8", errors="ignore"))
    errors = "replace" if len(body) - good_bytes > _MAX_PERCENT_ENCODED else "surrogateescape"
    return b"".join(scalar_text(piece).encode() for piece in _decoded(body, "utf-8", errors=errors)), False


def _decoded(body: bytes, encoding: str, *, errors: str) -> Iterator[str]:
    """Decode in steps: each holds the interpreter's lock, and text takes up to four times as much memory.

    If it is strictly, the last character may be incomplete: a cap may have cut it in two.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for at in range(0, len(body), _STEP_BYTES):
        yield decoder.decode(body[at : at + _STEP_BYTES])
    if errors != "strict":
        yield decoder.decode(b"", final=True)
