"""Which records are asked for again, and as what lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from scraper import urls
from scraper.errors import InvalidUrl, UsageError
from scraper.frontier.rows import names_sitemap
from scraper.record import SCHEMA_VERSION, Outcome
from scraper.robots.access import origin_of
from scraper.run.results import raw_records
from scraper.sources.again import LineAgain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SITEMAP_CHARS = len("sitemap:")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which records are asked for again: those that are retryable, or those of some outcomes or statuses."""

    outcomes: tuple[Outcome, ...] = ()
    statuses: tuple[str, ...] = ()
    """Codes, or classes of them: ``503``, ``5xx``."""

    def takes(self, record: Candidate) -> bool:
        """Return whether a record is chosen. A duplicate never is: it has no answer of its own."""
        if record.outcome is Outcome.DUPLICATE:
            return False
        if not self.outcomes and not self.statuses:
            return record.retryable
        status = str(record.status)
        return record.outcome in self.outcomes or status in self.statuses or f"{status[0]}xx" in self.statuses

    @property
    def words(self) -> str:
        """What is chosen, in words."""
        return f"those that are {self.kinds}"

    @property
    def kinds(self) -> str:
        """What a chosen record is: ``timeout or 503``."""
        return " or ".join([*sorted(self.outcomes), *sorted(self.statuses)]) or "retryable"


class Candidate(msgspec.Struct, frozen=True):
    """What must be known of a record to choose it and to ask again."""

    schema: int
    seq: int
    input: str
    outcome: Outcome
    retryable: bool
    extra: dict[str, Any] | None = None
    parent: int | None = None
    status: int | None = None


class Chosen(msgspec.Struct, kw_only=True):
    """How many records there are, and how many of them are asked for again."""

    records: int = 0
    lines: int = 0
    sitemaps: int = 0
    """Chosen, but left out: what they list would be lines that the run does not have."""


def lines_of(run: Path, choice: Choice, counted: Chosen) -> Iterator[LineAgain]:
    """Yield the records of a run that are chosen as lines to be asked for, and count them.

    Raises:
        UsageError: The run can't be read.
    """
    origins: frozenset[str] | None = None
    for at, record in enumerate(_candidates(run)):
        counted.records += 1
        if not choice.takes(record):
            continue
        if names_sitemap(record.input):
            counted.sitemaps += 1
            continue
        counted.lines += 1
        is_found = record.parent is not None
        if is_found:
            # A list of the run's own lines would be as good, but the records are all there is.
            origins = _listed_origins(run) if origins is None else origins
            is_found = _origin(record.input) not in origins
        yield LineAgain(at, record.seq, record.input, record.extra or None, is_found)


def _listed_origins(run: Path) -> frozenset[str]:
    """Return the origins that the user's own list names.

    What a page led to was asked with the user's headers, and at a private address, only there; so it has to
    be when it is a line of a list now.
    """
    found = (_origin(record.input) for record in _candidates(run) if record.parent is None)
    return frozenset(origin for origin in found if origin)


def _origin(line: str) -> str:
    """Return the origin that a line names, empty when it names none as it is called."""
    try:
        parsed = urls.parse_input(line.lstrip()[_SITEMAP_CHARS:] if names_sitemap(line) else line)
    except InvalidUrl:
        return ""
    return origin_of(parsed.url) if parsed.is_plain_host else ""


def _candidates(run: Path) -> Iterator[Candidate]:
    decode = msgspec.json.Decoder(Candidate).decode
    for number, line in enumerate(raw_records(run), 1):
        try:
            record = decode(line)
        except msgspec.DecodeError as error:
            raise UsageError(f"{run}: record {number} is none: {error}") from error
        if record.schema != SCHEMA_VERSION:
            raise UsageError(
                f"{run}: record {number} is of schema version {record.schema}, "
                f"and this program reads {SCHEMA_VERSION}"
            )
        yield record
