"""What one state has learnt of hosts goes into another, and lets no host be asked earlier."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from scraper.frontier.facts import Want
from scraper.frontier.rows import host_id
from scraper.frontier.store import Store
from scraper.robots.access import RobotsFile, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

HOST = host_id("example.org")
FILE = RobotsFile(
    origin="https://example.org", standing=Standing.RULES, status=200, read_at_s=0.0, expires_at_s=9e9
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(_Closed(Store(tmp_path / "state"))) as closed:
        yield closed.store


class _Closed:
    def __init__(self, store: Store) -> None:
        self.store = store

    def close(self) -> None:
        self.store.close(remove=False)


def _holds(store: Store) -> dict[int, float]:
    return store.load([Want(HOST, -1, "example.org")], limit=1, entering=[HOST]).holds


def test_the_later_of_two_times_holds(store: Store) -> None:
    store.learn([], {HOST: 100.0})
    store.learn([], {HOST: 50.0})
    assert _holds(store) == {HOST: 100.0}
    store.learn([], {HOST: 200.0})
    assert _holds(store) == {HOST: 200.0}


def test_what_is_kept_is_told(store: Store) -> None:
    told: list[tuple[Sequence[RobotsFile], Mapping[int, float]]] = []
    store.on_keep = lambda files, holds: told.append((files, holds))
    store.keep([FILE], {HOST: 1.0})
    assert told == [([FILE], {HOST: 1.0})]


def test_a_copy_is_the_state_as_it_is(store: Store, tmp_path: Path) -> None:
    store.learn([FILE], {HOST: 100.0})
    store.copy_to(tmp_path / "copy")
    store.learn([], {HOST: 200.0})
    copy = Store(tmp_path / "copy")
    assert _holds(copy) == {HOST: 100.0}
    assert [one.file.origin for one in copy.load([], limit=1, entering=[HOST]).access[HOST]] == [FILE.origin]
    copy.close(remove=False)
