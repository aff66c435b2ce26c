"""Other formats of a run, made afterwards."""

from __future__ import annotations

import gzip
import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from scraper.cli.main import main
from scraper.errors import OutputExists, OutputLocked, UsageError
from scraper.export import export
from scraper.run.results import read_records
from scraper.sinks.claim import claimed
from tests.support.records_made import record_line

if TYPE_CHECKING:
    from pathlib import Path

SEQS = (2, 0, 1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"".join(record_line(seq) for seq in SEQS))
    return path


def test_a_run_goes_through_every_format_and_back(run: Path, tmp_path: Path) -> None:
    chain = [run, *(tmp_path / name for name in ("a.json", "b.parquet", "c.ndjson", "d.sqlite", "e.jsonl"))]
    for source, target in itertools.pairwise(chain):
        assert export(source, [target]).records == 3
    expected = sorted(map(bytes.strip, run.read_bytes().splitlines()))
    assert sorted(chain[-1].read_bytes().splitlines()) == expected
    assert [record.seq for record in read_records(chain[-3])] == list(SEQS)


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet", "gz"])
def test_several_at_once_in_input_order(run: Path, tmp_path: Path, form: str) -> None:
    source = tmp_path / f"source.{form}"
    if form == "gz":
        source = tmp_path / "source.jsonl.gz"
        source.write_bytes(gzip.compress(run.read_bytes()))
    else:
        export(run, [source])
    targets = [tmp_path / "new" / "a.jsonl", tmp_path / "new" / "b.parquet"]
    exported = export(source, targets, ordered=True)
    assert exported.records == 3
    assert exported.outputs == tuple(map(str, targets))
    for target in targets:
        assert [record.seq for record in read_records(target)] == [0, 1, 2]


def test_nothing_is_replaced_unasked(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "pages.csv"
    target.write_bytes(b"old")
    with pytest.raises(OutputExists, match="exists: replace it with --fresh"):
        export(run, [target])
    assert target.read_bytes() == b"old"
    with pytest.raises(UsageError, match="also an output"):
        export(run, [run], fresh=True)
    with claimed([target]), pytest.raises(OutputLocked, match="in use"):
        export(run, [target], fresh=True)
    export(run, [target], fresh=True)
    assert target.read_bytes().count(b"\r\n") == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pages.csv", "pages.jsonl"]


def test_what_is_not_finished_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "pages.jsonl.state").touch()
    with pytest.raises(UsageError, match="the run is not finished"):
        export(run, [tmp_path / "pages.csv"])
    (tmp_path / "pages.jsonl.state").rename(tmp_path / "pages.csv.state")
    with pytest.raises(UsageError, match="an unfinished run lies in"):
        export(run, [tmp_path / "pages.csv"], fresh=True)


@pytest.mark.parametrize(
    "line", [b"{}\n", b"[1]\n", b'{"seq": 1}\n', record_line(0).replace(b'"seq":0', b'"seq":"0"')]
)
@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_no_record_leaves_no_output(run: Path, tmp_path: Path, line: bytes, ordered: bool) -> None:  # noqa: FBT001
    run.write_bytes(run.read_bytes() + line)
    with pytest.raises(UsageError, match="record 4 is none"):
        export(run, [tmp_path / "pages.csv"], ordered=ordered)
    assert [path.name for path in tmp_path.iterdir()] == ["pages.jsonl"]


def test_numbers_that_no_table_holds_are_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = msgspec.json.decode(record_line(0)) | {"size": 2**63}
    run.write_bytes(msgspec.json.encode(odd))
    for ending in ("csv", "parquet", "sqlite"):
        assert main(["export", str(run), "-o", str(tmp_path / f"pages.{ending}")]) == 2
        assert "64 bits" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pages.jsonl"]


def test_the_command_says_what_it_did(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [str(run.with_suffix(ending)) for ending in (".csv", ".sqlite")]
    assert main(["export", str(run.parent), "-o", targets[0], "-o", targets[1]]) == 0
    assert capsys.readouterr().err == f"3 records written to {', '.join(targets)}\n"
    assert main(["export", str(run), "-o", "x.txt"]) == 2
    assert (
        "the ending names the format, one of .jsonl .ndjson .json .csv .parquet .sqlite\n"
        in capsys.readouterr().err
    )
    assert main(["export", str(run)]) == 2
