"""The end of a run in a store: what counts is named, what does not is removed, another run's stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.cluster.checkpoint import Cut, Shipping
from scraper.cluster.gathering import gather, run_in
from scraper.cluster.job_place import JobPlace, job_place
from scraper.cluster.manifest import Shard
from scraper.cluster.orders import Figures
from scraper.cluster.places import ShardPlace
from scraper.errors import RunError, UsageError
from scraper.run.parts import encoded_parts
from scraper.settings.model import Settings
from tests.support.stores import stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN, OLD, OTHER = (f"20260131T09300{number}Z-000000" for number in range(3))


@pytest.fixture
def place() -> Iterator[JobPlace]:
    with stores():
        yield job_place(["memory://there/pages/"], ordered=False)


def _shipped(place: JobPlace, folder: Path, *, run: str = RUN, attempts: int = 1) -> Shard:
    """Put a part of two records into the store, by one attempt after the other; only the last counts."""
    part = ShardPlace(place.storage, 0, under=place.under(run))
    name = ""
    for attempt in range(1, attempts + 1):
        (folder / "journal").write_bytes(b"one\ntwo\n")
        (folder / "state").write_bytes(b"")
        shipping = Shipping(part, run=run, shard=0, attempt=attempt, after=None)
        name = shipping.ship(Cut(folder / "state", folder / "journal", 8))
    return Shard(
        shard=0,
        weight_s=1.0,
        attempt=attempts,
        open=False,
        dealt=0,
        completions=1,
        listed=2,
        folder=name,
        figures=Figures(done=2, output_bytes=8),
    )


def _gather(place: JobPlace, shard: Shard, *, replaces: str = "") -> None:
    gather(place, [shard], run=RUN, settings=Settings(), replaces=replaces)


def test_what_counts_is_named_and_the_rest_of_it_removed(place: JobPlace, tmp_path: Path) -> None:
    shard = _shipped(place, tmp_path, attempts=2)
    assert place.store is not None
    place.store.write("parts/notes.txt", b"of the user")
    assert len(place.store.names("parts")) == 3
    for _ in range(2):  # whoever goes on after a crash does it again
        _gather(place, shard)
        assert run_in(place.store) == RUN
        assert place.store.names("parts") == [f"{RUN}-00000-000002-000001.jsonl", "notes.txt"]


def test_the_run_before_is_replaced_and_one_that_came_meanwhile_is_not(
    place: JobPlace, tmp_path: Path
) -> None:
    assert place.store is not None
    _shipped(place, tmp_path, run=OLD)
    _shipped(place, tmp_path, run=OTHER)
    shard = _shipped(place, tmp_path)
    place.store.write("parts.json", encoded_parts(run=OTHER, parts=[]))
    with pytest.raises(RunError, match="the records of another run by now"):
        _gather(place, shard, replaces=OLD)
    assert len(place.store.names("parts")) == 3
    place.store.write("parts.json", encoded_parts(run=OLD, parts=[]))
    _gather(place, shard, replaces=OLD)
    assert [name[: len(RUN)] for name in place.store.names("parts")] == [RUN, OTHER]


def test_what_is_not_what_was_told_ends_the_run(place: JobPlace, tmp_path: Path) -> None:
    shard = _shipped(place, tmp_path)
    told = msgspec.structs.replace(shard, figures=Figures(done=3, output_bytes=8))
    with pytest.raises(RunError, match="is not what was written there"):
        _gather(place, told)


def test_what_is_not_of_a_run_is_not_replaced(place: JobPlace) -> None:
    assert place.store is not None
    place.store.write("parts.json", b"{}")
    with pytest.raises(UsageError, match="is not of a run"):
        run_in(place.store)
