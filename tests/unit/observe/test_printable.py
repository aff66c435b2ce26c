from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.observe.printable import printable, printable_sentence, printable_url


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("https://a.example/p?q=1", "https://a.example/p?q=1"),
        ("Grüße 日本 🎉", "Grüße 日本 🎉"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;http://evil.example\x1b\\text\x1b]8;;\x1b\\", "text"),
        ("\x9b2Jgone", "gone"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1bcreset", "reset"),
        ("cut\x1b", "cut"),
        ("cut\x1b[", "cut"),
        ("one\r\ntwo\tthree\u2028four\x85five", "one  two three four five"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\u2066a\u2069\u200bb\ufeff", "ab"),
        ("bad\ud800\udcffend", "badend"),
        ("nul\x00bell\x07del\x7f", "nulbelldel"),
        ("[red]markup[/red]", "[red]markup[/red]"),
    ],
)
def test_shows_only_what_can_be_shown(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@given(st.text(st.characters(), max_size=80))
@example("\x1b\x1b[[31m31m")
@example("\x1b\x9b\x1b]")
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    clean = printable(text)
    assert not {unicodedata.category(char) for char in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(clean) == clean
    clean.encode()


@pytest.mark.parametrize(("limit", "shown"), [(10, "abcdefghij"), (9, "abcdef..."), (3, "...")])
def test_cuts_to_the_limit(limit: int, shown: str) -> None:
    assert printable("abcdefghij", limit=limit) == shown


def test_limit_counts_what_is_shown() -> None:
    assert printable("\x1b[31m" * 100 + "abc", limit=3) == "abc"


HIDDEN = [
    "https://user:hidden@a.example/",
    "https://a.example/?token=hidden",
    "https://a.example/?to\u200bken=hidden",
    "https://a.example/?to\x1b[0mken=hidden",
]


@pytest.mark.parametrize("url", HIDDEN)
def test_secrets_are_masked(url: str) -> None:
    assert "hidden" not in printable_url(url, limit=200)
    assert "hidden" not in printable_sentence(f"worker 1 ({url}): {url.upper()}", limit=200).lower()
    assert "a.example" in printable_sentence(f"worker 1 ({url})", limit=200)
