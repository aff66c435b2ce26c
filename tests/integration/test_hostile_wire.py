"""Whatever a server sends: one crawl over all that we could think of, beside honest pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scraper.record import Outcome
from tests.support.crawling import crawled
from tests.support.hostile_wire import SCENARIOS, SETTINGS, honest_urls, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scraper import Record
    from tests.support.hostile_wire import Scenario

ROOT = Path(__file__).parents[2]
OPEN_FILES = Path("/proc/self/fd")
MOST_BYTES = 300 * 1024 * 1024
"""The bound on memory, with the interpreter and all libraries, for bodies as large as the defaults allow."""

_MEASURED = """
import sys
from scraper import loop
from tests.support.crawling import crawled
from tests.support.hostile_wire import SCENARIOS, SETTINGS, url_of
from tests.support.memory import peak_bytes

port = int(sys.argv[1])
endless = [url_of(one, port) for one in SCENARIOS if "endless" in one.name]
others = [url_of(one, port) for one in SCENARIOS if "endless" not in one.name]
# As many at once as there are workers, each reading up to the caps.
lines = [f"{url}?{number}" for number in range(3) for url in endless] + others
fetch = {name: value for name, value in SETTINGS["fetch"].items() if not name.startswith("max_")}
settings = {**SETTINGS, "politeness": {**SETTINGS["politeness"], "per_host": 3}, "fetch": fetch}
records = loop.run(crawled(lines, **settings))  # that of the program, not that of the tests
missed = sum(record.status == 404 for record in records)
print(len(lines), len(records), missed, peak_bytes())
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server in a process of its own: what it sends at full speed must not slow the client."""
    command = [sys.executable, "-u", "-m", "tests.support.raw_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def told(record: Record) -> tuple[Outcome, int | None, str | None, bool]:
    status = None if ended_early(record) else record.status
    return Outcome(record.outcome), status, record.title, record.truncated


def ended_early(record: Record) -> bool:
    """Whether the head of an answer came, and not its body."""
    phase = record.error.phase if record.error else None
    return phase in {"body", "decode"} and record.outcome != Outcome.TOO_LARGE


def expected(scenario: Scenario) -> list[tuple[Outcome, int | None, str | None, bool]]:
    outcomes = [scenario.outcome] + ([scenario.also] if scenario.also else [])
    return [(outcome, scenario.status, scenario.title, scenario.truncated) for outcome in outcomes]


def open_sockets() -> int:
    """Return how many sockets this process has open."""
    count = 0
    for entry in OPEN_FILES.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing itself was one of them
            count += str(entry.readlink()).startswith("socket:")
    return count


def stats(port: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/stats", timeout=20) as answer:
        told: dict[str, int] = json.load(answer)
        return told


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine only there")
async def test_each_ends_as_its_record_and_honest_pages_are_all_taken(
    port: int, record_testsuite_property: Callable[[str, object], None]
) -> None:
    sockets, tasks = open_sockets(), asyncio.all_tasks()
    lines = [url_of(scenario, port) for scenario in SCENARIOS]
    records = await crawled([*lines, *honest_urls(port)], **SETTINGS)

    hostile, honest = records[: len(lines)], records[len(lines) :]
    wrong = {
        scenario.name: (told(record), record.error)
        for scenario, record in zip(SCENARIOS, hostile, strict=True)
        if told(record) not in expected(scenario)
    }
    assert wrong == {}
    early = [record for record in hostile if ended_early(record)]
    assert {(record.status, record.size, record.body_sha256) for record in early} == {(200, None, None)}
    assert all(record.headers and record.fetched_at and record.wire_size is not None for record in early)
    assert {record.input: record.error for record in honest if record.outcome != Outcome.OK} == {}
    assert len(honest) == len(SCENARIOS)
    assert open_sockets() == sockets
    assert asyncio.all_tasks() == tasks
    record_testsuite_property(
        "hostile wire outcomes", dict(Counter(str(record.outcome) for record in hostile))
    )


def test_memory_stays_bounded_over_all_of_them(
    port: int, record_testsuite_property: Callable[[str, object], None]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    lines, records, missed, most_bytes = map(int, ended.stdout.split())
    assert (records, missed) == (lines, 0)  # each came to its scenario
    record_testsuite_property("hostile wire peak bytes", most_bytes)
    assert most_bytes < MOST_BYTES


def test_the_list_names_each_scenario_once() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    command = [sys.executable, "-m", "tests.support.raw_server", "--list", "--port", "8600"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert listed.splitlines() == [f"{url_of(one, 8600)}\t{one.outcome}" for one in SCENARIOS]


async def test_the_server_tells_how_many_connections_are_open(port: int) -> None:
    before = await asyncio.to_thread(stats, port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /honest/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    during = await asyncio.to_thread(stats, port)
    writer.close()
    await writer.wait_closed()
    assert during["open"] == 2  # it, and the one that asks
    assert during["connections"] == before["connections"] + 2
