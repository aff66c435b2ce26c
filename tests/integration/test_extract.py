"""``scraper extract`` as its users run it: archives and saved pages become records, without the network."""

from __future__ import annotations

import gzip
import json
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from scraper.demo.server import SampleServer
from scraper.demo.site import build_site
from tests.support.processes import lines_in, records_in, scrape, started, wait_until
from tests.support.sample_site import served
from tests.support.warcs import HTML, Archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = (
    *("--delay", "0", "--per-host", "8"),
    *("--set", "retry.base_s=0.05", "--set", "politeness.max_delay_s=0.05"),
)
TIMES = ("run", "timing", "elapsed")


def page(number: int, words: int = 50) -> bytes:
    return f"<!doctype html><title>Page {number}</title><p>{'word ' * words}</p><a href=/x>x</a>".encode()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.warc.gz"
    with Archive(path) as made:
        made.info(software="a test")
        made.response("https://example.com/robots.txt", b"User-agent: *", ("Content-Type", "text/plain"))
        made.response("https://example.com/", page(0), fields={"WARC-Date": "2024-03-02T10:20:30Z"})
        made.redirect("https://example.com/old", "/new")
        packed = gzip.compress(page(1))
        made.response("https://example.com/new", packed, HTML, ("Content-Encoding", "gzip"))
        made.response("https://example.com/gone", page(2), status="404 Not Found")
    return path


