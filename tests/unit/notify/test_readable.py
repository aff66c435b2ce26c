"""Nested values as people read them, and only what differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notify.readable import readable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Tea", "Green tea", ("Tea", "Green tea")),
        (None, 3, (None, "3")),
        (True, False, ("true", "false")),
        (["red", "blue"], ["red"], ("blue", None)),
        (["red"], ["blue", "green"], ("red", "blue, green")),
        (["red", "blue"], ["blue", "red"], ("red, blue", "blue, red")),
        ([], ["red"], (None, "red")),
        ({"price": 9, "name": "Tea"}, {"price": 10, "name": "Tea"}, ("price 9", "price 10")),
        ({"a": {"b": [1]}}, {"a": {"b": [2], "c": None}}, ("a (b 1)", "a (b 2, c nothing)")),
        (
            [{"level": 1, "text": "Tea"}, {"level": 2, "text": "Green"}],
            [{"level": 1, "text": "Tea"}, {"level": 2, "text": "Black"}],
            ("text Green", "text Black"),
        ),
        (
            [{"lang": "de", "url": "https://a.example/de"}],
            [
                {"lang": "de", "url": "https://a.example/de"},
                {"lang": "fr", "url": "https://a.example/fr"},
                {"lang": "nl", "url": "https://a.example/nl"},
            ],
            (None, "lang fr, url https://a.example/fr; lang nl, url https://a.example/nl"),
        ),
    ],
)
def test_what_differs_is_told_in_words(old: Any, new: Any, told: tuple[str | None, str | None]) -> None:
    assert readable(old, new, limit=200) == told


@given(old=JSON, new=JSON, limit=st.integers(1, 50))
def test_any_values_give_texts_that_are_bounded(old: Any, new: Any, limit: int) -> None:
    for text in readable(old, new, limit=limit):
        assert text is None or len(text) <= limit


@given(value=JSON, more=st.text(max_size=5))
def test_what_is_alike_in_objects_is_left_out(value: Any, more: str) -> None:
    told = readable({"same": value, "k": "old"}, {"same": value, "k": f"new{more}"}, limit=100)
    assert told == ("k old", f"k new{more}")


def test_what_is_nested_without_end_is_left_out() -> None:
    deep = json.loads("[1, " * 200 + "2" + "]" * 200)
    old, new = readable(deep, [*deep, 3], limit=1000)
    assert (old, new) == (None, "3")
    (text, _) = readable(deep, "x", limit=1000)
    assert text is not None
    assert text.endswith("…)))))))")
