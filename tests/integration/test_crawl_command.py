"""``scraper crawl`` as people use it: lists in and out, pipes, exit codes, what it says."""

from __future__ import annotations

import gzip
import json
import os
import selectors
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest

from tests.support.processes import (
    SCRAPER,
    TIMEOUT_S,
    Server,
    has_each_once,
    records_in,
    scrape,
    serving,
    started,
    write_list,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes that can be waited for")

FAST = ("--delay", "0")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def next_line(pipe: IO[bytes]) -> bytes:
    """Return the next line of an unbuffered pipe; fails when it does not come in time."""
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            assert selector.select(TIMEOUT_S), f"no line within {TIMEOUT_S} s, only {line!r}"
            byte = pipe.read(1)
            assert byte, f"the pipe was closed after {line!r}"
            line += byte
    return line


def test_records_come_while_the_list_is_still_being_written(server: Server) -> None:
    with started("crawl", "-", "--quiet", *FAST, pipes=True, reads=True) as running:
        for url in server.bulk(3, tag="endless"):
            running.stdin.write(f"{url}\n".encode())
            assert json.loads(next_line(running.stdout))["input"] == url
        running.stdin.close()
        assert running.stdout.read() == b""
        ended = running.wait()
    assert (ended.code, ended.err) == (0, "")


def test_a_reader_that_leaves_costs_one_line(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(300, tag="head", hosts=60, delay_s=0.02)
    with started("crawl", write_list(tmp_path / "urls.txt", urls), "--quiet", *FAST, reads=True) as running:
        assert json.loads(next_line(running.stdout))["outcome"] == "ok"
        running.stdout.close()
        ended = running.wait()
    assert ended.code == 1
    assert "standard output was closed" in ended.only_line


def test_head_takes_one_record(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(300, tag="sh", hosts=60)
    write_list(tmp_path / "urls.txt", urls)
    script = '"$@" | head -n 1'
    words = ("sh", "-c", script, "sh", *SCRAPER, "crawl", "urls.txt", *FAST)
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    assert json.loads(done.stdout)["outcome"] == "ok"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_lists_of_every_kind_make_one_run(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(9, tag="kinds", hosts=9)
    write_list(tmp_path / "urls.txt", ["# a comment", "", *urls[:2]])
    (tmp_path / "more.txt.gz").write_bytes(gzip.compress("\n".join(urls[2:4]).encode()))
    (tmp_path / "table.csv").write_text(f'name,url,note\nA,{urls[4]},"x, y"\nB,{urls[5]},\n')
    (tmp_path / "lines.jsonl").write_text(json.dumps({"url": urls[6], "price": 3, "tags": ["a"]}) + "\n")
    words = (
        "urls.txt",
        "more.txt.gz",
        "table.csv",
        "lines.jsonl",
        urls[7],
        "-",
        "-o",
        "out/deep/pages.jsonl",
    )

    ended = scrape("crawl", *words, *FAST, cwd=tmp_path, stdin=urls[8].encode())

    assert ended.code == 0, ended.err
    records = records_in(tmp_path / "out/deep/pages.jsonl")
    assert sorted((record["seq"], record["url"]) for record in records) == list(enumerate(urls))
    extra = {record["url"]: record["extra"] for record in records if record["extra"]}
    assert extra[urls[4]] == {"name": "A", "note": "x, y"}
    assert extra[urls[5]]["name"] == "B"
    assert extra[urls[6]] == {"price": 3, "tags": ["a"]}
    assert set(extra) == set(urls[4:7])
    assert "9 lines in, 9 records out" in ended.err
    assert [path.name for path in (tmp_path / "out/deep").iterdir()] == ["pages.jsonl"]


def test_two_outputs_hold_the_same_records(server: Server, tmp_path: Path) -> None:
    urls = [*server.bulk(20, tag="two", hosts=20), "not a url", server.bulk(1, tag="two")[0]]
    sources, lines, array = write_list(tmp_path / "urls.txt", urls), tmp_path / "a.jsonl", tmp_path / "b.json"
    ended = scrape("crawl", sources, "-o", array, "-o", lines, "--quiet", *FAST)

    assert (ended.code, ended.out, ended.err) == (0, "", ""), "--quiet says nothing"
    records = records_in(lines)
    assert has_each_once(records, urls)
    assert json.loads(array.read_bytes()) == records
    outcomes = {record["seq"]: record["outcome"] for record in records}
    assert (outcomes[20], outcomes[21]) == ("invalid_url", "duplicate")
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "a.jsonl", "b.json"}


@pytest.mark.parametrize(("name", "content"), [("pages.jsonl", b""), ("pages.json", b"[]\n")])
def test_an_empty_list_makes_an_empty_output(tmp_path: Path, name: str, content: bytes) -> None:
    ended = scrape("crawl", "-", "-o", tmp_path / name, "--quiet", stdin=b"# nothing\n\n")
    assert (ended.code, ended.err) == (0, "")
    assert (tmp_path / name).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_strict_tells_of_failed_pages(server: Server, tmp_path: Path) -> None:
    good = server.bulk(2, tag="strict")
    bad = f"http://127.0.1.1:{server.port}/no/such/page"
    assert scrape("crawl", *good, "--strict", "--quiet", *FAST).code == 0
    assert scrape("crawl", *good, bad, "--quiet", *FAST).code == 0
    ended = scrape("crawl", *good, bad, "--strict", "--quiet", *FAST, "-o", tmp_path / "pages.jsonl")
    assert ended.code == 3
    assert len(records_in(tmp_path / "pages.jsonl")) == 3


def test_the_log_is_json_and_knows_every_page(server: Server, tmp_path: Path) -> None:
    urls = [*server.bulk(5, tag="log"), f"http://127.0.0.1:{server.dead_port}/"]
    log = tmp_path / "run.log"
    ended = scrape("crawl", *urls, "--log-json", log, "--retries", "1", "--set", "retry.base_s=0.01", *FAST)
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == len(urls)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["started", "ended"]
    assert {event["url"] for event in events if event["event"] == "written"} == set(urls)
    robots = f"{urls[-1]}robots.txt"
    assert [event["url"] for event in events if event["event"] == "tried_again"] == [robots]
    assert [event["url"] for event in events if event["event"] == "robots"].count(robots) == 1
    assert [event["outcome"] for event in events if event["event"] == "written"].count(
        "robots_unreachable"
    ) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http://127.0.0.1:1/", "-o", "a-file/pages.jsonl"), "a-file/pages.jsonl"),
        (("http://127.0.0.1:1/", "-o", "a-file/pages.json"), "a-file/pages.json"),
        (("http://127.0.0.1:1/", "-o", "a-folder.jsonl"), "is a folder"),
        (("http://127.0.0.1:1/", "-o", "pages.xyz"), ".jsonl"),
        (("http://127.0.0.1:1/", "-o", "pages.jsonl", "-o", "pages.jsonl"), "twice"),
        (("no-such-list.txt", "-o", "pages.jsonl"), "no such file"),
        ((), "no SOURCE"),
        (("http://127.0.0.1:1/", "--set", "run.wokers=3"), "run.wokers"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "a-folder.jsonl").mkdir()
    ended = scrape("crawl", *words, cwd=tmp_path)
    assert ended.code == 2
    assert said in ended.only_line
    assert ended.out == ""
    assert {path.name for path in tmp_path.iterdir()} == {"a-file", "a-folder.jsonl"}, "nothing is left"


def broken_list(path: Path, urls: list[str]) -> list[str]:
    """Write a gzip file that breaks off within its last line; return the lines before."""
    whole = gzip.compress("\n".join(urls).encode(), compresslevel=0)
    path.write_bytes(whole[: -8 - 4])  # the trailer, and four bytes of the last line
    return urls[:-1]


def test_the_lines_before_a_list_breaks_off_are_done_once(server: Server, tmp_path: Path) -> None:
    good = broken_list(tmp_path / "urls.txt.gz", server.bulk(40, tag="breaks-off", hosts=8))
    words = ("crawl", "urls.txt.gz", "-o", "pages.jsonl", "-o", "pages.json", "--quiet", *FAST)
    output = tmp_path / "pages.jsonl"

    first = scrape(*words, cwd=tmp_path)

    assert first.code == 1
    assert all(part in first.only_line for part in ("urls.txt.gz", "broken gzip", "39 lines", "--resume"))
    assert has_each_once(records_in(output), good)
    assert not (tmp_path / "pages.json").exists(), "what is not complete is not made"

    before = output.read_bytes()
    again = scrape(*words, "--resume", cwd=tmp_path)
    assert (again.code, again.err) == (first.code, first.err)
    assert output.read_bytes() == before
    assert set(server.asked("breaks-off").values()) == {1}
    assert len(server.asked("breaks-off")) == len(good)


def test_a_list_that_breaks_before_its_first_line_leaves_nothing(server: Server, tmp_path: Path) -> None:
    broken_list(tmp_path / "urls.txt.gz", server.bulk(1, tag="breaks-at-once"))
    ended = scrape("crawl", "urls.txt.gz", "-o", "pages.jsonl", "-o", "pages.json", cwd=tmp_path)
    assert ended.code == 2
    # What was shown of the run may stand before it.
    assert "urls.txt.gz: broken gzip data after line 0" in ended.err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["urls.txt.gz"]
    assert not server.asked("breaks-at-once")


@pytest.mark.parametrize(
    "words",
    [
        ("list.jsonl", "-o", "list.jsonl"),
        ("list.jsonl", "-o", "linked.jsonl"),
        ("linked.jsonl", "-o", "list.jsonl"),
        ("list.jsonl", "-o", "new.jsonl", "-o", "./list.jsonl"),
        ("list.json.journal", "-o", "list.json"),
        ("http://127.0.0.1:1/", "-o", "new.jsonl", "--log-json", "new.jsonl"),
        ("http://127.0.0.1:1/", "-o", "new.json", "--log-json", "new.json"),
        ("http://127.0.0.1:1/", "-o", "new.json", "--log-json", "new.json.journal"),
        ("http://127.0.0.1:1/", "-o", "new.json", "--log-json", "new.json.state"),
    ],
)
def test_what_is_read_or_logged_to_is_not_written(tmp_path: Path, words: tuple[str, ...]) -> None:
    content = b'{"url": "http://127.0.0.1:1/"}\n'
    for name in ("list.jsonl", "list.json.journal"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "linked.jsonl").symlink_to("list.jsonl")

    ended = scrape("crawl", *words, "--fresh", cwd=tmp_path)

    assert ended.code == 2
    assert "is also an output of the run" in ended.only_line
    assert (tmp_path / "list.jsonl").read_bytes() == content
    assert (tmp_path / "list.json.journal").read_bytes() == content
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"list.jsonl", "list.json.journal", "linked.jsonl"}, "nothing was begun"


@pytest.mark.parametrize("mode", [(), ("--fresh",)])
@pytest.mark.parametrize("name", ["pipe.jsonl", "pipe.json", "folder.jsonl"])
def test_an_output_that_is_no_file_is_refused_at_once(
    tmp_path: Path, name: str, mode: tuple[str, ...]
) -> None:
    """At once: opening a pipe that nobody reads would hang."""
    os.mkfifo(tmp_path / "pipe.jsonl")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.jsonl").mkdir()
    ended = scrape("crawl", "http://127.0.0.1:1/", "-o", name, *mode, cwd=tmp_path)
    assert ended.code == 2
    assert name in ended.only_line
    assert "is no file" in ended.only_line or "is a folder" in ended.only_line
    assert {path.name for path in tmp_path.iterdir()} == {"pipe.jsonl", "pipe.json", "folder.jsonl"}


def test_a_run_out_of_files_ends_in_one_line_and_can_be_resumed(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(60, tag="files", hosts=60, delay_s=0.5)
    write_list(tmp_path / "urls.txt", urls)
    words = ("crawl", "urls.txt", "-o", "pages.jsonl", "--quiet", *FAST)
    script = "import resource, os, sys; n = int(sys.argv[1]); "
    script += "resource.setrlimit(resource.RLIMIT_NOFILE, (n, n)); os.execv(sys.argv[2], sys.argv[2:])"
    with started(*words, program=(sys.executable, "-c", script, "40", *SCRAPER), cwd=tmp_path) as running:
        ended = running.wait()
    assert ended.code == 1
    assert "ulimit -n" in ended.only_line
    assert "--resume" in ended.only_line

    ended = scrape(*words, "--resume", cwd=tmp_path)
    assert ended.code == 0, ended.err
    records = records_in(tmp_path / "pages.jsonl")
    assert has_each_once(records, urls)
    assert {record["outcome"] for record in records} == {"ok"}


def test_standard_output_is_not_put_in_order() -> None:
    ended = scrape("crawl", "http://a.example/", "--ordered")
    assert ended.code == 2
    assert "needs a file: standard output gets records as they come" in ended.only_line
