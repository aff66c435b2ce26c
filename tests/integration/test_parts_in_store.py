"""Parts whose workers share nothing but an object store: killed, gone on with, read again."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.polite_site import Site, page, serving_in_thread
from tests.support.processes import has_each_once, started, wait_until, write_list
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


def _urls(site: Site, count: int = 160) -> list[str]:
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
            lambda: len(site.log) > 40 and any("/checkpoint-" in key for key in bucket.keys("killed/work/")),
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
    assert [path.name for path in tmp_path.iterdir()] == ["urls.txt"] or list(scratch.iterdir()) == []
