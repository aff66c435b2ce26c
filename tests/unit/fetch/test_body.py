from __future__ import annotations

import gzip
import sys
import tracemalloc
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.body import ACCEPTED, BadEncoding, Body

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MIB = 1 << 20


def gzip_members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(b"") + gzip.compress(data[half:])


def raw_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


def brotlied(data: bytes) -> bytes:
    return bytes(brotli.compress(data, quality=4))


def zstd_frames(data: bytes) -> bytes:
    half = len(data) // 2
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"skip"
    return zstd.compress(data[:half]) + skippable + zstd.compress(data[half:])


CODED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "identity": ("", bytes),
    "identity by name": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip in capitals": ("X-GZIP", gzip.compress),
    "gzip of several members": ("gzip", gzip_members),
    "gzip and padding": ("gzip", lambda data: gzip.compress(data) + b"\0\0\0"),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotlied),
    "zstd": ("zstd", zstd.compress),
    "zstd of several frames": ("zstd", zstd_frames),
    "gzip twice": ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
    "deflate, br": ("deflate,br", lambda data: brotlied(zlib.compress(data))),
    "gzip, identity, zstd": ("gzip, identity, zstd", lambda data: zstd.compress(gzip_members(data))),
}
COMPRESSED = sorted(set(CODED) - {"identity", "identity by name"})


def decode(
    coding: str, chunks: Iterable[bytes], *, max_wire_bytes: int = MIB, max_body_bytes: int = MIB
) -> tuple[bytes, Body]:
    body = Body(coding, max_wire_bytes=max_wire_bytes, max_body_bytes=max_body_bytes)
    for chunk in chunks:
        body.feed(chunk)
        if body.is_full:
            break
    return body.finish(), body


@given(
    name=st.sampled_from(sorted(CODED)),
    data=st.binary(max_size=300) | st.binary(max_size=20).map(lambda piece: piece * 10_000),
    cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=12),
)
def test_any_chunking_of_any_coding_round_trips(name: str, data: bytes, cuts: list[int]) -> None:
    coding, encode = CODED[name]
    coded = encode(data)
    places = [0, *sorted(min(cut, len(coded)) for cut in cuts), len(coded)]
    got, body = decode(coding, (coded[start:end] for start, end in pairwise(places)))
    assert got == data
    assert body.wire_bytes == len(coded)
    assert not body.is_full


@pytest.mark.parametrize("name", sorted(CODED))
def test_byte_by_byte(name: str) -> None:
    coding, encode = CODED[name]
    data = b"<title>one byte at a time</title>" * 50
    assert decode(coding, (bytes([byte]) for byte in encode(data)))[0] == data


@pytest.mark.parametrize("name", sorted(CODED))
def test_a_body_of_just_the_cap_is_whole_and_one_byte_more_is_cut(name: str) -> None:
    coding, encode = CODED[name]
    data = bytes(range(256)) * 400
    exact, body = decode(coding, [encode(data)], max_body_bytes=len(data))
    assert (exact, body.is_full) == (data, False)
    cut, body = decode(coding, [encode(data)], max_body_bytes=len(data) - 1)
    assert (cut, body.is_full) == (data[:-1], True)


