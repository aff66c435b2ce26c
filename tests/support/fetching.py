"""Fetches by a client with deadlines fit for tests, each of which departs exactly once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from scraper.clock import SystemClock
from scraper.errors import FetchError
from scraper.fetch.http import HttpFetcher
from scraper.settings.model import FetchSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scraper.messages import Response

LONG_S = 20.0
"""A deadline that is not what a test is about."""


def fetch_settings(**changes: Any) -> FetchSettings:
    """Return settings whose deadlines only a hang would meet, and that ask loopback, but for the changes."""
    deadlines = {"dns_s": LONG_S, "connect_s": LONG_S, "read_s": LONG_S, "total_s": LONG_S}
    return FetchSettings(**{**deadlines, "private": "allow", **changes})


@contextlib.asynccontextmanager
async def fetching(**changes: Any) -> AsyncIterator[HttpFetcher]:
    """Open a client for several fetches, with ``fetch_settings``."""
    async with HttpFetcher.open(fetch_settings(**changes), clock=SystemClock()) as fetcher:
        yield fetcher


async def fetch_by(fetcher: HttpFetcher, url: str, **options: Any) -> Response:
    """Fetch a URL; the test fails unless it departs exactly once, however it ends.

    Raises:
        FetchError: As ``HttpFetcher.fetch``.
    """
    departed: list[str] = []
    try:
        return await fetcher.fetch(url, departs=lambda: departed.append(url), **options)
    finally:
        assert departed == [url]


async def failed_fetch_by(fetcher: HttpFetcher, url: str, **options: Any) -> FetchError:
    """Fetch a URL and return how it failed; the test fails when it did not."""
    with pytest.raises(FetchError) as caught:
        await fetch_by(fetcher, url, **options)
    return caught.value


async def fetch(url: str, **changes: Any) -> Response:
    """Fetch a URL once by a client of its own.

    Raises:
        FetchError: As ``HttpFetcher.fetch``.
    """
    async with fetching(**changes) as fetcher:
        return await fetch_by(fetcher, url)


async def failed_fetch(url: str, **changes: Any) -> FetchError:
    """Fetch a URL once by a client of its own and return how it failed; the test fails when it did not."""
    with pytest.raises(FetchError) as caught:
        await fetch(url, **changes)
    return caught.value
