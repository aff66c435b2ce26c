"""Parts whose workers share nothing but an object store: killed, gone on with, read again."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scraper.cli.main import main
from tests.support.polite_site import Site, page, serving_in_thread
from tests.support.processes import has_each_once, scrape, started, wait_until, write_list
from tests.support.s3 import SECRET, Bucket, serving_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and asks all of 127.0.0.0/8")

DELAY_S = 0.1
WORDS = (
    *("--shards", "2", "--delay", str(DELAY_S), "--per-host", "1"),
    *("--set", "cluster.lease_s=6", "--set", "cluster.checkpoint_s=0.5"),
)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serving_bucket() as one:
        yield one


@pytest.fixture
def site() -> Iterator[Site]:
    with serving_in_thread(lambda ask: page(title=ask.target, delay_s=0.03)) as one:
        yield one


def _urls(site: Site, count: int = 96) -> list[str]:
    return [site.url(f"127.0.24.{number % 8 + 1}", f"/{number}") for number in range(count)]


def _was_polite(site: Site) -> bool:
    hosts = {entry.host for entry in site.log}
    # What a busy machine adds to the way of one request shortens the gap to the next.
    return all(
        min(site.gaps_s(host), default=1.0) > DELAY_S / 2 and site.most_at_once(host) == 1 for host in hosts
    )


def _workers(pid: int) -> list[int]:
    found = [
        word
        for task in Path(f"/proc/{pid}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]
    return [int(one) for one in found if b"scraper.cluster" in Path(f"/proc/{one}/cmdline").read_bytes()]


def _records(bucket: Bucket, folder: str) -> list[dict[str, Any]]:
    """Return the records that count, read from the store by what the run's file names."""
    parts = json.loads(bucket.get(f"{folder}/parts.json"))
    lines = [line for part in parts["parts"] for line in bucket.get(f"{folder}/{part['file']}").splitlines()]
    assert len(lines) == parts["records"]
    return sorted(map(json.loads, lines), key=lambda record: int(record["seq"]))


def test_a_killed_worker_costs_what_came_after_its_checkpoint(
    site: Site, bucket: Bucket, tmp_path: Path
) -> None:
    urls = _urls(site)
    sources, scratch = write_list(tmp_path / "urls.txt", urls), tmp_path / "scratch"
    words = ("crawl", sources, "-o", "s3://bucket/killed/", *WORDS, "--set", f"cluster.scratch={scratch}")
    with started(*words, cwd=tmp_path, environment=bucket.environment) as running:
        wait_until(
            lambda: len(site.log) > 30 and any("/checkpoint-" in key for key in bucket.keys("killed/")),
            what="checkpoints",
            running=running,
            timeout_s=60,
        )
        os.kill(_workers(running.popen.pid)[0], signal.SIGKILL)
        ended = running.wait()

    assert ended.code == 0, ended.err
    assert "was killed by SIGKILL; another goes on with it" in ended.err
    assert SECRET not in ended.err
    assert has_each_once(_records(bucket, "killed"), urls)
    assert _was_polite(site)
    counted = [count for (_, target), count in site.times.items() if target != "/robots.txt"]
    assert sum(counted) < len(urls) * 1.5, "it went on from a checkpoint"
    named = {part["file"] for part in json.loads(bucket.get("killed/parts.json"))["parts"]}
    assert set(bucket.keys("killed/")) == {f"killed/{name}" for name in (*named, "parts.json")}
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "scratch"}
    assert list(scratch.iterdir()) == [], "also what the killed one had left"


