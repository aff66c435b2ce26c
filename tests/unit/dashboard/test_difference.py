from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.dashboard.difference import Pieces, difference


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("a b c", "a x c", ("b", "x")),
        ("a b", "a b c", ("", " c")),
        ("one", "one", ("", "")),
        ("a a a", "a a", (" a", "")),
        ("", "new", ("", "new")),
    ],
)
def test_what_differs_is_marked(old: str, new: str, marked: tuple[str, str]) -> None:
    sides = difference(old, new)
    assert sides.old is not None
    assert sides.new is not None
    assert (sides.old.differs, sides.new.differs) == marked


def test_what_is_not_there_has_no_side() -> None:
    assert difference(None, "new") == (None, Pieces("", "new", ""))
    assert difference("old", None) == (Pieces("", "old", ""), None)


@given(st.text(alphabet="ab \n"), st.text(alphabet="ab \n"))
def test_pieces_are_the_texts_and_share_their_ends(old: str, new: str) -> None:
    sides = difference(old, new)
    assert sides.old is not None
    assert sides.new is not None
    assert "".join(sides.old) == old
    assert "".join(sides.new) == new
    assert sides.old.before == sides.new.before
    assert sides.old.after == sides.new.after
