"""One fetch by a client of its own, with deadlines fit for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.clock import SystemClock
from scraper.errors import FetchError
from scraper.fetch.http import HttpFetcher
from scraper.settings.model import FetchSettings

if TYPE_CHECKING:
    from scraper.messages import Response

LONG_S = 20.0
"""A deadline that is not what a test is about."""


def fetch_settings(**changes: Any) -> FetchSettings:
    """Return settings whose deadlines only a hang would meet, but for the changes."""
    deadlines = {"dns_s": LONG_S, "connect_s": LONG_S, "read_s": LONG_S, "total_s": LONG_S}
    return FetchSettings(**{**deadlines, **changes})


async def fetch(url: str, **changes: Any) -> Response:
    """Fetch a URL once.

    Raises:
        FetchError: As ``HttpFetcher.fetch``.
    """
    async with HttpFetcher.open(fetch_settings(**changes), clock=SystemClock()) as fetcher:
        return await fetcher.fetch(url, departs=lambda: None)


async def failed_fetch(url: str, **changes: Any) -> FetchError:
    """Fetch a URL once and return how it failed; the test fails when it did not."""
    with pytest.raises(FetchError) as caught:
        await fetch(url, **changes)
    return caught.value
