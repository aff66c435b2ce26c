from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scraper.parse.indexability import indexability
from scraper.record import Outcome, Refresh

URL = "https://example.com/a?b=1"
GOOD: dict[str, Any] = {
    "outcome": Outcome.OK,
    "status": 200,
    "final_url": URL,
    "directives": [],
    "now": datetime(2026, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("said", "indexable", "reason"),
    [
        ({}, True, None),
        ({"outcome": Outcome.TOO_LARGE}, True, None),
        ({"robots_allowed": True}, True, None),
        ({"outcome": Outcome.ROBOTS_DENIED, "status": None, "final_url": None}, False, "blocked"),
        ({"robots_allowed": False}, False, "blocked"),
        ({"outcome": Outcome.ROBOTS_UNREACHABLE, "robots_allowed": False, "status": None}, None, None),
        ({"outcome": Outcome.REDIRECT_ERROR, "status": 301}, False, "redirected"),
        ({"refresh": Refresh(delay=0, url="https://example.com/c")}, False, "redirected"),
        ({"refresh": Refresh(delay=0, url=None)}, True, None),
        ({"refresh": Refresh(delay=0, url=URL + "#x")}, True, None),
        ({"refresh": Refresh(delay=5, url="https://example.com/c")}, True, None),
        ({"outcome": Outcome.HTTP_ERROR, "status": 404}, False, "http_error"),
        ({"outcome": Outcome.HTTP_ERROR, "status": 503, "directives": ["noindex"]}, False, "http_error"),
        ({"outcome": Outcome.HTTP_ERROR, "status": 304}, None, None),
        ({"directives": ["noindex", "nofollow"]}, False, "noindex"),
        ({"directives": ["nofollow", "noarchive"]}, True, None),
        ({"directives": ["unavailable_after:2025-12-31"]}, False, "unavailable_after"),
        ({"directives": ["unavailable_after:2026-01-02"]}, True, None),
        ({"directives": ["noindex"], "canonical": "https://example.com/"}, False, "noindex"),
        # Canonical: by the key, the document's before the header's.
        ({"canonical": URL}, True, None),
        ({"canonical": "HTTPS://EXAMPLE.com:443/%61?b=1#top"}, True, None),
        ({"canonical": "https://example.com/a"}, False, "canonicalised"),
        ({"canonical": "https://example.com/a?", "final_url": "https://example.com/a"}, True, None),
        ({"canonical": "https://example.com/a", "final_url": "https://example.com/a?#b"}, True, None),
        (
            {"canonical": "https://example.com/a?b?", "final_url": "https://example.com/a?b"},
            False,
            "canonicalised",
        ),
        ({"canonical": "http://example.com/a?b=1"}, False, "canonicalised"),
        ({"canonical": "https://example.com/a/?b=1"}, False, "canonicalised"),
        ({"canonical_header": "https://example.com/a"}, False, "canonicalised"),
        ({"canonical": URL, "canonical_header": "https://example.com/a"}, True, None),
        ({"canonical": "no URL"}, True, None),
        # Nothing came that would tell.
        ({"outcome": Outcome.TIMEOUT, "status": None, "final_url": None}, None, None),
        ({"outcome": Outcome.DUPLICATE, "status": None, "final_url": None}, None, None),
        ({"outcome": Outcome.PARSE_ERROR}, None, None),
        ({"outcome": Outcome.PARSE_ERROR, "directives": ["noindex"]}, False, "noindex"),
        ({"outcome": Outcome.DECODE_ERROR, "canonical_header": "https://x.org/"}, False, "canonicalised"),
    ],
)
def test_whether_a_page_may_be_listed(
    said: dict[str, Any], *, indexable: bool | None, reason: str | None
) -> None:
    assert indexability(**{**GOOD, **said}) == (indexable, reason)