def extracted(*words: str | Path, code: int = 0) -> list[dict[str, Any]]:
    ended = scrape("extract", *words, "-q")
    assert ended.code == code, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def test_pages_of_an_archive_become_records(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"
    ended = scrape("extract", archive, "-o", output)
    assert ended.code == 0, ended.err
    first, joined, gone = records_in(output)
    assert [(one["seq"], one["outcome"], one["title"]) for one in (first, joined, gone)] == [
        (0, "ok", "Page 0"),
        (1, "ok", "Page 1"),
        (2, "http_error", "Page 2"),
    ]
    assert first["input"] == first["url"] == first["final_url"] == "https://example.com/"
    assert first["fetched_at"] == "2024-03-02T10:20:30.000Z"
    assert "elapsed" not in first
    assert [hop["url"] for hop in joined["redirects"]] == ["https://example.com/old"]
    assert joined["final_url"] == "https://example.com/new"
    assert "Complete: 3 pages in, 3 records out." in ended.err
    assert "1 further answer joined" in ended.err
    assert "1 robots.txt left out" in ended.err
    assert not {path.name for path in tmp_path.iterdir()} - {"a.warc.gz", "pages.jsonl"}


def test_options_of_the_record_are_those_of_a_crawl(archive: Path) -> None:
    words = ("--links", "--text", "--select", "head=title", "--parser", "beautifulsoup")
    first, *_ = extracted(archive, *words)
    assert first["link_list"][0]["url"] == "https://example.com/x"
    assert first["text"].startswith("word word")
    assert first["fields"] == {"head": "Page 0"}


def test_a_function_of_the_users_runs_over_old_pages(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def size(page):\n    return {'letters': len(page.record.title)}\n")
    ended = scrape("extract", archive.name, "-q", "--extractor", "mine:size", cwd=tmp_path)
    assert [json.loads(line).get("fields") for line in ended.out.splitlines()] == [{"letters": 6}] * 2 + [
        None
    ]


def test_all_formats_are_written_at_once(archive: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / f"pages{ending}" for ending in (".jsonl", ".json", ".csv", ".parquet", ".sqlite")]
    words = [word for output in outputs for word in ("-o", output)]
    assert scrape("extract", archive, *words, "--ordered").code == 0
    assert [one["seq"] for one in records_in(outputs[0])] == [0, 1, 2]
    for path in (outputs[2], outputs[3]):
        with duckdb.connect() as database:
            rows = database.execute(f"SELECT seq, title FROM '{path}' ORDER BY seq").fetchall()  # noqa: S608
        assert rows == [(0, "Page 0"), (1, "Page 1"), (2, "Page 2")]
    assert {path.name for path in tmp_path.iterdir()} == {"a.warc.gz", *(path.name for path in outputs)}


def test_failed_pages_are_told_on_demand(archive: Path) -> None:
    extracted(archive, "--strict", code=3)


def test_a_folder_of_archives_is_read_by_name(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    with Archive(folder / "b.warc") as made:
        made.response("https://example.org/", page(9))
    archive.rename(folder.parent / "a.warc.gz")
    titles = [one["title"] for one in extracted(folder.parent)]
    assert titles == ["Page 0", "Page 1", "Page 2", "Page 9"]


def test_a_folder_of_saved_pages_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    (folder / "example.com" / "a").mkdir(parents=True)
    (folder / "example.com" / "a" / "index.html").write_bytes(page(1))
    (folder / "example.com" / "b.html").write_bytes("<meta charset=koi8-r><title>Привет".encode("koi8-r"))
    (folder / "example.com" / "x.css").write_text("body {}")
    one, two = extracted(folder)
    assert (one["url"], one["input"]) == ("https://example.com/a/", "example.com/a/index.html")
    assert (two["title"], two["charset"], two["charset_source"]) == ("Привет", "koi8-r", "meta")
    (other, _) = extracted(folder / "example.com", "--base", "https://h.example/docs")
    assert other["final_url"] == "https://h.example/docs/a/"
    ended = scrape("extract", folder)
    assert "1 other file left out: no page" in ended.err


def test_damage_costs_a_line_and_its_own_record(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    starts = [at for at in range(len(whole)) if whole.startswith(b"\x1f\x8b\x08", at)]
    archive.write_bytes(whole[: starts[2] + 30] + whole[starts[2] + 40 :])
    output = tmp_path / "pages.jsonl"
    ended = scrape("extract", archive, "-o", output)
    assert ended.code == 0
    assert [one["title"] for one in records_in(output)] == ["Page 1", "Page 2"]
    assert f"a.warc.gz, at byte {starts[2]}: it can't be unpacked" in ended.err
    assert "Damaged in 1 place" in ended.err
    archive.write_bytes(archive.read_bytes()[starts[0] : starts[2] + 5])
    assert scrape("extract", archive, "-q").code == 0
    assert scrape("extract", archive, "-q", "--strict").code == 3
    assert "Complete: 2 pages in, 2 records out." in ended.err


@pytest.mark.parametrize("content", [b"", b"no archive at all\n" * 100, gzip.compress(b"nor this", mtime=0)])
def test_what_is_no_archive_has_no_pages(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(content)
    ended = scrape("extract", path, "-o", tmp_path / "pages.jsonl")
    assert ended.code == 0
    assert "Complete: 0 pages in, 0 records out." in ended.err
    assert (tmp_path / "pages.jsonl").read_bytes() == b""


USAGE = {
    "no file": (["none.warc.gz"], "no such file: none.warc.gz"),
    "an archive as output": (
        ["a.warc.gz", "-o", "b.warc.gz"],
        "an archive is written while pages are fetched",
    ),
    "its own archive": (["a.warc.gz", "-o", "a.jsonl", "--log-json", "a.warc.gz"], "name another log"),
    "what is there": (["a.warc.gz", "-o", "there.jsonl"], "there.jsonl exists: replace it with --fresh"),
    "both": (["a.warc.gz", "-o", "a.jsonl", "--fresh", "--resume"], "give one of them"),
    "a base for an archive": (["a.warc.gz", "--base", "https://example.com/"], "--base is for a folder"),
    "fresh without an output": (["a.warc.gz", "--fresh"], "--fresh needs the output to replace"),
    "a selector that is none": (["a.warc.gz", "--select", "x=:::"], "x"),
}


@pytest.mark.parametrize("what", USAGE)
def test_mistakes_are_one_line(archive: Path, tmp_path: Path, what: str) -> None:
    (tmp_path / "there.jsonl").write_text("")
    words, message = USAGE[what]
    ended = scrape("extract", *words, cwd=tmp_path)
    assert ended.code == 2
    assert message in ended.only_line
    assert archive.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="child processes need sockets that are inherited")
def test_child_processes_give_the_same_records(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    with Archive(path) as made:
        for number in range(60):
            made.response(f"https://example.com/{number}", page(number, words=number * 20))
            made.redirect(f"https://example.com/r{number}", f"/{number + 1}")
    alone, divided = (
        [{name: value for name, value in one.items() if name not in TIMES} for one in extracted(path, *words)]
        for words in ((), ("--processes", "2"))
    )
    assert alone == divided
    assert len(alone) == 61


def many(tmp_path: Path, count: int = 1500) -> Path:
    path = tmp_path / "a.warc.gz"
    with Archive(path) as made:
        for number in range(count):
            made.response(f"https://example.com/{number}", page(number))
    return path


SMALL_BATCHES = ("--set", "output.batch_records=20", "--set", "output.batch_s=0.01")


def _has(output: Path, at_least: int) -> bool:
    return lines_in(output) >= at_least


def test_an_extraction_that_was_killed_goes_on(tmp_path: Path) -> None:
    path, output = many(tmp_path), tmp_path / "pages.jsonl"
    words = ("extract", path, "-o", output, "-q", *SMALL_BATCHES)
    for at_least in (100, 500):
        mode = ("--resume",) if output.exists() else ()
        with started(*words, *mode) as running:
            wait_until(partial(_has, output, at_least), what="records", running=running)
            running.kill()
    with output.open("ab") as journal:
        journal.write(b'{"torn": ')
    before = lines_in(output)
    assert 500 <= before < 1500
    refused = scrape("extract", path, "-o", output)
    assert refused.code == 2
    assert "go on with --resume" in refused.only_line
    ended = scrape("extract", path, "-o", output, "--resume", *SMALL_BATCHES)
    assert ended.code == 0, ended.err
    assert f"Resumed: {before:,} of {before:,} known lines were done before." in ended.err
    assert "Complete: 1,500 pages in, 1,500 records out." in ended.err
    records = records_in(output)
    assert [one["seq"] for one in records] == list(range(1500))
    assert len({one["run"] for one in records}) == 1
    assert {one.name for one in tmp_path.iterdir()} == {"a.warc.gz", "pages.jsonl"}


def test_an_extraction_that_is_stopped_drains_and_goes_on(tmp_path: Path) -> None:
    path, output = many(tmp_path), tmp_path / "pages.jsonl"
    with started("extract", path, "-o", output, *SMALL_BATCHES) as running:
        wait_until(lambda: lines_in(output) >= 100, what="records", running=running)
        running.send(signal.SIGINT)
        ended = running.wait()
    assert ended.code == 130, ended.err
    assert "To go on: the same command with --resume" in ended.err
    have = records_in(output)
    assert [one["seq"] for one in have] == list(range(len(have)))
    assert scrape("extract", path, "-o", output, "--resume").code == 0
    assert [one["seq"] for one in records_in(output)] == list(range(1500))


def test_a_second_signal_gives_up_what_is_under_way(tmp_path: Path) -> None:
    path, output, log = many(tmp_path, 300), tmp_path / "pages.jsonl", tmp_path / "log"
    (tmp_path / "mine.py").write_text(
        "import asyncio\n\nasync def wait(page):\n"
        "    if page.record.seq == 200:\n"
        "        open('waits', 'w').close()\n"
        "        await asyncio.sleep(60)\n"
        "    return {}\n"
    )
    words = ("extract", path, "-o", output, "--log-json", log, "--extractor", "mine:wait", *SMALL_BATCHES)
    with started(*words, "--set", "parse.deadline_s=60", cwd=tmp_path) as running:
        wait_until((tmp_path / "waits").exists, what="the page that waits", running=running)
        running.send(signal.SIGTERM)
        wait_until(lambda: b'"draining"' in log.read_bytes(), what="the drain", running=running)
        running.send(signal.SIGTERM)
        ended = running.wait()
    assert ended.code == 143, ended.err
    assert "Aborting (SIGTERM again)" in ended.err
    assert [one["seq"] for one in records_in(output)] == list(range(200))
    assert scrape("extract", path, "-o", output, "--resume", "-q").code == 0
    assert [one["seq"] for one in records_in(output)] == list(range(300))


def test_only_the_same_extraction_goes_on(tmp_path: Path) -> None:
    path, output = many(tmp_path), tmp_path / "pages.jsonl"
    with started("extract", path, "-o", output, "-q", *SMALL_BATCHES) as running:
        wait_until(lambda: lines_in(output) >= 100, what="records", running=running)
        running.kill()
    other = tmp_path / "b.warc"
    with Archive(other) as made:
        made.response("https://example.com/", page(0))
    wrong = scrape("extract", other, "-o", output, "--resume")
    assert (wrong.code, "reads other archives" in wrong.only_line) == (2, True)
    wrong = scrape("extract", path, "-o", output, "-o", tmp_path / "b.csv", "--resume")
    assert (wrong.code, "resume it with the same" in wrong.only_line) == (2, True)
    crawl = scrape("crawl", "-o", output, "--resume")
    assert crawl.code != 0
    assert "Traceback" not in crawl.err
    assert scrape("extract", other, "-o", output, "--fresh", "-q").code == 0
    assert len(records_in(output)) == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has only one loopback address")
def test_a_crawl_and_its_archive_give_the_same_records(tmp_path: Path) -> None:
    """Over the whole sample site: redirects, retries, codings, charsets, odd pages, sitemaps."""
    listed, output, archive = (tmp_path / name for name in ("urls.txt", "pages.jsonl", "pages.warc.gz"))
    with served(SampleServer(build_site(7, 60, hosts=6))) as server:
        listed.write_text(server.list_text(), encoding="utf-8")
        crawl = scrape("crawl", listed, "-o", output, "-o", archive, *QUICK)
    assert crawl.code == 0, crawl.err
    had = {one["seq"]: one for one in records_in(output)}
    for processes in ("0", "1"):
        again = tmp_path / f"again{processes}.jsonl"
        ended = scrape("extract", archive, "-o", again, "--processes", processes, "-q")
        assert ended.code == 0, ended.err
        found = {one["seq"]: one for one in records_in(again)}
        assert len(found) > 150
        assert not list(differences(had, found))


def differences(had: dict[int, dict[str, Any]], found: dict[int, dict[str, Any]]) -> Iterator[str]:
    """Say in what the records of a crawl and of its archive differ, and should not.

    A line is in the archive if anybody answered; where the last that was asked did not, its record differs.
    """
    silent = {seq for seq, one in had.items() if one.get("status") is None}
    if {found[seq]["outcome"] for seq in found.keys() & silent} - {"redirect_error"}:
        yield "what never answered came to something"
    for seq in sorted(had.keys() - silent):
        if seq not in found:
            yield f"{had[seq]['url']} is not there"
            continue
        for name in sorted(had[seq].keys() | found[seq].keys()):
            one, other = had[seq].get(name), found[seq].get(name)
            if name not in TIMES and timeless(one) != timeless(other):
                yield f"{had[seq]['url']}: {name}: {other!r}, not {one!r}"


def timeless(value: Any) -> Any:
    """Return the parts of tries and redirects without their times."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return [
            {name: one[name] for name in one if name not in {"at", "elapsed_s", "waited_s"}} for one in value
        ]
    return value
