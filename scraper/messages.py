"""What passes between the stages. Values only: no I/O, no rules.

Seed ──admitted──► Request ──fetched──► Response ──decided, parsed──► Finished | Again | Hop
         first, RobotsRequest ──fetched──► Response ──decided──► RobotsRead | Again | Hop
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from scraper.record import Failure, Outcome, Redirect, Robots, Try
from scraper.robots.access import Access


class Seed(msgspec.Struct, frozen=True):
    """One line of a source."""

    input: str
    """Verbatim, without the line's end."""
    extra: dict[str, Any] | None = None
    """The row's other columns; ``None`` when there are none."""
    is_found: bool = False
    """A page or a sitemap named it once, not the user: it lists no host, and gets no credentials."""
    seq: int | None = None
    """Its number, where the list is a part of another; ``None`` for the next one."""
    row: bytes = b""
    """In place of all else: a line that another part of the run has handed over, as its state had it."""
    is_listed: bool = False
    """Of such a line: the user's list names its host."""


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
    share: float | None = None
    """How much of all sources was read by then, from 0 to 1; ``None`` when that can't be told."""


class Settled(msgspec.Struct, frozen=True):
    """What comes of a line that nobody is asked for."""

    outcome: Outcome
    failure: Failure | None = None
    cause: Outcome | None = None
    """The outcome behind it: why robots.txt could not be had."""
    retryable: bool = False


class Validators(NamedTuple):
    """What a server is asked by whether a page has changed: RFC 9110 13.1. One of them is there at least."""

    etag: str | None
    """As the server wrote it, byte by byte."""
    last_modified: str | None
    """Likewise."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs before have learnt of a page."""

    run: str
    """The last one that learnt anything of it."""
    first_seen: str
    last_changed: str
    digest: str
    """Of the values that are compared."""
    final_url: str
    """The URL that has answered."""
    etag: str | None = None
    """What may be sent again; ``None`` where there is none, or the page has to be fetched in full."""
    last_modified: str | None = None
    """Likewise."""
    misses: int = 0
    """How many runs in a row it was missing."""
    is_gone: bool = False
    is_other: bool = False
    """Its metadata was extracted by other settings or another version: what differs may be our doing."""


