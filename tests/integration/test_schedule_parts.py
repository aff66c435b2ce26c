"""Jobs whose runs are in parts: as the daemon's users have them, with signals and kills."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.daemons import daemon, history, records_of, trigger, write_jobs
from tests.support.processes import Server, has_each_once, serving, write_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks all of 127.0.0.0/8")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def in_parts(shards: int, **entries: Any) -> dict[str, Any]:
    settings = {"cluster": {"shards": shards, "workers": 2}, "run": {"workers": 4, "drain_s": 10}}
    return {"sources": ["urls.txt"], "output": "output/pages", "settings": settings, **entries}


def test_a_killed_daemons_run_in_parts_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(40, tag="killed-parts", hosts=10, delay_s=0.2)
    write_list(tmp_path / "urls.txt", urls)
    write_jobs(tmp_path, {"pages": in_parts(3, formats=[".csv", ".warc.gz"])})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        server.wait_for(10, tag="killed-parts", running=one.running)
        one.running.kill()
    # What is unfinished is gone on with as it was begun, and the next run is by the new text.
    write_jobs(tmp_path, {"pages": in_parts(0, formats=[".csv", ".warc.gz"])})
    with daemon(tmp_path) as one:
        one.heard(f"run {run} is complete")
        (row,) = history(tmp_path, "pages")
        assert (row["id"], row["state"], row["resumed"]) == (run, "complete", 1)
        assert (row["lines"], row["failed"], row["outcomes"]) == (40, 0, {"ok": 40})
        assert row["changes"]["new"] == 40
        assert row["wire_bytes"] > 0
        assert row["parts"]["by_state"] == {"finished": 3}
        assert has_each_once(records_of(tmp_path, row), urls)
        assert {record["run"] for record in records_of(tmp_path, row)} == {run}
        assert sum(count > 1 for count in server.asked("killed-parts").values()) <= 8
        files = {path.name for path in (tmp_path / row["folder"]).iterdir()}
        made = {"records.jsonl", "records.csv", "records.warc.gz", "changes.jsonl"}
        assert files - made == {name for name in files if name[0] == "."}

        later = trigger(tmp_path, "pages")
        one.heard(f"run {later} is complete")
    assert history(tmp_path, "pages")[0]["changes"]["unchanged"] == 40, "both go by one history"


def test_sigterm_drains_a_run_in_parts_and_the_next_daemon_goes_on(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(40, tag="drained-parts", hosts=8, delay_s=0.3)
    write_list(tmp_path / "urls.txt", urls)
    write_jobs(tmp_path, {"pages": in_parts(2)})
    with daemon(tmp_path) as one:
        run = trigger(tmp_path, "pages")
        server.wait_for(6, tag="drained-parts", running=one.running)
        one.running.send(signal.SIGTERM)
        ended = one.running.wait()
    assert ended.code == 0
    assert f"run {run} is stopped" in ended.err
    (row,) = history(tmp_path, "pages")
    assert (row["state"], row["goes_on"]) == ("stopped", True)
    assert sum(row["outcomes"].values()) == sum(server.asked("drained-parts").values()) < 40
    # That it has other parts by now, and wants other records, makes no difference to what was begun.
    edited = in_parts(5, formats=[".csv"])
    edited["settings"]["parse"] = {"links": True}
    write_jobs(tmp_path, {"pages": edited})
    with daemon(tmp_path) as one:
        one.heard("ends as it was begun; from the next one on other parse.links, formats hold")
        one.heard(f"run {run} is complete")
    (row,) = history(tmp_path, "pages")
    assert not (tmp_path / row["folder"] / "records.csv").exists()
    assert (row["state"], row["lines"]) == ("complete", 40)
    assert has_each_once(records_of(tmp_path, row), urls)
    assert set(server.asked("drained-parts").values()) == {1}
