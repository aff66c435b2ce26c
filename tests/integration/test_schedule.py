"""The daemon as its users have it: real processes, signals and kills."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.daemons import ask, daemon, history, records_of, trigger, write_jobs
from tests.support.processes import Server, has_each_once, scrape, serving, wait_until, write_list

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def a_job(folder: Path, urls: list[str], *, name: str = "pages", **entries: Any) -> dict[str, Any]:
    write_list(folder / f"{name}.txt", urls)
    return {"sources": [f"{name}.txt"], "output": f"output/{name}", **entries}


def test_a_job_is_run_shown_paused_and_resumed(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(5, tag="ordinary")
    write_jobs(tmp_path, {"pages": a_job(tmp_path, urls, formats=[".csv"])})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        one.heard(f"run {run} is complete")
        (row,) = history(tmp_path, "pages")
        assert (row["id"], row["state"], row["cause"], row["lines"]) == (run, "complete", "manual", 5)
        assert row["changes"]["new"] == 5
        assert has_each_once(records_of(tmp_path, row), urls)
        files = {path.name for path in (tmp_path / row["folder"]).iterdir()}
        assert {"records.jsonl", "records.csv", "changes.jsonl"} <= files

        assert ask(tmp_path, "pause", "pages").code == 0
        (told,) = map(json.loads, ask(tmp_path, "list", "--format", "json").out.splitlines())
        assert (told["state"], told["next_due"]) == ("paused", None)
        assert ask(tmp_path, "resume", "pages").code == 0
        (told,) = map(json.loads, ask(tmp_path, "list", "--format", "json").out.splitlines())
        assert told["state"] == "waiting"
        assert told["next_due"].endswith("-01-01T00:00:00Z")
        assert "pages  waiting" in ask(tmp_path, "list").out
        healthy = ask(tmp_path, "health")
        assert (healthy.code, healthy.out) == (0, "jobs.toml: healthy\n")
        one.running.send(signal.SIGTERM)
        assert one.running.wait().code == 0
    assert [path.name for path in (tmp_path / "output" / "pages").iterdir() if path.name[0] == "."] == []


def test_without_a_daemon_a_pause_is_kept_and_a_run_refused(tmp_path: Path) -> None:
    write_jobs(tmp_path, {"pages": {"sources": ["https://a.example/"]}})
    refused = ask(tmp_path, "trigger", "pages")
    assert refused.code == 2
    assert "no daemon runs the jobs of jobs.toml" in refused.only_line
    assert ask(tmp_path, "health").code == 1
    assert ask(tmp_path, "pause", "pages").code == 0
    with daemon(tmp_path):
        assert '"paused"' in ask(tmp_path, "list", "--format", "json").out
    unknown = ask(tmp_path, "pause", "page")
    assert (unknown.code, "jobs.toml has pages" in unknown.only_line) == (2, True)


def test_a_killed_daemons_run_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(60, tag="killed", hosts=10, delay_s=0.2)
    job = a_job(tmp_path, urls, settings={"run": {"workers": 4, "drain_s": 5}})
    write_jobs(tmp_path, {"pages": job})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        server.wait_for(20, tag="killed", running=one.running)
        refused = scrape("schedule", "run", "--config", "jobs.toml", cwd=tmp_path)
        assert refused.code == 2
        assert "another daemon runs there" in refused.only_line
        one.running.kill()
    with daemon(tmp_path) as one:
        one.heard(f"run {run} is gone on with")
        one.heard(f"run {run} is complete")
    (row,) = history(tmp_path, "pages")
    assert (row["id"], row["state"], row["resumed"]) == (run, "complete", 1)
    assert has_each_once(records_of(tmp_path, row), urls)
    assert sum(count > 1 for count in server.asked("killed").values()) <= 4, "more than was under way"


def test_a_run_ends_by_the_settings_it_was_begun_with(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(40, tag="edited", hosts=10, delay_s=0.2)
    settings = {"run": {"workers": 4, "drain_s": 5}, "parse": {"links": True}}
    write_jobs(tmp_path, {"pages": a_job(tmp_path, urls, settings=settings, formats=[".json"])})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        server.wait_for(10, tag="edited", running=one.running)
        one.running.kill()
    edited = {
        **settings,
        "parse": {"text": "visible"},
        "output": {"ordered": True},
        "history": {"file": "other.sqlite"},
    }
    write_jobs(tmp_path, {"pages": a_job(tmp_path, urls, settings=edited, formats=[".csv"])})
    with daemon(tmp_path) as one:
        one.heard(f"run {run} ends as it was begun; from the next one on other")
        one.heard(f"run {run} is complete")
        following = trigger(tmp_path, "pages")
        one.heard(f"run {following} is complete")
    new, old = history(tmp_path, "pages")
    assert has_each_once(records_of(tmp_path, old), urls)
    assert {path.suffix for path in Path(tmp_path, old["folder"]).glob("records.*")} == {".jsonl", ".json"}
    assert {path.suffix for path in Path(tmp_path, new["folder"]).glob("records.*")} == {".jsonl", ".csv"}
    assert not any("text" in record for record in records_of(tmp_path, old))
    assert all("text" in record for record in records_of(tmp_path, new))
    assert Path(tmp_path, "other.sqlite").is_file()


def test_sigterm_drains_and_the_next_daemon_abandons_if_it_is_told_to(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(400, tag="drained", hosts=4, delay_s=0.2)
    job = a_job(tmp_path, urls, settings={"run": {"workers": 2}})
    write_jobs(tmp_path, {"pages": job})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        server.wait_for(4, tag="drained", running=one.running)
        one.running.send(signal.SIGTERM)
        ended = one.running.wait()
    assert ended.code == 0
    assert f"run {run} is stopped" in ended.err
    assert ended.err.endswith("ended\n")
    (row,) = history(tmp_path, "pages")
    assert (row["state"], row["goes_on"]) == ("stopped", True)
    asked = server.asked("drained")
    assert {record["url"] for record in records_of(tmp_path, row)} == set(asked), "what was asked is written"

    write_jobs(tmp_path, {"pages": {**job, "unfinished": "abandon"}})
    with daemon(tmp_path) as one:
        one.heard(f"run {run} is abandoned")
    (row,) = history(tmp_path, "pages")
    assert row["state"] == "abandoned"
    assert server.asked("drained") == asked


def test_a_second_sigterm_gives_up_what_the_runs_are_at(server: Server, tmp_path: Path) -> None:
    write_jobs(tmp_path, {"pages": a_job(tmp_path, server.bulk(2, tag="twice", hosts=2, delay_s=60))})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        server.wait_for(2, tag="twice", running=one.running)
        one.running.send(signal.SIGTERM)
        one.heard("ending: SIGTERM")
        one.running.send(signal.SIGTERM)
        ended = one.running.wait()
    assert ended.code == 0
    assert "ending at once: SIGTERM again" in ended.err
    (row,) = history(tmp_path, "pages")
    assert (row["id"], row["state"], row["goes_on"]) == (run, "stopped", True)


def test_a_bad_file_keeps_the_jobs_and_a_good_one_changes_them(server: Server, tmp_path: Path) -> None:
    job = a_job(tmp_path, server.bulk(1, tag="reloaded"))
    write_jobs(tmp_path, {"pages": job})
    with daemon(tmp_path) as one:
        (tmp_path / "jobs.toml").write_text("[job.pages]\nschedule = 'x'\nkeep = 0\n")
        one.running.send(signal.SIGHUP)
        log = one.heard("jobs.toml is bad: the jobs stay as they were")
        assert "jobs.toml:2: job.pages: schedule" in log
        assert "jobs.toml:3: job.pages: keep = 0" in log
        write_jobs(tmp_path, {"more": a_job(tmp_path, server.bulk(1, tag="reloaded"), name="more")})
        one.running.send(signal.SIGHUP)
        one.heard("reloaded: 1 job of jobs.toml")
        run = trigger(tmp_path, "more")
        one.heard(f"more: run {run} is complete")
        write_jobs(tmp_path, {"pages": job})  # seen without a signal
        one.heard("reloaded: 1 job of jobs.toml", times=2)
        assert ask(tmp_path, "trigger", "pages").code == 0


def test_one_jobs_trouble_is_its_own(server: Server, tmp_path: Path) -> None:
    slow = server.bulk(1, tag="slow", delay_s=30)
    (tmp_path / "own.py").write_text("import os\n\n\ndef dies(page):\n    os.kill(os.getpid(), 9)\n")
    write_jobs(
        tmp_path,
        {
            "late": a_job(tmp_path, slow, name="late", deadline="1s", settings={"run": {"drain_s": 0.1}}),
            "none": {"sources": ["no-such-list.txt"]},
            "dies": a_job(
                tmp_path,
                server.bulk(2, tag="dies"),
                name="dies",
                settings={"parse": {"extractor": "own:dies"}},
            ),
            "good": a_job(tmp_path, server.bulk(2, tag="good"), name="good"),
        },
    )
    with daemon(tmp_path) as one:
        for job in ("late", "none", "dies", "good"):
            trigger(tmp_path, job)
        for job in ("none", "dies", "late", "good"):
            wait_until(
                lambda job=job: history(tmp_path, job)[0]["state"] != "running",  # type: ignore[misc]
                what=f"the end of {job}",
                running=one.running,
                timeout_s=60,
            )
        found = {job: history(tmp_path, job)[0] for job in ("none", "dies", "late", "good")}
        assert {job: row["state"] for job, row in found.items()} == {
            "none": "failed",
            "dies": "failed",
            "late": "overdue",
            "good": "complete",
        }
        assert "no such file: 'no-such-list.txt'" in found["none"]["error"]
        assert found["dies"]["error"] == "its process was killed by SIGKILL"
        assert found["late"]["error"] == "not complete within 0:00:01"
        assert trigger(tmp_path, "good")


def test_a_disk_that_takes_no_more_fails_its_run_alone(server: Server, tmp_path: Path) -> None:
    write_jobs(
        tmp_path,
        {
            "large": a_job(tmp_path, server.bulk(200, tag="large", hosts=20), name="large"),
            "small": a_job(tmp_path, server.bulk(2, tag="small"), name="small"),
        },
    )
    with daemon(tmp_path, most_file_bytes=160 * 1024) as one:
        large, small = trigger(tmp_path, "large"), trigger(tmp_path, "small")
        one.heard(f"run {large} is failed")
        one.heard(f"run {small} is complete")
        (row,) = history(tmp_path, "large")
        assert "output/large/runs/" in row["error"]


def test_runs_come_by_themselves_do_not_overlap_and_are_removed_by_age(
    server: Server, tmp_path: Path
) -> None:
    write_jobs(
        tmp_path,
        {
            "often": a_job(
                tmp_path, server.bulk(1, tag="often", delay_s=1.2), name="often", schedule="every 1s", keep=1
            )
        },
    )
    with daemon(tmp_path) as one:
        one.heard("is skipped: the run before was still going on")
        one.heard("is complete", times=2)
        one.running.send(signal.SIGTERM)
        assert one.running.wait().code == 0
    rows = history(tmp_path, "often")
    complete = [row for row in rows if row["state"] == "complete"]
    assert {row["cause"] for row in rows} == {"schedule"}
    assert [row["id"] for row in rows] == [row["due"].replace("-", "").replace(":", "") for row in rows]
    assert complete[0]["folder"] is not None
    assert complete[-1]["folder"] is None
    assert len(list((tmp_path / "output" / "often" / "runs").iterdir())) <= 2


def test_a_bad_file_begins_nothing(tmp_path: Path) -> None:
    (tmp_path / "jobs.toml").write_text("[job.a]\nkeep = 0\nsources = 1\n")
    ended = ask(tmp_path, "run")
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 3
    assert not (tmp_path / "output").exists()
