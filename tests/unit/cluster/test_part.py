"""How a part stands, from its first attempt to its last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.cluster.manifest import Shard
from scraper.cluster.orders import Figures
from scraper.cluster.part import Part, row_of
from scraper.cluster.places import ShardPlace
from scraper.observe.parts import PartRow, PartState
from scraper.record import Outcome

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = Figures(
    lines=20, done=9, by_outcome={Outcome.OK: 6, Outcome.DUPLICATE: 1, Outcome.TIMEOUT: 2}, output_bytes=512
)
SHARD = Shard(
    shard=3,
    weight_s=1.0,
    attempt=2,
    open=True,
    dealt=0,
    completions=1,
    listed=25,
    folder="",
    figures=Figures(),
)


def test_what_was_lost_waits_longer_each_time_and_as_long_as_its_hosts_need(part: Part) -> None:
    waits = []
    for _ in range(4):
        part.lose(9, "died", now_s=100.0, settle_s=2.0)
        waits.append(part.not_before_s - 100.0)
    assert waits == [2.0, 2.0, 2.0, 3.5]


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part(SHARD, ShardPlace(tmp_path, 3), run="r", lease_s=30)


def test_a_part_that_nobody_is_at_stands_as_the_manifest_says() -> None:
    waiting = PartRow(
        part=3, state=PartState.WAITING, attempt=2, round=2, done=9, lines=20, failed=2, output_bytes=512
    )
    assert row_of(SHARD, FIGURES) == waiting
    assert row_of(SHARD, Figures()).lines == 25  # nobody has read its list yet
    over = msgspec.structs.replace(SHARD, open=False, completions=2)
    assert row_of(over, FIGURES) == msgspec.structs.replace(waiting, state=PartState.FINISHED)


def test_a_part_is_at_work_lost_at_work_again_and_finished(part: Part) -> None:
    def stands() -> tuple[PartState, int, int, str]:
        row = part.row(FIGURES)
        return row.state, row.attempt, row.lost, row.worker

    assert stands() == (PartState.WAITING, 2, 0, "")
    part.attempt = 3
    assert stands()[:2] == (PartState.WAITING, 2)  # said in its folder, and sent to nobody yet
    part.begin(now_s=5.0)
    part.worker = "worker 1"
    assert stands() == (PartState.RUNNING, 3, 0, "worker 1")
    part.end()
    part.lose(9, "failed (no \x1b[1mway to https://ann:pw@a.example/)", now_s=6.0)
    assert part.row(FIGURES).why == "failed (no way to https://***@a.example/)"
    assert stands() == (PartState.LOST, 3, 1, "worker 1")
    part.attempt = 4
    part.begin(now_s=7.0)
    assert stands() == (PartState.RUNNING, 4, 1, "")
    part.end()
    part.come(20)
    part.shard = msgspec.structs.replace(SHARD, open=False)
    assert stands() == (PartState.FINISHED, 4, 1, "")


def test_what_other_parts_give_is_ahead_until_an_attempt_knows_of_it(part: Part) -> None:
    part.ahead += 4
    assert part.row(FIGURES).lines == 24
    part.begin(now_s=0.0)
    assert part.row(FIGURES).lines == 20


def test_only_attempts_that_come_no_further_are_in_vain(part: Part) -> None:
    pauses = []
    for done in (5, 5, 5, 6):
        part.lose(done, "", now_s=100.0)
        pauses.append((part.vain, part.not_before_s))
    assert pauses == [(0, 100.0), (1, 100.5), (2, 101.5), (0, 100.0)]
    part.come(8)
    part.lose(8, "", now_s=0.0)
    assert part.vain == 1
