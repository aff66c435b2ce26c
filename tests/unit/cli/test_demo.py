"""``scraper demo``: its own settings give way to the user's, and it overwrites nothing of theirs."""

from __future__ import annotations

import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from scraper.cli import demo
from scraper.cli.exits import Exit
from scraper.errors import UsageError
from scraper.settings.load import load
from tests.support.processes import records_in, scrape, started, wait_until

PROXY = "http://127.0.0.1:3128"
OURS = {
    "politeness.delay_s": 0.0,
    "politeness.per_host": 8,
    "politeness.max_delay_s": 0.1,
    "retry.base_s": 0.1,
}


def in_force(*assignments: str) -> dict[str, Any]:
    settings = demo._hurried(load(environment={}, assignments=assignments))
    sections = {name: name.split(".") for name in OURS}
    return {name: getattr(getattr(settings, section), key) for name, (section, key) in sections.items()}


def test_its_own_hosts_need_little_rest() -> None:
    assert in_force() == OURS


@pytest.mark.parametrize("name", OURS)
def test_what_the_user_says_goes_before(name: str) -> None:
    assert in_force(f"{name}=3") == OURS | {name: 3}


@pytest.mark.parametrize("words", [("--proxy", PROXY), ("--set", f"fetch.proxy={PROXY}")])
def test_a_proxy_that_is_asked_for_is_refused(tmp_path: Path, words: tuple[str, str]) -> None:
    ended = scrape("demo", *words, cwd=tmp_path)
    assert ended.code == Exit.USAGE
    assert ended.only_line == (
        f"scraper: fetch.proxy ({words[0]}): the demo leaves this machine by no way; leave it out"
    )
    assert not list(tmp_path.iterdir())


def test_a_proxy_that_holds_for_all_commands_is_passed_over() -> None:
    loaded = load(environment={"SCRAPER_FETCH_PROXY": PROXY})
    demo._refuse_proxy(loaded)
    assert demo._hurried(loaded).fetch.proxy == ""


def test_a_list_that_no_demo_wrote_stays(tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("http://example.org/\n")
    with pytest.raises(UsageError, match="name another --folder"):
        demo._write(listed, demo._MARK)
    assert listed.read_text() == "http://example.org/\n"


def test_a_list_of_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    listed = tmp_path / "new" / "urls.txt"
    for text in ("a\n", "b\n"):
        demo._write(listed, demo._MARK + text)
        assert listed.read_text() == demo._MARK + text


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has only one loopback address")
def test_it_serves_crawls_and_says_where_the_results_are(tmp_path: Path) -> None:
    ended = scrape("demo", "--pages", "200", cwd=tmp_path)
    assert ended.code == Exit.COMPLETE, ended.err
    listed, written = Path("output/demo/urls.txt"), Path("output/demo/pages.jsonl")
    assert ended.err.splitlines()[-2:] == [
        f"The list of URLs:  {listed}",
        f"One record a line: {written}",
    ]
    lines = (tmp_path / listed).read_text(encoding="utf-8").splitlines()
    asked = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    records = records_in(tmp_path / written)
    inputs = {record["seq"]: record["input"].strip() for record in records if record["parent"] is None}
    assert inputs == dict(enumerate(line.strip() for line in asked))
    assert {"robots_denied", "robots_unreachable", "ok"} <= {record["outcome"] for record in records}


def test_the_site_is_served_until_it_is_stopped(tmp_path: Path) -> None:
    with started("demo", "--serve", "--port", str(free_port()), "--day", "20", cwd=tmp_path) as serving:
        wait_until(lambda: b"Press Ctrl-C" in serving.err.read_bytes(), what="the site")
        listed = tmp_path / "output" / "demo" / "urls.txt"
        (page,) = re.findall(r"http://127\.0\.0\.1:\d+/(?:blog|docs)/\d+$", listed.read_text(), re.MULTILINE)[
            :1
        ]
        crawled = scrape("crawl", page, "-o", tmp_path / "page.jsonl")
        serving.send(signal.SIGINT)
        ended = serving.wait()
    assert (crawled.code, ended.code) == (0, 0), ended.err
    assert records_in(tmp_path / "page.jsonl")[0]["title"].partition(" | ")[0].endswith("(2)")


def test_a_port_that_is_taken_is_the_users_to_mend(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = scrape("demo", "--serve", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    assert ended.code == Exit.USAGE
    assert ended.only_line.endswith("try another --port")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
