"""What lies in the file for one page, and how it follows from what lay there and what a run finds. Pure."""

from __future__ import annotations

import enum
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from scraper.record import Change, ChangeStatus, Outcome
from scraper.urls import key_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scraper.messages import Known

_MISSING = (404, 410)
"""RFC 9110 15.5.5 and 15.5.11."""
_FAILED_FROM = 400


class Standing(enum.Enum):
    """What a record says of its page."""

    THERE = enum.auto()
    """It was fetched, at least its beginning, or it is not modified."""
    MISSING = enum.auto()
    """The server says that there is none."""
    UNTOLD = enum.auto()
    """Nothing was learnt: a failure, a refusal of robots.txt, an error of the server's."""


def standing(record: Mapping[str, Any]) -> Standing:
    """Return what a record, as read from JSON, says of its page."""
    outcome = record.get("outcome")
    if outcome in (Outcome.OK, Outcome.NOT_MODIFIED, Outcome.TOO_LARGE):
        return Standing.THERE
    if outcome == Outcome.HTTP_ERROR and record.get("status") in _MISSING:
        return Standing.MISSING
    return Standing.UNTOLD


class PageRow(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """One page as it lies in the table, in JSON. A field is only ever added at the end."""

    url: str
    """As the line had it that asked for it last."""
    key: str
    """What the row is found by; empty when it is the URL itself."""
    run: str
    """The last run that learnt anything of it."""
    first_run: str
    first_seen: str
    """RFC 3339, as all times here but ``due_s``."""
    last_changed: str
    seen_at: str
    """When it was last there."""
    digest: str
    """Of the values that are compared."""
    extraction: str
    """How its metadata was extracted; see ``scraper.history.extraction``."""
    final_url: str
    status: int
    """Of the last answer that was not 304."""
    etag: str | None = None
    last_modified: str | None = None
    vary: list[str] = []
    """The request headers that the answer depends on, lower case."""
    variant: str = ""
    """What those were; see ``scraper.history.validators``."""
    misses: int = 0
    """How many runs in a row it was missing: 404, 410, or not found any more."""
    is_gone: bool = False
    failed: bool = False
    """The last answer was an error: 4xx or 5xx."""
    interval_s: float = 0.0
    due_s: float = 0.0
    """Seconds since 1970."""
    found_on: int | None = None
    """The page or sitemap that led to it, by its id; ``None`` for a line of the list."""
    changes: int = 0
    """How many changes of it are kept."""
    last_status: str = ChangeStatus.NEW.value
    """The last change of it that was one."""

    @property
    def own_key(self) -> str:
        """What the page is found by."""
        return self.key or self.url


def page_id(key: str) -> int:
    """Return the number that a page goes by in the file.

    Half a digest, so that it is a key of SQLite's fastest kind. Two pages of a million share one with a
    chance of 3 in 100 million; the row has the key itself, so they are then not taken for each other.
    """
    return int.from_bytes(key_digest(key)[:8], signed=True)


def change_of(
    known: Known | None,
    record: Mapping[str, Any],
    differing: list[str],
    *,
    at: str,
    gone_after: int,
) -> Change | None:
    """Return what has become of a page, ``None`` where that can't be told.

    Args:
        known: What the runs before have learnt of it.
        record: What this one has found, as read from JSON.
        differing: The names of the fields that are not as they were.
        at: When it answered, RFC 3339.
        gone_after: After how many runs in a row a page that is missing is gone.
    """
    match standing(record), known:
        case (Standing.UNTOLD, _) | (Standing.MISSING, None):
            return None
        case Standing.THERE, None:
            return Change(ChangeStatus.NEW, first_seen=at, last_changed=at)
    assert known is not None  # noqa: S101 - tells the type checker what the cases above say
    if standing(record) is Standing.MISSING:
        if not known.is_gone and known.misses + 1 < gone_after:
            return None
        status = ChangeStatus.UNCHANGED if known.is_gone else ChangeStatus.GONE
        differing = []
    elif known.is_gone:
        status = ChangeStatus.RECOVERED
    else:
        status = ChangeStatus.CHANGED if differing else ChangeStatus.UNCHANGED
    return Change(
        status,
        fields=differing,
        previous_run=known.run,
        first_seen=known.first_seen,
        last_changed=known.last_changed if status is ChangeStatus.UNCHANGED else at,
    )


def failed_again(row: PageRow, record: Mapping[str, Any]) -> PageRow:
    """Return what is known of a page of which a run has learnt nothing but, perhaps, an error's status."""
    status = record.get("status")
    if not isinstance(status, int):
        return row
    return replace(row, failed=status >= _FAILED_FROM)


def missed(row: PageRow, *, run: str, at: str, gone_after: int, failed: bool) -> PageRow:
    """Return what is known of a page that was missing once more."""
    misses = row.misses + 1
    row = replace(row, misses=misses, failed=failed or row.failed)
    if row.is_gone or misses < gone_after:
        return row
    return replace(row, is_gone=True, run=run, last_changed=at, last_status=ChangeStatus.GONE.value)


def digest_of(values: bytes, *, fields: bytes) -> str:
    """Return the digest of compared values, together with what is compared: other fields are other values."""
    return hashlib.blake2b(values, key=fields, digest_size=16).hexdigest()
