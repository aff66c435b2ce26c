"""What the headers of an answer lead to.

Input: its status, a line feed, header lines, and behind a blank line a body. Names and values come as
``HttpFetcher`` hands them on: lower case, without surrogates.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import msgspec

from scraper.messages import Again, Hop, RobotsRequest
from scraper.parse.refresh import refresh_of
from scraper.record import Outcome, Record
from scraper.record_line import finished, record_of
from scraper.redaction import shown_header
from scraper.robots.access import Access, RobotsFile
from scraper.settings.model import RetrySettings, RobotsSettings
from scraper.urls import host_key
from scraper.verdict.holdoff import LONGEST_S, asked_wait_s, retry_after_s
from scraper.verdict.page import Decider, Done
from scraper.verdict.redirects import RedirectRules
from scraper.verdict.retries import Retries, RunBudget
from scraper.verdict.robots import RobotsDecider
from tests.fuzz.properties import assert_one_line, assert_request_url, split_line
from tests.support.fakes import request, response

if TYPE_CHECKING:
    from scraper.messages import Errand, Response

URL = "https://site.example/dir/page"
AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
_SECRET = "hunter2"  # noqa: S105 - nobody's
_CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "cookie2")
_MOST_FIELDS = 200


def fuzz(data: bytes) -> None:
    status, rest = split_line(data)
    head, _, body = rest.partition(b"\n\n")
    fields = [_field(line) for line in head.split(b"\n")[:_MOST_FIELDS]]
    code = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 200
    answer = response(URL, status=code, headers=fields, body=body, fetched_at=AT)
    _assert_waits(answer)
    _assert_content_type(answer)
    _assert_decided(answer)
    _assert_robots_decided(answer)
    _assert_written(answer)
    for name, value in fields:
        if name == "refresh":
            _assert_refresh(value)


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().lower(), value.strip(" \t\r")


def _assert_waits(answer: Response) -> None:
    asked, after = asked_wait_s(answer), retry_after_s(answer)
    for wait_s in (asked, after):
        assert wait_s is None or 0 <= wait_s <= LONGEST_S
    assert after is None or (asked is not None and asked >= after)


def _assert_content_type(answer: Response) -> None:
    media_type, charset = answer.media_type, answer.charset
    assert media_type is None or media_type == media_type.strip().lower() != ""
    assert media_type is None or ";" not in media_type
    assert charset is None or (charset and ";" not in charset)


def _retries() -> Retries:
    settings = RetrySettings()
    return Retries(settings, budget=RunBudget(settings), longest_wait_s=300.0, chance=Random(1))  # noqa: S311


def _assert_decided(answer: Response) -> None:
    redirects = RedirectRules(10)
    decider = Decider(retries=_retries(), redirects=redirects, refresh_within_s=5.0)
    decision = decider.decide(request(URL), answer, at=AT)
    if isinstance(decision, Done):
        if decision.failure:
            assert_one_line(decision.failure.message)
    else:
        _assert_goes_on(decision)


def _assert_robots_decided(answer: Response) -> None:
    origin = "https://site.example"
    errand = RobotsRequest(target=f"{origin}/robots.txt", host="site.example", origin=origin)
    decision = RobotsDecider(RobotsSettings(), retries=_retries()).decide(errand, answer, at=AT)
    if isinstance(decision, RobotsFile):
        assert decision.read_at_s <= decision.expires_at_s <= decision.read_at_s + 86_400
        # It is kept in the state and read again.
        kept = msgspec.json.decode(msgspec.json.encode(decision), type=RobotsFile)
        assert kept == decision
        assert Access.of(kept, token="scraper").judge(URL).rule is None or answer.body  # noqa: S106
    else:
        _assert_goes_on(decision)


def _assert_goes_on(decision: Again | Hop) -> None:
    errand: Errand = decision.errand
    assert_request_url(errand.target)
    assert "#" not in errand.target
    assert errand.host == host_key(errand.target)
    assert not isinstance(decision, Again) or (math.isfinite(decision.wait_s) and decision.wait_s >= 0)


def _assert_written(answer: Response) -> None:
    """The record is one line that reads back, and no header's secret is in it."""
    secrets = [(name, f"Basic {_SECRET}") for name in _CREDENTIALS]
    told = [value for name, value in answer.headers if name == "location"]
    secrets += [("location", f"https://user:{_SECRET}@{value}") for value in told]
    secrets += [("set-cookie", f"sid={_SECRET}; {value}") for name, value in answer.headers if name == "x-a"]
    refreshes = [value for name, value in answer.headers if name == "refresh"]
    secrets += [("refresh", f"0; url=https://user:{_SECRET}@{value}") for value in refreshes]
    links = [value for name, value in answer.headers if name == "link"]
    secrets += [("link", f"{value}, <https://user:{_SECRET}@host.example/>") for value in links]
    own = [*answer.headers]
    if any(_SECRET in part for field in own for part in field) or _SECRET.encode() in answer.body:
        return
    answer = msgspec.structs.replace(answer, headers=(*own, *secrets))
    line, done = request(URL), Done(outcome=Outcome.OK)
    written = finished(line, done, record_of(line, done, answer, run="r1")).line
    assert written.endswith(b"}\n")
    assert written.count(b"\n") == 1
    assert _SECRET.encode() not in written
    record = msgspec.json.decode(written, type=Record)
    headers = json.loads(written)["headers"]
    assert len(headers) == len({name for name, _ in answer.headers})
    for name, values in headers.items():
        for value in values:
            assert shown_header(name, value) == value, f"{name}: {value!r} shown again"
    assert record.status == answer.status


def _assert_refresh(value: str) -> None:
    refresh = refresh_of(value, base=URL)
    if refresh is not None:
        assert 0 <= refresh.delay < 1e9
        if refresh.url is not None:
            assert_request_url(refresh.url)
