from __future__ import annotations

import hashlib
import json
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest

from scraper import record_line
from scraper.messages import Finished, Found, Request, Response, Settled
from scraper.record import Failure, Heading, Outcome, Page, Record, Redirect, Robots, Try
from scraper.verdict.page import Done
from tests.support.fakes import EPOCH, response
from tests.unit.verdict.errands import HOME, PLACE, hops
from tests.unit.verdict.errands import line as request

URL = "https://a.example/"
AT = "2026-01-31T09:30:00.000Z"
OK = Done(outcome=Outcome.OK)


def finish(
    line: Request, done: Done = OK, answer: Response | None = None, page: Page | None = None
) -> tuple[Finished, dict[str, Any]]:
    record = record_line.record_of(line, done, answer, page, run="r1", started_s=12.0, parse_s=0.125)
    finished = record_line.finished(line, done, record)
    return finished, json.loads(finished.line)


def test_a_record_is_one_line_that_reads_back_as_a_record() -> None:
    line = msgspec.structs.replace(request(URL), input="a\nb\u2028c", extra={"x": "\r\n\u0085"})
    finished, record = finish(
        line, answer=response(body=b"\n\r"), page=Page(title="T", headings=[Heading(level=1, text="H")])
    )
    assert finished.line.endswith(b"}\n")
    assert finished.line.count(b"\n") == 1
    assert b"\r" not in finished.line
    assert msgspec.json.decode(finished.line, type=Record).headings == [Heading(level=1, text="H")]
    assert (record["input"], record["extra"]) == ("a\nb\u2028c", {"x": "\r\n\u0085"})


def test_the_fields_of_identity_and_outcome_are_always_there() -> None:
    line = Request(
        seq=3,
        input="x",
        url=None,
        target="",
        host="",
        home=0,
        place=4,
        settled=Settled(Outcome.DUPLICATE),
        duplicate_of=1,
    )
    finished, record = finish(line, Done(outcome=Outcome.DUPLICATE))
    assert record == {
        "schema": 1,
        "run": "r1",
        "seq": 3,
        "input": "x",
        "extra": {},
        "url": None,
        "final_url": None,
        "key": None,
        "duplicate_of": 1,
        "depth": 0,
        "parent": None,
        "outcome": "duplicate",
        "error": None,
        "retryable": False,
        "attempts": 0,
        "tries": [],
    }
    assert (finished.url, finished.home, finished.place) == ("x", 0, 4)
    assert (finished.status, finished.attempts, finished.found) == (None, 0, ())


def test_robots_and_where_a_link_was_found_are_told() -> None:
    robots = Robots(allowed=False, rule="Disallow: /x", status=200, crawl_delay=1.5)
    line = msgspec.structs.replace(request(URL, robots=robots, depth=2), parent=1)
    finished, record = finish(line)
    assert record["robots"] == {"allowed": False, "rule": "Disallow: /x", "status": 200, "crawl_delay": 1.5}
    assert (record["depth"], record["parent"]) == (2, 1)
    assert (finished.home, finished.place, finished.seq) == (HOME, PLACE, 3)


def test_what_nobody_was_asked_for_is_no_attempt_but_the_tries_before_it_are() -> None:
    """The guess at https, given up for its robots.txt, is one; the line over http then asks nobody."""
    failure = Failure(type="ETIMEDOUT", message="robots.txt: it failed", phase="robots")
    settled = Settled(Outcome.ROBOTS_UNREACHABLE, failure, Outcome.TIMEOUT, retryable=True)
    done = Done(
        outcome=settled.outcome, failure=settled.failure, cause=settled.cause, retryable=settled.retryable
    )
    before = Try(at=AT, error=Outcome.ROBOTS_UNREACHABLE)
    finished, record = finish(request(URL, tries=[before], free_tries=1, settled=settled), done)
    assert (record["attempts"], len(record["tries"])) == (1, 1)
    assert (record["final_url"], record["error"]["phase"], record["retryable"]) == (None, "robots", True)
    assert (finished.cause, finished.attempts, finished.retryable) == (Outcome.TIMEOUT, 1, True)


def test_a_hop_that_robots_denies_keeps_the_way_there() -> None:
    line = request("https://b.example/x", redirects=hops(URL), settled=Settled(Outcome.ROBOTS_DENIED))
    _, record = finish(line, Done(outcome=Outcome.ROBOTS_DENIED))
    assert (record["url"], record["final_url"]) == (URL, None)
    assert [hop["url"] for hop in record["redirects"]] == [URL]


def test_what_a_page_led_to_and_how_long_it_took_goes_to_the_state_and_not_into_the_record() -> None:
    found = (Found("https://a.example/y", "https://a.example/y", 1),)
    line = msgspec.structs.replace(request(URL), took_s=1.5)
    record = record_line.record_of(line, OK, response(), run="r1")
    finished = record_line.finished(line, OK, record, took_s=0.25, found=found)
    assert (finished.found, finished.took_s) == (found, 1.75)
    assert not {"found", "took_s"} & set(json.loads(finished.line))


