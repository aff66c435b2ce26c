"""Folding, and the figures that are made without it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse.text import MAX_TEXT, field, figures, fold

TEXTS = st.text(
    st.one_of(st.characters(), st.characters(max_codepoint=0xA5), st.sampled_from("ab  \n\u3000\ud800"))
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  a \n\t b ", "a b"),
        ("a\u00a0\u3000b", "a b"),
        ("a\0b\x1bc\x9fd", "abcd"),
        ("a \0 b", "a b"),
        ("\ud800x", "x"),
        ("\u200bz\u200dz", "\u200bz\u200dz"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(TEXTS)
def test_figures_are_those_of_the_folded_text(text: str) -> None:
    folded = fold(text)
    expected = (len(folded.split()), len(folded), hashlib.sha256(folded.encode()).hexdigest())
    assert figures(text) == expected


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_field_is_cut_and_an_empty_one_is_none() -> None:
    assert len(field("x" * 1_000_000) or "") == MAX_TEXT
    assert field(" \0 ") is None
