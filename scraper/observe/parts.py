"""How the parts of a run in parts stand, for people. Pure."""

from __future__ import annotations

import enum
import heapq
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOWN: Final = 200
"""A run may have thousands: nobody reads a table of all."""


class PartState(enum.StrEnum):
    """Where a part is."""

    RUNNING = "running"
    """A worker is at it."""
    LOST = "lost"
    """Its worker is lost; another is to go on with it."""
    WAITING = "waiting"
    """For a worker, or for somebody to go on with the run."""
    FINISHED = "finished"
    """It has nothing to do, unless another part still finds something for it."""


class PartRow(msgspec.Struct, frozen=True, kw_only=True):
    """One part."""

    part: int
    state: PartState
    worker: str = ""
    """Who is at it, or was last, as people find it again: a process, or the cluster's name for it."""
    attempt: int = 0
    """How often it was begun; each round begins it at least once."""
    lost: int = 0
    """How many of these its workers did not bring to an end."""
    why: str = ""
    """What became of the last of them, as the end of a sentence that begins with the worker."""
    round: int = 0
    """Which one it is in, or was last: what others find for a part opens it again. 0 of one without lines."""
    done: int = 0
    lines: int = 0
    failed: int = 0
    output_bytes: int = 0


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """All parts of a run."""

    by_state: dict[PartState, int] = {}
    """How many there are in each state, of all."""
    rows: tuple[PartRow, ...] = ()
    """By their number; of more than ``SHOWN`` those that something goes on with."""

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.by_state.values())

    def at_rest(self) -> Parts:
        """Return them as they stand when the run is over, whole or not: nobody is at any."""
        rows = tuple(
            row if row.state is PartState.FINISHED else msgspec.structs.replace(row, state=PartState.WAITING)
            for row in self.rows
        )
        finished = self.by_state.get(PartState.FINISHED, 0)
        return Parts(
            by_state=_by_state({PartState.FINISHED: finished, PartState.WAITING: self.count - finished}),
            rows=rows,
        )


_FIRST = {state: place for place, state in enumerate(PartState)}


def parts_of(rows: Sequence[PartRow]) -> Parts:
    """Sum up parts that are given by their number."""
    states = Counter(row.state for row in rows)
    if len(rows) > SHOWN:
        # What was begun oftenest comes first: of parts that are all finished those that had trouble.
        rows = heapq.nsmallest(SHOWN, rows, key=lambda row: (_FIRST[row.state], -row.lost, row.part))
        rows.sort(key=lambda row: row.part)
    return Parts(by_state=_by_state(states), rows=tuple(rows))


def _by_state(counts: Mapping[PartState, int]) -> dict[PartState, int]:
    return {state: counts[state] for state in PartState if counts.get(state)}
