"""The record: what is known of one input line, once it is finished.

One schema for every format, versioned by ``SCHEMA_VERSION``. Rules that hold for all fields:

- A value that the page does not give is ``null`` (scalars), ``[]`` or ``{}``. The fields of the
  identity and outcome groups are always present; the others are left out when empty.
- Lists stay lists. URLs are absolute. Text is white-space folded and free of control characters.

This module does no I/O.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

SCHEMA_VERSION = 1
"""Raised whenever a field changes its name, type or meaning; adding a field does not raise it."""


class Outcome(enum.StrEnum):
    """What came of an input line. Every record has exactly one."""

    OK = "ok"
    """A 2xx response, whatever its media type; only HTML is parsed."""
    HTTP_ERROR = "http_error"
    """Any other final status."""
    ROBOTS_DENIED = "robots_denied"
    """robots.txt does not allow the URL, or one that a redirect led to; it was not asked for."""
    ROBOTS_UNREACHABLE = "robots_unreachable"
    """robots.txt could not be had, which by RFC 9309 forbids all; ``error`` says why. The host may
    not exist at all."""
    DUPLICATE = "duplicate"
    """An earlier line has the same key; ``duplicate_of`` is its ``seq``."""
    FILTERED = "filtered"
    """The line does not pass ``--include`` or ``--exclude``; it was not asked for."""
    INVALID_URL = "invalid_url"
    """The line is no http or https URL."""
    DNS_ERROR = "dns_error"
    """The host's name has no address."""
    CONNECT_ERROR = "connect_error"
    """No connection came about."""
    TLS_ERROR = "tls_error"
    """The connection could not be made secure; a certificate that does not verify is one case."""
    TIMEOUT = "timeout"
    """A deadline passed; ``error.phase`` says during what."""
    DISCONNECTED = "disconnected"
    """Closed or reset before the response was whole."""
    PROTOCOL_ERROR = "protocol_error"
    """The answer is not HTTP as any client takes it."""
    REDIRECT_ERROR = "redirect_error"
    """A loop, too many hops, or no usable target."""
    TOO_LARGE = "too_large"
    """The body passed a cap, which ``error.message`` names; the metadata is of the part that was read."""
    DECODE_ERROR = "decode_error"
    """The content encoding (gzip, br, ...) is broken or unknown."""
    BLOCKED_ADDRESS = "blocked_address"
    """The host has only addresses that are not public, and ``--private`` does not let it be asked."""
    HOST_UNAVAILABLE = "host_unavailable"
    """The host did not answer so many times that the rest of its URLs was given up."""
    PARSE_ERROR = "parse_error"
    """The page could not be parsed; the rest of the record stands, but for what was answered when a child
    process died of it."""

    @property
    def is_success(self) -> bool:
        """Whether the line got what was asked for."""
        return self is Outcome.OK


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
    """The status that came back, ``None`` when nothing did."""
    error: str | None = None
    """The outcome it would have had on its own, ``None`` when it succeeded."""
    waited_s: float = 0.0
    """Seconds of back-off before it."""
    retry_after_s: float | None = None
    """What the server asked for, in seconds, when it asked."""


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


class ImageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many ``img`` elements the page has."""

    total: int = 0
    missing_alt: int = 0
    """Without an ``alt`` attribute; an empty one is a statement and counts as present."""


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the document says of itself, by the names the record uses."""

    title: str | None = None
    """The first ``<title>`` outside svg, else og:title, twitter:title, the first h1."""
    titles: list[str] = []
    """All ``<title>`` texts, when there are several."""
    description: str | None = None
    """Meta description, else og:description, twitter:description."""
    keywords: list[str] = []
    """Of the meta keywords, split at commas."""
    canonical: str | None = None
    """The ``link rel=canonical``."""
    base: str | None = None
    """The first ``<base href>``, made absolute."""
    lang: str | None = None
    """``html lang``, else xml:lang, og:locale, http-equiv content-language."""
    viewport: str | None = None
    generator: str | None = None
    """What the page says it was made with."""
    theme_color: str | None = None
    amphtml: str | None = None
    """The page's AMP version."""
    next: str | None = None
    """The next page of a series."""
    prev: str | None = None
    hreflang: list[Hreflang] = []
    """The page in other languages."""
    alternates: list[str] = []
    """``rel=alternate`` that is neither a feed nor a language version."""
    feeds: list[Feed] = []
    icons: list[Icon] = []
    manifest: str | None = None
    """The web app manifest."""
    refresh: Refresh | None = None
    """A redirect that the document itself asks for; see ``follow.meta_refresh``."""
    meta_robots: list[str] = []
    """The directives of ``<meta name=robots>``, lower case, in order."""


