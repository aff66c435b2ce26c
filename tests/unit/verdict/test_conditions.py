"""When a server is asked for a page only if it has changed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from scraper.messages import Known, Request, Validators
from scraper.record import Try
from scraper.verdict.conditions import conditions_of, is_confirmed, is_verdict, unconditional
from tests.support.fakes import request, response

URL = "https://a.example/"
KNOWN = Known(
    run="r1", first_seen="", last_changed="", digest="", final_url=URL, etag='"1"', last_modified="D"
)


def asking(known: Known | None = KNOWN, **fields: Any) -> Request:
    return request(URL, known=known, **fields)


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (asking(), Validators('"1"', "D")),
        (asking(replace(KNOWN, etag=None)), Validators(None, "D")),
        (asking(replace(KNOWN, last_modified=None)), Validators('"1"', None)),
        (asking(replace(KNOWN, etag=None, last_modified=None)), None),
        (asking(None), None),
        (asking(replace(KNOWN, final_url="https://a.example/b")), None),
        (asking(tries=[Try(at="", status=None, error="timeout")]), Validators('"1"', "D")),
        (asking(tries=[Try(at="", status=503), Try(at="", status=None, error="timeout")]), None),
    ],
)
def test_what_is_sent(line: Request, sent: Validators | None) -> None:
    assert conditions_of(line) == sent


@pytest.mark.parametrize(
    ("status", "tag", "verdict", "confirmed"),
    [
        (304, None, True, True),
        (304, '"1"', True, True),
        (304, 'W/"1"', True, True),
        (304, '"2"', True, False),
        (412, None, True, False),
        (200, '"1"', False, False),
        (404, None, False, False),
    ],
)
def test_what_an_answer_means(status: int, tag: str | None, *, verdict: bool, confirmed: bool) -> None:
    answer = response(URL, status=status, headers=[("etag", tag)] if tag else [])
    assert is_verdict(asking(), answer) is verdict
    assert is_confirmed(asking(), answer) is confirmed
    assert is_verdict(asking(None), answer) is False


def test_asked_again_without_a_condition_the_rest_is_still_known() -> None:
    again = unconditional(asking())
    assert conditions_of(again) is None
    assert again.known == replace(KNOWN, etag=None, last_modified=None)
    assert unconditional(asking(None)).known is None
