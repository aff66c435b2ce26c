"""Outputs in an object store: a server of S3 on loopback, reached by what the environment says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3  # type: ignore[import-untyped]
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from scraper.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECRET = "hunter2hunter2"  # noqa: S105 - of a server of ours


class Store:
    """A bucket, and how it is reached."""

    def __init__(self, endpoint: str) -> None:
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "user",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="user",
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self._client.create_bucket(Bucket="bucket")

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def keys(self) -> list[str]:
        """Return the names of what is in the bucket."""
        return [one["Key"] for one in self._client.list_objects_v2(Bucket="bucket").get("Contents", [])]

    def get(self, key: str) -> bytes:
        """Return what is there."""
        content = self._client.get_object(Bucket="bucket", Key=key)["Body"].read()
        assert isinstance(content, bytes)
        return content


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        opened = Store(f"http://{host}:{port}")
        try:
            yield opened
        finally:
            opened.close()
    finally:
        server.stop()


@pytest.fixture
def folder(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in store.environment.items():
        monkeypatch.setenv(name, text)
    (tmp_path / "urls.txt").write_text("no url\nnor this\n")
    return tmp_path


def test_outputs_are_uploaded_when_the_run_is_complete(
    store: Store, folder: Path, capsys: pytest.CaptureFixture[str]
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
    assert store.keys() == ["deep/pages.jsonl", "deep/pages.parquet"]
    lines = store.get("deep/pages.jsonl").splitlines()
    assert [json.loads(line)["input"] for line in lines] == ["no url", "nor this"]
    (folder / "copy.parquet").write_bytes(store.get("deep/pages.parquet"))
    with duckdb.connect() as database:
        rows = database.execute("SELECT input, outcome FROM 'copy.parquet' ORDER BY seq").fetchall()
    assert rows == [("no url", "invalid_url"), ("nor this", "invalid_url")]
    assert {path.name for path in folder.iterdir()} == {"urls.txt", "pages.csv", "copy.parquet"}


def test_what_is_there_is_replaced_on_demand_alone(
    store: Store, folder: Path, capsys: pytest.CaptureFixture[str]
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
