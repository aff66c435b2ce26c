"""Scratch folders: whose they are is known by a lock, and one in use stays."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from scraper.cluster.scratch import scratch_folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="whose a lock is can't be asked there")


def _others(where: Path) -> list[str]:
    """Return the folders that are there when another worker has come and gone."""
    with scratch_folder(str(where)) as other:
        return [path.name for path in where.iterdir() if path != other]


def test_one_in_use_stays_and_one_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "scraper-part-left"
    left.mkdir()
    for name in ("lock", "state"):
        (left / name).touch()
    with scratch_folder(str(tmp_path)) as folder:
        (folder / "state").touch()
        assert _others(tmp_path) == [folder.name]
        assert (folder / "state").exists()
    assert list(tmp_path.iterdir()) == []


def test_one_that_another_looks_at_in_the_moment_it_is_made_is_held_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl  # noqa: PLC0415 - not there on Windows

    opened = os.open
    looking: list[int] = []
    leaving = threading.Timer(0.05, lambda: os.close(looking[0]))

    def open_and_be_looked_at(path: Any, *options: Any, **others: Any) -> int:
        descriptor = opened(path, *options, **others)
        if not looking:  # as by the sweep of another worker, which has the lock for a moment
            looking.append(opened(path, os.O_RDWR))
            fcntl.flock(looking[0], fcntl.LOCK_EX)
            leaving.start()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_be_looked_at)
    with scratch_folder(str(tmp_path)) as folder:
        leaving.join()
        (folder / "state").touch()
        assert _others(tmp_path) == [folder.name]
        assert (folder / "state").exists()
