"""From a run's file to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from scraper.record import Outcome
from scraper.report.comparison import compare_runs
from scraper.report.gathering import Gathering
from scraper.report.model import Count, Report
from scraper.report.shown import shown_text
from scraper.report.sources import second_look
from scraper.run.results import is_begun, raw_records, read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

R = TypeVar("R")

DEFAULT_ROWS = 1000


class GivenUp(Exception):
    """Nobody wants the report any more."""


def report_of(
    path: Path,
    *,
    against: Path | None = None,
    limit: int = DEFAULT_ROWS,
    is_wanted: Callable[[], bool] | None = None,
) -> Report:
    """Read a file of records, twice, and return what it comes to.

    Memory does not grow with the records but for some 16 bytes of a page, for repeated texts.

    Args:
        path: What a crawl has written; see ``scraper.run.results``.
        against: That of an earlier run.
        limit: The most rows that a table is to have; totals count all.
        is_wanted: Asked before each record, so that another thread can have this end.

    Raises:
        UsageError: A file can't be read, or is none of records.
        GivenUp: It is not wanted any more.
    """
    found = Gathering(limit)
    for record in _while_wanted(read_records(path), is_wanted):
        found.add(record)
    again = second_look(found, _while_wanted(raw_records(path), is_wanted), limit=limit)
    outcomes = sorted(found.outcomes.items(), key=lambda item: (-item[1], item[0]))
    return Report(
        source=shown_text(path.name),
        runs=list(found.runs),
        is_begun=is_begun(path),
        first_s=found.times.first_s,
        last_s=found.times.last_s,
        records=found.records,
        ok=sum(found.outcomes[outcome] for outcome in Outcome if outcome.is_success),
        failed=found.failed,
        redirected=found.redirected,
        size_bytes=found.size_bytes,
        took=found.sketch.percentiles(),
        outcomes=[Count(*item) for item in outcomes],
        statuses=found.statuses.ranked(),
        media_types=found.media_types.ranked(),
        timeline=found.times.timeline(),
        spread=found.spread.counts(),
        hosts=found.hosts.rows(limit),
        redirects=found.redirects.rows(),
        broken=again.broken,
        html_pages=found.html_pages,
        missing_titles=found.missing_titles,
        missing_descriptions=found.missing_descriptions,
        missing=found.missing.rows(),
        shared=again.shared,
        audit=found.audit.figures(),
        unlisted_reasons=found.reasons.ranked(),
        unlisted=found.unlisted.rows(),
        largest=found.largest.ranked(),
        slowest=found.slowest.ranked(),
        languages=found.languages.ranked(),
        structured=found.structured.rows(limit),
        repaired_jsonld=found.repaired_jsonld,
        changes=None if against is None else compare_runs(against, path, limit=limit),
    )


def _while_wanted(records: Iterator[R], is_wanted: Callable[[], bool] | None) -> Iterator[R]:
    for record in records:
        if is_wanted is not None and not is_wanted():
            raise GivenUp
        yield record
