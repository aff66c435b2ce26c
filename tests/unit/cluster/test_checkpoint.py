"""Checkpoints: whole or not there, whoever writes them, and few files whatever their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.cluster import checkpoint
from scraper.cluster.checkpoint import PARTS, Cut, Shipping, fetch, newest
from scraper.cluster.places import ShardPlace
from scraper.cluster.storage import Store
from scraper.errors import RunError
from tests.support.stores import stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = "20260131T093000Z-000000"


@pytest.fixture
def place() -> Iterator[ShardPlace]:
    with stores():
        yield ShardPlace(Store("memory://there"), 3, under="work/x/")


class _Part:
    """A part's files on some machine: a journal that grows, and states that are told apart."""

    def __init__(self, folder: Path, place: ShardPlace, attempt: int) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.place, self.attempt = folder, place, attempt
        assert place.claim(attempt)
        after = newest(place)
        self.journal, self.state = folder / "journal", folder / "state"
        self.journal.write_bytes(b"")
        if after:
            fetch(place, after, state=self.state, journal=self.journal)
        self.shipping = Shipping(place, run=RUN, shard=3, attempt=attempt, after=after)

    def write(self, *lines: bytes) -> None:
        with self.journal.open("ab") as journal:
            journal.write(b"".join(line + b"\n" for line in lines))

    def ship(self) -> str:
        copy, length = self.folder / "copy", self.journal.stat().st_size
        copy.write_bytes(b"%d %d" % (self.attempt, length))
        self.write(b"what was written since then")
        try:
            return self.shipping.ship(Cut(copy, self.journal, length))
        finally:
            with self.journal.open("ab") as journal:
                journal.truncate(length)


def _fetched(place: ShardPlace, folder: Path) -> tuple[bytes, bytes]:
    found = newest(place)
    assert found is not None
    state, journal = folder / "fetched-state", folder / "fetched-journal"
    fetch(place, found, state=state, journal=journal)
    assert found.output_bytes == journal.stat().st_size
    assert sum(one.records for one in found.segments) == journal.read_bytes().count(b"\n")
    return state.read_bytes(), journal.read_bytes()


def _without_claims(place: ShardPlace) -> list[str]:
    return [name for name in place.names() if not name.startswith("claim-")]


def test_the_newest_is_what_was_shipped(place: ShardPlace, tmp_path: Path) -> None:
    part = _Part(tmp_path / "a", place, 1)
    assert newest(place) is None
    part.ship()
    assert _fetched(place, tmp_path) == (b"1 0", b"")
    part.write(b"one", b"two")
    part.ship()
    part.ship()
    assert _fetched(place, tmp_path) == (b"1 8", b"one\ntwo\n")


def test_who_was_given_up_and_is_not_dead_takes_the_place_of_nothing(
    place: ShardPlace, tmp_path: Path
) -> None:
    first = _Part(tmp_path / "a", place, 1)
    first.write(b"one")
    first.ship()
    second = _Part(tmp_path / "b", place, 2)
    second.write(b"two of the second")
    first.write(b"two of the first")
    second.ship()
    for _ in range(4):
        first.ship()
        first.write(b"more")
    assert _fetched(place, tmp_path) == (b"2 22", b"one\ntwo of the second\n")
    third = _Part(tmp_path / "c", place, 3)
    third.write(b"three")
    third.ship()
    second.ship()
    assert _fetched(place, tmp_path)[1] == b"one\ntwo of the second\nthree\n"


def test_who_was_given_up_and_is_not_dead_removes_nothing_that_another_goes_on_from(
    place: ShardPlace, tmp_path: Path
) -> None:
    first = _Part(tmp_path / "a", place, 1)
    first.write(b"one is long enough to stay in a file of its own")
    first.ship()
    second = _Part(tmp_path / "b", place, 2)
    for line in (b"of the first, and longer than what was there before, so that it goes into one", b"", b""):
        first.write(line)
        first.ship()
    second.write(b"two")
    second.ship()
    second.ship()
    first.write(b"more")
    first.ship()
    assert _fetched(place, tmp_path)[1] == b"one is long enough to stay in a file of its own\ntwo\n"


