"""How parts stand, summed up and bounded."""

from __future__ import annotations

import pytest

from scraper.observe.parts import SHOWN, PartRow, Parts, PartState, parts_of

RUNNING, LOST, WAITING, FINISHED = PartState


def rows(*states: PartState) -> list[PartRow]:
    return [PartRow(part=number, state=state) for number, state in enumerate(states)]


def test_states_are_counted() -> None:
    parts = parts_of(rows(FINISHED, RUNNING, FINISHED, LOST))
    assert parts.by_state == {RUNNING: 1, LOST: 1, FINISHED: 2}
    assert (parts.count, [row.part for row in parts.rows]) == (4, [0, 1, 2, 3])
    assert parts_of([]) == Parts()


def test_of_many_parts_those_are_shown_that_are_at_work_or_had_trouble() -> None:
    many = rows(*[FINISHED] * 3 * SHOWN, LOST, WAITING, RUNNING)
    many[400] = PartRow(part=400, state=FINISHED, lost=3)
    parts = parts_of(many)
    assert parts.count == len(many)
    shown = [row.part for row in parts.rows]
    assert shown == [*range(SHOWN - 4), 400, *range(3 * SHOWN, 3 * SHOWN + 3)]


@pytest.mark.parametrize("state", PartState)
def test_when_a_run_is_over_nobody_is_at_a_part(state: PartState) -> None:
    parts = parts_of(rows(FINISHED, state)).at_rest()
    left = FINISHED if state is FINISHED else WAITING
    assert [row.state for row in parts.rows] == [FINISHED, left]
    assert parts.by_state == ({FINISHED: 2} if left is FINISHED else {WAITING: 1, FINISHED: 1})
