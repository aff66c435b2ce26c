"""Folding in C is what splitting and joining does, and is what runs."""

from __future__ import annotations

import sys

import pytest
import turbohtml._html
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import white_space
from scraper.parse.white_space import WHITE_SPACE, folded, split_and_joined


@given(st.text(st.sampled_from([*WHITE_SPACE, "a", "é", "\u4e00", "\U0001f600", "\ud800", "\u200b", "\x00"])))
def test_it_folds_as_splitting_and_joining_does(text: str) -> None:
    assert folded(text) == split_and_joined(text)


def test_all_white_space_is_known() -> None:
    assert "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1)))) == WHITE_SPACE


def test_the_installed_turbohtml_has_the_function() -> None:
    """If this fails, a release has taken it away or changed it: records are the same, and pages cost more."""
    assert folded is not split_and_joined


@pytest.mark.parametrize("other", [None, str.strip, lambda text: " ".join(text.split(" "))])
def test_without_it_or_with_another_meaning_the_slow_way_is_taken(
    monkeypatch: pytest.MonkeyPatch, other: object
) -> None:
    monkeypatch.setattr(turbohtml._html, "_collapse_whitespace", other)
    assert white_space._quickest() is split_and_joined
