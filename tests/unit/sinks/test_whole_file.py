"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from scraper.errors import SinkError
from scraper.sinks.formats import finalise
from scraper.sinks.json_array import write_json_array
from scraper.sinks.whole_file import remove_torn, whole_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "pages.json"


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_file_takes_its_place_when_the_block_ends(target: Path, old: bytes | None) -> None:
    if old is not None:
        target.write_bytes(old)
    with whole_file(target) as file:
        file.write(b"new")
        assert (target.read_bytes() if target.exists() else None) == old
    assert target.read_bytes() == b"new"
    assert names(target) == ["pages.json"]


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_what_was_there(
    target: Path, old: bytes | None, error: BaseException
) -> None:
    if old is not None:
        target.write_bytes(old)

    def write() -> None:
        with whole_file(target) as file:
            file.write(b"half of")
            raise error

    with pytest.raises(type(error)):
        write()
    assert names(target) == (["pages.json"] if old is not None else [])
    if old is not None:
        assert target.read_bytes() == old


def test_an_error_of_the_system_is_a_sink_error(target: Path) -> None:
    def write() -> None:
        with whole_file(target) as file:
            file.write(b"half of")
            raise OSError(28, "No space left on device")

    with pytest.raises(SinkError, match=r"can't write .*pages\.json: No space left"):
        write()
    assert names(target) == []


def test_a_place_that_cannot_be_written_is_a_sink_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="No such file"), whole_file(tmp_path / "no folder" / "pages.json"):
        pass
    (tmp_path / "folder").mkdir()
    with pytest.raises(SinkError, match="directory"), whole_file(tmp_path / "folder") as file:
        file.write(b"x")
    assert os.listdir(tmp_path) == ["folder"]  # noqa: PTH208 the hidden ones too


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_an_array_has_one_record_a_line(target: Path, count: int) -> None:
    records = [{"seq": seq, "input": "a\u2028b [, \\n"} for seq in range(count)]
    write_json_array((json.dumps(record, ensure_ascii=False).encode() for record in records), target)
    text = target.read_text("utf-8")
    assert json.loads(text) == records
    assert text.count("\n") == (count + 2 if count else 1)


def test_a_journal_that_is_gone_leaves_the_old_array(target: Path, tmp_path: Path) -> None:
    target.write_bytes(b"[]\n")
    with pytest.raises(SinkError):
        finalise(tmp_path / "gone", target, ending=".json", ordered=False)
    assert target.read_bytes() == b"[]\n"
    assert names(target) == ["pages.json"]


def test_two_at_the_same_target_at_once_leave_a_whole_file(target: Path) -> None:
    with whole_file(target) as one:
        one.write(b"one, ")
        with whole_file(target) as two:
            two.write(b"two, ")
            one.write(b"and whole")
            two.write(b"and whole")
        assert target.read_bytes() == b"two, and whole"
    assert target.read_bytes() == b"one, and whole"
    assert names(target) == ["pages.json"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(("old", "mode"), [(None, 0o640), (0o600, 0o600), (0o664, 0o664)])
def test_the_mode_is_the_old_files_or_what_the_umask_gives(target: Path, old: int | None, mode: int) -> None:
    if old is not None:
        target.touch()
        target.chmod(old)
    before = os.umask(0o027)
    try:
        with whole_file(target) as file:
            (part,) = target.parent.glob(".*.part")
            assert part.stat().st_mode & 0o777 == (0o640 if old is None else 0o600)
            file.write(b"new")
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == mode


def test_a_link_is_replaced_and_not_followed(target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"old")
    target.symlink_to("elsewhere")
    with whole_file(target) as file:
        file.write(b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"old"
    assert not target.is_symlink()


def test_what_a_kill_left_of_a_file_is_removed_and_nothing_else(target: Path, tmp_path: Path) -> None:
    torn, others = ".pages.json.0a1b2c3d.part", [".pages.json.part", ".pages.json.0a1b2c3.part", "pages.json"]
    others += [".other.json.0a1b2c3d.part", ".pages.json.0a1b2c3d.part.txt"]
    for name in (torn, *others):
        (tmp_path / name).touch()
    remove_torn(target)
    assert names(target) == sorted(others)
    remove_torn(tmp_path / "gone" / "pages.json")
