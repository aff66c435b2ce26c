"""What the state is asked for, and what it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.exchange import ArchiveEnd
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scraper.messages import Request
    from scraper.robots.access import Access


class Tally(NamedTuple):
    """How many records have an outcome and a status."""

    outcome: Outcome
    status: int | None
    records: int


class Progress(NamedTuple):
    """How far the run has come, as the state knows it."""

    lines: int
    """Admitted so far; the next line's ``seq``."""
    done: int
    """Records written and noted."""
    output_bytes: int
    """The output's length with them."""
    found: int = 0
    """Of the lines, those that pages and sitemaps led to."""
    tally: tuple[Tally, ...] = ()
    """What the records came to."""
    archived: ArchiveEnd | None = None
    """How far the archive had come with them; ``None`` without one, or with nothing in it."""


def archive_facts(end: ArchiveEnd | None) -> dict[str, int]:
    """Return how far an archive has come as facts that the state keeps; none without an archive."""
    return {} if end is None else {"archive_file": end.file, "archive_bytes": end.length}


def progress_of(facts: Mapping[str, Any], counted: Sequence[tuple[str, int, int]]) -> Progress:
    """Return how far a run has come by what the state keeps: facts, and records by outcome and status."""
    archived = None
    if "archive_file" in facts:
        archived = ArchiveEnd(facts["archive_file"], facts["archive_bytes"])
    tally = tuple(Tally(Outcome(outcome), status or None, records) for outcome, status, records in counted)
    return Progress(facts["lines"], facts["done"], facts["output_bytes"], facts["found"], tally, archived)


class SourceProgress(NamedTuple):
    """How far one source was read."""

    consumed: int
    ended: bool


class Admission(NamedTuple):
    """What became of a batch of lines."""

    lines: int
    hosts: tuple[int, ...]
    """The ids of the hosts that have new rows, in the order of the list."""


class Moved(NamedTuple):
    """What became of lines that redirects have led elsewhere."""

    hosts: tuple[int, ...]
    """The ids of the hosts that have new rows."""
    left: int
    """How many lines have gone to another part of the run."""


class Want(NamedTuple):
    """A host whose rows are to be loaded: those behind a place."""

    host_id: int
    after_place: int
    host: str | None = None
    """Its host key, where that is known: of a host that only redirects led to no row tells it."""


class Loaded(NamedTuple):
    """What was read for hosts, by their ids."""

    rows: dict[int, list[Request]]
    """Of each host that was wanted, in the order of their places; without those put off."""
    access: dict[int, list[Access]]
    """What is kept of the robots.txt files of those that enter."""
    holds: dict[int, float]
    """Seconds since 1970 until which those that enter asked to be left alone."""
    listed: frozenset[int] = frozenset()
    """Those that were wanted and that the user's own list names."""


class Counted(NamedTuple):
    """How many lines wait at a host."""

    host: str
    host_id: int
    lines: int
