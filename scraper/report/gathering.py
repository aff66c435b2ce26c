"""The figures of a run, gathered while its records pass by once. This module does no I/O."""

from __future__ import annotations

from array import array
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

from scraper.errors import InvalidUrl
from scraper.observe.counts import GOOD
from scraper.observe.printable import without_secrets
from scraper.record import Outcome
from scraper.report.audit import Auditing
from scraper.report.bounded import First, Greatest, Tally
from scraper.report.latency import Hosts, Sketch, Spread
from scraper.report.model import BrokenLink, Heavy, MissingText, RedirectChain, Unlisted
from scraper.report.shown import shown_place, shown_text, shown_url
from scraper.report.structured import StructuredData
from scraper.report.timeline import Times
from scraper.urls import host_key

if TYPE_CHECKING:
    from scraper.record import Record

HTML = frozenset({"text/html", "application/xhtml+xml"})
RANKED = 100
"""How many of the largest and slowest pages are shown."""
_MOST_HOSTS = 20_000
_MOST_NAMES = 1000
_MOST_RUNS = 20
_MOST_HOPS = 50
_CLIENT_ERROR = 400
WHOLE = frozenset({Outcome.OK, Outcome.NOT_MODIFIED, Outcome.TOO_LARGE})
"""The outcomes whose records tell of a page."""
_BROKEN = frozenset(Outcome) - GOOD - WHOLE - {
    Outcome.ROBOTS_DENIED,  # nobody knows what is there
    Outcome.PARSE_ERROR,  # a page for people all the same
}  # fmt: skip
"""Where a reader who follows the link finds no page."""


class Broken:
    """A broken link whose sources are still to be looked up."""

    __slots__ = ("found_on", "link", "parent", "sources", "url")

    def __init__(self, record: Record) -> None:
        self.url = record.url
        self.parent = record.parent
        self.link = BrokenLink(
            shown_url(record.url or record.input), record.outcome, record.status, _why(record), [], 0
        )
        self.found_on: dict[int, str] = {}
        """URLs of pages that link there, by ``seq``: the first few."""
        self.sources = 0


