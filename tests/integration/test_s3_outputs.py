"""Outputs in an object store: a server of S3 on loopback, reached by what the environment says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest

from scraper.cli.main import main
from tests.support.s3 import SECRET, Bucket, serving_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def store() -> Iterator[Bucket]:
    with serving_bucket() as bucket:
        yield bucket


@pytest.fixture
def folder(tmp_path: Path, store: Bucket, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in store.environment.items():
        monkeypatch.setenv(name, text)
    (tmp_path / "urls.txt").write_text("no url\nnor this\n")
    return tmp_path


def test_outputs_are_uploaded_when_the_run_is_complete(
    store: Bucket, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = (
        "-o",
        "s3://bucket/deep/pages.parquet",
        "-o",
        "s3://bucket/deep/pages.jsonl",
        "-o",
        "pages.csv",
    )
    assert main(["crawl", "urls.txt", *outputs]) == 0
    said = capsys.readouterr().err
    assert "s3://bucket/deep/pages.parquet" in said
    assert SECRET not in said
    assert store.keys("deep/") == ["deep/pages.jsonl", "deep/pages.parquet"]
    lines = store.get("deep/pages.jsonl").splitlines()
    assert [json.loads(line)["input"] for line in lines] == ["no url", "nor this"]
    (folder / "copy.parquet").write_bytes(store.get("deep/pages.parquet"))
    with duckdb.connect() as database:
        rows = database.execute("SELECT input, outcome FROM 'copy.parquet' ORDER BY seq").fetchall()
    assert rows == [("no url", "invalid_url"), ("nor this", "invalid_url")]
    assert {path.name for path in folder.iterdir()} == {"urls.txt", "pages.csv", "copy.parquet"}


def test_what_is_there_is_replaced_on_demand_alone(
    store: Bucket, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["crawl", "urls.txt", "-o", "s3://bucket/there.jsonl", "-q"]
    assert main(words) == 0
    assert main(words) == 2
    assert "exists: replace it with --fresh" in capsys.readouterr().err
    (folder / "urls.txt").write_text("another\n")
    assert main([*words, "--fresh"]) == 0
    assert json.loads(store.get("there.jsonl"))["input"] == "another"


def test_a_bucket_that_is_not_there_loses_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crawl", "urls.txt", "-o", "s3://nowhere/pages.jsonl", "-q"]) == 1
    said = capsys.readouterr().err
    assert "can't upload to s3://nowhere/pages.jsonl" in said
    assert "--resume goes on" in said
    assert len(list(folder.iterdir())) == 3, "the list, the journal, the state"
