"""What the web answers besides good pages: redirects, errors, other media types, codings, accidents."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from typing import TYPE_CHECKING

from scraper.demo.documents import DOCUMENTS, HERE
from scraper.demo.redirects import redirects
from scraper.demo.short_pages import HTML, markup, seen
from scraper.demo.truth import PORT, Behaviour, Expected, Place, Refusal, Resource
from scraper.record import Outcome, Refresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Locate = Callable[[str], Place]
    """Gives a path its place on one of the hosts."""

LAST_MODIFIED = "Tue, 04 Jun 2024 10:00:00 GMT"


def documents(locate: Locate) -> Iterator[Resource]:
    """The documents that try a parser, each as a page."""
    for document in DOCUMENTS:
        place = locate(f"/pages/{document.name}")
        origin = f"http://{place.host}:{PORT}"
        labelled = document.content_type is not None
        yield Resource(
            place=place,
            headers=(("Content-Type", document.content_type),) if document.content_type else (),
            content=document.html,
            expected=Expected(
                status=200,
                content_type="text/html" if labelled else None,
                parsed=True,
                title=document.title,
                description=document.description,
                lang=document.lang,
                canonical=document.canonical and document.canonical.replace(HERE, origin),
                headings=document.headings,
                refresh=_bound_here(document.refresh, origin=origin),
                charset="utf-8",
                charset_source="header" if labelled else "detected",
            ),
        )


def _bound_here(refresh: Refresh | None, *, origin: str) -> Refresh | None:
    if refresh is None or refresh.url is None:
        return refresh
    return Refresh(delay=refresh.delay, url=refresh.url.replace(HERE, origin))


def statuses(locate: Locate) -> Iterator[Resource]:
    """Errors and empty answers."""
    errors: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = (
        (400, ()),
        (401, (("WWW-Authenticate", 'Basic realm="sample"'),)),
        (403, ()),
        (404, ()),
        (410, ()),
        (418, ()),
        (451, ()),
        (500, ()),
        (502, ()),
        (501, ()),
    )
    overloaded: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = (
        (503, (("Retry-After", "1"),)),
        (429, (("Retry-After", LAST_MODIFIED),)),  # long past: no need to wait
    )
    for status, headers in errors + overloaded:
        yield Resource(
            place=locate(f"/status/{status}"),
            status=status,
            headers=(HTML, *headers),
            content=markup(f"Error {status}"),
            expected=Expected(outcome=Outcome.HTTP_ERROR, status=status, content_type="text/html"),
        )
    yield Resource(place=locate("/status/204"), status=204, expected=Expected(status=204))
    yield Resource(
        place=locate("/status/recovers"),
        headers=(HTML,),
        content=markup("Recovered"),
        fails_first=1,
        expected=seen("Recovered"),
    )
    yield Resource(
        place=locate("/status/rationed"),
        headers=(HTML,),
        content=markup("Rationed"),
        fails_first=1,
        refusal=Refusal(429, retry_after_s=1),
        expected=seen("Rationed"),
    )
    for name, validator in (
        ("etag", ("ETag", '"v1-sample"')),
        ("weak-etag", ("ETag", 'W/"v2-sample"')),
        ("last-modified", ("Last-Modified", LAST_MODIFIED)),
    ):
        yield Resource(
            place=locate(f"/cached/{name}"),
            headers=(HTML, validator),
            content=markup(name),
            expected=seen(name),
        )


def png() -> bytes:
    """The smallest honest PNG: one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(b"\x00\x80")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def media(locate: Locate) -> Iterator[Resource]:
    """Answers that are no HTML, or are not what their type says."""
    noise = b"".join(hashlib.sha256(bytes([index])).digest() for index in range(64)).replace(b"<", b"_")
    files: tuple[tuple[str, str, str | bytes], ...] = (
        ("paper.pdf", "application/pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + noise + b"\n%%EOF\n"),
        ("dot.png", "image/png", png()),
        ("data.json", "application/json", '{"title": "not a page", "n": [1, 2, 3]}'),
        ("readme.txt", "text/plain; charset=utf-8", "Plain text: <title>not markup</title>\n"),
        ("table.csv", "text/csv", "name,value\ntide,3.2\n"),
        (
            "catalogue.xml",
            "application/xml",
            "<?xml version='1.0'?><catalogue><title>Not HTML</title></catalogue>",
        ),
        ("blob", "application/octet-stream", noise),
        ("page-as-text", "text/plain; charset=utf-8", markup("Not to be parsed")),
    )
    for name, content_type, content in files:
        yield Resource(
            place=locate(f"/files/{name}"),
            headers=(("Content-Type", content_type),),
            content=content,
            expected=Expected(status=200, content_type=content_type.partition(";")[0]),
        )
    for name, body in (("image-as-html", png()), ("empty", b"")):
        yield Resource(
            place=locate(f"/files/{name}"),
            headers=(("Content-Type", "text/html"),),
            content=body,
            expected=Expected(status=200, content_type="text/html", parsed=True),
        )


def codings(locate: Locate) -> Iterator[Resource]:
    """Bodies under a content coding (RFC 9110 8.4), right and wrong."""
    for coding in ("gzip", "deflate", "raw-deflate", "br", "zstd"):
        title = f"Sent as {coding}"
        yield Resource(
            place=locate(f"/coded/{coding}"),
            headers=(HTML,),
            content=markup(title),
            coding=coding,
            expected=seen(title),
        )
    squeezed = bytearray(gzip.compress(markup("Never seen").encode() * 20, mtime=0))
    squeezed[20:40] = b"\xff" * 20
    for name, label, body in (
        ("not-gzip", "gzip", markup("Plain after all").encode()),
        ("broken-gzip", "gzip", bytes(squeezed)),
        ("not-undone", "compress", markup("Squeezed long ago").encode()),
    ):
        yield Resource(
            place=locate(f"/coded/{name}"),
            headers=(HTML, ("Content-Encoding", label)),
            content=body,
            expected=Expected(outcome=Outcome.DECODE_ERROR),
        )
    # A label that is no coding at all: browsers take the page as it is.
    yield Resource(
        place=locate("/coded/unknown"),
        headers=(HTML, ("Content-Encoding", "rot13")),
        content=markup("Not rotated"),
        expected=seen("Not rotated"),
    )


def accidents(locate: Locate) -> Iterator[Resource]:
    """Slow, cut and unusual transfers."""

    def transfer(
        name: str, behaviour: Behaviour, *, delay_s: float = 0.0, headers: tuple[tuple[str, str], ...] = ()
    ) -> Resource:
        title = f"Transfer {name}"
        padding = "<p>padding</p>\n" * 40
        return Resource(
            place=locate(f"/transfer/{name}"),
            headers=(HTML, *headers),
            content=markup(title) + padding,
            behaviour=behaviour,
            delay_s=delay_s,
            expected=seen(title),
        )

    for index, delay_s in enumerate((0.3, 0.5, 0.7, 1.0)):
        yield transfer(f"slow-{index}", Behaviour.NORMAL, delay_s=delay_s)
    yield transfer("drip", Behaviour.DRIP, delay_s=0.5)
    yield transfer("chunked", Behaviour.CHUNKED)
    yield transfer("until-close", Behaviour.UNTIL_CLOSE)
    yield transfer("long-header", Behaviour.NORMAL, headers=(("X-Long", "x" * 12_000),))
    yield transfer(
        "cookies",
        Behaviour.NORMAL,
        headers=(("Set-Cookie", "session=s3cr3t; HttpOnly"), ("Set-Cookie", "b=2")),
    )
    yield transfer(
        "x-robots",
        Behaviour.NORMAL,
        headers=(("X-Robots-Tag", "noindex"), ("X-Robots-Tag", "otherbot: noarchive")),
    )
    for name, behaviour, outcome in (
        ("truncated", Behaviour.TRUNCATED, Outcome.DISCONNECTED),
        ("truncated-chunked", Behaviour.TRUNCATED_CHUNKED, Outcome.DISCONNECTED),
        ("disconnect", Behaviour.DISCONNECT, Outcome.DISCONNECTED),
        ("not-http", Behaviour.NOT_HTTP, Outcome.PROTOCOL_ERROR),
    ):
        yield Resource(
            place=locate(f"/transfer/{name}"),
            headers=(HTML,),
            content=markup("Never whole") + "<p>padding</p>\n" * 40,
            behaviour=behaviour,
            expected=Expected(outcome=outcome),
        )


def oddities(locate: Locate) -> Iterator[Resource]:
    """All of them, always in the same order."""
    for group in (documents, redirects, statuses, media, codings, accidents):
        yield from group(locate)
