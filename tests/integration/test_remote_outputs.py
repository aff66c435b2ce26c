"""Outputs that are not on this machine: uploaded when they are whole, and again when that failed."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import fsspec  # type: ignore[import-untyped]
import pytest
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

import scraper
from scraper.cli.main import main
from scraper.errors import OutputExists, SinkError, UsageError
from scraper.run.files import Mode, run_files
from scraper.run.results import read_records
from scraper.sinks.remote import Remote
from scraper.sinks.remote_folder import RemoteFolder
from tests.support.stores import SharedFolder, stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scraper.run.execution import RunResult


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_text("no url\nnor this\n")
    with stores():
        yield


def crawl(source: str, outputs: str | list[str], *, resume: bool = False, fresh: bool = False) -> RunResult:
    return asyncio.run(scraper.crawl_to_files(source, outputs, resume=resume, fresh=fresh))


def stored(url: str, tmp_path: Path) -> Path:
    """Return a copy of what is at a URL."""
    path = tmp_path / f"copy-{url.rpartition('/')[2]}"
    path.write_bytes(fsspec.open(url).open().read())
    return path


def test_a_run_is_uploaded_when_it_is_complete(tmp_path: Path) -> None:
    urls = ["memory://bucket/deep/pages.parquet", f"shared://{tmp_path}/share/pages.jsonl"]
    result = crawl("urls.txt", [*urls, "pages.csv"])
    assert result.complete
    assert result.uploaded == tuple(urls)
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "pages.csv", "share"}
    assert [path.name for path in (tmp_path / "share").iterdir()] == ["pages.jsonl"]
    for url in urls:
        assert [record.input for record in read_records(stored(url, tmp_path))] == ["no url", "nor this"]


@pytest.mark.parametrize("url", ["memory://bucket/pages.sqlite", "shared://{}/share/pages.jsonl"])
def test_what_is_there_is_not_replaced_unasked(tmp_path: Path, url: str) -> None:
    url = url.format(tmp_path)
    crawl("urls.txt", url)
    with pytest.raises(OutputExists, match=r"exists: replace it with --fresh"):
        crawl("urls.txt", url)
    with pytest.raises(OutputExists, match="nothing to resume"):
        crawl("urls.txt", url, resume=True)
    assert main(["crawl", "-o", url, "--resume"]) == 0
    (tmp_path / "urls.txt").write_text("another\n")
    crawl("urls.txt", url, fresh=True)
    assert [record.input for record in read_records(stored(url, tmp_path))] == ["another"]


def test_a_failed_upload_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "memory://user:hunter2@bucket/pages.csv?token=hunter3"

    def fail(*_arguments: Any, **_rest: Any) -> None:
        raise PermissionError(f"403 for {url}, https://user:hunter2@bucket/")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryFileSystem, "put_file", fail)
        assert main(["crawl", "urls.txt", "-o", url, "--quiet"]) == 1
    said = capsys.readouterr().err
    assert "can't upload to memory://***@bucket/pages.csv?token=***: PermissionError: 403" in said
    assert "--resume goes on" in said
    assert "hunter" not in said
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 3, "the list, the journal, the state"
    assert b"hunter" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert main(["crawl", "-o", url, "--resume"]) == 0
    assert "hunter" not in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt"}
    assert fsspec.open(url).open().read().count(b"invalid_url") == 2


def test_an_upload_to_a_folder_replaces_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, share = tmp_path / "made", tmp_path / "share"
    made.write_bytes(b"new")
    share.mkdir()
    (share / "pages.csv").write_bytes(b"old")
    remote = Remote(f"shared://{share}/pages.csv")

    def put_half(_self: Any, _made: str, path: str) -> None:
        (share / path).write_bytes(b"ne")
        raise ConnectionError("cut")

    with monkeypatch.context() as patched:
        patched.setattr(SharedFolder, "put_file", put_half)
        with pytest.raises(SinkError, match="ConnectionError: cut"):
            remote.upload(made)
    assert (share / "pages.csv").read_bytes() == b"old"
    remote.upload(made)
    assert {path.name: path.read_bytes() for path in share.iterdir()} == {"pages.csv": b"new"}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("nonsense://a/pages.csv", "nothing is known of nonsense://"),
        ("https://a.example/pages.csv", "a web server takes no output"),
        ("memory://", "names no file"),
        ("memory://a/", "names no file"),
        ("memory://a/pages.txt", "the ending names the format"),
        ("file://elsewhere/pages.csv", "names another machine"),
    ],
)
def test_a_url_that_is_no_output_is_refused(output: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run_files([output])


def test_urls_of_this_machine_are_paths(tmp_path: Path) -> None:
    assert run_files([f"file://{tmp_path}/a%20b.csv"]).outputs == (tmp_path / "a b.csv",)
    with pytest.raises(UsageError, match="named twice"):
        run_files(["memory://a/b.csv", "memory://a/b.csv"])


def test_missing_libraries_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_protocol: str) -> None:
        raise ImportError("Install s3fs to access S3")

    with monkeypatch.context() as patched:
        patched.setattr(fsspec, "get_filesystem_class", missing)
        with pytest.raises(UsageError, match="s3:// needs a library that is missing: Install s3fs"):
            run_files(["s3://a/b.csv"])
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"s3:// needs fsspec: pip install fsspec$"):
        run_files(["s3://a/b.csv"])


def test_a_store_that_cannot_be_asked_is_a_mistake_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(MemoryFileSystem, "exists", fail)
    with pytest.raises(UsageError, match=r"can't reach memory://a/b\.csv: ConnectionError$"):
        run_files(["memory://a/b.csv"]).check(Mode.NEW)


def test_two_buckets_have_two_names_here() -> None:
    one, other = Remote("memory://a/pages.csv"), Remote("memory://b/pages.csv")
    assert one.local_name != other.local_name


def test_a_password_is_in_no_name_of_a_file() -> None:
    assert RemoteFolder("sftp://ann:pa55@a.example/").local_name.startswith("a.example-")
    assert RemoteFolder("sftp://ann:pa55@a.example/deep/a@b").local_name.startswith("a@b-")


def test_an_export_is_uploaded_too(tmp_path: Path) -> None:
    crawl("urls.txt", "pages.jsonl")
    assert main(["export", "pages.jsonl", "-o", "memory://bucket/pages.sqlite", "-q"]) == 0
    assert len(list(read_records(stored("memory://bucket/pages.sqlite", tmp_path)))) == 2
    assert main(["export", "pages.jsonl", "-o", "memory://bucket/pages.sqlite", "-q"]) == 2


def test_an_export_never_takes_the_place_of_its_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crawl("urls.txt", "memory://bucket/folder/pages.jsonl")
    where = ["--where", 'outcome == "robots_denied"', "--fresh", "-q"]
    for run in ("memory://bucket/folder/pages.jsonl", "memory://bucket/folder", "memory://bucket/folder/"):
        assert main(["export", run, "-o", "memory://bucket/folder/pages.jsonl", *where]) == 2
        assert "pages.jsonl is also an output of the run; name another" in capsys.readouterr().err
    assert len(list(read_records(stored("memory://bucket/folder/pages.jsonl", tmp_path)))) == 2
