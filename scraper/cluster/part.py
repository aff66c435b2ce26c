"""One part, as who directs the run sees it: whose it is, what its attempts came to, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.cluster.lease import Watch
from scraper.observe.counts import GOOD
from scraper.observe.parts import PartRow, PartState
from scraper.observe.printable import printable_sentence

if TYPE_CHECKING:
    from scraper.cluster.manifest import Shard
    from scraper.cluster.orders import Figures
    from scraper.cluster.places import ShardPlace

_WHY_CHARACTERS = 200
_PAUSE_S = 0.5
"""After an attempt in vain; twice as long after each further one, since a disk that is full stays so."""


class Part:
    """One part in the hands of its director."""

    def __init__(self, shard: Shard, place: ShardPlace, *, run: str, lease_s: float) -> None:
        self.shard = shard
        self.place = place
        self.watch = Watch(place, run=run, sent=shard.attempt, lease_s=lease_s)
        self.attempt = 0
        """The number that has been said in its folder; 0 when none was by us."""
        self.running = False
        self.given = 0
        """How many inputs the attempt under way knows of."""
        self.begun_s = 0.0
        self.not_before_s = 0.0
        """After an attempt in vain: when the next one may be sent."""
        self.ahead = 0
        """How many lines other parts have given it that no attempt knows of."""
        self.vain = 0
        """Attempts in a row that came no further."""
        self.worker = ""
        """Who is at it, or was last, for people."""
        self.sent = shard.attempt
        """The number of the last attempt that anybody was sent, as far as it is known."""
        self.lost = 0
        self.why = ""
        """See ``PartRow.why``."""
        self._is_lost = False
        self._furthest = shard.figures.done

    def begin(self, *, now_s: float) -> None:
        """Note that its attempt is on its way."""
        self.running, self.begun_s = True, now_s
        self.sent, self.worker, self._is_lost = self.attempt, "", False
        self.ahead = 0

    def end(self) -> None:
        """Note that nobody is at it any more."""
        self.running, self.attempt = False, 0

    def come(self, done: int) -> None:
        """Note that it is complete, for now, with so many records."""
        self.vain, self._furthest = 0, done

    def lose(self, done: int, why: str, *, now_s: float, settle_s: float = 0.0) -> None:
        """Count an attempt that ended with so many records, and is to be made again.

        ``settle_s`` is how long that has to wait at least.
        """
        self.lost, self._is_lost = self.lost + 1, True
        self.why = printable_sentence(why, limit=_WHY_CHARACTERS)
        self.vain = 0 if done > self._furthest else self.vain + 1
        self._furthest = max(self._furthest, done)
        self.not_before_s = now_s + max(settle_s, _PAUSE_S * (2**self.vain - 1))

    def row(self, figures: Figures) -> PartRow:
        """Return how it stands, by what was heard of it last."""
        row = row_of(self.shard, figures)
        lines = row.lines + self.ahead
        if self.running:
            state = PartState.RUNNING
        else:
            state = PartState.LOST if self.shard.open and self._is_lost else row.state
        return replace(
            row, state=state, lines=lines, worker=self.worker, attempt=self.sent, lost=self.lost, why=self.why
        )


def row_of(shard: Shard, figures: Figures) -> PartRow:
    """Return how a part stands that nobody is at."""
    return PartRow(
        part=shard.shard,
        state=PartState.WAITING if shard.open else PartState.FINISHED,
        attempt=shard.attempt,
        round=shard.completions + shard.open,
        done=figures.done,
        lines=figures.lines or shard.listed,
        failed=sum(count for outcome, count in figures.by_outcome.items() if outcome not in GOOD),
        output_bytes=figures.output_bytes,
    )
