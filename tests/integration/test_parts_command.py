"""``scraper crawl --shards``: what it refuses, where things are, and that further commands take its runs."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

import scraper
from scraper.cli.main import main
from scraper.errors import SettingsError
from scraper.run.parts import read_parts
from scraper.settings.model import ClusterSettings
from tests.support.in_parts import records_of, run_in_parts
from tests.support.polite_site import Answer, Ask, page, serving_in_thread
from tests.support.processes import records_in, write_list

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--engine", "dask", "-o", "x.jsonl"],
            "--engine and --scheduler run the parts of a list: add --shards N",
        ),
        (["--shards", "2"], "--shards needs a place for the records"),
        (["--shards", "2", "-o", "-"], "--shards needs a place for the records"),
        (["--shards", "2", "-o", "out", "--ordered"], "--ordered (output.ordered) needs one file"),
        (["--shards", "2", "-o", "out", "--scheduler", "tcp://127.0.0.1:1"], "add --engine dask"),
        (
            ["--shards", "2", "-o", "out", "--engine", "dask", "--scheduler", "somewhere"],
            "is no address: write tcp://host:8786",
        ),
        (["--shards", "2", "-o", "a.jsonl", "-o", "folder"], "the ending names the format"),
        (["--shards", "9999", "-o", "out"], "cluster.shards"),
        (["--shards", "2", "-o", "urls.txt"], "is there and is no folder"),
        (
            ["--shards", "2", "-o", "out", "--history", "x.sqlite", "--log-json", "x.sqlite"],
            "history.file x.sqlite: the run also uses x.sqlite",
        ),
        (
            ["--shards", "2", "-o", "a.warc.gz", "-o", "b.warc.gz"],
            "a run has one archive: name one output",
        ),
        (["--shards", "2", "-o", "out", "-o", "kept.warc.gz"], "the ending names the format"),
        (["--shards", "2", "-o", "out", "--resume"], ""),
    ],
)
def test_what_does_not_go_together_is_one_line(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_text("https://example.com/\n")
    sources = [] if not said else ["urls.txt"]
    code = main(["crawl", *sources, *words])
    err = capsys.readouterr().err
    assert code == 2
    assert err.startswith("scraper: ")
    assert err.count("\n") == 1
    assert said in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["urls.txt"]


def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = [
        "crawl",
        "https://example.com/",
        "-o",
        str(tmp_path / "out"),
        "--shards",
        "2",
        "--engine",
        "dask",
    ]
    assert main(words) == 2
    assert "pip install distributed" in capsys.readouterr().err


async def test_the_python_interface_says_what_does_not_run_in_parts() -> None:
    settings = scraper.Settings(cluster=ClusterSettings(shards=2))
    with pytest.raises(SettingsError, match=r"crawl_to_files` runs a list in parts"):
        async with scraper.crawl(["https://example.com/"], settings=settings):
            pass
    alone = scraper.Settings(cluster=ClusterSettings(engine="dask"))
    with pytest.raises(scraper.UsageError, match=r"add --shards N \(cluster\.shards\)"):
        await scraper.crawl_to_files("https://example.com/", "x.jsonl", settings=alone)


async def test_the_python_interface_runs_parts_into_files_or_a_folder(tmp_path: Path) -> None:
    parts = ClusterSettings(shards=2, workers=2)
    polite = scraper.PolitenessSettings(delay_s=0.0)
    events: list[str] = []

    class Listening:
        def notice(self, event: object) -> None:
            events.append(type(event).__name__)

    with serving_in_thread(lambda ask: page(title=ask.target)) as site:
        urls = [site.url(f"127.0.18.{number % 4 + 1}", f"/{number}") for number in range(12)]
        listed = write_list(tmp_path / "urls.txt", [*urls, "no url"])
        settings = scraper.Settings(cluster=parts, politeness=polite)
        into_files = await scraper.crawl_to_files(
            listed, tmp_path / "pages.jsonl", settings=settings, observer=Listening()
        )
        into_folder = await scraper.crawl_to_files(listed, tmp_path / "out", settings=settings)
        with pytest.raises(scraper.OutputExists, match="nothing to resume"):
            await scraper.crawl_to_files([], tmp_path / "out", resume=True)

    for result in (into_files, into_folder):
        assert (result.complete, result.resumable, result.lines, result.records) == (True, False, 13, 13)
    assert into_files.outputs == (tmp_path / "pages.jsonl",)
    assert into_folder.outputs == (tmp_path / "out" / "parts.json",)
    assert {record["run"] for record in records_in(tmp_path / "pages.jsonl")} == {into_files.run}
    assert len(records_of(tmp_path / "out")) == 13
    assert (events[0], events[-1]) == ("RunStarted", "RunEnded")


def test_further_commands_take_a_run_in_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    is_well: list[bool] = []

    def answer(ask: Ask) -> Answer:
        return page(title=ask.target) if is_well or ask.host != "127.0.17.3" else Answer(b"", 404)

    out, sources = tmp_path / "out", tmp_path / "urls.txt"
    with serving_in_thread(answer) as site:
        urls = [site.url(f"127.0.17.{number % 5 + 1}", f"/{number}") for number in range(25)]
        write_list(sources, urls)
        asyncio.run(run_in_parts([str(sources)], out))

        assert main(["export", str(out), "-o", str(tmp_path / "all.jsonl"), "--ordered", "-q"]) == 0
        assert [record["input"] for record in records_in(tmp_path / "all.jsonl")] == urls
        assert main(["report", str(out), "-o", str(tmp_path / "report.html")]) == 0
        assert main(["show", str(out), "--where", "status == 404", "--json"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 5
        assert main(["diff", str(out), str(tmp_path / "all.jsonl")]) == 0

        is_well.append(True)
        assert main(["retry", str(out), "--status", "404", "--delay", "0", "-q"]) == 0
        assert main(["diff", str(out / "parts.json.before"), str(out)]) == 1
        assert {record["outcome"] for record in records_of(out)} == {"ok"}
        assert len(records_of(out)) == 25
        assert [part.file for part in read_parts(out / "parts.json").parts] == ["parts/retry-1.jsonl"]
        for number in (2, 1, 2):  # none is overwritten while it is read, and what nobody names goes
            assert main(["retry", str(out), "--outcome", "ok", "--delay", "0", "-q"]) == 0
            assert main(["diff", str(out / "parts.json.before"), str(out)]) == 0
            assert [part.file for part in read_parts(out / "parts.json").parts] == [
                f"parts/retry-{number}.jsonl"
            ]
        assert len(list(out.glob("parts/retry-*"))) == 2

    capsys.readouterr()
    assert main(["crawl", str(sources), "-o", str(out), "--shards", "3"]) == 2
    assert "parts.json exists: replace it with --fresh" in capsys.readouterr().err
    assert main(["crawl", "-o", str(out), "--resume"]) == 0
    assert "nothing to resume" in capsys.readouterr().err