class Page(Head, frozen=True, kw_only=True, omit_defaults=True):
    """All that the parse stage finds in one HTML document: a part of the record."""

    og: dict[str, list[str]] = {}
    """OpenGraph by property name without the ``og:`` prefix, values in document order."""
    twitter: dict[str, str] = {}
    """Twitter card by name without the ``twitter:`` prefix; the first value counts."""
    jsonld: list[dict[str, Any]] = []
    """The objects of the page's JSON-LD, those of arrays and of ``@graph`` each for itself."""
    jsonld_errors: list[JsonLdError] = []
    """What of it had to be repaired, or could not be read."""
    microdata: list[dict[str, Any]] = []
    """The top-level items, as the HTML Standard has them in JSON (section 5.2.9)."""
    dublin_core: dict[str, list[str]] = {}
    """``DC.*`` and ``DCTERMS.*`` by name without prefix."""
    citation: dict[str, list[str]] = {}
    """``citation_*`` by name without prefix, as journals give it to search engines."""
    headings: list[Heading] = []
    word_count: int | None = None
    """Words of the visible text, split at white space."""
    text_length: int | None = None
    """Characters of the visible text."""
    links: LinkCounts | None = None
    images: ImageCounts | None = None
    forms: int | None = None
    scripts: int | None = None
    iframes: int | None = None
    text_sha256: str | None = None
    """Of the visible text in UTF-8, white space folded; lower-case hex."""
    simhash: str | None = None
    """64 bits in hex that tell of the visible text; texts that are nearly alike differ in few of them."""
    metadata_sha256: str | None = None
    """Of the metadata alone: what change detection compares."""
    charset: str | None = None
    """The encoding that the body was decoded with, by its WHATWG name."""
    charset_source: str | None = None
    """``bom``, ``header``, ``meta``, ``detected`` or ``default``."""
    encoding_errors: int | None = None
    """How many replacement characters the decoding put in."""
    cut: list[str] = []
    """Fields of which the page has more than is kept: a text beyond 10,000 characters, a list beyond 1,000
    entries (200 names in ``og`` and ``twitter``), all of the page's fields beyond 512 KiB. ``document``:
    of the markup was left out what no parser bears, or all behind 3 million characters or 200,000 tags
    (``beautifulsoup``: 100,000); then counts are too low."""


class Record(Page, frozen=True, omit_defaults=True):
    """One finished input line.

    The fields up to ``tries`` have no default and are therefore in every record; what follows is
    left out where it is empty. ``Page`` gives the fields of the document, last in the order.
    """

    schema: int
    """The version of this schema."""
    run: str
    """The run's name, the same in all parts of a run that was resumed; it begins with its time."""
    seq: int
    """The number of the input line, from 0; links that were found take the next free numbers."""
    input: str
    """The line, verbatim; but the password of a URL with user info is masked."""
    extra: dict[str, Any]
    """The row's other columns."""
    url: str | None
    """The URL asked for; ``None`` when the line is no URL."""
    final_url: str | None
    """Where the redirects ended; ``None`` when nothing was fetched."""
    key: str | None
    """What duplicates are found by; never what is fetched."""
    duplicate_of: int | None
    """The ``seq`` of the first line with the same key, when this is not the first."""
    depth: int
    """How many links away from an input line."""
    parent: int | None
    """The ``seq`` of the page that the link was found on."""
    outcome: Outcome
    """What came of the line, in one word."""
    error: Failure | None
    """Why, when it is no answer of the server's that says it."""
    retryable: bool
    """True when asking again later may well help."""
    attempts: int
    """How many times the line was tried; the hops of a redirect are one try."""
    tries: list[Try]
    """Each attempt, when there was more than one."""

    status: int | None = None
    """Of the last answer."""
    reason: str | None = None
    """The words behind the status, as the server sent them."""
    http_version: str | None = None
    """``1.0`` or ``1.1``."""
    redirects: list[Redirect] = []
    """The hops that led to ``final_url``, in order."""
    headers: dict[str, list[str]] = {}
    """By lower-case name, in the order received; values of cookies and credentials redacted."""
    content_type: str | None = None
    """The media type alone, lower case."""
    content_encoding: str | None = None
    """How the body was compressed, as the server says."""
    size: int | None = None
    """Bytes of the decoded body, as far as it was read."""
    wire_size: int | None = None
    """Bytes of the body as it came."""
    truncated: bool = False
    """True when the body passed a cap and only its beginning was read."""
    etag: str | None = None
    """As the server wrote it."""
    last_modified: str | None = None
    """As the server wrote it."""
    ip: str | None = None
    """The address that answered."""
    x_robots_tag: list[str] = []
    """The values of the ``X-Robots-Tag`` headers."""

    fetched_at: str | None = None
    """When the answer began to arrive: UTC, RFC 3339."""
    elapsed: float | None = None
    """Seconds from the first byte sent to the last received, of the last hop."""
    timing: Timing | None = None
    """Where the time went."""
    robots: Robots | None = None
    """What robots.txt says; left out when it was not asked."""
    body_sha256: str | None = None
    """Of the decoded body; lower-case hex."""
    fields: dict[str, Any] = {}
    """The user's own, by name: what ``parse.select`` and ``parse.extractor`` found in the page."""
    field_errors: dict[str, str] = {}
    """What is wrong with them, by name: a value that is none of its type, one that is missing where it is
    required. ``extractor``: what became of the user's function."""