class Gathering:
    """Takes the records of a run one by one; its attributes are what they come to.

    Args:
        limit: The most rows that a table is to have.
    """

    def __init__(self, limit: int) -> None:
        self.runs: dict[str, None] = {}
        self.records = self.failed = self.redirected = self.size_bytes = 0
        self.outcomes: Counter[str] = Counter()
        self.statuses, self.media_types, self.languages = Tally(_MOST_NAMES), Tally(200), Tally(_MOST_NAMES)
        self.times, self.sketch, self.spread = Times(), Sketch(), Spread()
        self.hosts = Hosts(_MOST_HOSTS)
        self.redirects: Greatest[RedirectChain] = Greatest(limit)
        self.broken: First[Broken] = First(limit)
        self.html_pages = self.missing_titles = self.missing_descriptions = 0
        self.missing: First[MissingText] = First(limit)
        self.titles, self.descriptions = array("Q"), array("Q")
        """Digests of those of all pages: 8 bytes a page, not their text."""
        self.audit = Auditing(limit)
        self.reasons = Tally(50)
        self.unlisted: First[Unlisted] = First(limit)
        self.largest: Greatest[Heavy] = Greatest(RANKED)
        self.slowest: Greatest[Heavy] = Greatest(RANKED)
        self.structured = StructuredData()
        self.repaired_jsonld = 0
        self._ends: set[int] = set()
        """Digests of where redirects ended, so that a page counts once."""

    def add(self, record: Record) -> None:
        """Take one record."""
        failed = record.outcome not in GOOD
        size_bytes = record.wire_size or 0
        self.records += 1
        self.failed += failed
        self.size_bytes += size_bytes
        self.outcomes[record.outcome] += 1
        if len(self.runs) < _MOST_RUNS:
            self.runs.setdefault(shown_text(record.run, 80))
        if record.status is not None:
            self.statuses.add(str(record.status))
        self._note_time(record, size_bytes)
        if record.url is not None and record.outcome not in {Outcome.DUPLICATE, Outcome.FILTERED}:
            host = _host(record.final_url or record.url)
            self.hosts.add(host, failed=failed, size_bytes=size_bytes, took_s=record.elapsed)
        if record.redirects:
            self._note_redirects(record)
        if record.outcome in _BROKEN:
            self._note_broken(record)
        elif record.outcome in WHOLE:
            self._note_page(record)
        if record.indexable is False:
            self._note_unlisted(record)

    def _note_time(self, record: Record, size_bytes: int) -> None:
        at_s = seconds_of(_answered_at(record))
        if at_s is not None:
            is_error = record.status is not None and record.status >= _CLIENT_ERROR
            self.times.add(at_s, is_error=is_error, size_bytes=size_bytes)
        if record.elapsed is not None:
            self.sketch.add(record.elapsed)
            self.spread.add(record.elapsed)
            if self.slowest.takes(record.elapsed):
                self.slowest.add(record.elapsed, _heavy(record))

    def _note_redirects(self, record: Record) -> None:
        self.redirected += 1
        length = len(record.redirects)
        if not self.redirects.takes(length):
            self.redirects.total += 1
            return
        # A Location may be relative; where it led is what was asked for next.
        targets: list[str | None] = [hop.url for hop in record.redirects[1:]]
        targets.append(record.final_url if record.outcome in WHOLE else record.redirects[-1].location)
        hops = [
            (hop.status, shown_url(target or hop.location))
            for hop, target in islice(zip(record.redirects, targets, strict=True), _MOST_HOPS)
        ]
        chain = RedirectChain(shown_url(record.redirects[0].url), hops, record.outcome, record.status)
        self.redirects.add(length, chain)

    def _note_broken(self, record: Record) -> None:
        if self.broken.is_full:
            self.broken.total += 1
        else:
            self.broken.add(Broken(record))

    def _note_page(self, record: Record) -> None:
        self.media_types.add(shown_text(record.content_type or "(none)", 80))
        if record.size is not None and self.largest.takes(record.size):
            self.largest.add(record.size, _heavy(record))
        if not is_page(record.content_type):
            return
        if record.redirects:
            # A page that two lines lead to is one page. Where neither is redirected, they are duplicates.
            end = digest(record.final_url or "")
            if end in self._ends:
                return
            self._ends.add(end)
        self.html_pages += 1
        self.languages.add(shown_text(record.lang or "(none)", 40))
        self.structured.add(record)
        self.audit.add(record)
        self.repaired_jsonld += bool(record.jsonld_errors)
        missing = [
            name for name, text in (("title", record.title), ("description", record.description)) if not text
        ]
        if missing:
            self.missing_titles += "title" in missing
            self.missing_descriptions += "description" in missing
            self.missing.add(MissingText(shown_place(record), missing))
        if record.indexable_reason != "canonicalised":
            if record.title:
                self.titles.append(digest(record.title))
            if record.description:
                self.descriptions.append(digest(record.description))

    def _note_unlisted(self, record: Record) -> None:
        reason = record.indexable_reason or "-"
        self.reasons.add(shown_text(reason, 40))
        if reason == "http_error":  # those are the broken links
            return
        if self.unlisted.is_full:
            self.unlisted.total += 1
        else:
            self.unlisted.add(Unlisted(shown_place(record), reason, _evidence(record, reason)))


def digest(text: str) -> int:
    """Return 64 bits that tell texts apart; two of a million texts meet with a chance of 3 in 10 million."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def is_page(media_type: str | None) -> bool:
    """Whether titles and descriptions are to be expected."""
    return media_type in HTML


def _answered_at(record: Record) -> str | None:
    """Return when this run had its answer: a page that is not modified was fetched by an earlier one."""
    if record.outcome is not Outcome.NOT_MODIFIED:
        return record.fetched_at
    return record.validated_at if record.attempts else None  # else nobody was asked


def seconds_of(moment: str | None) -> float | None:
    """Return a time of a record in seconds since 1970; ``None`` for none, and for what is none."""
    if moment is not None:
        with suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(moment)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None


def _host(url: str) -> str:
    try:
        return shown_text(host_key(url), 255)
    except InvalidUrl:  # a record of another program's making
        return "(none)"


def _heavy(record: Record) -> Heavy:
    return Heavy(shown_place(record), record.size, record.elapsed, shown_text(record.content_type or "", 80))


def _why(record: Record) -> str:
    if record.error is not None:
        return shown_text(without_secrets(record.error.message))
    return shown_text(record.reason or "")


def _evidence(record: Record, reason: str) -> str:
    """Return what says that a page is not to be listed."""
    if reason == "canonicalised":
        return shown_url(record.canonical or record.canonical_header or "")
    if reason == "blocked" and record.robots is not None:
        return shown_text(record.robots.rule or "")
    if reason == "redirected" and record.refresh is not None:
        return shown_url(record.refresh.url or "")
    return shown_text(", ".join([*record.meta_robots, *record.x_robots_tag]))
