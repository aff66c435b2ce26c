"""What a report tells of a run: plain values, without HTML. This module does no I/O."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")


class Rows(NamedTuple, Generic[T]):
    """A list that may be the beginning of a longer one."""

    shown: list[T]
    total: int
    """How many there are, shown or not."""


class Count(NamedTuple):
    """How many records have something in common."""

    name: str
    number: int


class Moment(NamedTuple):
    """What was answered in one step of the time line."""

    at_s: float
    """When the step begins, in seconds since 1970."""
    answers: int
    errors: int
    """Of them, those with a status of 400 or more."""
    size_bytes: int


class Timeline(NamedTuple):
    """Answers over time, in steps of one length."""

    step_s: float
    stretches: list[list[Moment]]
    """Steps without a gap; between two stretches nothing came for long, as when a run was resumed."""


class Percentiles(NamedTuple):
    """How long answers took, in seconds; each within 2 %."""

    p50_s: float
    p90_s: float
    p99_s: float
    max_s: float


class Host(NamedTuple):
    """What came of the lines of one host, by where each ended."""

    name: str
    records: int
    failed: int
    size_bytes: int
    took: Percentiles | None
    """``None`` where nothing was answered."""


class RedirectChain(NamedTuple):
    """The hops of one line."""

    url: str
    hops: list[tuple[int, str]]
    """Status and where it led, in order."""
    outcome: str
    status: int | None
    """Of the page at the end."""


class BrokenLink(NamedTuple):
    """A URL that gave no page."""

    url: str
    outcome: str
    status: int | None
    why: str
    found_on: list[str]
    """URLs of pages that link there: the first few."""
    sources: int
    """How many pages link there, as far as the run tells; 0 for lines of the list alone."""


class MissingText(NamedTuple):
    """A page without a title, a description, or both."""

    url: str
    missing: list[str]


class SharedText(NamedTuple):
    """A title or description that several pages have."""

    kind: str
    """``title`` or ``description``."""
    text: str
    pages: int
    urls: list[str]
    """The first few."""


class Unlisted(NamedTuple):
    """A page that no search engine may list."""

    url: str
    reason: str
    detail: str
    """What says so: the canonical URL, the directives, the rule."""


class TextLength(NamedTuple):
    """A title or description that is too long or too short."""

    url: str
    kind: str
    """``title`` or ``description``."""
    what: str
    """``too long`` or ``too short``."""
    length: int
    """In columns: a wide character takes two."""
    text: str


class HeadingFinding(NamedTuple):
    """A page that has no h1, or several."""

    url: str
    h1s: int
    text: str
    """The first of them; of a page without, its first other headings."""


class ThinPage(NamedTuple):
    """A page with few words."""

    url: str
    words: int
    title: str


class Audit(NamedTuple):
    """What an audit asks of HTML pages that search engines may list."""

    pages: int
    titles: list[Count]
    """How many titles are ``too long``, ``fitting``, ``too short`` and ``missing``."""
    descriptions: list[Count]
    lengths: Rows[TextLength]
    without_h1: int
    several_h1: int
    headings: Rows[HeadingFinding]
    thin: Rows[ThinPage]
    """Those with the fewest words first."""


class Heavy(NamedTuple):
    """A page that is large or slow."""

    url: str
    size_bytes: int | None
    took_s: float | None
    media_type: str


class Structured(NamedTuple):
    """A kind of structured data in use."""

    syntax: str
    type: str
    pages: int
    example: str
    """URL of the first page with it."""


class Changed(NamedTuple):
    """How a URL differs from the earlier run."""

    url: str
    what: str
    """``new``, ``gone``, ``changed``, ``moved`` or ``recovered``."""
    fields: list[str]
    before: str
    """Values of the fields that can be read; of ``new`` and ``gone`` the title, of ``moved`` the old URL."""
    after: str


class Changes(NamedTuple):
    """A run beside an earlier one, URL by URL (``key``)."""

    against: str
    new: int
    gone: int
    changed: int
    moved: int
    recovered: int
    unchanged: int
    fields: list[Count]
    """How many URLs changed in each field, the most first."""
    rows: Rows[Changed]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    source: str
    """The name of the file of records."""
    runs: list[str]
    """Names of the runs that wrote it."""
    is_begun: bool
    """The run is not finished: records may follow."""
    first_s: float | None
    """When the first and the last answer came, in seconds since 1970; ``None`` when none came."""
    last_s: float | None
    records: int
    ok: int
    """With those that are not modified."""
    failed: int
    redirected: int
    size_bytes: int
    """Of all bodies, as they came over the wire."""
    took: Percentiles | None
    outcomes: list[Count]
    statuses: list[Count]
    media_types: list[Count]
    timeline: Timeline
    spread: list[Count]
    """Answers by how long they took."""
    hosts: Rows[Host]
    redirects: Rows[RedirectChain]
    broken: Rows[BrokenLink]
    html_pages: int
    """Those that titles and descriptions were looked for in: answered, HTML, each counted once."""
    missing_titles: int
    missing_descriptions: int
    missing: Rows[MissingText]
    shared: Rows[SharedText]
    audit: Audit
    unlisted_reasons: list[Count]
    unlisted: Rows[Unlisted]
    largest: list[Heavy]
    slowest: list[Heavy]
    languages: list[Count]
    structured: Rows[Structured]
    repaired_jsonld: int
    """Pages whose JSON-LD is broken somewhere."""
    changes: Changes | None
    """``None`` when there is no earlier run to compare with."""
