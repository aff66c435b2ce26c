"""kill -9 at any moment, then --resume: no record lost, none doubled, no torn line."""

from __future__ import annotations

import csv
import json
import random
import sys
from typing import TYPE_CHECKING

import pytest

from scraper.run.results import read_records
from tests.support.processes import (
    PYTHON,
    SCRAPER,
    Server,
    has_each_once,
    noted_in,
    records_in,
    scrape,
    serving,
    started,
    wait_until,
    write_list,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

FAST = ("--delay", "0", "--set", "output.batch_s=0.02")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def test_kills_at_random_moments_lose_and_double_nothing(server: Server, tmp_path: Path) -> None:
    chance = random.Random(20260131)  # noqa: S311 repeatable, nothing secret
    urls = server.bulk(300, tag="random", hosts=20, delay_s=0.1)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    state = tmp_path / "pages.jsonl.state"
    asked_when_noted: dict[str, int] = {}
    for _ in range(5):
        before = server.asked("random").total()
        with started(
            "crawl", sources, "-o", output, "--resume", *FAST, cwd=tmp_path, program=SCRAPER
        ) as running:
            server.wait_for(before + chance.randint(20, 90), tag="random", running=running)
            running.kill()
        noted = noted_in(state)
        whole = output.read_bytes()[: noted.output_bytes]
        assert len(whole) == noted.output_bytes, "the state says more than the output has"
        asked = server.asked("random")
        lines = whole.splitlines()
        assert len(lines) == noted.done
        for line in lines:
            url = json.loads(line)["url"]
            asked_when_noted.setdefault(url, asked[url])

    assert asked_when_noted, "every kill came before the first record: this shows nothing"
    ended = scrape("crawl", sources, "-o", output, "--resume", *FAST, cwd=tmp_path)

    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)
    assert not state.exists()
    asked = server.asked("random")
    assert {url: asked[url] for url in asked_when_noted} == asked_when_noted, (
        "what was done was fetched again"
    )
    assert sum(count > 1 for count in asked.values()) <= 5 * 64  # the workers' pages of each kill