class _Errand(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A URL to be asked for, and how that went so far.

    Never changed in place; a hop or another try is a new value.
    """

    target: str
    """The URL to ask for now: where it began, or where a redirect led. Empty when nobody is asked."""
    host: str
    """The host key of ``target``: what politeness counts by. Empty when nobody is asked."""
    redirects: tuple[Redirect, ...] = ()
    tries: tuple[Try, ...] = ()
    """The attempts that failed so far."""
    free_tries: int = 0
    """How many of ``tries`` do not count as tries: nobody was asked in vain."""
    is_anew: bool = False
    """It goes again because the kept connection it was sent on had died; that is done once."""
    known_at_s: float = 0.0
    """Monotonic: when it came into the frontier's memory, or came back to it."""
    released_at_s: float = 0.0
    """Monotonic: when politeness let it go."""
    waited_s: float = 0.0
    """Seconds of back-off before the next try."""
    took_s: float = 0.0
    """Seconds spent on the hops and tries so far."""
    is_last: bool = False
    """Nothing more is known to be asked of its host: the connection need not be kept."""
    is_listed: bool = False
    """The host of ``target`` stands in the user's own list, so that it may have a private address. Set
    each time that politeness lets it go: it means nothing before."""
    is_doubtful: bool = False
    """What was asked of its host last brought no answer, or none in time. Set as ``is_listed`` is."""
    deaths: int = 0
    """How many child processes have died while they were at it, perhaps of it."""


class RobotsRequest(_Errand, frozen=True, kw_only=True):
    """The robots.txt of one origin under way."""

    origin: str
    """Scheme, host and port that its rules are for, wherever redirects lead: ``https://example.com``."""


class Request(_Errand, frozen=True, kw_only=True):
    """One line under way."""

    seq: int
    input: str
    extra: dict[str, Any] | None = None
    url: str | None
    """The input as a URL that can be asked for; ``None`` when it is none."""
    key: str | None = None
    """What duplicates of the line are found by."""
    home: int
    """The host id that the state keeps it under, wherever redirects lead."""
    place: int
    """Where it stands in the state among the lines of ``home``."""
    depth: int = 0
    parent: int | None = None
    is_sitemap: bool = False
    """What it gives is a list of further lines."""
    is_trusted: bool = True
    """The user's credentials may go to the origin of ``url``."""
    guessed_scheme: bool = False
    """The line had no scheme and ``https`` was put before it: ``http`` is still to be tried."""
    settled: Settled | None = None
    """What comes of it when nobody is asked: a duplicate, an invalid line, a refusal of robots.txt."""
    robots: Robots | None = None
    """What robots.txt says of ``target``; ``None`` when it was not asked."""
    duplicate_of: int | None = None
    known: Known | None = None
    """What the runs before have learnt; ``None`` for nothing, or when nobody keeps it."""


Errand: TypeAlias = Request | RobotsRequest
"""What a worker is sent out for."""


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
    cut_by: str | None = None
    """Which cap that was, in words: ``fetch.max_wire_bytes (10.0 MiB)``."""
    ip: str | None
    fetched_at: datetime
    """When the answer began to arrive, UTC."""
    elapsed_s: float
    dns_s: float
    connect_s: float
    first_byte_s: float
    download_s: float
    is_timed: bool = True
    """Its seconds were measured; an archive does not hold them, and they are 0."""

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


class Sign(enum.Enum):
    """What an attempt tells of its host's health."""

    GOOD = enum.auto()
    """2xx, 3xx."""
    ERROR = enum.auto()
    """Any other status but the next two: an error page, which is quick to make."""
    OVERLOADED = enum.auto()
    """429 or 503."""
    SILENT = enum.auto()
    """No answer at all."""
    UNKNOWN = enum.auto()
    """Nothing can be learnt: cancelled, or the answer broke off."""


class Impression(msgspec.Struct, frozen=True):
    """What an attempt tells of its host."""

    sign: Sign
    latency_s: float | None = None
    """From the request sent to the first byte of the answer."""
    asked_wait_s: float | None = None
    """How long its headers ask us to stay away."""
    trouble: str | None = None
    """Why it may be given up, for people: ``timeout: no answer within 15 s``; only of a host that was silent
    or overloaded."""
    is_repeated: bool = False
    """The line's try before this one was refused the same way, 429 or 503."""
    is_late: bool = False
    """It came to a deadline, perhaps within its body."""


NO_IMPRESSION = Impression(Sign.UNKNOWN)


class Found(msgspec.Struct, frozen=True):
    """A further line that a page or a sitemap led to."""

    input: str
    """As it is to stand in the record."""
    url: str | None
    """As it can be asked for; ``None`` when it is no URL."""
    depth: int
    is_sitemap: bool = False
    is_trusted: bool = False
    """See ``Request.is_trusted``."""
    extra: dict[str, Any] | None = None
    why: str | None = None
    """Why it is no URL."""


class OwnFields(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the fields that the user asked for, on one page that was read."""

    found: tuple[str, ...] = ()
    """Names, without those that have their default; of what the user's function gave only so many."""
    wrong: tuple[str, ...] = ()
    """Names of those that are there and are not what they should be."""
    lacking: tuple[str, ...] = ()
    """Names of those that are required and not there."""
    given: int = 0
    """How many the user's function gave."""
    failure: str | None = None
    """How the user's function failed."""

    @property
    def errors(self) -> tuple[str, ...]:
        """The names in the record's ``field_errors``."""
        return (*self.wrong, *self.lacking, *(("extractor",) if self.failure else ()))


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A record, encoded, on its way to the writer, with what observers and the state need of it."""

    home: int
    place: int
    seq: int
    url: str
    """What to call it: the URL, or the line when it is none."""
    host: str
    outcome: Outcome
    cause: Outcome | None = None
    """The outcome behind it, where there is one; see ``Settled``."""
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
    found: tuple[Found, ...] = ()
    """Lines that it led to. They enter the state together with the record."""
    own: OwnFields | None = None
    """``None`` when the user asked for none, or it is no page that was read."""


class Again(msgspec.Struct, frozen=True, tag=True):
    """The attempt failed; the errand is to be tried once more, not sooner than after a wait."""

    errand: Errand
    wait_s: float


class Hop(msgspec.Struct, frozen=True, tag=True):
    """The answer leads to another URL, which waits its turn at its own host."""

    errand: Errand


class RobotsRead(msgspec.Struct, frozen=True):
    """What is known of an origin's robots.txt now."""

    access: Access


Verdict: TypeAlias = Finished | Again | Hop | RobotsRead
"""What came of visiting an errand once."""


class Visited(NamedTuple):
    """A visit's end."""

    verdict: Verdict
    impression: Impression
