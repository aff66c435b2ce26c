"""Lists and counts that keep a bounded number of entries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scraper.report.bounded import REST, First, Greatest, Tally
from scraper.report.model import Rows


def test_the_first_entries_stay_and_all_are_counted() -> None:
    first: First[int] = First(2)
    for number in range(5):
        assert first.is_full == (number >= 2)
        first.add(number)
    assert first.rows() == Rows([0, 1], 5)


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_the_greatest_stay_in_order_and_the_earlier_first(sizes: list[int], limit: int) -> None:
    greatest: Greatest[int] = Greatest(limit)
    for place, size in enumerate(sizes):
        greatest.add(size, place)
    expected = sorted(range(len(sizes)), key=lambda place: (-sizes[place], place))
    assert greatest.rows() == Rows(expected[:limit], len(sizes))


def test_names_beyond_the_limit_are_counted_together() -> None:
    tally = Tally(2)
    for name in "abcacd":
        tally.add(name)
    assert [tuple(one) for one in tally.ranked()] == [(REST, 3), ("a", 2), ("b", 1)]
