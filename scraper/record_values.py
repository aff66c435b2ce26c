"""The values that stand in a record's fields, each with fields of its own. This module does no I/O."""

from __future__ import annotations

import enum

import msgspec


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no good response."""

    type: str
    """The name of the underlying error, the system's where it has one: ``ECONNREFUSED``."""
    message: str
    """One line for people."""
    phase: str
    """``url``, ``robots``, ``proxy``, ``tunnel``, ``dns``, ``connect``, ``send``, ``headers``, ``body``,
    ``decode``, ``redirect``, ``parse``, or ``visit`` when a child process died of it elsewhere."""


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at an input line."""

    at: str
    """When it began, UTC, RFC 3339."""
    status: int | None = None
    """The status that came back, ``None`` when none did."""
    error: str | None = None
    """The outcome it would have had on its own, ``None`` when it succeeded."""
    waited_s: float = 0.0
    """Seconds of back-off before it."""
    retry_after_s: float | None = None
    """What the server asked for, in seconds, when it asked."""
    url: str | None = None
    """What was asked for, where it is not the record's ``url``: https, for a line without a scheme that went
    on to http. ``None`` otherwise."""


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """One hop on the way to ``final_url``."""

    url: str
    """The URL that answered with a redirect."""
    status: int
    location: str
    """The ``Location`` header as the server sent it."""
    elapsed_s: float
    """Seconds from the request's first byte to the end of the answer's headers."""


class Robots(msgspec.Struct, frozen=True, kw_only=True):
    """What robots.txt says of the URL that was asked for last, or that would have been."""

    allowed: bool
    rule: str | None = None
    """The line that decided; ``None`` when none matches the URL."""
    status: int | None = None
    """What robots.txt itself was answered with; ``None`` when nothing came."""
    crawl_delay: float | None = None
    """Seconds, as the file has it for us."""


class Timing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the time went, each in seconds; of the last hop, without retries before it."""

    queued: float = 0.0
    """Released by politeness, waiting for a free worker."""
    polite: float = 0.0
    """Known to the frontier and held back for its host."""
    dns: float = 0.0
    connect: float = 0.0
    """TCP and TLS; 0 on a reused connection."""
    first_byte: float = 0.0
    """From the request sent to the first byte of the answer."""
    download: float = 0.0
    parse: float = 0.0


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """One ``h1`` to ``h6``, in document order."""

    level: int
    text: str


class Hreflang(msgspec.Struct, frozen=True, kw_only=True):
    """One language version of the page."""

    lang: str
    url: str


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One RSS, Atom or JSON feed that the page announces."""

    type: str
    title: str | None
    url: str


class Icon(msgspec.Struct, frozen=True, kw_only=True):
    """One icon that the page announces."""

    rel: str
    sizes: str | None
    url: str


class Refresh(msgspec.Struct, frozen=True, kw_only=True):
    """A ``<meta http-equiv=refresh>``; followed only with ``follow.meta_refresh``."""

    delay: float
    """Seconds."""
    url: str | None
    """``None`` when the page reloads itself."""


class JsonLdError(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a block of JSON-LD is no JSON."""

    offset: int
    """Characters from the beginning of the block, which the message names by its number."""
    message: str
    """What was wrong there, never the page's own text; ``repaired: ...`` when nothing else was lost."""


class LinkCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many ``a`` and ``area`` elements with an http(s) target the page has."""

    internal: int = 0
    """To the same host as ``final_url``."""
    external: int = 0
    nofollow: int = 0
    """Of all of them, those marked ``nofollow``."""
    total: int = 0


class LinkEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One ``a`` or ``area`` element with an http(s) target."""

    url: str
    """Absolute, with its fragment."""
    text: str | None
    """What a reader clicks on; where that is no text the ``alt`` of the images in it or of the area, else its
    ``aria-label``; ``None`` when there is none of these."""
    rel: str | None
    """As the page has it, white space folded."""


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A guess at the language of a text."""

    code: str
    """ISO 639-1, as the subtag of BCP 47."""
    confidence: float
    """From 0 to 1."""


class ImageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many ``img`` elements the page has."""

    total: int = 0
    missing_alt: int = 0
    """Without an ``alt`` attribute; an empty one is a statement and counts as present."""


class ChangeStatus(enum.StrEnum):
    """What has become of a page."""

    NEW = "new"
    """There was no record of it before."""
    CHANGED = "changed"
    """A compared field differs."""
    UNCHANGED = "unchanged"
    """None does."""
    GONE = "gone"
    """There is no record of it any more, or it answers 404 or 410 and did not before."""
    RECOVERED = "recovered"
    """It is there (``ok``), and was not before."""


class Change(msgspec.Struct, frozen=True):
    """What has become of one page since it was asked for last."""

    status: ChangeStatus
    """``new``: it was not known before. ``changed``: a compared field differs; ``unchanged``: none does.
    ``gone``: it is missing and was not before; ``recovered``: it is there again."""
    fields: list[str] = []
    """The names of the fields that differ; empty when there is no record on one of the sides."""
    previous_run: str | None = None
    """The run that it is compared with: the last one in which the page was there, or was found to be gone."""
    first_seen: str | None = None
    """When the page was there for the first time: UTC, RFC 3339."""
    last_changed: str | None = None
    """When it was new, had changed, was gone or had recovered for the last time."""
