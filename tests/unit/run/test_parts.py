"""The file that names the parts of a run, and what reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.errors import UsageError
from scraper.run.parts import PARTS_FILE, PartFile, write_parts
from scraper.run.results import raw_records, run_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    parts = []
    for number in range(3):
        lines = b"".join(b'{"seq":%d}\n' % (number + 3 * at) for at in range(2))
        (tmp_path / "parts" / f"{number}.jsonl").write_bytes(lines)
        parts.append(PartFile(file=f"parts/{number}.jsonl", records=2, size_bytes=len(lines)))
    (tmp_path / "parts" / "left-over.jsonl").write_bytes(b'{"seq":99}\n')
    (tmp_path / "report.json").write_text("[]")
    write_parts(tmp_path / PARTS_FILE, run="a run", parts=parts)
    return tmp_path


def test_the_parts_that_are_named_are_read_one_after_the_other(run: Path) -> None:
    assert run_file(run) == run / PARTS_FILE
    assert [msgspec.json.decode(line)["seq"] for line in raw_records(run_file(run))] == [0, 3, 1, 4, 2, 5]


def test_it_is_known_by_its_content(run: Path) -> None:
    renamed = (run / PARTS_FILE).rename(run / "whatever.jsonl")
    assert len(list(raw_records(renamed))) == 6


@pytest.mark.parametrize(
    "file", ["../secret", "/etc/passwd", "parts/../../x", ".hidden", "parts\\0.jsonl", "", "a//b", "parts/"]
)
def test_a_part_elsewhere_is_not_read(run: Path, file: str) -> None:
    write_parts(run / PARTS_FILE, run="a run", parts=[PartFile(file=file, records=1, size_bytes=1)])
    with pytest.raises(UsageError, match="which is not beside it"):
        list(raw_records(run / PARTS_FILE))


def test_a_part_that_is_gone_or_changed_is_told(run: Path) -> None:
    part = run / "parts" / "1.jsonl"
    part.write_bytes(part.read_bytes() + b'{"seq":7}\n')
    with pytest.raises(UsageError, match="it was changed"):
        list(raw_records(run_file(run)))
    part.unlink()
    with pytest.raises(UsageError, match=r"its part parts/1.jsonl is not there"):
        list(raw_records(run_file(run)))


def test_a_file_of_another_version_is_told(run: Path) -> None:
    (run / PARTS_FILE).write_text('{"scraper_parts":2,"run":"x","records":0,"parts":[]}')
    with pytest.raises(UsageError, match="is of version 2, and this program reads 1"):
        list(raw_records(run_file(run)))
    (run / PARTS_FILE).write_text('{"scraper_parts":1,"run"')
    with pytest.raises(UsageError, match="is no JSON"):
        list(raw_records(run_file(run)))
