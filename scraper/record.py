"""The record: what is known of one input line, once it is finished.

One schema for every format, versioned by ``SCHEMA_VERSION``. Rules that hold for all fields:

- A value that the page does not give is ``null`` (scalars), ``[]`` or ``{}``. The fields of the
  identity and outcome groups are always present; the others are left out when empty.
- Lists stay lists. Text is white-space folded and free of control characters.
- URLs are absolute, but in ``og``, ``twitter``, ``jsonld``, ``dublin_core`` and ``citation``, which are as
  the page has them, and in ``headers`` and ``location``.

This module does no I/O.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from scraper.record_values import (
    Change,
    ChangeStatus,
    Failure,
    Feed,
    Heading,
    Hreflang,
    Icon,
    ImageCounts,
    JsonLdError,
    Language,
    LinkCounts,
    LinkEntry,
    Redirect,
    Refresh,
    Robots,
    Timing,
    Try,
)

__all__ = [
    "SCHEMA_VERSION",
    "Article",
    "Change",
    "ChangeStatus",
    "Failure",
    "Feed",
    "Head",
    "Heading",
    "Hreflang",
    "Icon",
    "ImageCounts",
    "JsonLdError",
    "Language",
    "LinkCounts",
    "LinkEntry",
    "Outcome",
    "Page",
    "Record",
    "Redirect",
    "Refresh",
    "Robots",
    "Timing",
    "Try",
]

SCHEMA_VERSION = 1
"""Raised whenever a field changes its name, type or meaning; adding a field does not raise it."""


class Outcome(enum.StrEnum):
    """What came of an input line. Every record has exactly one."""

    OK = "ok"
    """A 2xx response, whatever its media type; only HTML is parsed."""
    NOT_MODIFIED = "not_modified"
    """The page is as a run before had it (``history.file``), and its metadata is that run's: the server said
    so (304), or it was not due to be asked again (``history.adaptive``; ``attempts`` is 0 then)."""
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
        return self is Outcome.OK or self is Outcome.NOT_MODIFIED


class Article(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the page is as a publication, by the names the record uses."""

    headline: str | None = None
    """What a reader would call the page: JSON-LD headline, og:title, twitter:title, a sole h1, ``<title>``,
    without the site's name."""
    site_name: str | None = None
    """og:site_name, else the publisher of JSON-LD, application-name."""
    author: list[str] = []
    """Names, in order: no "By", no role, no URL. What a reader sees is not searched for them: they are stated
    in JSON-LD, meta elements, microdata, or by ``rel=author``."""
    publisher: str | None = None
    """Its name: JSON-LD, else meta ``article:publisher``, Dublin Core, ``citation_publisher``, microdata."""
    published: str | None = None
    """ISO 8601, as precise as the page states it, its zone kept."""
    modified: str | None = None
    """The same of the last change."""
    section: str | None = None
    """JSON-LD, else meta ``article:section``, ``parsely-section``, microdata."""
    tags: list[str] = []
    """Keywords of JSON-LD, else of meta elements, links with ``rel=tag``, keywords of microdata."""
    image: str | None = None
    """og:image, else twitter:image, JSON-LD, ``link rel=image_src``, microdata."""
    logo: str | None = None
    """The publisher's: JSON-LD, else og:logo, microdata."""
    license: str | None = None
    """A URL: ``rel=license``, else JSON-LD, Dublin Core, microdata."""
    page_type: str | None = None
    """What the page is about: article, audio, book, collection, course, dataset, discussion, event, faq,
    howto, job, place, product, profile, recipe, review, software, video or website."""


class Head(Article, frozen=True, kw_only=True, omit_defaults=True):
    """What the document says of itself to browsers and search engines."""

    title: str | None = None
    """The first ``<title>`` outside svg, else og:title, twitter:title, the first h1."""
    titles: list[str] = []
    """All ``<title>`` texts, when there are several."""
    description: str | None = None
    """Meta description, else og:description, twitter:description, that of JSON-LD, of microdata."""
    keywords: list[str] = []
    """Of the meta keywords, split at commas."""
    canonical: str | None = None
    """The ``link rel=canonical`` of the document's head."""
    canonical_header: str | None = None
    """That of the ``Link`` header."""
    base: str | None = None
    """The first ``<base href>``, made absolute."""
    lang: str | None = None
    """``html lang``, else xml:lang, og:locale, http-equiv content-language."""
    viewport: str | None = None
    generator: str | None = None
    """What the page says it was made with."""
    theme_color: str | None = None
    """One that holds whatever the screen, else the first."""
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
    """The directives of ``<meta name=robots>``, and those by our own name, lower case, in order."""


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
    """Words of the visible text, split at white space: a page in Chinese, Japanese or Thai, which are written
    without, has few; ``text_length`` tells more of it."""
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
    """64 bits in hex that tell of the first 1,024 words of the visible text; texts that are nearly alike
    differ in few of them."""
    language: Language | None = None
    """The language that the visible text is in, where that was asked for (``parse.language``)."""
    link_list: list[LinkEntry] = []
    """All links, where that was asked for (``parse.links``)."""
    text: str | None = None
    """The page's text, where that was asked for (``parse.text``)."""
    published_guess: str | None = None
    """A day, ISO 8601: a guess at when a page was published that does not state it, where that was asked for
    (``parse.guess_dates``)."""
    metadata_sha256: str | None = None
    """Of the metadata alone, what change detection compares: no text, no counts, no ``fields``."""
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
    """Of the last answer; also of one whose body ended early, was not what it said, or too late."""
    reason: str | None = None
    """The words behind the status, as the server sent them."""
    http_version: str | None = None
    """``1.0`` or ``1.1``."""
    redirects: list[Redirect] = []
    """The hops that led to ``final_url``, in order; of a loop also the one that leads back."""
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
    """When the answer began to arrive: UTC, RFC 3339. Of a page that is ``not_modified`` it is when
    an earlier run fetched it."""
    validated_at: str | None = None
    """When a server last said that the page is still what was fetched at ``fetched_at``: UTC, RFC 3339."""
    elapsed: float | None = None
    """Seconds from the first byte sent to the last received, of the last hop."""
    timing: Timing | None = None
    """Where the time went."""
    robots: Robots | None = None
    """What robots.txt says; left out when it was not asked."""
    indexable: bool | None = None
    """Whether a search engine may list the page under its ``final_url``, whatever its media type: images and
    PDF are listed too. ``None`` when nothing came that would tell."""
    indexable_reason: str | None = None
    """Why not: ``blocked`` (by robots.txt), ``redirected``, ``http_error``, ``noindex``,
    ``unavailable_after``, ``canonicalised``; the first that holds, in this order."""
    body_sha256: str | None = None
    """Of the decoded body; lower-case hex."""
    fields: dict[str, Any] = {}
    """The user's own, by name: what ``parse.select`` and ``parse.extractor`` found in the page."""
    field_errors: dict[str, str] = {}
    """What is wrong with them, by name: a value that is none of its type, one that is missing where it is
    required. ``extractor``: what became of the user's function."""
    change: Change | None = None
    """What has become of the page since the run before (``history.file``). ``None`` where that can't be told:
    a failure is no change, a missing page may be back, a duplicate's is that of the first line."""
