"""What every place for parts does: a folder, an object store, another system that fsspec knows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from scraper.cluster.storage import Folder, Storage, Store, all_at_once, storage_at
from scraper.errors import UsageError
from tests.support.s3 import serving_bucket
from tests.support.stores import SharedFolder, stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("folder", "memory", "shared", "s3")


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    with serving_bucket() as bucket, pytest.MonkeyPatch.context() as patched:
        for name, text in bucket.environment.items():
            patched.setenv(name, text)
        yield


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    kind = request.param
    if kind == "s3":
        request.getfixturevalue("s3")
    (tmp_path / "there").mkdir()
    with stores():
        there = storage_at(
            {
                "folder": str(tmp_path / "there"),
                "memory": "memory://there",
                "shared": f"shared://{tmp_path}/there",
                "s3": f"s3://bucket/{tmp_path.name}",
            }[kind]
        )
        assert isinstance(there, Folder if kind == "folder" else Store)
        (tmp_path / "made").write_text("")
        for name in ("1", "2"):  # a folder of a path has to be made by who splits the list
            there.put(tmp_path / "made", f"{name}/list")
        yield there


def test_what_was_written_last_is_read(storage: Storage) -> None:
    for content in (b"first", b"", b"last"):
        storage.write("1/order", content)
        assert storage.read("1/order") == content
    with pytest.raises(FileNotFoundError):
        storage.read("1/beat")
    assert storage_at(storage.place).read("1/order") == b"last", "another process finds it by the same place"


def test_names_are_those_of_one_folder(storage: Storage) -> None:
    for name in ("1/b", "1/a", "1/deep/c"):
        if name == "1/deep/c" and isinstance(storage, Folder):
            (storage.path / "1/deep").mkdir()
        storage.write(name, b"")
    assert storage.names("1") == ["a", "b", "deep", "list"]
    assert storage.names("2") == ["list"]
    assert storage.names("3") == []
    assert storage.names("") == ["1", "2"]


def test_files_go_there_and_come_back(storage: Storage, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 2000)
    storage.put(large, "deep/er/large")
    storage.get("deep/er/large", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == large.read_bytes()
    large.write_bytes(b"small")
    storage.put(large, "deep/er/large")
    assert storage.read("deep/er/large") == b"small"
    with pytest.raises(FileNotFoundError):
        storage.get("deep/nothing", tmp_path / "copy")


def test_what_is_removed_is_gone_and_may_be_removed_again(storage: Storage) -> None:
    storage.write("1/a", b"")
    for _ in range(2):
        storage.delete("1/a")
        assert storage.names("1") == ["list"]
    for _ in range(2):
        storage.remove("1")
        assert storage.names("1") == []
    assert storage.names("2") == ["list"]


def test_a_name_is_claimed_once(storage: Storage) -> None:
    assert storage.claim("1/claim-000001")
    assert not storage.claim("1/claim-000001")
    assert storage.claim("1/claim-000002")
    assert storage.claim("2/claim-000001")


def test_of_many_at_the_same_time_one_has_the_claim_at_the_most(storage: Storage) -> None:
    won: list[str] = []
    ready = threading.Barrier(4)

    def claim(name: str) -> None:
        ready.wait(10)
        if storage.claim("1/claim-000003"):
            won.append(name)

    threads = [threading.Thread(target=claim, args=[str(number)]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(won) <= 1
    assert not storage.claim("1/claim-000003")


def test_many_calls_are_all_made_and_an_error_is_told(storage: Storage, tmp_path: Path) -> None:
    names = [f"1/{number:02}" for number in range(40)]
    all_at_once(storage, lambda name: storage.write(name, name.encode()), names)
    assert storage.names("1") == [*(name[2:] for name in names), "list"]
    with pytest.raises(FileNotFoundError):
        all_at_once(storage, lambda name: storage.get(name, tmp_path / name[2:]), ["1/00", "1/nothing"])


def test_a_connection_that_is_no_stores_has_one_call_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy: set[int] = set()
    met: list[int] = []
    write = SharedFolder.pipe_file

    def alone(system: SharedFolder, path: str, content: bytes) -> None:
        met.extend({id(system)} & busy)
        busy.add(id(system))
        both.wait(10)
        write(system, path, content)
        busy.remove(id(system))

    both = threading.Barrier(2)
    monkeypatch.setattr(SharedFolder, "pipe_file", alone)
    with stores():
        storage = storage_at(f"shared://{tmp_path}")
        all_at_once(storage, lambda name: storage.write(name, b""), ["a", "b"])
    assert not met


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://example.org/x", "takes no files"),
        ("s3://", "names no folder"),
        ("zip://x::s3://bucket/x.zip", "names no folder"),
    ],
)
def test_what_is_no_place_is_refused(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        storage_at(url)