def test_the_cap_on_the_wire_counts_coded_bytes() -> None:
    whole, body = decode("", [b"x" * 60, b"y" * 40], max_wire_bytes=100)
    assert (len(whole), body.wire_bytes, body.is_full) == (100, 100, False)
    cut, body = decode("", [b"x" * 60, b"y" * 41], max_wire_bytes=100)
    assert (cut, body.wire_bytes, body.is_full) == (b"x" * 60 + b"y" * 40, 100, True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_what_was_read_before_the_cap_on_the_wire_is_kept(coding: str) -> None:
    encode = next(encode for name, encode in CODED.values() if name == coding)
    data = b"".join(number.to_bytes(4, "big") for number in range(200_000))
    got, body = decode(coding, [encode(data)], max_wire_bytes=len(encode(data)) - 1)
    assert body.is_full
    assert got
    assert data.startswith(got)


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_bomb_costs_no_more_memory_than_the_cap(name: str) -> None:
    coding, encode = CODED[name]
    bomb = encode(bytes(16 * MIB))
    tracemalloc.start()
    try:
        got, body = decode(coding, [bomb], max_body_bytes=MIB)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body.is_full
    assert got == bytes(MIB)
    assert peak_bytes < 4 * MIB + 2 * len(bomb)


def test_a_bomb_whose_inside_decodes_to_nothing_ends_at_the_cap_too() -> None:
    padding = b"\x50\x2a\x4d\x18" + (32 * MIB).to_bytes(4, "little") + bytes(32 * MIB)
    got, body = decode("zstd, gzip", [gzip.compress(padding)])
    assert (got, body.is_full) == (b"", True)


def test_a_dripped_body_costs_no_more_than_its_bytes() -> None:
    tracemalloc.start()
    try:
        got, _ = decode("", (b"%02d" % (number % 100) for number in range(100_000)))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(got) == 200_000
    assert peak_bytes < 3 * len(got)


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw deflate", "br", "zstd", "gzip twice", "deflate, br"])
def test_every_beginning_of_a_stream_is_refused(name: str) -> None:
    coding, encode = CODED[name]
    coded = encode(b"a page that was cut off")
    for length in range(1, len(coded)):
        with pytest.raises(BadEncoding, match="ends early"):
            decode(coding, [coded[:length]])


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_a_later_part_that_is_cut_off_is_refused(coding: str, encode: Callable[[bytes], bytes]) -> None:
    part = encode(b"a part of a page")
    for length in range(2, len(part)):  # one byte alone may also be padding
        with pytest.raises(BadEncoding, match="ends early"):
            decode(coding, [part + part[:length]])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_no_stream_of_its_coding_is_refused(coding: str) -> None:
    with pytest.raises(BadEncoding):
        decode(coding, [b"<!doctype html><title>not compressed at all</title>"])


@pytest.mark.parametrize("name", ["gzip", "zlib", "gzip of several members", "gzip twice"])
def test_a_flipped_bit_is_noticed(name: str) -> None:
    coding, encode = CODED[name]
    coded = bytearray(encode(b"checked by a sum at its end" * 20))
    coded[-10] ^= 0x10
    with pytest.raises(BadEncoding):
        decode(coding, [bytes(coded)])


@given(coding=st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip"]), data=st.binary(max_size=200))
def test_arbitrary_bytes_give_a_body_or_bad_encoding(coding: str, data: bytes) -> None:
    try:
        got, body = decode(coding, [data], max_body_bytes=1000)
    except BadEncoding:
        return
    assert len(got) <= 1000
    assert body.is_full or len(got) < 1000 or not data


@pytest.mark.parametrize("coding", ["compress", "gzip, snappy", "utf-8", "gzip;q=1", "x" * 1000])
def test_an_unknown_coding_is_named_in_the_error(coding: str) -> None:
    with pytest.raises(BadEncoding, match="unknown content encoding") as caught:
        Body(coding, max_wire_bytes=1, max_body_bytes=1)
    assert len(str(caught.value)) < 100


def test_codings_on_top_of_each_other_are_limited() -> None:
    data = b"deep"
    for _ in range(5):
        data = gzip.compress(data)
    assert decode(",".join(["gzip"] * 5), [data])[0] == b"deep"
    with pytest.raises(BadEncoding, match="6 content encodings"):
        decode(",".join(["gzip"] * 6), [gzip.compress(data)])


@pytest.mark.parametrize(
    ("coding", "empty"),
    [("gzip", gzip.compress(b"", mtime=0)), ("zstd", zstd.compress(b""))],
    ids=["gzip", "zstd"],
)
def test_parts_without_end_are_refused(coding: str, empty: bytes) -> None:
    assert decode(coding, [empty * 4096])[0] == b""
    with pytest.raises(BadEncoding, match="parts"):
        decode(coding, [empty * 4097])


def test_a_zstd_window_over_8_mib_is_refused() -> None:
    def framed(window_log: int) -> bytes:
        options = {int(zstd.CompressionParameter.window_log): window_log}
        compressor = zstd.ZstdCompressor(options=options)
        return compressor.compress(b"small") + compressor.flush()

    assert decode("zstd", [framed(23)])[0] == b"small"
    with pytest.raises(BadEncoding, match="memory"):
        decode("zstd", [framed(24)])


@pytest.mark.parametrize("coding", ["", "gzip", "br", "deflate, zstd", " , "])
def test_no_bytes_are_an_empty_body(coding: str) -> None:
    assert decode(coding, [])[0] == b""


def test_every_coding_that_is_asked_for_can_be_undone() -> None:
    for coding in ACCEPTED.split(", "):
        Body(coding, max_wire_bytes=1, max_body_bytes=1)
