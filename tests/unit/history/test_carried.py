"""The record of a page that is as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from scraper.history.carried import carried_record, updated_headers
from scraper.record import Outcome, Record, Redirect, Robots, Try
from scraper.verdict.page import Done
from tests.support.fakes import EPOCH, request, response
from tests.support.record_schema import check_record
from tests.support.runs import a_record

URL = "https://a.example/"
LATER = EPOCH + timedelta(days=1)


def stored(**fields: Any) -> Record:
    values = {
        "title": "T",
        "fetched_at": "2026-01-01T00:00:00.000Z",
        "headers": {
            "content-type": ["text/html"],
            "content-length": ["9"],
            "etag": ['"1"'],
            "x-a": ["1", "2"],
        },
        "content_type": "text/html",
        "etag": '"1"',
        "size": 9,
        "wire_size": 5,
        "elapsed": 3.0,
        "timing": {"dns": 1.0},
        "ip": "192.0.2.9",
        **fields,
    }
    return msgspec.convert(a_record(URL, **values), Record)


def carried(record: Record, **headers: str) -> Record:
    said = [(name.replace("_", "-"), value) for name, value in headers.items()]
    answer = response(URL, status=304, headers=said, fetched_at=LATER)
    made = carried_record(
        request(URL, seq=7, redirects=[Redirect(url=URL, status=301, location="/", elapsed_s=0.0)]),
        Done(outcome=Outcome.NOT_MODIFIED),
        answer,
        record,
        run="r2",
        token="scraper",  # noqa: S106 a name, no secret
        now=LATER,
    )
    check_record(msgspec.json.encode(made))
    return made


def test_the_page_is_the_old_one_and_the_exchange_the_new_one() -> None:
    made = carried(stored(), etag='W/"1"', set_cookie="id=secret")
    assert (made.run, made.seq, made.outcome, made.status) == ("r2", 7, "not_modified", 304)
    assert (made.title, made.size, made.content_type, made.fetched_at) == (
        "T",
        9,
        "text/html",
        "2026-01-01T00:00:00.000Z",
    )
    assert (made.validated_at, made.wire_size, made.ip, made.elapsed) == (
        "2026-02-01T09:30:00.000Z",
        0,
        "192.0.2.1",
        0.5,
    )
    assert (made.etag, made.headers["etag"], len(made.redirects)) == ('W/"1"', ['W/"1"'], 1)
    assert made.timing is not None
    assert made.timing.dns == 0.0625
    assert "secret" not in str(made.headers["set-cookie"])


def test_of_a_page_that_nobody_asked_for_no_exchange_is_told() -> None:
    made = carried_record(
        request(URL),
        Done(outcome=Outcome.NOT_MODIFIED),
        None,
        stored(validated_at="2026-01-02T00:00:00.000Z"),
        run="r2",
        token="scraper",  # noqa: S106
        now=LATER,
    )
    assert (made.status, made.wire_size, made.ip, made.elapsed, made.timing) == (None,) * 5
    assert (made.title, made.size, made.validated_at) == ("T", 9, "2026-01-02T00:00:00.000Z")


def test_the_tries_before_are_told() -> None:
    tried = Try(at="2026-01-31T09:30:00.000Z", error="timeout")
    last = Try(at="2026-01-31T09:30:01.000Z", status=304)
    made = carried_record(
        request(URL, tries=[tried]),
        Done(outcome=Outcome.NOT_MODIFIED, last=last),
        response(URL, status=304),
        stored(),
        run="r2",
        token="scraper",  # noqa: S106
        now=LATER,
    )
    assert (made.attempts, made.tries) == (2, [tried, last])


@pytest.mark.parametrize("name", ["content-length", "content-type", "content-encoding", "connection"])
def test_headers_of_the_304_itself_say_nothing_of_the_page(name: str) -> None:
    kept = {"content-length": ["9"], "content-type": ["text/html"]}
    assert updated_headers(kept, [(name, "0")]) == kept


def test_a_header_that_comes_anew_replaces_all_of_its_old_values() -> None:
    made = updated_headers({"x-a": ["1", "2"], "x-b": ["3"]}, [("x-a", "4"), ("x-c", "5"), ("x-c", "6")])
    assert made == {"x-a": ["4"], "x-b": ["3"], "x-c": ["5", "6"]}


@pytest.mark.parametrize(
    ("fields", "headers", "reason"),
    [
        ({}, {}, None),
        ({}, {"x_robots_tag": "noindex"}, "noindex"),
        ({"meta_robots": ["noindex"]}, {}, "noindex"),
        ({"headers": {"x-robots-tag": ["unavailable_after: 2026-01-31"]}}, {}, "unavailable_after"),
        ({"headers": {"x-robots-tag": ["unavailable_after: 2026-03-31"]}}, {}, None),
        ({}, {"link": "<https://a.example/b>; rel=canonical"}, "canonicalised"),
        ({"canonical_header": "https://a.example/b"}, {"link": "</c>; rel=next"}, None),
    ],
)
def test_whether_it_may_be_listed_is_judged_anew(
    fields: dict[str, Any], headers: dict[str, str], reason: str | None
) -> None:
    made = carried(stored(**fields), **headers)
    assert (made.indexable, made.indexable_reason) == (reason is None, reason)


def test_what_robots_txt_says_now_counts() -> None:
    made = carried_record(
        request(URL, robots=Robots(allowed=False, rule="Disallow: /")),
        Done(outcome=Outcome.NOT_MODIFIED),
        None,
        stored(),
        run="r2",
        token="scraper",  # noqa: S106
        now=LATER,
    )
    assert made.indexable_reason == "blocked"
