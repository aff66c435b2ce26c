"""What has become of a page, and what is known of it then."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper.history.interval import is_due, next_interval_s
from scraper.history.rows import PageRow, Standing, change_of, failed_again, missed, page_id, standing
from scraper.messages import Known
from scraper.record import Outcome
from scraper.settings.model import HistorySettings

THEN, NOW = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
KNOWN = Known(
    run="r1", first_seen=THEN, last_changed=THEN, digest="d", final_url="https://a.example/", etag='"1"'
)
ROW = PageRow(
    url="https://a.example/",
    key="",
    run="r1",
    first_run="r1",
    first_seen=THEN,
    last_changed=THEN,
    seen_at=THEN,
    digest="d",
    extraction="e",
    final_url="",
    status=200,
)
THERE = {"outcome": "ok", "status": 200}
MISSING = {"outcome": "http_error", "status": 404}
DEAD = {"outcome": "timeout"}


@pytest.mark.parametrize(
    ("record", "stands"),
    [
        (THERE, Standing.THERE),
        ({"outcome": "not_modified", "status": 304}, Standing.THERE),
        ({"outcome": "not_modified"}, Standing.THERE),
        ({"outcome": "too_large", "status": 200}, Standing.THERE),
        (MISSING, Standing.MISSING),
        ({"outcome": "http_error", "status": 410}, Standing.MISSING),
        ({"outcome": "http_error", "status": 403}, Standing.UNTOLD),
        ({"outcome": "http_error", "status": 503}, Standing.UNTOLD),
        ({"outcome": "http_error", "status": 304}, Standing.UNTOLD),
        ({"outcome": "parse_error", "status": 200}, Standing.UNTOLD),
        ({"outcome": "robots_denied"}, Standing.UNTOLD),
        ({"outcome": "disconnected", "status": 404}, Standing.UNTOLD),
        (DEAD, Standing.UNTOLD),
    ],
)
def test_what_a_record_says_of_its_page(record: dict[str, Any], stands: Standing) -> None:
    assert standing(record) is stands


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_says_something(outcome: Outcome) -> None:
    assert isinstance(standing({"outcome": outcome, "status": 200}), Standing)


@pytest.mark.parametrize(
    ("known", "record", "differing", "status", "last_changed"),
    [
        (None, THERE, [], "new", NOW),
        (None, MISSING, [], None, None),
        (None, DEAD, [], None, None),
        (KNOWN, THERE, [], "unchanged", THEN),
        (KNOWN, THERE, ["title"], "changed", NOW),
        (KNOWN, DEAD, [], None, None),
        (KNOWN, MISSING, [], None, None),  # the first of two
        (replace(KNOWN, misses=1), MISSING, [], "gone", NOW),
        (replace(KNOWN, misses=1), THERE, [], "unchanged", THEN),
        (replace(KNOWN, misses=1), THERE, ["title"], "changed", NOW),
        (replace(KNOWN, misses=5), MISSING, [], "gone", NOW),  # more were wanted before
        (replace(KNOWN, misses=2, is_gone=True), MISSING, [], "unchanged", THEN),
        (replace(KNOWN, misses=2, is_gone=True), DEAD, [], None, None),
        (replace(KNOWN, misses=2, is_gone=True), THERE, [], "recovered", NOW),
        (replace(KNOWN, misses=2, is_gone=True), THERE, ["title"], "recovered", NOW),
    ],
)
def test_what_has_become_of_a_page(
    known: Known | None,
    record: dict[str, Any],
    differing: list[str],
    status: str | None,
    last_changed: str | None,
) -> None:
    change = change_of(known, record, differing, at=NOW, gone_after=2)
    if change is None:
        assert status is None
        return
    assert (change.status, change.last_changed) == (status, last_changed)
    assert change.fields == (differing if status in {"changed", "recovered"} else [])
    assert (change.previous_run, change.first_seen) == (("r1", THEN) if known else (None, NOW))


def test_a_page_that_is_missing_once_too_often_is_gone() -> None:
    once = missed(ROW, run="r2", at=NOW, gone_after=2, failed=True)
    assert (once.misses, once.is_gone, once.failed, once.run) == (1, False, True, "r1")
    twice = missed(once, run="r3", at=NOW, gone_after=2, failed=False)
    assert (twice.misses, twice.is_gone, twice.failed, twice.run) == (2, True, True, "r3")
    assert (twice.last_changed, twice.last_status) == (NOW, "gone")
    more = missed(twice, run="r4", at="later", gone_after=2, failed=False)
    assert (more.misses, more.run, more.last_changed) == (3, "r3", NOW)


@pytest.mark.parametrize(
    ("failed", "record", "after"),
    [
        (False, DEAD, False),
        (True, DEAD, True),
        (False, {"status": 500}, True),
        (True, {"status": 200}, False),
        (False, {"status": "500"}, False),
    ],
)
def test_only_an_answer_tells_whether_the_server_fails(
    *, failed: bool, record: dict[str, Any], after: bool
) -> None:
    assert failed_again(replace(ROW, failed=failed), record).failed is after


@given(st.text())
def test_a_page_has_one_number_of_sqlites_size(key: str) -> None:
    assert page_id(key) == page_id(key)
    assert -(2**63) <= page_id(key) < 2**63


def test_rows_of_an_older_program_are_read() -> None:
    """A field may be added at the end; what lies in a file from before has none of it."""
    values = msgspec.json.decode(msgspec.json.encode(ROW))
    shorter = msgspec.json.encode(values[:11])
    assert msgspec.json.decode(shorter, type=PageRow) == ROW


# --- when a page is due -------------------------------------------------------------------------

DAY_S = 86_400.0
SETTINGS = HistorySettings(adaptive=True)


@pytest.mark.parametrize(
    ("before_s", "changed", "after_s"),
    [
        (0.0, True, DAY_S),
        (0.0, False, DAY_S),
        (DAY_S, False, 1.5 * DAY_S),
        (DAY_S, True, 0.5 * DAY_S),
        (3600.0, True, 3600.0),
        (14 * DAY_S, False, 14 * DAY_S),
    ],
)
def test_an_interval_follows_from_the_one_before(before_s: float, *, changed: bool, after_s: float) -> None:
    assert next_interval_s(before_s, changed=changed, settings=SETTINGS) == after_s


@given(
    st.lists(st.booleans(), max_size=60),
    st.floats(1, 1e7),
    st.floats(1, 1e7),
    st.floats(1, 1e7),
)
def test_an_interval_stays_within_bounds(
    course: list[bool], first_s: float, shortest_s: float, longest_s: float
) -> None:
    settings = HistorySettings(interval_s=first_s, shortest_s=shortest_s, longest_s=longest_s)
    interval_s = 0.0
    for changed in course:
        interval_s = next_interval_s(interval_s, changed=changed, settings=settings)
        assert shortest_s <= interval_s <= max(shortest_s, longest_s)


@pytest.mark.parametrize(
    ("now_s", "due"),
    [
        (0.0, False),
        (899.0, False),
        (900.0, True),
        (1000.0, True),
        (1e12, True),
        (-1000.0, False),
        (-1001.0, True),
    ],
)
def test_a_page_may_come_a_little_early_and_a_clock_be_set_back(now_s: float, *, due: bool) -> None:
    assert is_due(1000.0, interval_s=1000.0, now_s=now_s) is due
