"""What the director knows outlives it, and a part's end is one step with what others are given for it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from scraper.cluster.manifest import Manifest, is_manifest
from scraper.cluster.orders import Figures
from scraper.errors import OutputLocked, StateError, UsageError
from scraper.frontier.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parts.json.state"


def _begun(path: Path) -> Manifest:
    manifest = Manifest(path)
    manifest.begin(lines=10, parts=[(7, 3.5, "list.jsonl"), (3, 1.5, "list.jsonl"), (0, 0.0, "list.jsonl")])
    return manifest


def test_what_was_noted_is_there_again(path: Path) -> None:
    manifest = _begun(path)
    manifest.note(run="a run")
    assert [manifest.next_attempt(1), manifest.next_attempt(1)] == [1, 2]
    manifest.close(remove=False)

    again = Manifest(path)
    assert (again.fact("run"), again.fact("lines"), again.fact("no such")) == ("a run", "10", None)
    assert [(one.attempt, one.open, one.weight_s) for one in again.shards()] == [
        (0, True, 3.5),
        (2, True, 1.5),
        (0, False, 0.0),  # an empty part has nothing to do
    ]
    assert again.inputs(0) == ("list.jsonl",)
    again.close(remove=True)
    assert not path.exists()


def test_a_complete_part_opens_those_that_it_has_something_for(path: Path) -> None:
    manifest = _begun(path)
    done = Figures(lines=7, done=7, output_bytes=70)
    manifest.complete(
        0, given=1, folder="run-000001", figures=done, dealt=4, deals=[(2, 2, "in-000002.jsonl", 4)]
    )
    first, _, third = manifest.shards()
    assert (first.open, first.completions, first.dealt, first.folder) == (False, 1, 4, "run-000001")
    assert first.figures.done == 7
    assert third.open
    assert manifest.inputs(2) == ("list.jsonl", "in-000002.jsonl")

    # What it was given while it was at it is still to be done.
    manifest.complete(1, given=1, folder="x", figures=done, dealt=0, deals=[(2, 3, "in-000003.jsonl", 1)])
    manifest.complete(2, given=2, folder="y", figures=done, dealt=0, deals=[])
    assert [one.open for one in manifest.shards()] == [False, False, True]
    manifest.close(remove=False)


def test_deals_that_clash_leave_nothing_behind(path: Path) -> None:
    manifest = _begun(path)
    with pytest.raises(StateError):
        manifest.complete(
            0, given=1, folder="x", figures=Figures(), dealt=1, deals=[(2, 2, "a", 1), (2, 2, "b", 1)]
        )
    assert [one.completions for one in manifest.shards()] == [0, 0, 0]
    assert manifest.inputs(2) == ("list.jsonl",)
    manifest.close(remove=False)


def test_a_second_director_is_refused(path: Path) -> None:
    manifest = _begun(path)
    with pytest.raises(OutputLocked, match="another program directs this run"):
        Manifest(path)
    assert is_manifest(path)
    manifest.close(remove=False)


def test_what_is_something_else_is_left_alone(path: Path, tmp_path: Path) -> None:
    Store(path).close(remove=False)
    assert not is_manifest(path)
    with pytest.raises(StateError, match="the state of a run in one part"):
        Manifest(path)
    path.write_bytes(b"no database at all, but long enough for one" * 20)
    assert not is_manifest(path)
    with pytest.raises(StateError):
        Manifest(path)
    assert not is_manifest(tmp_path / "none")
    with pytest.raises(UsageError, match="can't write"):
        Manifest(tmp_path / "no folder" / "state")


def test_a_state_of_parts_is_refused_by_a_run_in_one(path: Path) -> None:
    _begun(path).close(remove=False)
    with pytest.raises(StateError):
        Store(path)
    with sqlite3.connect(path) as db:  # and is as it was
        assert db.execute("SELECT value FROM meta WHERE name = 'lines'").fetchone() == (10,)
    db.close()
