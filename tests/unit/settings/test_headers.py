"""Which headers of the user's are for the origins of the list alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.settings.headers import SECRET_HEADER, is_private

HARMLESS = [
    "Accept",
    "Accept-Language",
    "Cache-Control",
    "DNT",
    "From",
    "Pragma",
    "Priority",
    "Referer",
    "Save-Data",
    "Sec-CH-UA",
    "sec-fetch-mode",
    "Sec-GPC",
    "Upgrade-Insecure-Requests",
    "X-Requested-With",
]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_opens_no_door_goes_everywhere_whatever_its_case(name: str) -> None:
    assert not any(map(is_private, (name, name.lower(), name.upper())))


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "X-JWT", "X-Pass", "X-Id", "Sec-Token", "Accept-Id", "Sec", "B"]
)
def test_any_other_is_private(name: str) -> None:
    assert all(map(is_private, (name, name.lower(), name.upper())))


@given(st.text("acekohtunsr-", max_size=20), st.sampled_from(["auth", "cookie", "token", "key", "Secret"]))
def test_a_name_that_tells_of_a_secret_is_private_wherever_it_says_so(rest: str, word: str) -> None:
    for name in (word + rest, f"Sec-{rest}{word}"):
        assert SECRET_HEADER.search(name)
        assert is_private(name)
