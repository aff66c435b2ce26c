"""The dashboard over the real daemon, whose jobs crawl a real server."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.daemons import daemon, history, write_jobs
from tests.support.polite_site import page, serving_in_thread
from tests.support.processes import Server, scrape, serving, wait_until, write_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.daemons import Daemon

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and sockets of POSIX")

TOKEN = "correct horse battery staple"  # noqa: S105 nobody's


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


class Asking:
    """Asks a dashboard as a program does, with the token."""

    def __init__(self, one: Daemon) -> None:
        found = re.search(r"dashboard: (http://\S+)/", one.heard("dashboard: http"))
        assert found
        self._url = found[1]

    def text(self, target: str, *, method: str = "GET") -> str:
        asked = Request(self._url + target, method=method)  # noqa: S310 our own server
        asked.add_header("Authorization", f"Bearer {TOKEN}")
        with urlopen(asked) as answer:  # noqa: S310 the same
            return str(answer.read().decode())

    def json(self, target: str, *, method: str = "GET") -> Any:
        return json.loads(self.text(f"/api/v1{target}", method=method))


def test_a_run_is_begun_watched_and_read(server: Server, tmp_path: Path) -> None:
    urls = server.bulk(12, tag="dashboard")
    write_list(tmp_path / "urls.txt", urls)
    write_jobs(tmp_path, {"pages": {"sources": ["urls.txt"], "output": "output"}})
    environment = {"SCRAPER_WEB_TOKEN": TOKEN}
    with daemon(tmp_path, "--web", "127.0.0.1:0", environment=environment) as one:
        asking = Asking(one)
        with pytest.raises(HTTPError, match="401"):
            urlopen(asking._url + "/api/v1/jobs")  # noqa: S310 our own server
        begun = asking.json("/jobs/pages/trigger", method="POST")
        run = begun["recent"][0]["id"]
        assert begun["state"] == "running"
        wait_until(
            lambda: asking.json(f"/jobs/pages/runs/{run}")["state"] == "complete",
            what="the run is complete",
            running=one.running,
        )
        assert asking.json("/jobs/pages/runs")["runs"][0]["lines"] == 12
        assert [row["id"] for row in history(tmp_path, "pages")] == [run]
        with pytest.raises(HTTPError, match="404"):
            asking.json("/jobs/pages/live")

        changes = asking.json(f"/jobs/pages/runs/{run}/changes?status=new&limit=5")
        assert [row["url"] for row in changes["rows"]] == urls[:5]
        found = asking.json("/jobs/pages/pages?limit=7")
        rest = asking.json(f"/jobs/pages/pages?limit=7&after={found['next']}")
        assert sorted(row["url"] for row in found["rows"] + rest["rows"]) == sorted(urls)
        page = asking.json(f"/jobs/pages/pages/{changes['rows'][0]['page']}")
        assert page["page"]["url"] == urls[0]
        # The event leads to the run that tells of it.
        assert [event["run"] for event in page["events"]] == [run]
        assert page["page"]["title"] in asking.text(f"/jobs/pages/pages/{page['page']['page']}")
        assert "<h1>" in asking.text(f"/jobs/pages/runs/{run}/report")
        (report,) = (tmp_path / "output" / "runs" / run).glob(".report-*.html")
        assert report.stat().st_size > 10_000
        told = asking.text("/metrics")
        assert 'scraper_records_total{job="pages",outcome="ok"} 12.0' in told
        assert 'scraper_answer_seconds_count{job="pages"} 12.0' in told
        assert json.loads(asking.text("/healthz"))["status"] == "ok"

        assert asking.json("/drain", method="POST") == {"begun": True}
        assert one.running.wait().code == 0
        assert TOKEN not in one.log


def test_a_run_in_parts_is_watched_and_a_lost_worker_seen(tmp_path: Path) -> None:
    seen = threading.Event()
    with serving_in_thread(lambda ask: page(title=ask.target, delay_s=0 if seen.is_set() else 0.5)) as site:
        _watch_in_parts([site.url(f"127.0.14.{n % 6 + 1}", f"/{n}") for n in range(60)], tmp_path, seen)


def _watch_in_parts(urls: list[str], tmp_path: Path, seen: threading.Event) -> None:
    write_list(tmp_path / "urls.txt", [*urls, "this is no URL"])
    settings = {"cluster": {"shards": 2, "workers": 2}, "run": {"workers": 1}, "politeness": {"delay_s": 0}}
    write_jobs(tmp_path, {"pages": {"sources": ["urls.txt"], "output": "output", "settings": settings}})
    environment = {"SCRAPER_WEB_TOKEN": TOKEN}
    with daemon(tmp_path, "--web", "127.0.0.1:0", environment=environment) as one:
        asking = Asking(one)
        run = asking.json("/jobs/pages/trigger", method="POST")["recent"][0]["id"]
        live: dict[str, Any] = {}

        def shows(wanted: Callable[[], bool]) -> Callable[[], bool]:
            def look() -> bool:
                with suppress(HTTPError):  # 404: it has not begun
                    live.update(asking.json("/jobs/pages/live"))
                return bool(live) and wanted()

            return look

        def rows() -> list[dict[str, Any]]:
            return list(live["parts"]["rows"])

        both = shows(lambda: live["hosts"] and live["failures"] and all(row["done"] for row in rows()))
        wait_until(both, what="two parts at work", running=one.running)
        assert live["parts"]["by_state"] == {"running": 2}
        assert live["done"] == sum(row["done"] for row in rows())
        assert live["total"] == sum(row["lines"] for row in rows()) == 61
        assert [(row["attempt"], row["round"], row["lost"]) for row in rows()] == [(1, 1, 0)] * 2
        assert {row["host"].partition(":")[0] for row in live["hosts"]} <= {
            f"127.0.14.{n}" for n in range(1, 7)
        }
        assert [failure["outcome"] for failure in live["failures"]] == ["invalid_url"]
        assert sum(live["took"]) > 0

        victim = rows()[0]["worker"]
        os.kill(int(victim.removeprefix("process ")), signal.SIGKILL)
        wait_until(
            shows(lambda: rows()[0]["lost"] == 1 and rows()[0]["worker"] not in {"", victim}),
            what="another worker",
            running=one.running,
        )
        assert (rows()[0]["attempt"], rows()[0]["why"]) == (2, "was killed by SIGKILL")
        page = asking.text(f"/jobs/pages/runs/{run}")
        assert f"<bdi>{rows()[0]['worker']}</bdi>" in page

        seen.set()
        one.heard(f"run {run} is complete")
        ended = asking.json(f"/jobs/pages/runs/{run}")
        assert (ended["lines"], ended["failed"]) == (61, 1)
        assert ended["parts"]["by_state"] == {"finished": 2}
        told = [(row["attempt"], row["lost"], row["done"] == row["lines"]) for row in ended["parts"]["rows"]]
        assert told == [(2, 1, True), (1, 0, True)]
        assert sum(row["done"] for row in ended["parts"]["rows"]) == 61


def test_a_signal_ends_it_while_a_page_is_open(tmp_path: Path) -> None:
    write_jobs(tmp_path, {"pages": {"sources": ["https://a.example/"], "output": "output"}})
    with (
        daemon(tmp_path, "--web", "127.0.0.1:0") as one,
        urlopen(Asking(one)._url + "/events") as following,  # noqa: S310 our own server
    ):
        assert following.readline() == b"retry: 3000\n"
        one.running.send(signal.SIGTERM)
        assert one.running.wait().code == 0
        assert b"job:pages" in following.read()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--web", "0.0.0.0:0"), "set SCRAPER_WEB_TOKEN to a secret"),
        (("--web", "nowhere"), "is no address and port"),
        (("--web-name", "dash.example"), "give --web too"),
        (("--web", "127.0.0.1:0", "--web-name", "dash.example"), "set SCRAPER_WEB_TOKEN to a secret"),
        (("--web", "192.0.2.1:8600"), "set SCRAPER_WEB_TOKEN to a secret"),
    ],
)
def test_it_does_not_begin_where_it_would_be_open(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    write_jobs(tmp_path, {"pages": {"sources": ["https://a.example/"], "output": "output"}})
    ended = scrape("schedule", "run", "--config", "jobs.toml", *words, cwd=tmp_path)
    assert ended.code == 2
    assert told in ended.only_line
    assert not (tmp_path / "output").exists()
