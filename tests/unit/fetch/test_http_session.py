"""What the fetcher makes of what aiohttp's session gives it; no connection is made."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import aiohttp
import pytest

from scraper.record import Outcome
from tests.support.aioresponses_patch import mocked_session
from tests.support.fetching import failed_fetch, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aioresponses import aioresponses
    from yarl import URL

PAGE = "http://site.invalid/page"


@pytest.fixture
def answers() -> Iterator[aioresponses]:
    yield from mocked_session()


async def test_an_answer_becomes_a_response(answers: aioresponses) -> None:
    answers.get(PAGE, status=404, body=b"gone", content_type="text/plain", headers={"ETag": 'W/"1"'})
    got = await fetch(PAGE)
    assert (got.url, got.status, got.reason, got.body) == (PAGE, 404, "Not Found", b"gone")
    assert (got.media_type, got.header("etag")) == ("text/plain", 'W/"1"')
    assert (got.ip, got.dns_s, got.connect_s) == (None, 0, 0)


async def test_a_redirect_is_not_followed(answers: aioresponses) -> None:
    answers.get(PAGE, status=302, headers={"Location": "http://elsewhere.invalid/"})
    assert (await fetch(PAGE)).status == 302
    asked: list[URL] = [url for _, url in answers.requests]
    assert [str(url) for url in asked] == [PAGE]


async def test_the_body_is_decoded_here_and_not_by_the_session(answers: aioresponses) -> None:
    answers.get(PAGE, body=gzip.compress(b"page"), headers={"Content-Encoding": "gzip"})
    got = await fetch(PAGE)
    assert (got.body, got.wire_bytes) == (b"page", len(gzip.compress(b"page")))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (aiohttp.ServerDisconnectedError(), Outcome.DISCONNECTED),
        (aiohttp.ClientOSError(104, "reset"), Outcome.DISCONNECTED),
        (aiohttp.ClientPayloadError("cut"), Outcome.DISCONNECTED),
        (aiohttp.ClientError("of a kind yet unknown"), Outcome.DISCONNECTED),
        (aiohttp.ServerTimeoutError(), Outcome.TIMEOUT),
        (aiohttp.InvalidURL("http://x"), Outcome.INVALID_URL),
        (TimeoutError(), Outcome.TIMEOUT),
        (OSError(28, "no space"), Outcome.DISCONNECTED),
    ],
)
async def test_an_error_of_the_session_is_translated(
    answers: aioresponses, error: Exception, outcome: Outcome
) -> None:
    answers.get(PAGE, exception=error)
    failed = await failed_fetch(PAGE)
    assert failed.outcome == outcome
    assert failed.__cause__ is error
    assert str(failed)


async def test_an_unexpected_error_is_not_hidden(answers: aioresponses) -> None:
    answers.get(PAGE, exception=LookupError("a bug"))
    with pytest.raises(LookupError, match="a bug"):
        await fetch(PAGE)
