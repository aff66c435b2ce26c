from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.observe.printable import printable, printable_json, printable_sentence, printable_url


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


NASTY = [
    "plain",
    "\x7fdel",
    "\x9b2Jcleared",
    "\x9d0;window\x9c",
    "\u202egnp.exe",
    "\u2066a\u2069\u200b\ufeff\u2060\xad",
    "\u2028\u2029\x85",
    "\ue000\U000f0000",
    "\U000e0041 tag",
    "\ufdd0\uffff\U0010ffff",
    "[red]markup[/red]",
    "Grüße 日本 🎉 e\u0301",
]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("text", NASTY)
def test_json_on_a_terminal_is_shown_and_means_the_same(text: str, *, ascii_only: bool) -> None:
    line = msgspec.json.encode({text: [text]}).decode() + "\n"
    shown = printable_json(line, ascii_only=ascii_only)
    assert shown[:-1].isprintable()
    assert shown[-1] == "\n"
    assert shown.isascii() or not ascii_only
    assert msgspec.json.decode(shown) == {text: [text]}


def test_json_that_a_terminal_can_show_stays_as_it_is() -> None:
    line = '{"title":"Grüße 日本 🎉"}\n'
    assert printable_json(line) == line


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_json_on_a_terminal_means_the_same(text: str) -> None:
    shown = printable_json(msgspec.json.encode(text).decode())
    assert shown.isprintable()
    assert msgspec.json.decode(shown) == text


@pytest.mark.parametrize("unit", ["\x9d", "\x1b]", "\x9b", "\x1b[0", "\x90\x9d0", "\x1b"])
def test_sequences_that_never_end_cost_no_more_than_their_length(unit: str) -> None:
    # Searched for its end again from each beginning, this took minutes: the test's own deadline tells.
    clean = printable(unit * 200_000)
    assert clean.isprintable() or not clean