def test_before_the_later_one_has_shipped_that_of_the_earlier_holds(
    place: ShardPlace, tmp_path: Path
) -> None:
    first = _Part(tmp_path / "a", place, 1)
    first.write(b"one")
    first.ship()
    _Part(tmp_path / "b", place, 2)  # dies before it has come to anything
    first.write(b"two")
    first.ship()
    assert _Part(tmp_path / "c", place, 3).journal.read_bytes() == b"one\ntwo\n"


def test_one_that_breaks_off_is_not_there_and_the_next_makes_up_for_it(
    place: ShardPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = _Part(tmp_path / "a", place, 1)
    part.write(b"one")
    part.ship()
    for step in ("put", "write"):
        with monkeypatch.context() as patched:

            def fail(*_arguments: object) -> None:
                raise OSError(5, "Input/output error")

            patched.setattr(Store, step, fail)
            part.write(b"two")
            with pytest.raises(OSError, match="Input/output"):
                part.ship()
        assert _fetched(place, tmp_path)[1] == b"one\n"
    part.ship()
    assert _fetched(place, tmp_path)[1] == b"one\ntwo\ntwo\n"


def test_what_nobody_needs_is_removed(place: ShardPlace, tmp_path: Path) -> None:
    part = _Part(tmp_path / "a", place, 1)
    for number in range(9):
        part.write(b"%d" % number)
        part.ship()
    assert _without_claims(place) == [
        *("checkpoint-000001-000008", "checkpoint-000001-000009"),
        *("state-000001-000008", "state-000001-000009"),
    ]
    found = newest(place)
    assert found is not None
    assert {one.name for one in found.segments} <= set(place.storage.names(PARTS))
    later = _Part(tmp_path / "b", place, 2)
    later.ship()
    assert _without_claims(place) == ["checkpoint-000002-000001", "state-000002-000001"]
    assert _fetched(place, tmp_path)[1] == b"".join(b"%d\n" % number for number in range(9))


def test_what_is_not_what_was_written_is_not_gone_on_from(place: ShardPlace, tmp_path: Path) -> None:
    part = _Part(tmp_path / "a", place, 1)
    part.write(b"one")
    part.ship()
    (name,) = place.storage.names(PARTS)
    place.storage.write(f"{PARTS}/{name}", b"o")
    with pytest.raises(RunError, match="has 1 bytes where 4 were written"):
        _fetched(place, tmp_path)
    place.storage.write(f"{PARTS}/{name}", b"one\n")
    packed = place.read("state-000001-000001")
    place.write("state-000001-000001", packed[:-1] + b"x")
    with pytest.raises(RunError, match="is damaged"):
        _fetched(place, tmp_path)
    place.write("checkpoint-000001-000001", b"{")
    with pytest.raises(OSError, match="is damaged"):
        _fetched(place, tmp_path)


@example(lengths=[1] * 40, whole=10_000)
@given(lengths=st.lists(st.integers(0, 400), max_size=40), whole=st.integers(1, 2000))
def test_files_are_few_and_records_are_put_there_a_few_times(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], whole: int
) -> None:
    folder, put = tmp_path_factory.mktemp("part"), 0
    with stores(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(checkpoint, "_WHOLE_BYTES", whole)
        place = ShardPlace(Store("memory://there"), 3)
        part = _Part(folder, place, 1)
        before: set[str] = set()
        for length in lengths:
            part.write(*[b"x" * 9] * length)
            part.ship()
            found = newest(place)
            assert found is not None
            put += sum(one.size_bytes for one in found.segments if one.name not in before)
            before = {one.name for one in found.segments}
            total = part.journal.stat().st_size
            assert found.output_bytes == total
            # Each is longer than the one behind it, or long enough.
            small = [one.size_bytes for one in found.segments if one.size_bytes <= whole]
            assert len(small) <= total.bit_length() + 1
            assert put <= total * (total.bit_length() + 1)
        if lengths:
            assert _fetched(place, folder)[1] == b"xxxxxxxxx\n" * sum(lengths)
