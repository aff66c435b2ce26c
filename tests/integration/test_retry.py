"""A run whose failures are asked for again, over the wire and over kill -9."""

from __future__ import annotations

import random
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import (
    noted_in,
    records_in,
    scrape,
    serving,
    started,
    write_list,
)
from tests.support.runs import a_record, write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = ("--delay", "0", "--retries", "0", "--robots", "ignore")
PLACE = ("seq", "input", "extra", "parent", "depth")


class Moody(ThreadingHTTPServer):
    """Answers 500 to some paths as long as it is out of order; ``/a`` links to ``/found``."""

    daemon_threads = True
    failing: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Answer(BaseHTTPRequestHandler):
    server: Moody

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        link = b"<a href=/found>x</a>" if self.path == "/a" else b""
        body = b"<!doctype html><title>" + self.path.encode() + b"</title>" + link
        self.send_response(500 if self.path in self.server.failing else 200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Moody]:
    with Moody() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def by_seq(records: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {record["seq"]: record for record in records}


def test_what_failed_first_is_there_after_a_retry(server: Moody, tmp_path: Path) -> None:
    server.failing = frozenset({"/b", "/found", "/c"})
    lines = "".join(f"{server.url(path)},{path}\n" for path in ("/a", "/b", "/c", "/b"))
    (tmp_path / "urls.csv").write_text(f"url,name\n{lines}")
    run = tmp_path / "pages.jsonl"
    crawled = scrape("crawl", tmp_path / "urls.csv", "-o", run, "--depth", "1", *QUICK, cwd=tmp_path)
    assert crawled.code == 0, crawled.err
    assert f"  scraper retry {run}\n" in crawled.err
    assert f"""  scraper show {run} --where 'outcome not in ["duplicate", "ok"]'\n""" in crawled.err
    before = records_in(run)

    table = tmp_path / "pages.csv"
    assert scrape("export", run, "-o", table, "-q", cwd=tmp_path).code == 0

    server.failing = frozenset({"/c"})
    server.asked.clear()
    retried = scrape("retry", run, *QUICK, cwd=tmp_path)
    assert retried.code == 0, retried.err
    assert sorted(server.asked) == ["/b", "/c", "/found"]
    assert f"{run}: 3 records asked again, 2 of them ok now" in retried.err
    assert f"  scraper retry {run}\n" in retried.err
    assert f"Not made anew: {table}. scraper export {run} -o {table} --fresh\n" in retried.err
    after = records_in(run)
    for name in PLACE:
        assert [record[name] for record in after] == [record[name] for record in before]
    asked = {record["seq"] for record in before if record["retryable"]}
    assert [record for record in after if record["seq"] not in asked] == [
        record for record in before if record["seq"] not in asked
    ]
    assert len({record["run"] for record in after if record["seq"] in asked}) == 1
    assert {record["url"]: record.get("status") for record in after if record["seq"] in asked} == {
        server.url("/b"): 200,
        server.url("/c"): 500,
        server.url("/found"): 200,
    }
    compared = scrape("diff", tmp_path / "pages.jsonl.before", run, cwd=tmp_path)
    assert (compared.code, compared.out.splitlines()[-1]) == (
        1,
        "0 new, 0 changed, 2 recovered, 0 moved, 0 gone, 2 unchanged",
    )
    assert scrape("retry", run, *QUICK, "--strict", "-q", cwd=tmp_path).code == 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_kills_during_a_retry_lose_and_double_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261129)  # noqa: S311 repeatable, nothing secret
    with serving() as server:
        urls = server.bulk(150, tag="again", hosts=20, delay_s=0.1)
        run, journal = tmp_path / "pages.jsonl", tmp_path / "pages.jsonl.retry"
        fast = (*QUICK, "--set", "output.batch_s=0.02")
        crawled = scrape(
            "crawl", write_list(tmp_path / "urls.txt", urls), "-o", run, "-q", *fast, cwd=tmp_path
        )
        assert crawled.code == 0, crawled.err
        first, before = run.read_bytes(), records_in(run)
        words = ("retry", run, "--outcome", "ok", "--resume", *fast)
        done: set[int] = set()
        for _ in range(2):
            asked = server.asked("again").total()
            with started(*words, cwd=tmp_path) as running:
                server.wait_for(asked + chance.randint(50, 100), tag="again", running=running)
                running.kill()
            assert run.read_bytes() == first, "the run is touched before all is answered"
            noted = noted_in(tmp_path / "pages.jsonl.retry.state")
            done.add(noted.done)
            assert len(journal.read_bytes()[: noted.output_bytes].splitlines()) == noted.done
        assert max(done), "every kill came before the first answer: this shows nothing"
        ended = scrape(*words, cwd=tmp_path)
        assert ended.code == 0, ended.err
        counts = server.asked("again")

    after = records_in(run)
    for name in PLACE:
        assert [record[name] for record in after] == [record[name] for record in before]
    names = {record["run"] for record in after}
    assert len(names) == 1
    assert names != {record["run"] for record in before}
    assert all(count >= 2 for count in counts.values())
    assert sum(count > 2 for count in counts.values()) <= 2 * 64
    assert (tmp_path / "pages.jsonl.before").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "pages.jsonl",
        "pages.jsonl.before",
        "urls.txt",
    ]


def test_a_link_to_a_private_address_is_not_asked_because_it_is_asked_again(
    server: Moody, tmp_path: Path
) -> None:
    planted = a_record(server.url("/planted"), parent=0, depth=1, outcome="blocked_address", status=None)
    run = write_run(tmp_path / "pages.jsonl", [a_record("https://a.example/"), planted])
    retried = scrape("retry", run, "--outcome", "blocked_address", *QUICK, "-q", cwd=tmp_path)
    assert retried.code == 0, retried.err
    assert [record["outcome"] for record in records_in(run)] == ["ok", "blocked_address"]
    assert server.asked == []
