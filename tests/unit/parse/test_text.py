"""Folding, and the figures that are made without it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.parse.text import MAX_TEXT, field, fields, fold, hides, is_cut
from scraper.parse.text_figures import BEGINNING, measured

TEXTS = st.text(
    st.one_of(
        st.characters(), st.characters(max_codepoint=0xAF), st.sampled_from("ab  \n\u3000\ud800\u200b\xad")
    )
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  a \n\t b ", "a b"),
        ("a\u00a0\u3000b", "a b"),
        ("a\0b\x1bc\x9fd", "abcd"),
        ("a \0 b", "a b"),
        ("\ud800x", "x"),
        ("zero\u200bwidth\u200dz", "zerowidth\u200dz"),
        ("hy\xadphen\xad", "hyphen"),
        ("\ufeffb\u2060om \u200b ", "bom"),
        ("\u200eleft\u200f", "\u200eleft\u200f"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(TEXTS)
def test_figures_are_those_of_the_folded_text(text: str) -> None:
    folded = fold(text)
    expected = (len(folded.split()), len(folded), hashlib.sha256(folded.encode()).hexdigest())
    found = measured(text)
    assert found.figures[:3] == expected
    assert found.beginning == folded[:BEGINNING]


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_field_is_cut_and_an_empty_one_is_none() -> None:
    assert len(field("x" * 1_000_000) or "") == MAX_TEXT
    assert field(" \0 ") is None


@given(st.lists(TEXTS))
@example(["a b", " ", "x\n y"])
@example(["a\0b"])
@example(["a", "b" * (MAX_TEXT + 1)])
def test_fields_are_what_each_is(texts: list[str]) -> None:
    assert fields(texts) == [field(text) for text in texts]


@given(TEXTS, st.integers(1, 7))
@example("a\0b", 1)
@example("a \0 b", 1)
def test_a_long_text_is_measured_in_steps_as_it_is_at_once(text: str, step: int) -> None:
    expected = measured(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scraper.parse.text_figures._STEP", step)
        assert measured(text) == expected


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("x" * MAX_TEXT, False),
        ("x" * (MAX_TEXT + 1), True),
        ("x" + " " * 9 * MAX_TEXT, False),
        ("x" + " " * 9 * MAX_TEXT + "y", True),
        ("x" + "\0" * 3 * MAX_TEXT, False),
    ],
)
def test_whether_a_field_is_cut(text: str, *, cut: bool) -> None:
    assert is_cut(text) is cut


@pytest.mark.parametrize(
    ("style", "hidden"),
    [
        ("display:none", True),
        (" DISPLAY : None ", True),
        ("color:red;display:none;", True),
        ("display:none!important", True),
        ("display:none ! important; display:block", True),
        ("display:none;display:block", False),
        ("display:none!important;display:block!important", False),
        ("display:block;display:none", True),
        ("display/**/:/* x;y */none", True),
        ("visibility:hidden", True),
        ("visibility:collapse", True),
        ("visibility:hidden;visibility:visible", False),
        ("content-visibility:hidden", True),
        ("display:block;visibility:hidden", True),
        ("overflow:hidden", False),
        ("border:none;float:none", False),
        ("display:nonexistent", False),
        ("--x:display:none", False),
        ("x-display:none", False),
        ("background:url(data:a;display:none)", False),
        ("content:';display:none;'", False),
        ("/* display:none", False),
        ("/* ; */ display:none /* ", True),
        ("display", False),
        (";;:;none", False),
        ("", False),
    ],
)
def test_which_styles_hide(style: str, *, hidden: bool) -> None:
    assert hides(style) is hidden


@given(
    st.lists(st.sampled_from(["display:none", ";", "/*", "*/", "'", '"', "(", ")", "!important", ":", "a"]))
)
def test_any_style_is_understood_or_not_but_never_an_error(parts: list[str]) -> None:
    style = "".join(parts)
    assert hides(style + ";") in {True, False}
    assert not hides(style.replace("none", "block"))
