"""Workers and the program that directs them are killed: nothing is lost, doubled or asked too often."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scraper.cluster.engines import open_engine
from tests.support.in_parts import records_of, run_in_parts
from tests.support.polite_site import Answer, Ask, Site, page, serving, serving_in_thread
from tests.support.processes import has_each_once, scrape, started, wait_until, write_list

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and asks all of 127.0.0.0/8")

DELAY_S = 0.1
WORDS = (
    "--shards",
    "2",
    "--delay",
    str(DELAY_S),
    "--per-host",
    "1",
    "--set",
    "cluster.lease_s=10",
    "--quiet",
)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving_in_thread(lambda ask: page(title=ask.target, delay_s=0.03)) as one:
        yield one


def _urls(site: Site, count: int = 160) -> list[str]:
    return [site.url(f"127.0.14.{number % 8 + 1}", f"/{number}") for number in range(count)]


def _was_polite(site: Site) -> bool:
    """Whether each host was left alone for its delay, and asked by one at a time."""
    hosts = {entry.host for entry in site.log}
    # What a busy machine adds to the way of one request shortens the gap to the next.
    return all(
        min(site.gaps_s(host), default=1.0) > DELAY_S / 2 and site.most_at_once(host) == 1 for host in hosts
    )


def _children(pid: int, *, named: bytes = b"scraper.cluster") -> list[int]:
    found = [
        word
        for task in Path(f"/proc/{pid}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]
    return [int(child) for child in found if named in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_a_killed_worker_costs_what_was_in_flight(site: Site, tmp_path: Path) -> None:
    urls = _urls(site)
    sources = write_list(tmp_path / "urls.txt", urls)
    words = [word for word in WORDS if word != "--quiet"]
    with started("crawl", sources, "-o", tmp_path / "out", *words, cwd=tmp_path) as running:
        wait_until(lambda: len(site.log) > 40, what="pages", running=running, timeout_s=60)
        os.kill(_children(running.popen.pid)[0], signal.SIGKILL)
        ended = running.wait()

    assert ended.code == 0, ended.err
    assert "was killed by SIGKILL; another goes on with it" in ended.err
    assert has_each_once(records_of(tmp_path / "out"), urls)
    assert _was_polite(site)
    asked = [count for (_, target), count in site.times.items() if target != "/robots.txt"]
    assert sum(asked) - len(urls) <= 32  # a batch that was not yet written, and what was under way


async def test_a_killed_worker_of_a_cluster_is_missed_after_its_lease(tmp_path: Path) -> None:
    killed: list[int] = []

    def answer(ask: Ask) -> Answer:
        if sum(served.times.values()) > 40 and not killed:
            killed.extend(_children(os.getpid(), named=b"spawn_main")[-1:])
            os.kill(killed[0], signal.SIGKILL)
        return page(title=ask.target, delay_s=0.03)

    async with serving(answer) as served:
        urls = _urls(served)
        await run_in_parts(
            urls,
            tmp_path / "out",
            engine=open_engine,
            cluster={"shards": 2, "engine": "dask", "workers": 2, "lease_s": 4.0},
            politeness={"delay_s": DELAY_S, "per_host": 1, "adaptive": False},
        )
        assert _was_polite(served)

    assert killed
    assert has_each_once(records_of(tmp_path / "out"), urls)


def test_a_killed_director_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    urls = _urls(site)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    words = ("crawl", sources, "-o", output, *WORDS)
    with started(*words, cwd=tmp_path) as running:
        wait_until(lambda: len(site.log) > 40, what="pages", running=running, timeout_s=60)
        running.kill()

    # The workers see that they direct themselves, and leave; nobody has to wait for that.
    refused = scrape(*words, cwd=tmp_path)
    ended = scrape("crawl", "-o", output, "--resume", *WORDS[2:], cwd=tmp_path)

    assert (refused.code, "go on with --resume" in refused.err) == (2, True)
    assert ended.code == 0, ended.err
    assert has_each_once(records_of(output), urls)
    assert _was_polite(site)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pages.jsonl", "urls.txt"]


def test_the_first_signal_lets_the_parts_finish_what_is_under_way(site: Site, tmp_path: Path) -> None:
    urls = _urls(site)
    sources = write_list(tmp_path / "urls.txt", urls)
    words = ("crawl", sources, "-o", tmp_path / "out", *WORDS)
    with started(*words, cwd=tmp_path) as running:
        wait_until(lambda: len(site.log) > 40, what="pages", running=running, timeout_s=60)
        running.send(signal.SIGTERM)
        stopped = running.wait()
    ended = scrape(*words, "--resume", cwd=tmp_path)

    assert stopped.code == 143, stopped.err
    assert ended.code == 0, ended.err
    assert has_each_once(records_of(tmp_path / "out"), urls)
    assert _was_polite(site)
    assert all(count == 1 for (_, target), count in site.times.items() if target != "/robots.txt")