def test_a_piped_list_is_not_needed_again(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(120, tag="piped", hosts=10, delay_s=0.1)
    output, journal = tmp_path / "pages.json", tmp_path / "pages.json.journal"
    with started("crawl", "-", "-o", output, *FAST, pipes=True, program=SCRAPER) as running:
        running.stdin.write("\n".join(urls).encode())
        running.stdin.close()
        wait_until(
            lambda: journal.exists() and journal.stat().st_size > 0, what="the first records", running=running
        )
        running.kill()
    assert not output.exists(), "an array is there whole or not at all"
    before = server.asked("piped").total()
    with started("crawl", "-o", output, "--resume", *FAST, program=SCRAPER) as running:
        server.wait_for(before + 30, tag="piped", running=running)
        running.kill()
    assert not output.exists()

    ended = scrape("crawl", "-o", output, "--resume", *FAST)

    assert ended.code == 0, ended.err
    assert has_each_once(json.loads(output.read_text()), urls)
    assert [path.name for path in tmp_path.iterdir()] == ["pages.json"]


DIES = """
import os, signal, sys
import scraper.assembly, scraper.run.execution, scraper.frontier.store, scraper.sinks.jsonl

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at_once(owner, name):
    setattr(owner, name, die)

def die_at_second(owner, name):
    before, calls = getattr(owner, name), []
    def carry_out(*args, **kwargs):
        calls.append(name)
        return before(*args, **kwargs) if len(calls) == 1 else die()
    setattr(owner, name, carry_out)

def die_after(owner, name):
    before = getattr(owner, name)
    def carry_out(*args, **kwargs):
        before(*args, **kwargs)
        die()
    setattr(owner, name, carry_out)

def die_after_waiting_for(owner, name):
    before = getattr(owner, name)
    async def carry_out(*args, **kwargs):
        await before(*args, **kwargs)
        die()
    setattr(owner, name, carry_out)

store, journal = scraper.frontier.store.Store, scraper.sinks.jsonl.JsonLinesJournal
{point}
from scraper.__main__ import main
sys.exit(main())
"""
# In the second batch: what a first one left behind is cut off in another way.
TORN = """
append = journal.append
async def append_half(self, lines):
    if not self.records:
        return await append(self, lines)
    await self._file.write(b"".join(lines)[:-7])
    die()
journal.append = append_half
"""
POINTS = {
    "before the first line is taken in": "die_at_once(store, 'admit')",
    "when the lines are taken in": "die_after(store, 'admit')",
    "in the middle of a write": TORN,
    "when the first batch is written and not noted": "die_at_once(store, 'finish')",
    "when a batch is written and not noted": "die_at_second(store, 'finish')",
    "when a batch is noted": "die_after(store, 'finish')",
    "before the array is made": "die_at_once(scraper.run.execution.Run, '_complete')",
    "when the array is made": "die_after_waiting_for(scraper.run.execution.Run, '_complete')",
    "before the state is removed": "die_at_once(store, 'close')",
    "when the state is removed": "die_after(store, 'close')",
}


# Each writes what it has by then.
TORN_OUTPUT = """
import scraper.sinks.formats, scraper.sinks.parquet, scraper.sinks.sqlite
lines = scraper.sinks.formats.record_lines
def half_of_the_lines(journal, *, ordered):
    for number, line in enumerate(lines(journal, ordered=ordered)):
        if number == 20:
            die()
        yield line
scraper.sinks.formats.record_lines = half_of_the_lines
scraper.sinks.parquet._GROUP_RECORDS = scraper.sinks.sqlite._BATCH_RECORDS = 8
"""


@pytest.mark.parametrize("name", ["pages.csv", "pages.parquet", "pages.sqlite", "pages.jsonl"])
def test_a_kill_while_an_output_is_made_leaves_none_that_is_torn(
    server: Server, tmp_path: Path, name: str
) -> None:
    urls = server.bulk(30, tag=tmp_path.name, hosts=15)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / name
    words = ("crawl", sources, "-o", output, "--resume", "--ordered", *FAST)
    with started(*words, program=(*PYTHON, "-c", DIES.replace("{point}", TORN_OUTPUT))) as running:
        assert running.wait().code == -9, running.err.read_text()
    assert not output.exists()
    refused = scrape(*[word for word in words if word != "--ordered"])
    assert (refused.code, "was begun with --ordered" in refused.err) == (2, True)

    ended = scrape(*words)

    assert ended.code == 0, ended.err
    assert {path.name for path in tmp_path.iterdir()} == {name, "urls.txt"}
    if name == "pages.csv":
        with output.open(encoding="utf-8-sig", newline="") as file:
            found = [row["url"] for row in csv.DictReader(file)]
    else:
        found = [record.url or "" for record in read_records(output)]
    assert found == urls


ARRAY_TOO = [point for point in POINTS if "array" in point or "state" in point]


@pytest.mark.parametrize(
    ("point", "name"),
    [
        *((point, "pages.jsonl") for point in POINTS if "array" not in point),
        *((point, "pages.json") for point in ARRAY_TOO),
    ],
)
def test_a_kill_between_two_steps_costs_nothing(
    server: Server, tmp_path: Path, point: str, name: str
) -> None:
    tag = f"{tmp_path.name}"
    urls = server.bulk(30, tag=tag, hosts=15)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / name
    words = ("crawl", sources, "-o", output, "--resume", *FAST, "--set", "output.batch_records=8")
    with started(*words, program=(*PYTHON, "-c", DIES.replace("{point}", POINTS[point]))) as running:
        assert running.wait().code == -9, running.err.read_text()

    ended = scrape(*words)

    assert ended.code == 0, ended.err
    records = records_in(output) if name.endswith("l") else json.loads(output.read_text())
    assert has_each_once(records, urls)
    left = {path.name for path in tmp_path.iterdir()} - {name, "urls.txt"}
    # Killed after its state is gone, an array's journal is garbage that nothing asks for any more.
    assert left <= ({"pages.json.journal"} if point == "when the state is removed" else set())
