"""What a run wrote, read again."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from scraper import record_line
from scraper.errors import UsageError
from scraper.record import Outcome
from scraper.run.results import raw_records, read_records, record_values, run_file
from scraper.sinks.formats import finalise
from scraper.verdict.page import Done
from tests.support.fakes import request

if TYPE_CHECKING:
    from pathlib import Path


def lines(count: int) -> list[bytes]:
    found = []
    for seq in range(count):
        line, done = request(f"https://a.example/{seq}", seq=seq), Done(outcome=Outcome.OK)
        found.append(record_line.finished(line, done, record_line.record_of(line, done, run="r1")).line)
    return found


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_form_gives_the_records_in_order(tmp_path: Path, count: int) -> None:
    journal = tmp_path / "a.jsonl"
    journal.write_bytes(b"".join(lines(count)))
    for ending in (".json", ".parquet", ".sqlite"):
        finalise(journal, tmp_path / f"b{ending}", ending=ending, ordered=False)
    laid_out = tmp_path / "c.json"
    laid_out.write_text(json.dumps([json.loads(line) for line in lines(count)], indent=2))
    one_line = tmp_path / "d.json"
    one_line.write_text(json.dumps([json.loads(line) for line in lines(count)]))
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(journal.read_bytes()))
    blank = tmp_path / "f.ndjson"
    blank.write_bytes(b"\n".join([b"", *lines(count), b" "]))
    for path in sorted(tmp_path.iterdir()):
        assert [record.seq for record in read_records(path)] == list(range(count)), path.name
        assert [json.loads(line)["seq"] for line in raw_records(path)] == list(range(count)), path.name


def test_a_run_is_a_file_or_a_folder_with_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run"):
        run_file(tmp_path / "x.jsonl")
    (tmp_path / "pages.csv").touch()
    with pytest.raises(
        UsageError, match=r"CSV does not hold records whole; name the run's \.jsonl, .* or \.sqlite"
    ):
        run_file(tmp_path / "pages.csv")
    (tmp_path / "pages.warc.gz").touch()
    with pytest.raises(UsageError, match="or make records of it: scraper extract"):
        run_file(tmp_path / "pages.warc.gz")
    with pytest.raises(UsageError, match="no file of records"):
        run_file(tmp_path)
    one = tmp_path / "pages.jsonl"
    one.write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert run_file(tmp_path) == run_file(one) == one
    (tmp_path / "pages.sqlite").write_bytes(b"")
    assert run_file(tmp_path) == one, "what was made of it is no second run"
    (tmp_path / "more.json").write_bytes(b"[]\n")
    with pytest.raises(UsageError, match=r"name one: more\.json, pages\.jsonl"):
        run_file(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello\n", "record 1 is none"),
        (
            lines(1)[0] + b'{"schema": 9}\n',
            "record 2 is none: it is of schema version 9, and this program reads 1",
        ),
        (lines(1)[0] + b'{"url": 3}\n', "record 2 is none: "),
        (lines(1)[0][:-20], "record 1 is none"),
        (b'[{"a": 1}, {', "is no JSON"),
    ],
)
def test_what_is_no_record_is_said_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        list(read_records(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_gzip_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(lines(3)))[:-30])
    with pytest.raises(UsageError, match="can't read"):
        list(read_records(path))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nonsense", "record 2 is none"),
        ('"text"', "record 2 is none"),
        ('{"url": "x"}', "record 2 is none: it has no `schema`, as rows of chosen fields"),
        ('{"schema": 2}', "schema version 2, and this program reads 1"),
        ('{"schema": true}', "record 2 is none"),
        ('{"schema": "1"}', "record 2 is none"),
    ],
)
def test_values_are_those_of_records_only(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(1)[0] + line.encode() + b"\n")
    found = record_values(path)
    assert next(found) == json.loads(lines(1)[0])
    with pytest.raises(UsageError, match=told):
        next(found)
