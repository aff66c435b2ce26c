"""A run in parts with an archive: what its parts have kept is one archive in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.sinks.archive_files import files_there
from tests.integration.test_archive import found_fault_with
from tests.support.polite_site import Answer, Ask, moved, page, serving_in_thread
from tests.support.processes import has_each_once, records_in, scrape, started, wait_until, write_list
from tests.support.warc import groups_of, records_of

if TYPE_CHECKING:
    from pathlib import Path


def answer(ask: Ask) -> Answer:
    if ask.target == "/elsewhere":
        port = ask.headers["host"].rpartition(":")[2]
        return moved(f"http://127.0.22.1:{port}/0")
    return page(title=f"{ask.host}{ask.target}", delay_s=0.02)


def test_what_killed_parts_have_kept_is_one_archive(tmp_path: Path) -> None:
    sources, pages, archive = (tmp_path / name for name in ("urls.txt", "pages.jsonl", "pages.warc.gz"))
    again = tmp_path / "again.jsonl"
    with serving_in_thread(answer) as site:
        urls = [site.url(f"127.0.22.{number % 8 + 1}", f"/{number}") for number in range(56)]
        urls += [site.url(f"127.0.22.{number}", "/elsewhere") for number in range(1, 9)]
        write_list(sources, [*urls, "no url"])
        words = (
            "crawl",
            sources,
            "-o",
            pages,
            "-o",
            archive,
            "--shards",
            "3",
            "--delay",
            "0",
            "--per-host",
            "1",
        )
        small = ("--set", "output.warc_bytes=15000", "--set", "output.batch_records=8")
        with started(*words, *small, cwd=tmp_path) as running:
            wait_until(lambda: len(site.log) > 25, what="pages", running=running, timeout_s=60)
            running.kill()
        ended = scrape(*words, *small, "--resume", cwd=tmp_path)

    assert ended.code == 0, ended.err
    files = files_there(archive)
    records = records_in(pages)
    assert has_each_once(records, [*urls, "no url"])
    assert len(files) > 3
    assert all(path.stat().st_size <= 15_000 for path in files)
    assert files[-1].name in ended.err, "the summary names them"
    assert found_fault_with(*files) == 0
    kept = [record for path in files for record in records_of(path.read_bytes())]
    assert all(records_of(path.read_bytes())[0].kind == "warcinfo" for path in files)
    groups = groups_of(kept)
    assert {group.purpose["run"] for group in groups} == {records[0]["run"]}
    groups.sort(key=lambda group: group.answer.fields["WARC-Date"])
    last = {group.purpose["seq"]: group for group in groups if group.purpose["kind"] == "page"}
    for record in records:
        if record["outcome"] == "ok":
            assert last[record["seq"]].answer.url == record["final_url"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "urls.txt",
        "pages.jsonl",
        *(path.name for path in files),
    }
    made = scrape("extract", archive, "-o", again, "--quiet", cwd=tmp_path)
    assert made.code == 0, made.err
    titles = {record["seq"]: record["title"] for record in records if record["outcome"] == "ok"}
    assert {record["seq"]: record["title"] for record in records_in(again)} == titles