def test_a_killed_director_is_gone_on_with_where_it_was_begun(
    site: Site, bucket: Bucket, tmp_path: Path
) -> None:
    urls = [*_urls(site), "mailto:a@a.example"]
    sources, elsewhere = write_list(tmp_path / "urls.txt", urls), tmp_path / "elsewhere"
    elsewhere.mkdir()
    words = ("crawl", sources, "-o", "s3://bucket/gone", *WORDS)
    with started(*words, cwd=tmp_path, environment=bucket.environment) as running:
        wait_until(lambda: len(site.log) > 30, what="pages", running=running, timeout_s=60)
        running.kill()

    environment = bucket.environment
    refused = scrape(*words, cwd=tmp_path, environment=environment)
    not_here = scrape(*words, "--fresh", cwd=elsewhere, environment=environment)
    unread = scrape("show", "s3://bucket/gone", cwd=tmp_path, environment=environment)
    ended = scrape(
        "crawl", "-o", "s3://bucket/gone", "--resume", *WORDS[2:], cwd=tmp_path, environment=environment
    )

    assert (refused.code, "go on with --resume" in refused.only_line) == (2, True)
    assert (not_here.code, "go on where it was begun" in not_here.only_line) == (2, True)
    assert (unread.code, "the run is not finished" in unread.only_line) == (2, True)
    assert ended.code == 0, ended.err
    assert ended.err.splitlines()[-3:] == [
        "Next:",
        """  scraper show s3://bucket/gone --where 'outcome not in ["ok"]'""",
        "  scraper report s3://bucket/gone -o report.html",
    ]
    assert has_each_once(_records(bucket, "gone"), urls)
    assert _was_polite(site)
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "elsewhere"}


@pytest.fixture
def folder(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in bucket.environment.items():
        monkeypatch.setenv(name, text)
    return tmp_path


def test_a_run_in_a_store_is_read_by_its_url(
    bucket: Bucket, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str, code: int = 0) -> str:
        assert main(words) == code
        said = capsys.readouterr()
        return said.err if code == 2 else said.out

    url = "s3://bucket/read/"
    (folder / "urls.txt").write_text("no url\nnor this\nftp://example.org/\n")
    begin = ("crawl", "urls.txt", "-o", url, "--shards", "1", "--quiet")
    run(*begin)
    assert "parts.json exists: replace it with --fresh" in run(*begin, code=2)
    shown = run("show", url, "--fields", "input", "--sort", "input").splitlines()
    assert shown == ["input", "ftp://example.org/", "no url", "nor this"]
    run("export", url, "-o", "pages.jsonl", "--ordered", "-q")
    records = [json.loads(line) for line in (folder / "pages.jsonl").read_text().splitlines()]
    assert [record["input"] for record in records] == ["no url", "nor this", "ftp://example.org/"]
    run("report", url, "-o", "report.html")
    assert run("diff", url, "pages.jsonl").startswith("--- s3://bucket/read/\n+++ pages.jsonl\n")
    assert "scraper export RUN" in run("retry", url, code=2)
    assert "no such run: s3://bucket/nothing" in run("show", "s3://bucket/nothing", code=2)
    bucket.put("file/pages.jsonl", (folder / "pages.jsonl").read_bytes())
    assert run("show", "s3://bucket/file/pages.jsonl", "--fields", "seq").split() == ["seq", "0", "1", "2"]

    (folder / "urls.txt").write_text("another\n")
    run(*begin, "--fresh")
    assert [record["input"] for record in _records(bucket, "read")] == ["another"]
    assert len(bucket.keys("read/")) == 2, "the records and what names them; nothing of the run before"


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        ("memory://pages", "", "in the memory of one process"),
        ("s3://nowhere/pages", "", "can't write to s3://nowhere/pages"),
        ("https://example.org/pages", "", "a web server takes no"),
        ("nothing://pages/", "", "nothing is known of nothing://"),
        ("zip://x::s3://bucket/pages.zip/", "", "names no folder"),
        ("s3://bucket/pages/", "--set robots.cache=robots", "robots.cache is a file of one machine"),
        ("s3://bucket/pages/", "--ordered", "--ordered (output.ordered) needs one file"),
    ],
)
def test_what_can_hold_no_parts_is_refused(
    url: str, more: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "urls.txt").write_text("no url\n")
    assert main(["crawl", "urls.txt", "-o", url, "--shards", "2", *more.split()]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert [path.name for path in folder.iterdir()] == ["urls.txt"]
