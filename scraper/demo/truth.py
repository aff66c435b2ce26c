"""The values of the sample site: what lies at a URL, what is answered, what a correct scraper finds.

A site is made before its ports are known. Texts, headers and expectations hold the tokens ``PORT``
and ``DEAD_PORT``, which are replaced when the site is asked for something.
"""

from __future__ import annotations

import enum
from typing import Any
from urllib.parse import quote

import msgspec

from scraper.record import Outcome, Refresh, Robots

PORT = "@PORT@"
"""Stands for the site's own port."""
DEAD_PORT = "@DEAD@"
"""Stands for a port at which every connection is refused."""


class Behaviour(enum.StrEnum):
    """How an answer goes over the wire."""

    NORMAL = "normal"
    """With a Content-Length; late by ``delay_s``."""
    CHUNKED = "chunked"
    """In several chunks (RFC 9112 7.1)."""
    UNTIL_CLOSE = "until_close"
    """Without a length: the end of the connection is the end of the body."""
    DRIP = "drip"
    """With a Content-Length, in small pieces over ``delay_s``."""
    TRUNCATED = "truncated"
    """Half of what the Content-Length promised, then the connection is closed."""
    TRUNCATED_CHUNKED = "truncated_chunked"
    """Chunks without the last one, then the connection is closed."""
    DISCONNECT = "disconnect"
    """Closed without a byte."""
    NOT_HTTP = "not_http"
    """Bytes of another protocol, then closed."""


class Refusal(msgspec.Struct, frozen=True):
    """How a server says "not now"."""

    status: int = 503
    retry_after_s: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says to one request."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """As sent, in order; those about the body's length and the connection are added on the wire."""
    body: bytes
    delay_s: float = 0.0
    behaviour: Behaviour = Behaviour.NORMAL
    fails_first: int = 0
    """So many requests are answered with ``refusal`` before this answer is given."""
    refusal: Refusal = Refusal()


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a correct scraper finds for one input line.

    The fields of the document (``title`` to ``charset_source``) say something only where ``parsed``
    is true. ``status`` is ``None`` where no whole answer came, or none that ends the redirects, or where
    nobody was asked.
    """

    outcome: Outcome = Outcome.OK
    error_type: str | None = None
    """The ``type`` of the record's error, where it is certain on all systems."""
    robots: Robots | None = None
    """What robots.txt says of the URL that was asked for last, or that would have been; ``None`` where
    it was not asked."""
    seq: int = 0
    """The place among the input lines, comments and blank lines not counted."""
    input: str = ""
    url: str | None = None
    """What is asked for first. For a line without a scheme: the http form, which answers."""
    final_url: str | None = None
    """Where the redirects end; ``None`` where they do not end, or where nothing was asked for."""
    duplicate_of: int | None = None
    status: int | None = None
    redirects: int = 0
    """Hops to ``final_url``, or to what robots.txt does not allow; 0 where there is neither."""
    depth: int = 0
    parent: str | None = None
    """The URL of the sitemap that names it, for a line that was found."""
    content_type: str | None = None
    size: int | None = None
    """Bytes of the decoded body of an ``ok`` answer."""
    parsed: bool = False
    """The answer is an HTML document."""
    title: str | None = None
    description: str | None = None
    lang: str | None = None
    canonical: str | None = None
    headings: tuple[tuple[int, str], ...] = ()
    refresh: Refresh | None = None
    charset: str | None = None
    """By its WHATWG name; ``None`` where nothing certain can be said, as of an image sent as HTML."""
    charset_source: str | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a resource lies."""

    host: str
    path: str
    """Not percent-encoded; may have a query."""

    @property
    def url(self) -> str:
        """The absolute URL, percent-encoded, with the token for the port."""
        return f"http://{self.host}:{PORT}{self.encoded}"

    @property
    def encoded(self) -> str:
        """The path as it is asked for."""
        return quote(self.path, safe="/?&=~!$'()*+,;:@")

    def href(self, other: Place) -> str:
        """How a page here links to another place: by path on the same host, else absolutely."""
        return other.encoded if other.host == self.host else other.url


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """What lies at one place of the site: the ingredients of an answer, and the truth about it."""

    place: Place
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content: str | bytes = b""
    codec: str = "utf-8"
    """The Python codec of a text content."""
    bom: bytes = b""
    """Put before the encoded text."""
    has_tag: bool = False
    """The answer has an ``ETag``, which changes with the body."""
    coding: str = ""
    """The content coding to apply: ``gzip``, ``deflate``, ``raw-deflate``, ``br``, ``zstd`` or none."""
    is_gzip_file: bool = False
    """The body is the content as a gzip file, which is no content coding."""
    delay_s: float = 0.0
    behaviour: Behaviour = Behaviour.NORMAL
    fails_first: int = 0
    refusal: Refusal = Refusal()
    leads_to: str | None = None
    """The URL of the next hop, when this is a redirect that can be followed."""
    ends_at: Place | None = None
    """Where one is when a redirect is given up, if that is not here."""
    expected: Expected = Expected()
    listed: bool = True
    """It stands in the URL list."""
    listed_as_sitemap: bool = False
    """It stands there as a list of further URLs, too."""
    parent: Place | None = None
    """The sitemap by which alone it is found."""


def bind(text: str, *, port: int, dead_port: int) -> str:
    """Put real ports in place of the tokens."""
    return text.replace(PORT, str(port)).replace(DEAD_PORT, str(dead_port))


def bind_expected(expected: Expected, *, port: int, dead_port: int) -> Expected:
    """Put real ports in place of the tokens in every text of an expectation."""
    changes: dict[str, Any] = {
        name: bind(value, port=port, dead_port=dead_port)
        for name in expected.__struct_fields__
        if isinstance(value := getattr(expected, name), str) and not isinstance(value, enum.Enum)
    }
    if expected.refresh is not None and expected.refresh.url is not None:
        url = bind(expected.refresh.url, port=port, dead_port=dead_port)
        changes["refresh"] = msgspec.structs.replace(expected.refresh, url=url)
    return msgspec.structs.replace(expected, **changes)
