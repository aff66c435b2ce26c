"""What passes between the stages. Values only: no I/O, no rules.

Seed ──admitted──► Request ──fetched──► Response ──decided, parsed──► Finished | Again | Hop
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from scraper.record import Outcome, Redirect, Try


class Seed(msgspec.Struct, frozen=True):
    """One line of a source."""

    input: str
    """Verbatim, without the line's end."""
    extra: dict[str, Any] | None = None
    """The row's other columns; ``None`` when there are none."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one source, as many as were there to be read."""

    seeds: tuple[Seed, ...] | list[Seed]
    """May be empty in the batch that ends a source."""
    source: int
    """The number of the source, from 0."""
    consumed: int
    """How many seeds of this source were read with the last one here."""
    ended: bool
    """The source has no more."""
    waits: bool
    """The source can be read later again, so that it may be made to wait."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One input line under way: which URL to ask for next, and what led here.

    Never changed in place; a hop or another try is a new value with the same ``seq`` and ``home``.
    """

    seq: int
    input: str
    extra: dict[str, Any] | None = None
    url: str | None
    """The input as a URL that can be asked for; ``None`` when it is none."""
    key: str | None = None
    """What duplicates of the line are found by."""
    target: str
    """The URL to ask for now: ``url``, or where a redirect led. Empty when ``settled``."""
    host: str
    """The host key of ``target``: what politeness counts by. Empty when ``settled``."""
    home: int
    """The host id that the state keeps it under, wherever redirects lead."""
    depth: int = 0
    parent: int | None = None
    guessed_scheme: bool = False
    """The line had no scheme and ``https`` was put before it: ``http`` is still to be tried."""
    settled: Outcome | None = None
    """The outcome when it is known without asking anybody: a duplicate, an invalid line."""
    settled_why: str | None = None
    """One line for people, where the outcome needs one."""
    duplicate_of: int | None = None
    redirects: tuple[Redirect, ...] = ()
    tries: tuple[Try, ...] = ()
    """The attempts that failed so far."""
    known_at_s: float = 0.0
    """Monotonic: when it came into the frontier's memory, or came back to it."""
    released_at_s: float = 0.0
    """Monotonic: when politeness let it go."""
    waited_s: float = 0.0
    """Seconds of back-off before the next try."""
    took_s: float = 0.0
    """Seconds spent on the hops and tries so far."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What one URL answered. The body is decoded as to content encoding, not as to charset."""

    url: str
    status: int
    reason: str
    http_version: str
    headers: tuple[tuple[str, str], ...]
    """Lower-case names, in the order received, repeated where the server repeated them."""
    body: bytes
    wire_bytes: int
    truncated: bool
    """The body passed a cap; ``body`` is its beginning."""
    ip: str | None
    fetched_at: datetime
    """When the answer began to arrive, UTC."""
    elapsed_s: float
    dns_s: float
    connect_s: float
    first_byte_s: float
    download_s: float

    @property
    def media_type(self) -> str | None:
        """The media type alone, lower case; ``None`` when the server names none."""
        value = self.header("content-type")
        return value.partition(";")[0].strip().lower() or None if value else None

    @property
    def charset(self) -> str | None:
        """The ``charset`` parameter of the content type, as the server wrote it."""
        for parameter in (self.header("content-type") or "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'") or None
        return None

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its lower-case name, ``None`` without it."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A record, encoded, on its way to the writer, with what observers and the state need of it."""

    home: int
    seq: int
    url: str
    """What to call it: the URL, or the line when it is none."""
    host: str
    outcome: Outcome
    status: int | None
    line: bytes
    """The record as one line of JSON with its line feed."""
    wire_bytes: int
    size_bytes: int
    elapsed_s: float
    """Of the answer, as the record has it; 0 without one."""
    took_s: float
    """Seconds spent on the line in all of its hops and tries, failed ones too, without the waits."""
    attempts: int
    retryable: bool


class Again(msgspec.Struct, frozen=True):
    """The attempt failed; the request is to be tried once more, not sooner than after a wait."""

    request: Request
    wait_s: float


class Hop(msgspec.Struct, frozen=True):
    """The answer leads to another URL, which waits its turn at its own host."""

    request: Request


Verdict: TypeAlias = Finished | Again | Hop
"""What came of visiting a request once."""
