"""Archives of whole runs: what the journal tells of is there, whatever happens, and no secret is."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import signal
import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from warcio.cli import main as warcio  # type: ignore[import-untyped]

from scraper.sinks.archive_files import files_there
from tests.integration.test_kill import DIES
from tests.integration.test_secrets import CANARY, left_by
from tests.support.crawling import run_to_file
from tests.support.faulty_parts import CRASH, write_startup
from tests.support.polite_site import NOT_FOUND, Answer, moved, page, serving_in_thread, text
from tests.support.processes import (
    PYTHON,
    SCRAPER,
    Server,
    has_each_once,
    lines_in,
    records_in,
    scrape,
    serving,
    started,
    wait_until,
    write_list,
)
from tests.support.warc import Group, archive_of, groups_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.polite_site import Ask, Site

FAST = ("--delay", "0", "--retries", "0", "--quiet", "--set", "output.batch_s=0.02")
SMALL_FILES = ("--set", "output.batch_records=8", "--set", "output.warc_bytes=15000")
HTML = b"<!doctype html><title>A packed page</title>"
PACKED = gzip.compress(HTML)


def script(ask: Ask) -> Answer:
    answers = {
        "/robots.txt": text("User-agent: *\nDisallow: /private\n"),
        "/a": page(title="One"),
        "/b": page(title="One"),
        "/packed": Answer(PACKED, 200, (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))),
        "/moved": moved("/moved-again"),
        "/moved-again": moved("/a", status=301),
        "/same": Answer(b"", 304, (("ETag", '"1"'),)),
        "/broken": text("no", status=503),
        "/large": text("x" * 3000),
    }
    return answers.get(ask.target, NOT_FOUND)


PATHS = ("/a", "/b", "/packed", "/moved", "/same", "/broken", "/large", "/none", "/private", "/a")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving_in_thread(script) as one:
        yield one


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def body_of(group: Group, groups: list[Group]) -> bytes:
    """Return the body of an answer, where a revisit refers to too, without its coding."""
    answer = group.answer
    if refers := answer.fields.get("WARC-Refers-To"):
        (whole,) = (one.answer for one in groups if one.answer.fields["WARC-Record-ID"] == refers)
        assert whole.kind == "response"
        assert whole.url == answer.fields["WARC-Refers-To-Target-URI"]
        assert whole.fields["WARC-Date"] == answer.fields["WARC-Refers-To-Date"]
        answer = answer._replace(content=whole.content)
    coded = "content-encoding: gzip" in group.answer.head.lower()
    return gzip.decompress(answer.content) if coded else answer.content


def check(archive: Path, records: list[dict[str, Any]]) -> list[Group]:
    """Return the exchanges of an archive; fails unless those that the records tell of are there."""
    groups = groups_of(archive_of(archive))
    by_seq: dict[int, list[Group]] = {}
    for group in groups:
        if group.purpose["kind"] == "page":
            by_seq.setdefault(group.purpose["seq"], []).append(group)
    for record in records:
        if "status" not in record:
            continue
        last = by_seq[record["seq"]][-1]
        assert last.answer.url == record["final_url"]
        assert f" {record['status']} " in last.answer.head.splitlines()[0]
        assert hashlib.sha256(body_of(last, groups)).hexdigest() == record["body_sha256"]
        assert last.answer.fields["WARC-Date"] == record["fetched_at"]
        assert last.purpose["input"] == record["input"]
        assert last.purpose.get("robots") == record.get("robots")
        redirects = record.get("redirects", [])
        hops = [group.answer.url for group in by_seq[record["seq"]][-1 - len(redirects) : -1]]
        assert hops == [hop["url"] for hop in redirects]
        assert last.purpose.get("redirects", []) == redirects
    return groups


def found_fault_with(*files: Path) -> int:
    """Return the exit code of ``warcio check``."""
    with pytest.raises(SystemExit) as ended:
        warcio(["check", *map(str, files)])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("processes", [0, 2])
def test_every_exchange_of_a_run_is_there(site: Site, tmp_path: Path, processes: int) -> None:
    if processes and sys.platform == "win32":
        return
    urls = [site.url("127.0.0.1", path) for path in PATHS]
    sources, archive, pages = (tmp_path / name for name in ("urls.txt", "pages.warc.gz", "pages.jsonl"))
    write_list(sources, urls)
    words = ("crawl", sources, "-o", archive, "-o", pages, "--processes", str(processes), *FAST)
    ended = scrape(*words, "--set", "fetch.max_wire_bytes=2000")
    assert ended.code == 0, ended.err
    assert {path.name for path in tmp_path.iterdir()} == {"urls.txt", "pages.warc.gz", "pages.jsonl"}

    records = records_in(pages)
    groups = check(archive, records)
    asked = Counter(group.answer.url.removeprefix(site.origin("127.0.0.1")) for group in groups)
    hops = {"/moved": 1, "/moved-again": 1, "/a": 2}
    assert asked == Counter(dict.fromkeys(("/robots.txt", *PATHS[:-2]), 1) | hops)
    assert found_fault_with(archive) == 0

    by_path = {group.answer.url.removeprefix(site.origin("127.0.0.1")): group for group in groups}
    assert by_path["/robots.txt"].purpose == {
        "kind": "robots",
        "run": records[0]["run"],
        "origin": site.origin("127.0.0.1"),
    }
    assert by_path["/packed"].answer.content == PACKED, "as it was on the wire"
    assert by_path["/same"].answer.fields["WARC-Profile"].endswith("/revisit/server-not-modified")
    assert by_path["/large"].answer.fields["WARC-Truncated"] == "length"
    kinds = Counter(group.answer.kind for group in groups)
    if not processes:  # one host is one child's, but for when that is much busier
        assert kinds["revisit"] == 3, "the same page twice more, and what is not modified"


@pytest.mark.skipif(sys.platform == "win32", reason="no child processes")
async def test_a_page_that_crashes_the_parser_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An exchange is in the archive before its page is parsed."""
    monkeypatch.setenv("PYTHONPATH", str(write_startup(tmp_path)))

    def fatal(ask: Ask) -> Answer:
        return NOT_FOUND if ask.target == "/robots.txt" else page(title=CRASH if ask.target == "/5" else "ok")

    archive = tmp_path / "pages.warc.gz"
    with serving_in_thread(fatal) as site:
        urls = [site.url("127.0.0.1", f"/{number}") for number in range(8)]
        result = await run_to_file(urls, archive, run={"processes": 1, "workers": 4})
    assert (result.complete, result.records) == (True, 8)
    groups = groups_of(archive_of(archive))
    (crashed,) = (group for group in groups if group.answer.url == urls[5])
    assert CRASH.encode() in crashed.answer.content
    assert {group.answer.url for group in groups if group.purpose["kind"] == "page"} == set(urls)


