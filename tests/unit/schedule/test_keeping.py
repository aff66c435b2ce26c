"""Files go by age, and never those that are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.schedule.keeping import past_keeping, remove_files
from scraper.schedule.model import RunState
from tests.unit.schedule.rows import a_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.mark.parametrize(
    ("states", "keep", "gone"),
    [
        ("CCCC", 2, [2, 3]),
        ("CC", 2, []),
        ("FFFCC", 2, [2, 4]),
        ("FFFRC", 2, [2]),
        ("FFFGC", 1, [1, 2]),
        ("FFF", 1, [1, 2]),
    ],
)
def test_the_newest_stay_and_the_last_good_one(states: str, keep: int, gone: Sequence[int]) -> None:
    meant = {"C": RunState.COMPLETE, "F": RunState.FAILED, "R": RunState.RUNNING, "G": RunState.STOPPED}
    rows = [
        a_row(-number, state=meant[state], goes_on=state == "G", lines=number)
        for number, state in enumerate(states)
    ]
    assert [row.lines for row in past_keeping(rows, keep=keep)] == gone


@given(st.lists(st.sampled_from(list(RunState)), max_size=12), st.integers(1, 5))
def test_the_newest_complete_one_is_always_there(states: list[RunState], keep: int) -> None:
    rows = [a_row(-number, state=state) for number, state in enumerate(states)]
    kept = [row for row in rows if row not in past_keeping(rows, keep=keep)]
    complete = [row for row in rows if row.state is RunState.COMPLETE]
    assert rows[:keep] == kept[: len(rows[:keep])]
    assert complete[:1] == [row for row in kept if row.state is RunState.COMPLETE][:1]


def test_a_link_in_the_place_of_a_run_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (tmp_path / "run").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="is a link"):
        remove_files(tmp_path / "run")
    assert (tmp_path / "mine" / "file").exists()
    remove_files(tmp_path / "mine")
    remove_files(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
