"""A full disk ends the run with one line; with room again it goes on, and nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import Server, has_each_once, noted_in, records_in, scrape, serving, write_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and mounts of POSIX")

FAST = ("--delay", "0", "--set", "output.batch_s=0.02")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KB."""
    disk, mount = tmp_path / "disk", shutil.which("mount")
    disk.mkdir()
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root mounts")
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", disk], check=True)  # noqa: S607 found beside mount


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)  # noqa: S607 it mounted the disk


# The state alone needs 40 KB to begin with: the first limit stops it, the others the state's side file
# or the output, whichever grows faster.
@pytest.mark.parametrize("most_bytes", [20_000, 60_000, 150_000, 400_000])
def test_a_file_that_may_not_grow_ends_the_run(server: Server, tmp_path: Path, most_bytes: int) -> None:
    tag = f"limit-{most_bytes}"
    urls = server.bulk(300, tag=tag, hosts=60)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    ended = scrape("crawl", sources, "-o", output, "--quiet", *FAST, most_file_bytes=most_bytes)

    assert ended.code == 1, ended.err
    assert "pages.jsonl" in ended.only_line

    ended = scrape("crawl", sources, "-o", output, "--resume", "--quiet", *FAST)
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "pages.jsonl"}


def test_an_array_that_does_not_fit_is_made_later(server: Server, tmp_path: Path, small_disk: Path) -> None:
    # 140 records of 1.6 KB: the journal fits beside the state, the array does not beside the journal.
    urls = server.bulk(140, tag="array", hosts=70)
    sources, output = write_list(tmp_path / "urls.txt", urls), small_disk / "pages.json"
    # Large batches, no robots.txt: the state's side file grows with each thing noted, however slow we are.
    calm = (
        "--delay",
        "0",
        "--robots",
        "ignore",
        "--set",
        "output.batch_records=140",
        "--set",
        "output.batch_s=60",
    )
    ended = scrape("crawl", sources, "-o", output, "--quiet", *calm)
    assert ended.code == 1, ended.err
    assert str(output) in ended.only_line
    assert noted_in(small_disk / "pages.json.state").done == len(urls), "it broke before the array"
    assert not output.exists()

    enlarge(small_disk)
    ended = scrape("crawl", "-o", output, "--resume", "--quiet")
    assert ended.code == 0, ended.err
    assert has_each_once(json.loads(output.read_text()), urls)
    assert [path.name for path in small_disk.iterdir()] == ["pages.json"]
    assert max(server.asked("array").values()) == 1


def test_a_full_file_system_ends_the_run(server: Server, tmp_path: Path, small_disk: Path) -> None:
    urls = server.bulk(600, tag="tmpfs", hosts=100)
    sources, output = write_list(tmp_path / "urls.txt", urls), small_disk / "pages.jsonl"
    ended = scrape("crawl", sources, "-o", output, *FAST)

    assert ended.code == 1, ended.err
    assert "Traceback" not in ended.err
    assert "No space left" in ended.err or "full" in ended.err
    noted = noted_in(small_disk / "pages.jsonl.state")
    assert noted.output_bytes <= output.stat().st_size

    again = scrape("crawl", sources, "-o", output, "--resume", "--quiet", *FAST)
    assert again.code == 1, "still no room"
    assert "pages.jsonl" in again.only_line
    enlarge(small_disk)
    ended = scrape("crawl", sources, "-o", output, "--resume", "--quiet", *FAST)
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)