def test_an_archive_alone_is_a_run(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(6, tag="alone")
    archive = tmp_path / "new" / "pages.warc.gz"
    ended = scrape("crawl", write_list(tmp_path / "urls.txt", urls), "-o", archive, *FAST[:4])
    assert ended.code == 0, ended.err
    assert "6 lines in, 6 records out" in ended.err
    assert "scraper report" not in ended.err, "there are no records to report on"
    assert [path.name for path in archive.parent.iterdir()] == ["pages.warc.gz"]
    groups = groups_of(archive_of(archive))
    assert sorted(group.answer.url for group in groups if group.purpose["kind"] == "page") == sorted(urls)


def test_a_list_that_asks_nobody_gives_an_archive_of_nothing(tmp_path: Path) -> None:
    sources, archive = write_list(tmp_path / "urls.txt", ["no url"]), tmp_path / "pages.warc.gz"
    ended = scrape("crawl", sources, "-o", archive, *FAST)
    assert ended.code == 0, ended.err
    assert [record.kind for record in archive_of(archive)] == ["warcinfo"]


def test_files_have_a_length_and_numbers(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(40, tag="files", hosts=8)
    archive = tmp_path / "pages.warc.gz"
    words = ("crawl", write_list(tmp_path / "urls.txt", urls), "-o", archive, "--delay", "0")
    small = ("--set", "output.warc_bytes=20000")
    ended = scrape(*words, *small)
    assert ended.code == 0, ended.err
    files = files_there(archive)
    assert len(files) > 2
    assert all(path.stat().st_size <= 20_000 for path in files)
    assert files[-1].name in ended.err, "the summary names them"
    assert len(archive_of(archive)) == len(files) + 3 * (40 + 8)

    files[0].unlink()
    refused = scrape(*words, *small)
    assert (refused.code, f"{files[1]} exists" in refused.only_line) == (2, True)
    ended = scrape(*words, "--fresh", "--quiet")
    assert ended.code == 0, ended.err
    assert files_there(archive) == [archive], "what was of the old one has gone"
    assert len(archive_of(archive)) == 1 + 3 * (40 + 8)


def has_more(pages: Path, *, than: int) -> bool:
    return lines_in(pages) > than


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_kills_at_random_moments_leave_an_archive_that_is_whole(server: Server, tmp_path: Path) -> None:
    chance = random.Random(20260131)  # noqa: S311 repeatable, nothing secret
    urls = server.bulk(240, tag="archive", hosts=20, delay_s=0.1, size_bytes=3000)
    sources, pages, archive = (tmp_path / name for name in ("urls.txt", "pages.jsonl", "pages.warc.gz"))
    write_list(sources, urls)
    words = ("crawl", sources, "-o", pages, "-o", archive, "--resume", *FAST, *SMALL_FILES)
    for processes in ("0", "2", "0"):
        before, written = server.asked("archive").total(), lines_in(pages)
        with started(*words, "--processes", processes, cwd=tmp_path, program=SCRAPER) as running:
            server.wait_for(before + chance.randint(30, 70), tag="archive", running=running)
            if processes != "0":  # else all may come before the first record
                wait_until(partial(has_more, pages, than=written), what="records", running=running)
            running.kill()
    ended = scrape(*words, cwd=tmp_path)

    assert ended.code == 0, ended.err
    records = records_in(pages)
    assert has_each_once(records, urls)
    groups = check(archive, records)
    assert len(files_there(archive)) > 2
    assert found_fault_with(*files_there(archive)) == 0
    asked = server.asked("archive")
    kept = Counter(group.answer.url for group in groups if group.purpose["kind"] == "page")
    assert all(1 <= kept[url] <= asked[url] for url in urls)
    robots = Counter(group.answer.url for group in groups if group.purpose["kind"] == "robots")
    assert len(robots) == 20, "what was obeyed is there"
    assert {path.name for path in tmp_path.iterdir()} == {
        "urls.txt",
        "pages.jsonl",
        *(path.name for path in files_there(archive)),
    }


ARCHIVE_POINTS = {
    "when the archive is begun and not noted": """
note = store.note
def die_at_archive(self, **facts):
    return die() if "archive_file" in facts else note(self, **facts)
store.note = die_at_archive
""",
    "when an exchange is there and its record is not": "die_at_once(journal, 'append')",
    "when a batch is written and not noted": "die_at_once(store, 'finish')",
    "in the middle of an exchange": """
import scraper.sinks.warc_archive
archive = scraper.sinks.warc_archive.WarcArchive
append, count = archive._append, []
def append_half(self, group):
    count.append(group)
    if len(count) < 12:
        return append(self, group)
    os.write(self._descriptor, group[: len(group) * 2 // 3])
    die()
archive._append = append_half
""",
    "when a further file is made and empty": """
import scraper.sinks.warc_archive
archive = scraper.sinks.warc_archive.WarcArchive
opening, count = archive._write_opening, []
def second_dies(self):
    count.append(self)
    return opening(self) if len(count) == 1 else die()
archive._write_opening = second_dies
""",
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("point", list(ARCHIVE_POINTS))
def test_a_kill_between_two_steps_costs_nothing(server: Server, tmp_path: Path, point: str) -> None:
    urls = server.bulk(24, tag=tmp_path.name, hosts=6)
    sources, pages, archive = (tmp_path / name for name in ("urls.txt", "pages.jsonl", "pages.warc.gz"))
    write_list(sources, urls)
    words = ("crawl", sources, "-o", pages, "-o", archive, "--resume", *FAST, *SMALL_FILES)
    with started(*words, program=(*PYTHON, "-c", DIES.replace("{point}", ARCHIVE_POINTS[point]))) as running:
        assert running.wait().code == -9, running.err.read_text()
    ended = scrape(*words)
    assert ended.code == 0, ended.err
    assert has_each_once(records_in(pages), urls)
    groups = check(archive, records_in(pages))
    assert len({group.answer.url for group in groups if group.purpose["kind"] == "robots"}) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_file_that_may_not_grow_ends_the_run(tmp_path: Path, processes: str) -> None:
    with serving_in_thread(lambda _: text(os.urandom(5000))) as site:
        urls = [site.url(f"127.0.2.{number % 20 + 1}", f"/{number}") for number in range(80)]
        sources, archive = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.warc.gz"
        outputs = ("-o", archive, "-o", tmp_path / "pages.jsonl")
        words = ("crawl", sources, *outputs, "--robots", "ignore", "--processes", processes, *FAST)
        ended = scrape(*words, most_file_bytes=250_000)
        assert ended.code == 1, ended.err
        assert f"can't write {archive}" in ended.only_line
        assert "--resume goes on" in ended.only_line

        ended = scrape(*words, "--resume")
        assert ended.code == 0, ended.err
    records = records_in(tmp_path / "pages.jsonl")
    assert has_each_once(records, urls)
    check(archive, records)
    assert not [path for path in tmp_path.iterdir() if "state" in path.name]


def test_no_secret_is_in_an_archive(tmp_path: Path) -> None:
    """But for what a page says itself: it is kept byte for byte."""

    def secretive(ask: Ask) -> Answer:
        here = f"{CANARY}:{CANARY}@{ask.headers['host']}"
        if ask.target == "/moved":
            return moved(f"http://{here}/page")
        headers = (
            ("Set-Cookie", f"sid={CANARY}; Path=/"),
            ("Link", f"<http://{here}/x>; rel=next"),
            ("Content-Type", "text/html"),
        )
        return Answer(b"<title>A page</title>", 200, headers)

    with serving_in_thread(secretive) as site:
        urls = [site.url("127.0.0.1", path) for path in ("/page", "/moved")]
        urls.append(f"http://{CANARY}:{CANARY}@127.0.0.1:{site.port}/")
        write_list(tmp_path / "urls.txt", urls)
        words = ["crawl", "urls.txt", "-o", "pages.warc.gz", "-o", "pages.jsonl", *FAST]
        for name in ("Authorization", "Cookie", "X-Api-Key", "X-Door"):
            words += ["--header", f"{name}: {CANARY}"]
        ended = scrape(*words, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert any(CANARY in entry.headers.get("authorization", "") for entry in list(site.log))
    groups = check(tmp_path / "pages.warc.gz", records_in(tmp_path / "pages.jsonl"))
    assert any("Authorization: [redacted]" in group.request.head for group in groups)
    unpacked = tmp_path / "unpacked"
    unpacked.write_bytes(gzip.decompress((tmp_path / "pages.warc.gz").read_bytes()))
    left_by(ended, tmp_path, given=("urls.txt", "pages.warc.gz")).check()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["crawl", "urls.txt", "-o", "a.warc.gz", "-o", "b.warc.gz"], "a run has one archive"),
        (["crawl", "urls.txt", "-o", "s3://bucket/a.warc.gz"], "grows while the run goes on"),
        (["crawl", "urls.txt", "-o", "a.gz"], "the ending names the format"),
        (["crawl", "pages-00007.warc.gz", "-o", "pages.warc.gz"], "is also an output of the run"),
        (["export", "pages.jsonl", "-o", "a.warc.gz"], "an archive is written while pages are fetched"),
        (["retry", "pages.jsonl", "-o", "a.warc.gz"], "an archive is written while pages are fetched"),
        (["retry", "old.warc.gz"], "an archive holds pages, not records"),
        (["report", "old.warc.gz", "-o", "report.html"], "an archive holds pages, not records"),
    ],
)
def test_what_can_not_be_is_one_line(tmp_path: Path, words: list[str], says: str) -> None:
    for name in ("urls.txt", "pages.jsonl", "old.warc.gz", "pages-00007.warc.gz"):
        (tmp_path / name).write_text("http://127.0.0.1/\n")
    ended = scrape(*words, cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert says in ended.only_line
    assert len(list(tmp_path.iterdir())) == 4, "nothing was begun"


def test_a_missing_library_is_found_before_anything_is_opened(tmp_path: Path) -> None:
    write_list(tmp_path / "urls.txt", ["http://127.0.0.1/"])
    without = "import sys, importlib.util as u; f = u.find_spec\n"
    without += "u.find_spec = lambda n, *a: None if n == 'warcio' else f(n, *a)\n"
    without += "from scraper.__main__ import main; sys.exit(main())"
    words = ("crawl", "urls.txt", "-o", "pages.warc.gz", "-o", "pages.jsonl", "--fresh")
    with started(*words, program=(*PYTHON, "-c", without), cwd=tmp_path) as running:
        ended = running.wait()
    assert (ended.code, "needs warcio: pip install warcio" in ended.only_line) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["urls.txt"]


def test_a_drained_run_goes_on_in_the_same_file(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(60, tag="drained", hosts=5, delay_s=0.05)
    sources, archive = write_list(tmp_path / "urls.txt", urls), tmp_path / "pages.warc.gz"
    words = ("crawl", sources, "-o", archive, "-o", tmp_path / "pages.json", *FAST)
    with started(*words, program=SCRAPER) as running:
        server.wait_for(20, tag="drained", running=running)
        running.send(signal.SIGINT)
        assert running.wait().code == 130
    refused = scrape("crawl", sources, "-o", tmp_path / "pages.json", "--resume", *FAST)
    assert refused.code == 2, "the archive would be left out"
    ended = scrape(*words, "--resume")
    assert ended.code == 0, ended.err
    groups = check(archive, json.loads((tmp_path / "pages.json").read_text()))
    kept = Counter(group.answer.url for group in groups)
    assert all(kept[url] == 1 for url in urls), "nothing is asked for twice"
    assert [record.kind for record in archive_of(archive)].count("warcinfo") == 1
