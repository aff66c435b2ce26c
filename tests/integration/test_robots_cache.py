"""``robots.cache`` in whole runs: never another file of theirs, and never another run's settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import scraper
from scraper.errors import UsageError
from tests.support.crawling import crawled, run_to_file, settings
from tests.support.polite_site import Answer, Ask, page, serving
from tests.support.processes import records_in, scrape, write_list

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.5.1"
NOWHERE = "http://127.0.0.1:9/"


def forbids(ask: Ask) -> Answer:
    return Answer(status=401) if ask.target == "/robots.txt" else page()


# --- kept apart ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cache", "what"),
    [
        ("o7.jsonl", "o7.jsonl"),
        ("o7.jsonl.state", "o7.jsonl.state"),
        ("./urls.txt", "urls.txt"),
        ("run.log", "run.log"),
        ("robots", "robots-wal"),
    ],
)
def test_a_cache_that_the_run_writes_or_reads_is_refused_before_anything_is_opened(
    tmp_path: Path, cache: str, what: str
) -> None:
    write_list(tmp_path / "urls.txt", [NOWHERE])
    log = "robots-wal" if cache == "robots" else "run.log"
    words = ("-o", "o7.jsonl", "--log-json", log, "--set", f"robots.cache={cache}")
    ended = scrape("crawl", "urls.txt", *words, cwd=tmp_path)
    assert ended.code == 2
    assert f"robots.cache {cache}: the run also uses " in ended.only_line
    assert what in ended.only_line
    assert [path.name for path in tmp_path.iterdir()] == ["urls.txt"]
    assert (tmp_path / "urls.txt").read_text() == f"{NOWHERE}\n"


@pytest.mark.parametrize("mode", ["--fresh", "--resume"])
def test_an_output_that_is_there_is_not_taken_for_a_cache(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "o7.jsonl"
    assert scrape("crawl", NOWHERE, "-o", output, "--retries", "0").code == 0
    before = output.read_bytes()
    assert before
    ended = scrape("crawl", NOWHERE, "-o", output, mode, "--set", f"robots.cache={output}")
    assert "robots.cache" in ended.err or "nothing to resume" in ended.err
    assert output.read_bytes() == before


def test_a_program_that_gives_the_same_file_twice_is_told(tmp_path: Path) -> None:
    output = tmp_path / "o7.jsonl"
    asked = settings(robots={"cache": str(output)})
    with pytest.raises(UsageError, match=r"robots\.cache .*o7\.jsonl: the run also uses"):
        asyncio.run(scraper.crawl_to_files(NOWHERE, output, settings=asked))
    assert list(tmp_path.iterdir()) == []


# --- the settings of this run -------------------------------------------------------------------


@pytest.mark.parametrize("before", ["allow", "deny"])
@pytest.mark.parametrize("now", ["allow", "deny"])
async def test_what_a_kept_401_means_is_this_runs_to_say(tmp_path: Path, before: str, now: str) -> None:
    cached: dict[str, Any] = {"cache": str(tmp_path / "robots.sqlite")}
    async with serving(forbids) as site:
        lines = [site.url(HOST, "/x")]
        await crawled(lines, robots={**cached, "forbidden": before})
        (record,) = await crawled(lines, robots={**cached, "forbidden": now})
        assert site.targets(HOST).count("/robots.txt") == 1
    assert record.outcome == ("robots_denied" if now == "deny" else "ok")


async def test_a_resumed_run_goes_by_its_own_settings_too(tmp_path: Path) -> None:
    output = tmp_path / "a.jsonl"
    async with serving(forbids) as site:
        lines = [site.url(HOST, f"/{n}") for n in range(20)]
        slow: dict[str, Any] = {"politeness": {"per_host": 1, "delay_s": 0.01}}
        first = await run_to_file(lines, output, drain_after=1, robots={"forbidden": "allow"}, **slow)
        done = len(records_in(output))
        assert not first.complete
        assert 0 < done < len(lines)
        await run_to_file(lines, output, resume=True, robots={"forbidden": "deny"})
        assert site.targets(HOST).count("/robots.txt") == 1
    outcomes = [record["outcome"] for record in records_in(output)]
    assert outcomes == ["ok"] * done + ["robots_denied"] * (len(lines) - done)