def test_an_answer_gives_the_fields_of_http_and_time() -> None:
    headers = [
        ("content-type", "Text/HTML; charset=x"),
        ("content-encoding", "gzip"),
        ("etag", '"1"'),
        ("last-modified", "yesterday"),
        ("x-robots-tag", "noindex"),
        ("x-robots-tag", "nofollow"),
    ]
    answer = response("https://a.example/end", status=404, headers=headers, body=b"body", truncated=True)
    line = msgspec.structs.replace(request(URL), known_at_s=2.0, released_at_s=5.0)
    finished, record = finish(line, Done(outcome=Outcome.HTTP_ERROR), answer)
    expected = {
        "url": URL,
        "final_url": "https://a.example/end",
        "status": 404,
        "http_version": "1.1",
        "content_type": "text/html",
        "content_encoding": "gzip",
        "size": 4,
        "wire_size": 4,
        "truncated": True,
        "etag": '"1"',
        "last_modified": "yesterday",
        "ip": "192.0.2.1",
        "x_robots_tag": ["noindex", "nofollow"],
        "fetched_at": AT,
        "elapsed": 0.5,
        "body_sha256": hashlib.sha256(b"body").hexdigest(),
        "timing": {
            "queued": 7.0,
            "polite": 3.0,
            "dns": 0.0625,
            "connect": 0.125,
            "first_byte": 0.25,
            "download": 0.0625,
            "parse": 0.125,
        },
    }
    assert {name: record[name] for name in expected} == expected
    assert record["headers"]["x-robots-tag"] == ["noindex", "nofollow"]
    assert (finished.status, finished.size_bytes, finished.wire_bytes, finished.elapsed_s) == (404, 4, 4, 0.5)


def test_times_are_written_in_utc() -> None:
    moment = EPOCH.astimezone(timezone(timedelta(hours=5)))
    assert finish(request(URL), answer=response(fetched_at=moment))[1]["fetched_at"] == AT


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("set-cookie", "sid=s3cret; Path=/; HttpOnly", "sid=[redacted]; Path=/; HttpOnly"),
        ("set-cookie", "sid=s3cret", "sid=[redacted]"),
        ("set-cookie", "sid=s3c=ret; Max-Age=1", "sid=[redacted]; Max-Age=1"),
        ("authorization", "Bearer s3cret", "[redacted]"),
        ("proxy-authorization", "s3cret", "[redacted]"),
        ("cookie", "a=s3cret", "[redacted]"),
        ("server", "nginx", "nginx"),
    ],
)
def test_no_secret_of_a_header_gets_into_the_record(name: str, value: str, shown: str) -> None:
    finished, record = finish(request(URL), answer=response(headers=[(name, value)]))
    assert record["headers"] == {name: [shown]}
    assert b"s3c" not in finished.line


def test_a_failure_is_told() -> None:
    failure = Failure(type="ECONNREFUSED", message="refused", phase="connect")
    done = Done(outcome=Outcome.CONNECT_ERROR, failure=failure, retryable=True)
    finished, record = finish(request(URL), done)
    assert record["error"] == {"type": "ECONNREFUSED", "message": "refused", "phase": "connect"}
    assert record["retryable"] is finished.retryable is True
    assert "timing" not in record


def test_one_try_is_not_listed_and_several_are_all() -> None:
    assert finish(request(URL), answer=response())[1]["tries"] == []
    first = Try(at="2026-01-31T09:00:00.000Z", status=503, error=Outcome.HTTP_ERROR, retry_after_s=7.0)
    last = Try(at=AT, status=200, waited_s=7.25)
    done = Done(outcome=Outcome.OK, last=last)
    finished, record = finish(request(URL, tries=[first]), done, answer=response())
    assert record["attempts"] == finished.attempts == 2
    assert record["tries"] == [
        {
            "at": first.at,
            "status": 503,
            "error": "http_error",
            "waited_s": 0.0,
            "retry_after_s": 7.0,
            "url": None,
        },
        {"at": AT, "status": 200, "error": None, "waited_s": 7.25, "retry_after_s": None, "url": None},
    ]


def test_redirects_are_listed_in_order() -> None:
    hops = [Redirect(url=f"https://a.example/{n}", status=301, location="x", elapsed_s=0.5) for n in range(3)]
    _, record = finish(
        request("https://a.example/end", redirects=hops), answer=response("https://a.example/end")
    )
    assert [hop["url"] for hop in record["redirects"]] == [hop.url for hop in hops]
    assert record["url"] == "https://a.example/0"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://ann:s3cret@a.example/x?y=z#w", "https://***@a.example/x?y=z#w"),
        ("//ann:s3cret@a.example/", "//***@a.example/"),
        ("https://s3cret@a.example/", "https://***@a.example/"),
        ("https://ann:s3c@ret@a.example/", "https://***@a.example/"),
        (r"https:\\ann:s3cret@a.example", r"https:\\***@a.example"),
        ("https://a.example/@ann?to=b@c.example", "https://a.example/@ann?to=b@c.example"),
        ("", ""),
    ],
)
def test_a_location_is_shown_without_user_name_and_password(location: str, shown: str) -> None:
    finished, record = finish(request(URL), answer=response(status=201, headers=[("location", location)]))
    assert record["headers"] == {"location": [shown]}
    assert b"s3c" not in finished.line
