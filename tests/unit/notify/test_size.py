from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.notify.notice import FieldChange
from scraper.notify.size import MAX_CHARACTERS, change_size, page_size
from scraper.record import ChangeStatus

LONG = "x" * MAX_CHARACTERS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a title", "a title", 0.0),
        (None, "a title", 1.0),
        ("a title", "", 1.0),
        (None, [], 0.0),
        (100, 95, 0.05),
        (95, 100, 0.05),
        (19.99, 9.99, 0.5003),
        (100, 100.0, 0.0),
        (0, 0.0, 0.0),
        (0, 5, 1.0),
        (-5, 5, 1.0),
        (10**400, 1.5, 1.0),
        (float("inf"), 1, 1.0),
        (5, "5", 1.0),
        (True, 1, 1.0),
        (True, False, 1 - 2 * 1 / (5 + 6)),
        ("text", ["text"], 1.0),
        ("abcd", "abce", 1 - 2 * 3 / 10),
        ("abcd", "wxyz", 1.0),
        ("one two", "two one", 1 - 2 * 4 / 16),
        (["a", "b"], ["a", "c"], 1 - 2 * 9 / 22),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 0.0),
        (LONG + "a", LONG + "b", 0.0),
    ],
)
def test_the_size_of_a_change(old: Any, new: Any, expected: float) -> None:
    assert change_size(old, new) == pytest.approx(expected, abs=1e-4)


@given(JSON, JSON)
def test_it_is_a_distance_between_0_and_1(old: Any, new: Any) -> None:
    size = change_size(old, new)
    assert 0 <= size <= 1
    assert size == pytest.approx(change_size(new, old))
    assert change_size(old, old) == 0 or old != old  # noqa: PLR0124 - NaN


def test_the_largest_change_of_a_field_is_that_of_the_page() -> None:
    fields = (FieldChange(name="title", old="abcd", new="abce"), FieldChange(name="description", new="new"))
    assert page_size(ChangeStatus.CHANGED, fields) == 1.0
    assert page_size(ChangeStatus.CHANGED, fields[:1]) == pytest.approx(0.4)
    assert page_size(ChangeStatus.CHANGED, ()) == 0.0
    assert page_size(ChangeStatus.UNCHANGED, fields) == 0.0
    assert page_size(ChangeStatus.GONE, ()) == 1.0
