"""SIGINT and SIGTERM: the first drains, the second aborts, the third exits on the spot."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import (
    SCRAPER,
    Running,
    Server,
    has_each_once,
    lines_in,
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

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

HANGS_S = 300.0
"""The delay of a page that does not come while a test lasts."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def wait_for_event(log: Path, event: str, *, running: Running) -> None:
    """Return when the run's log has an event of this name."""

    def is_there() -> bool:
        lines = log.read_text().splitlines() if log.exists() else []
        return any(json.loads(line)["event"] == event for line in lines)

    wait_until(is_there, what=f"the event {event}", running=running)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_drains(server: Server, tmp_path: Path, number: signal.Signals, code: int) -> None:
    tag = number.name
    urls = server.bulk(40, tag=tag, delay_s=0.2)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    with started(
        "crawl", sources, "-o", output, "--delay", "0", "--per-host", "4", program=SCRAPER
    ) as running:
        server.wait_for(6, tag=tag, running=running)
        running.send(number)
        ended = running.wait()

    assert ended.code == code
    assert "Traceback" not in ended.err
    asked = server.asked(tag)
    assert asked.total() < len(urls)
    records = records_in(output)
    assert {record["url"] for record in records} == set(asked), "what was fetched is written"
    assert {record["outcome"] for record in records} == {"ok"}

    command = next(line for line in ended.err.splitlines() if "--resume" in line)
    words = shlex.split(command[command.index("scraper crawl") :])
    ended = scrape(*words[1:])
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), urls)
    assert max(server.asked(tag).values()) == 1, "nothing is fetched twice"


def test_a_drain_has_a_deadline(server: Server, tmp_path: Path) -> None:
    quick = server.bulk(10, tag="deadline", hosts=10)
    urls = [*quick, *server.bulk(3, tag="deadline-slow", delay_s=HANGS_S)]
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    words = ("crawl", sources, "-o", output, "--delay", "0", "--set", "run.drain_s=0.2")
    with started(*words, program=SCRAPER) as running:
        server.wait_for(2, tag="deadline-slow", running=running)
        wait_until(lambda: lines_in(output) == len(quick), what="the quick pages", running=running)
        running.send(signal.SIGINT)
        ended = running.wait()

    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert "0.2 s" in ended.err
    assert "--resume" in ended.err
    assert {record["url"] for record in records_in(output)} == set(quick)
    assert noted_in(tmp_path / "pages.jsonl.state").done == len(quick)


def test_the_second_signal_aborts_and_closes_the_files(server: Server, tmp_path: Path) -> None:
    # One at a time at each host: who asks for the slow page has the quick one.
    quick = server.bulk(10, tag="second", hosts=10)
    urls = [*quick, *server.bulk(10, tag="second-slow", hosts=10, delay_s=HANGS_S)]
    sources, output, log = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl", tmp_path / "log"
    # Batches that wait for long: what is fetched is with the writer when the signals come.
    words = ("--delay", "0", "--per-host", "1", "--log-json", log, "--set", "output.batch_s=30")
    with started("crawl", sources, "-o", output, *words, program=SCRAPER) as running:
        server.wait_for(len(quick), tag="second-slow", running=running)
        running.send(signal.SIGINT)
        wait_for_event(log, "draining", running=running)
        running.send(signal.SIGTERM)
        ended = running.wait()

    assert ended.code == 130, "the first signal's"
    assert "Traceback" not in ended.err
    assert {record["url"] for record in records_in(output)} == set(quick), "what was fetched is written"
    noted = noted_in(tmp_path / "pages.jsonl.state")
    assert (noted.done, noted.output_bytes) == (len(quick), output.stat().st_size)
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()][-1] == "ended"


def test_the_third_signal_exits_on_the_spot(server: Server, tmp_path: Path) -> None:
    # Nobody reads the output, so that the writer hangs in a full pipe and no file can be closed.
    urls = server.bulk(600, tag="third", hosts=100)
    sources, log = write_list(tmp_path / "urls.txt", urls), tmp_path / "log"
    with started("crawl", sources, "--delay", "0", "--log-json", log, reads=True, program=SCRAPER) as running:
        server.wait_for(100, tag="third", running=running)
        running.send(signal.SIGINT)
        wait_for_event(log, "draining", running=running)
        running.send(signal.SIGINT)
        wait_for_event(log, "aborting", running=running)
        assert not running.has_ended
        running.send(signal.SIGTERM)
        assert running.wait().code == 143


def test_a_signal_while_a_piped_list_is_still_open(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(3, tag="open")
    output = tmp_path / "pages.jsonl"
    with started("crawl", "-", "-o", output, "--delay", "0", pipes=True, program=SCRAPER) as running:
        running.stdin.write("".join(f"{url}\n" for url in urls).encode())
        wait_until(lambda: lines_in(output) == len(urls), what="the records", running=running)
        running.send(signal.SIGINT)
        ended = running.wait()
        assert ended.code == 130
        assert "Traceback" not in ended.err

    ended = scrape("crawl", "-o", output, "--resume")
    assert ended.code == 2
    assert "3 lines were" in ended.only_line
    more = [*urls, *server.bulk(6, tag="open")[3:]]
    ended = scrape("crawl", "-", "-o", output, "--resume", "--delay", "0", stdin="\n".join(more).encode())
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(output), more)
    assert max(server.asked("open").values()) == 1
