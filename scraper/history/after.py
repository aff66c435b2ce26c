"""What a record of a page that is there leaves for the runs to come. Pure: no file, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper.clock import rfc3339
from scraper.history.interval import next_interval_s
from scraper.history.rows import PageRow
from scraper.history.validators import sendable_date, sendable_etag, values_of, variance
from scraper.record import Change, ChangeStatus, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from scraper.history.judging import Compared
    from scraper.history.validators import Asking
    from scraper.settings.model import HistorySettings

_MAX_TITLE = 300
_NOT_KEPT = {"run": "", "seq": 0, "input": "", "extra": {}, "tries": [], "depth": 0, "parent": None}
_LEFT_OUT = ("timing", "change")
"""What is the line's or the run's own: the record of a page that is as it was takes it from its own run."""


class Circumstances(NamedTuple):
    """What holds for all records of a run."""

    run: str
    extraction: str
    """See ``scraper.history.extraction``."""
    settings: HistorySettings
    compared: Compared
    asking: Asking
    now: datetime
    """When the run is taken in."""


def row_after(
    old: PageRow | None,
    record: dict[str, Any],
    *,
    change: Change | None,
    found_on: int | None,
    run: Circumstances,
) -> PageRow:
    """Return what is known of a page after a record that says what is there.

    Args:
        old: What was known before, ``None`` of a new page.
        record: As it is read from JSON.
        change: What has become of the page, as the record says.
        found_on: The number of the page that led to it.
        run: The run that the record is of.
    """
    at = said_at(record) or rfc3339(run.now)
    is_new = old is None
    has_changed = change is not None and change.status is not ChangeStatus.UNCHANGED
    is_carried = record["outcome"] == Outcome.NOT_MODIFIED and old is not None
    headers = record.get("headers") or {}
    said = variance(values_of(headers, "vary"))
    is_whole = record["outcome"] != Outcome.TOO_LARGE and not said.is_unknown
    date = next(iter(values_of(headers, "date")), None)
    interval_s, due_s = 0.0, 0.0
    if run.settings.adaptive and is_whole:
        interval_s = next_interval_s(
            old.interval_s if old else 0.0, changed=has_changed, settings=run.settings
        )
        due_s = run.now.timestamp() + interval_s
    url = record.get("url") or record["key"]
    final_url = record.get("final_url") or url
    return PageRow(
        url=url,
        key="" if record["key"] == url else record["key"],
        run=run.run,
        first_run=run.run if is_new or old is None else old.first_run,
        first_seen=at if is_new or old is None else old.first_seen,
        last_changed=at if has_changed or old is None else old.last_changed,
        seen_at=at,
        digest=old.digest if is_carried and old else run.compared.digest(record),
        extraction=run.extraction,
        final_url="" if final_url == url else final_url,
        status=old.status if is_carried and old else record.get("status") or 0,
        etag=sendable_etag(record.get("etag")) if is_whole else None,
        last_modified=sendable_date(record.get("last_modified"), date=date) if is_whole else None,
        vary=said.names,
        variant=run.asking.variant(said.names),
        interval_s=interval_s,
        due_s=due_s,
        found_on=found_on,
        changes=old.changes if old else 0,
        last_status=change.status.value
        if change and has_changed
        else old.last_status
        if old
        else ChangeStatus.NEW.value,
    )


def said_at(record: Mapping[str, Any]) -> str | None:
    """Return when a server said what a record says; all such times are written alike, so they compare."""
    at: str | None = record.get("validated_at") or record.get("fetched_at")
    return at


def title_of(record: dict[str, Any] | None) -> str | None:
    """Return a page's title, as long as a change may show it."""
    title = (record or {}).get("title")
    return title[:_MAX_TITLE] if isinstance(title, str) else None


def kept(record: dict[str, Any], *, status: int) -> bytes:
    """Return what is kept of a record, as JSON, for the record of a page that is as it was.

    ``status`` is that of the answer with the page itself.
    """
    whole = {**record, **_NOT_KEPT}
    for name in _LEFT_OUT:
        whole.pop(name, None)
    if record["outcome"] == Outcome.NOT_MODIFIED:  # as it was fetched once
        whole |= {"outcome": Outcome.OK.value, "status": status}
    return msgspec.json.encode(whole)
