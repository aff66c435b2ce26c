"""What an archive keeps: a request and what came in answer to it, as it was on the wire. Values only.

An exchange is in the archive before anything follows from it: before its page is parsed, its redirect
followed or its robots.txt obeyed.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec


class Truncation(enum.StrEnum):
    """Why a body is not whole, in the words of WARC 1.1 section 5.13."""

    LENGTH = "length"
    """It passed a cap."""
    TIME = "time"
    """It took too long."""
    DISCONNECT = "disconnect"
    """The connection ended within it."""
    UNSPECIFIED = "unspecified"
    """It could not be taken apart: chunks or a coding that are none."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and the answer to it, as far as that has come; its head at least has."""

    url: str
    """What was asked for."""
    target: str
    """Path and query, as the origin gets them (RFC 9112 section 3.2.1)."""
    request_headers: tuple[tuple[str, str], ...]
    http_version: str
    """Of the answer: ``1.1``."""
    status: int
    reason: str
    """With bytes that are no UTF-8 as lone surrogates."""
    headers: tuple[tuple[bytes, bytes], ...]
    """In the order received, and as they were written."""
    body: bytes
    """Without chunks, which are the connection's; content codings as they came."""
    truncation: Truncation | None
    at: datetime
    """When the answer began to arrive, UTC."""
    ip: str | None
    """Whom it came from; ``None`` when that was a proxy."""


Keep: TypeAlias = Callable[[Exchange], Awaitable[None]]
"""Returns when an exchange is in the archive."""

Put: TypeAlias = Callable[[Callable[[], bytes]], Awaitable[None]]
"""Puts the records that a function makes into the archive, one call after the other; the function runs in
a thread. Returns when they are there."""


class Purpose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an exchange was for: what its metadata record in the archive says, as JSON.

    With it and the answer the record of the line can be made again.
    """

    kind: str
    """``page``, ``sitemap`` or ``robots``."""
    run: str
    """The name of the run, as in its records."""
    origin: str | None = None
    """Of a robots.txt: whom it is for."""
    seq: int | None = None
    """Of a line: its number. This and what follows is as in the line's record."""
    input: str | None = None
    extra: dict[str, Any] = {}
    url: str | None = None
    """Where the line began; redirects may have led on."""
    key: str | None = None
    depth: int = 0
    parent: int | None = None
    redirects: list[Any] = []
    """That have led there."""
    tries: list[Any] = []
    """That have failed before."""
    robots: Any = None
    """What robots.txt says of the URL that was asked for."""


class ArchiveEnd(NamedTuple):
    """How far an archive has come."""

    file: int
    """The number of the file that is being written, from 0."""
    length: int
    """Of that file, in bytes."""
