"""Visits in child processes: the same records, and a page that kills a parser costs only itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import scraper
from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from scraper.processes import pool
from tests.support.crawling import crawled
from tests.support.faulty_parts import BUG, CRASH, FATAL_HEADER, HANG, write_startup
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, page, serving, text
from tests.support.processes import (
    Running,
    Server,
    has_each_once,
    lines_in,
    records_in,
    scrape,
    started,
    wait_until,
    write_list,
)
from tests.support.processes import serving as serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scraper import Record

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are looked for in /proc")

TIMES = {"run", "fetched_at", "elapsed", "timing", "tries"}
"""Fields that tell of the run or of the time."""
TWO: dict[str, Any] = {"processes": 2, "workers": 16}


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "startup"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(write_startup(folder)))
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving_pages() as one:
        yield one


def children_of(pid: int) -> list[int]:
    """Return the children of a process that visit for it."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found if b"processes.child" in Path(f"/proc/{one}/cmdline").read_bytes()]


def marked(word: str, *, on: str) -> Any:
    """Return a script: one page is marked, all others are good."""

    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        return page(title=word if ask.target == on else f"page {ask.target}")

    return script


def by_outcome(records: list[Record]) -> dict[str, int]:
    return dict(Counter(record.outcome.value for record in records))


async def test_the_records_are_those_of_a_run_in_one_process() -> None:
    async with SampleServer(build_site(1, 40, hosts=3)) as site:
        # The unusual hosts answer by how often they were asked.
        lines = [line for line in site.list_text().splitlines() if "//127.0.2." not in line]
        quiet: dict[str, Any] = {
            "politeness": {"delay_s": 0.0, "per_host": 1},
            "retry": {"retries": 0},
            "follow": {"depth": 0},
        }
        alone = await crawled(lines, **quiet)
        shared = await crawled(lines, run=TWO, **quiet)

    def told(record: Record) -> dict[str, Any]:
        fields = {name: text for name, text in msgspec.to_builtins(record).items() if name not in TIMES}
        fields.get("headers", {}).pop("date", None)
        for hop in fields.get("redirects", ()):
            del hop["elapsed_s"]
        return fields

    assert [told(record) for record in shared] == [told(record) for record in alone]


async def test_a_page_that_crashes_the_parser_costs_only_itself(faults: Path) -> None:
    async with serving(marked(CRASH, on="/5")) as site:
        urls = [site.url(f"127.0.3.{number % 4}", f"/{number}") for number in range(24)]
        records = await crawled(urls, run=TWO)
        targets = Counter(entry.target for entry in site.log if entry.target != "/robots.txt")

    assert by_outcome(records) == {"ok": 23, "parse_error": 1}
    faulty = records[5]
    assert faulty.outcome == "parse_error"
    assert faulty.error is not None
    assert (faulty.error.type, faulty.error.phase) == ("ParserCrashed", "parse")
    assert "SIGSEGV" in faulty.error.message
    assert not faulty.retryable
    assert targets["/5"] == 1, "it is not tried again"
    assert max(targets.values()) <= 2, "its neighbours went again, once"


async def test_a_page_that_stalls_the_parser_is_given_up_at_its_deadline(faults: Path) -> None:
    async with serving(marked(HANG, on="/3")) as site:
        urls = [site.url(f"127.0.3.{number % 4}", f"/{number}") for number in range(12)]
        records = await crawled(urls, run=TWO, parse={"deadline_s": 0.5})

    assert by_outcome(records) == {"ok": 11, "parse_error": 1}
    assert records[3].error is not None
    assert (records[3].error.type, records[3].error.message) == ("ParserStalled", "not parsed within 0.5 s")


async def test_several_pages_in_a_row_may_be_fatal(faults: Path) -> None:
    def script(ask: Ask) -> Answer:
        return (
            NOT_FOUND
            if ask.target == "/robots.txt"
            else page(title=CRASH if int(ask.target[1:]) % 3 else "x")
        )

    async with serving(script) as site:
        urls = [site.url(f"127.0.3.{number}", f"/{number}") for number in range(9)]
        records = await crawled(urls, run={"processes": 1, "workers": 4})

    assert [record.outcome.value for record in records] == ["ok", "parse_error", "parse_error"] * 3


