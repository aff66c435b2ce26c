"""``scraper compare`` as a program, against a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from scraper.cli.exits import Exit
from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from tests.support.processes import scrape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SITE = build_site(1, 40, hosts=3)
PAGE = re.compile(r"\S+: (200 \(1024 bytes, \d+\.\d{3} s\)|\w+ \(\d+\.\d{3} s\))")
TOTALS = (r"Sequential \d+\.\d{3} s", r"Concurrent \d+\.\d{3} s", r"Speed-up \d+\.\d{2}x")


class Ended(NamedTuple):
    code: int
    out: list[str]
    err: str


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPER_")}
    return {**kept, "TMPDIR": str(folder)}


@contextlib.asynccontextmanager
async def started(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program, whose temporary files lie in a folder; killed if the block leaves it running."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scraper", "compare", *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(folder),
    )  # fmt: skip
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
            await program.communicate()


async def compare(folder: Path, *arguments: str, piped: str = "") -> Ended:
    ended = await asyncio.to_thread(
        scrape, "compare", *arguments, stdin=piped.encode(), environment={"TMPDIR": str(folder)}
    )
    return Ended(ended.code, ended.out.splitlines(), ended.err)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def bulk(server: SampleServer, count: int, *, delay_s: float = 0.0) -> list[str]:
    return [server.url(f"/bulk/{number}?delay={delay_s}") for number in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where temporary files go: what is left there was left behind."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


async def test_both_passes_are_printed_page_by_page_with_their_times(folder: Path) -> None:
    async with SampleServer(SITE) as server:
        lines = [*bulk(server, 6), server.url("/x", host="127.0.0.9"), "ftp://x/"]
        ended = await compare(folder, *lines[:6], "-", piped="\n".join(lines[6:]))
    assert ended.code == Exit.COMPLETE, ended.err
    assert len(ended.out) == 2 * 8 + 3
    assert all(PAGE.fullmatch(line) for line in ended.out[:-3]), ended.out
    for told, pattern in zip(ended.out[-3:], TOTALS, strict=True):
        assert re.fullmatch(pattern, told)
    for part in (ended.out[:8], ended.out[8:16]):
        assert sorted(line.partition(": ")[0] for line in part) == sorted(lines)
        assert sum(": invalid_url (" in line for line in part) == 1
        assert sum(": robots_unreachable (" in line for line in part) == 1
    assert [request.path for request in server.requests_log].count("/robots.txt") == 2
    assert len(server.requests_log) == 2 + 12
    assert not left_in(folder)


@pytest.mark.parametrize(("workers", "peak"), [("1", 1), ("4", 4)])
async def test_only_the_second_pass_has_more_than_one_under_way(
    folder: Path, workers: str, peak: int
) -> None:
    async with SampleServer(SITE) as server:
        ended = await compare(
            folder, *bulk(server, 8, delay_s=0.2), "--workers", workers, "--per-host", workers
        )
    assert ended.code == Exit.COMPLETE, ended.err
    assert server.peak_per_host["127.0.0.1"] == peak
    asked = [request for request in server.requests_log if request.path != "/robots.txt"]
    assert len(server.requests_log) == 2 + len(asked)
    first = asked[:8]
    assert [request.path for request in first] == [f"/bulk/{number}?delay=0.2" for number in range(8)]
    # An answer takes 0.2 s, so requests closer to each other than that would have overlapped.
    assert all(later.at - earlier.at >= 0.2 for earlier, later in itertools.pairwise(first))


async def test_strict_tells_of_failed_pages(folder: Path) -> None:
    async with SampleServer(SITE) as server:
        ended = await compare(folder, server.url("/no-such-page"), "--strict")
    assert ended.code == Exit.PAGES_FAILED
    assert ": 404 (" in ended.out[0]


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_it_cleanly(folder: Path, number: signal.Signals, code: int) -> None:
    async with SampleServer(SITE) as server:
        pages = [*bulk(server, 1), *bulk(server, 5, delay_s=500.0)]
        async with started(folder, *pages, "--set", "run.drain_s=0") as program:
            assert program.stdout is not None
            await program.stdout.readline()
            program.send_signal(number)
            out, err = await program.communicate()
    assert program.returncode == code
    assert b"Speed-up" not in out
    assert err.decode().splitlines()[-1] == "stopped: there is nothing to compare"
    assert b"Traceback" not in err
    assert not left_in(folder)


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
async def test_a_reader_that_leaves_ends_it(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    async with SampleServer(SITE) as server:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scraper", "compare", *bulk(server, 3),
            stdout=writer,
            stderr=asyncio.subprocess.PIPE,
            env=environment(folder),
        )  # fmt: skip
        os.close(writer)
        _, err = await program.communicate()
    assert program.returncode == Exit.BROKEN
    assert err.decode().splitlines()[-1] == "scraper: standard output was closed by its reader"
