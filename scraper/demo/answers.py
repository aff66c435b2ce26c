"""From what lies at a place to the bytes that are answered there."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import TYPE_CHECKING

from scraper.demo.truth import Answer, Resource, bind

if TYPE_CHECKING:
    from collections.abc import Callable


def _raw_deflate(body: bytes) -> bytes:
    """Deflate without the zlib frame: what some servers mean by ``deflate``."""
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(body) + squeezer.flush()


def _brotli(body: bytes) -> bytes:
    import brotli  # type: ignore[import-untyped]  # noqa: PLC0415  only one page needs it

    return bytes(brotli.compress(body, quality=5))


def _zstd(body: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    return bytes(zstd.compress(body))


_CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", lambda body: gzip.compress(body, mtime=0)),
    "deflate": ("deflate", zlib.compress),
    "raw-deflate": ("deflate", _raw_deflate),
    "br": ("br", _brotli),
    "zstd": ("zstd", _zstd),
}


def plain_body(resource: Resource, *, port: int, dead_port: int) -> bytes:
    """The body before its content coding: what a client has after decoding it."""
    if isinstance(resource.content, bytes):
        return resource.content
    text = bind(resource.content, port=port, dead_port=dead_port)
    body = resource.bom + text.encode(resource.codec)
    return gzip.compress(body, mtime=0) if resource.is_gzip_file else body


def answer_of(resource: Resource, *, port: int, dead_port: int) -> Answer:
    """What the server says when asked for a resource."""
    headers = [(name, bind(value, port=port, dead_port=dead_port)) for name, value in resource.headers]
    body = plain_body(resource, port=port, dead_port=dead_port)
    if resource.has_tag:
        headers.append(("ETag", f'"{zlib.crc32(body):08x}"'))
    if resource.coding:
        label, squeeze = _CODINGS[resource.coding]
        headers.append(("Content-Encoding", label))
        body = squeeze(body)
    return Answer(
        status=resource.status,
        headers=tuple(headers),
        body=body,
        delay_s=resource.delay_s,
        behaviour=resource.behaviour,
        fails_first=resource.fails_first,
        refusal=resource.refusal,
    )


NOT_FOUND = Answer(
    status=404,
    headers=(("Content-Type", "text/html; charset=utf-8"),),
    body=b"<!doctype html><html lang=en><title>Not found</title><h1>Not found</h1>",
)
"""For every path at which nothing lies."""