async def test_what_dies_of_no_parser_is_found_by_visiting_the_suspects_alone(faults: Path) -> None:
    def script(ask: Ask) -> Answer:
        fatal = ((FATAL_HEADER, "1"),) if ask.target == "/2" else ()
        answer = NOT_FOUND if ask.target == "/robots.txt" else page(title=ask.target, delay_s=0.05)
        return answer._replace(headers=(*answer.headers, *fatal))

    async with serving(script) as site:
        urls = [site.url(f"127.0.3.{number}", f"/{number}") for number in range(8)]
        records = await crawled(urls, run=TWO)

    assert by_outcome(records) == {"ok": 7, "parse_error": 1}
    assert records[2].error is not None
    assert (records[2].error.type, records[2].error.phase) == ("ProcessDied", "visit")


async def test_a_child_that_does_not_answer_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, it neither dies nor comes back by itself."""
    monkeypatch.setattr(pool, "_ANSWERS_WITHIN_S", 3.0)  # longer than a start takes
    stopped: list[int] = []

    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        if not stopped:
            stopped.extend(children_of(os.getpid()))
            for one in stopped:
                os.kill(one, signal.SIGSTOP)
        return page(title=ask.target)

    async with serving(script) as site:
        urls = [site.url(f"127.0.3.{number}", f"/{number}") for number in range(6)]
        records = await crawled(urls, run=TWO, parse={"deadline_s": 0.2})

    assert len(stopped) == 2
    assert by_outcome(records) == {"ok": 6}


async def test_a_page_during_which_children_are_killed_again_and_again_is_given_up_in_the_end() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        if ask.target == "/3":
            for one in children_of(os.getpid()):
                os.kill(one, signal.SIGKILL)
        return page(title=ask.target)

    async with serving(script) as site:
        urls = [site.url(f"127.0.3.{number}", f"/{number}") for number in range(5)]
        records = await crawled(urls, run={"processes": 1, "workers": 5})
        targets = Counter(entry.target for entry in site.log if entry.target != "/robots.txt")

    assert [record.outcome.value for record in records] == ["ok", "ok", "ok", "parse_error", "ok"]
    assert records[3].error is not None
    assert (records[3].error.type, records[3].error.phase) == ("ProcessDied", "visit")
    assert targets["/3"] == 4, "twice beside others, twice alone"


async def test_a_host_of_fatal_pages_costs_the_others_one_visit_at_the_most(faults: Path) -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        return page(title=CRASH) if ask.host == "127.0.3.1" else page(delay_s=0.1)

    async with serving(script) as site:
        fatal = [site.url("127.0.3.1", f"/{number}") for number in range(5)]
        urls = [*fatal, *(site.url(f"127.0.3.{number}", "/good") for number in range(2, 9))]
        records = await crawled(urls, run={"processes": 1, "workers": 16}, politeness={"per_host": 1})
        asked = Counter(entry.host for entry in site.log if entry.target == "/good")

    assert by_outcome(records) == {"parse_error": 5, "ok": 7}
    assert max(asked.values()) <= 2


async def test_a_fatal_robots_txt_forbids_its_host_and_no_other(faults: Path) -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt" and ask.host == "127.0.3.1":
            return text("User-agent: *\nAllow: /\n", headers=((FATAL_HEADER, "1"),))
        return NOT_FOUND if ask.target == "/robots.txt" else page(title=ask.target)

    async with serving(script) as site:
        urls = [site.url(f"127.0.3.{number}", "/") for number in range(4)]
        records = await crawled(urls, run=TWO)

    assert [record.outcome.value for record in records] == ["ok", "robots_unreachable", "ok", "ok"]
    assert records[1].error is not None
    assert records[1].error.type == "ProcessDied"


async def test_a_bug_ends_the_run(faults: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with serving(marked(BUG, on="/1")) as site:
        urls = [site.url("127.0.3.1", f"/{number}") for number in range(3)]
        with pytest.raises(RuntimeError, match="broke"):
            await crawled(urls, run={"processes": 1, "workers": 1})

    assert "LookupError: a bug on purpose" in capfd.readouterr().err


async def test_other_columns_come_through_whatever_they_hold() -> None:
    """Over a redirect and another try, too, and with a number that MessagePack has no room for."""

    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        if ask.target == "/old":
            return moved("/new")
        return page() if ask.times else Answer(b"", 503)

    extra = {"id": 2**80, "nested": {"a": [1, None, 0.5]}, "text": "ä\u2028"}
    async with serving(script) as site:
        seeds = [scraper.Seed(site.url("127.0.3.1", "/old"), dict(extra))]
        records = await crawled(seeds, run=TWO, politeness={"adaptive": False, "delay_s": 0.0})

    assert (records[0].outcome, records[0].extra) == ("ok", extra)
    assert [one.status for one in records[0].tries] == [503, 200]


async def test_the_budget_of_further_tries_is_one_for_all_children() -> None:
    def script(ask: Ask) -> Answer:
        return NOT_FOUND if ask.target == "/robots.txt" else Answer(b"", 503)

    async with serving(script) as site:
        urls = [site.url(f"127.0.3.{number}", "/") for number in range(40)]
        retry = {"retries": 1, "budget_share": 0.0, "budget_floor": 6}
        await crawled(urls, run={"processes": 2, "workers": 1}, retry=retry)
        asked = Counter(entry.target for entry in site.log)

    assert asked["/"] == 46


async def test_no_child_outlives_its_run() -> None:
    async with serving(marked("none", on="")) as site:
        urls = [site.url("127.0.3.1", f"/{number}") for number in range(4)]
        await crawled(urls, run=TWO)
    assert children_of(os.getpid()) == []


async def test_a_run_left_early_takes_its_children_along() -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        arrived.set()
        return Answer(b"", held_by=never)

    async with serving(script) as site:
        settings = msgspec.convert({"run": TWO}, scraper.Settings)
        async with scraper.crawl([site.url("127.0.3.1", "/")], settings=settings), asyncio.timeout(20):
            await arrived.wait()
    assert children_of(os.getpid()) == []


def test_children_killed_from_outside_cost_nothing(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(300, tag="killed", hosts=10, delay_s=0.05)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    with started("crawl", sources, "-o", output, "--delay", "0", "--processes", "2") as running:
        for count in (40, 120, 200):
            server.wait_for(count, tag="killed", running=running)
            for child in children_of(running.popen.pid)[:1]:
                os.kill(child, signal.SIGKILL)
        ended = running.wait()

    assert ended.code == 0, ended.err
    assert "was killed by SIGKILL and is replaced" in ended.err
    records = records_in(output)
    assert has_each_once(records, urls)
    assert {record["outcome"] for record in records} == {"ok"}


def test_a_killed_run_leaves_no_children_and_resumes(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(200, tag="orphans", hosts=10, delay_s=0.02)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    words = ("crawl", sources, "-o", output, "--delay", "0", "--processes", "2")
    with started(*words) as running:
        server.wait_for(50, tag="orphans", running=running)
        wait_until(lambda: lines_in(output) > 0, what="a record", running=running)
        children = children_of(running.popen.pid)
        running.kill()
        wait_until(lambda: not any(map(is_there, children)), what="the children's end")

    assert len(children) == 2
    assert scrape(*words, "--resume").code == 0
    assert has_each_once(records_in(output), urls)


def is_there(pid: int) -> bool:
    """Whether a process runs; one that is only not yet buried does not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ignores(pid: int, number: signal.Signals) -> bool:
    """Whether a process ignores a signal; an interpreter that is just starting does not yet."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_of_them_drains(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    """As a terminal and a service manager send it."""
    tag = f"all-{number.name}"
    urls = server.bulk(60, tag=tag, delay_s=0.2)
    sources, output = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.jsonl"
    words = ("crawl", sources, "-o", output, "--delay", "0", "--per-host", "4", "--processes", "2")
    with started(*words) as running:
        server.wait_for(6, tag=tag, running=running)
        children = children_of(running.popen.pid)
        wait_until(lambda: all(ignores(child, number) for child in children), what="the children's begin")
        for child in children:
            os.kill(child, number)
        running.send(number)
        ended = running.wait()

    assert ended.code == 128 + number
    assert "Traceback" not in ended.err
    assert {record["outcome"] for record in records_in(output)} == {"ok"}
    assert {record["url"] for record in records_in(output)} == set(server.asked(tag))
    assert scrape(*words, "--resume").code == 0
    assert has_each_once(records_in(output), urls)


def test_a_log_tells_of_the_dead(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(60, tag="told", delay_s=0.1)
    sources, output, log = write_list(tmp_path / "urls.txt", urls), tmp_path / "p.jsonl", tmp_path / "log"
    words = ("crawl", sources, "-o", output, "--delay", "0", "--processes", "1", "--log-json", log)
    with started(*words) as running:
        server.wait_for(4, tag="told", running=running)
        kill_first_child(running)
        assert running.wait().code == 0
    events = [json.loads(line) for line in log.read_text().splitlines()]
    died = [event for event in events if event["event"] == "child_died"]
    assert [event["reason"].split(";")[0] for event in died] == ["process-0 was killed by SIGKILL"]


def kill_first_child(running: Running) -> None:
    os.kill(children_of(running.popen.pid)[0], signal.SIGKILL)
