"""A body's content codings, undone as it arrives.

Input: a line and bytes. ``wire ENCODING WIRE_CAP BODY_CAP CHUNK``: they came from the wire, in pieces
of that size. ``plain ENCODING TIMES BODY_CAP CHUNK``: repeated so often they are coded first, so that what is
inside is mutated and not its wrapping.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]

from scraper.fetch.body import BadEncoding, Body
from tests.fuzz.properties import assert_one_line, split_line

if TYPE_CHECKING:
    from collections.abc import Callable
from typing import NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MOST_BYTES = 1 << 20
_MOST_CODINGS = 5
_CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "x-gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=0)),
    "zstd": zstd.compress,
    "identity": bytes,
}


class _Result(NamedTuple):
    """What came of a body."""

    decoded: bytes
    is_full: bool
    wire_bytes: int


def fuzz(data: bytes) -> None:
    line, payload = split_line(data)
    kind, _, rest = line.partition(" ")
    encoding, *numbers = rest.rsplit(" ", 3)
    caps = [min(int(one), _MOST_BYTES) for one in numbers if one.isascii() and one.isdigit() and len(one) < 9]
    if len(caps) != 3:
        return
    first, body_cap, chunk = caps
    if kind == "plain":
        plain = payload * min(max(1, first), _MOST_BYTES // max(1, len(payload)))
        _assert_round_trip(encoding, plain, body_cap=body_cap, chunk=chunk)
    else:
        _assert_any_bytes(encoding, payload, wire_cap=first, body_cap=body_cap, chunk=chunk)


def _read(encoding: str, wire: bytes, *, wire_cap: int, body_cap: int, chunk: int) -> tuple[bytes, Body]:
    body = Body(encoding, max_wire_bytes=wire_cap, max_body_bytes=body_cap)
    for at in range(0, len(wire), chunk):
        if body.is_full:
            break
        body.feed(wire[at : at + chunk])
        assert body.wire_bytes <= wire_cap
    decoded = body.finish()
    assert len(decoded) <= body_cap
    return decoded, body


def _assert_any_bytes(encoding: str, wire: bytes, *, wire_cap: int, body_cap: int, chunk: int) -> None:
    """Whatever comes, in pieces or at once, it means the same: bytes within the caps, or a bad coding.

    But for four things that depend on the pieces: a break beyond a cap may be met first or never; how much
    had to come until a cap was met; with one coding on top of another how much was decoded by then; and
    libzstd holds a frame to the size in its header only when it comes at once.
    """
    pieces, whole = (
        _result(encoding, wire, wire_cap=wire_cap, body_cap=body_cap, chunk=size)
        for size in (max(1, chunk), max(1, len(wire)))
    )
    told = f"in pieces of {chunk} {pieces!r}, at once {whole!r}"
    if pieces and whole:
        shorter, longer = sorted((pieces.decoded, whole.decoded), key=len)
        is_one_coding = "," not in encoding or not pieces.is_full
        assert shorter == longer if is_one_coding else longer.startswith(shorter), told
        assert pieces.is_full == whole.is_full, told
        assert pieces.is_full or pieces.wire_bytes == whole.wire_bytes == len(wire), told
    else:
        is_whole_frame_only = "zstd" in encoding.lower()
        assert is_whole_frame_only or all(one is None or one.is_full for one in (pieces, whole)), told


def _result(encoding: str, wire: bytes, **numbers: int) -> _Result | None:
    try:
        decoded, body = _read(encoding, wire, **numbers)
    except BadEncoding as error:
        assert_one_line(str(error))
        return None
    return _Result(decoded, body.is_full, body.wire_bytes)


def _assert_round_trip(encoding: str, plain: bytes, *, body_cap: int, chunk: int) -> None:
    names = [part.strip().lower() for part in encoding.split(",")]
    if len(names) > _MOST_CODINGS or not all(name in _CODERS for name in names):
        return
    wire = plain
    for name in names:
        wire = _CODERS[name](wire)
    decoded, body = _read(encoding, wire, wire_cap=len(wire), body_cap=body_cap, chunk=max(1, chunk))
    between = [len(plain)]
    coded = plain
    for name in names[:-1]:
        coded = _CODERS[name](coded)
        between.append(len(coded))
    # The cap also bounds what passes between two codings: only where none of it was met all must come out.
    if sum(between) <= body_cap:
        assert decoded == plain
        assert not body.is_full
    else:
        assert plain.startswith(decoded)
        assert body.is_full or decoded == plain
