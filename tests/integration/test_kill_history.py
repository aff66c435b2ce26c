"""kill -9 at any moment of a run with a history, then --resume: it is taken in once, and whole."""

from __future__ import annotations

import json
import random
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from scraper.history.reading import find_pages, timeline
from tests.support.changing_site import Changing, titled
from tests.support.processes import (
    PYTHON,
    SCRAPER,
    Running,
    has_each_once,
    lines_in,
    records_in,
    scrape,
    started,
    wait_until,
    write_list,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PAGES = 30
WAYS = ("--delay", "0", "--set", "output.batch_records=8", "--set", "history.gone_after=2")

DIES = """
import os, signal, sys
import scraper.run.execution, scraper.frontier.store, scraper.history.remembered, scraper.history.update

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at(owner, name, call):
    before, calls = getattr(owner, name), []
    def carry_out(*args, **kwargs):
        calls.append(name)
        return die() if len(calls) == call else before(*args, **kwargs)
    setattr(owner, name, carry_out)

def die_after(owner, name):
    before = getattr(owner, name)
    def carry_out(*args, **kwargs):
        before(*args, **kwargs)
        die()
    setattr(owner, name, carry_out)

update, remembered = scraper.history.update, scraper.history.remembered
update._BATCH = 8
{point}
from scraper.__main__ import main
sys.exit(main())
"""
POINTS = {
    "when a batch of records is noted": "die_after(scraper.frontier.store.Store, 'finish')",
    "before the history is updated": "die_at(remembered, 'update', 1)",
    "in the middle of the update": "die_at(update._Update, '_take_in', 3)",
    "before the pages that are missing": "die_at(update._Update, '_miss_absent', 1)",
    "when the changes are written and nothing is committed": "die_after(update._Update, '_write_changes')",
    "when the history is updated": "die_after(remembered, 'update')",
    "before the state is removed": "die_at(scraper.frontier.store.Store, 'close', 1)",
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Changing, Path]]:
    """Give a site that was crawled once and has changed since, and the history of that."""
    folder = tmp_path_factory.mktemp("begun")
    site = Changing(**{str(number): titled(str(number)) for number in range(PAGES)}, left=titled("left"))
    with site.serving_in_thread():
        urls = [site.url(str(number)) for number in range(PAGES)]
        listed = write_list(folder / "urls.txt", [*urls, site.url("left")])
        history = folder / "pages.sqlite"
        first = scrape("crawl", listed, "-o", folder / "r1.jsonl", "--history", history, *WAYS)
        assert first.code == 0, first.err
        for number in range(0, PAGES, 5):
            site.pages[f"/{number}"] = titled(f"{number}, anew")
        yield site, history


class Watched:
    """The second run over a list whose pages have changed, and which has lost one."""

    def __init__(self, folder: Path, site: Changing) -> None:
        self.folder = folder
        self.urls = [site.url(str(number)) for number in range(PAGES)]
        listed = write_list(folder / "urls.txt", self.urls)
        self.words = ("crawl", listed, "-o", folder / "r2.jsonl", "--history", self.history, *WAYS)

    @property
    def history(self) -> Path:
        return self.folder / "pages.sqlite"

    def told(self) -> list[tuple[str, str]]:
        """Return what the second run says that has changed."""
        lines = (self.folder / "r2.changes.jsonl").read_text().splitlines()
        return [(entry["status"], entry["url"]) for entry in map(json.loads, lines)]

    def known(self) -> dict[str, tuple[Any, ...]]:
        """Return what is known of each page, without times."""
        found: dict[str, tuple[Any, ...]] = {}
        for page in find_pages(self.history, "").pages:
            kept = timeline(self.history, page.url)
            assert kept is not None
            entries = [entry.status.value for entry in kept.entries]
            found[page.url] = page.misses, page.is_gone, page.changes, kept.record.get("title"), entries
        return found

    def assert_taken_in(self) -> None:
        """Look whether the second run was taken in, once."""
        assert has_each_once(records_in(self.folder / "r2.jsonl"), self.urls)
        anew = {url for number, url in enumerate(self.urls) if number % 5 == 0}
        assert sorted(self.told()) == sorted(("changed", url) for url in anew)
        known = self.known()
        assert len(known) == PAGES + 1
        for number, url in enumerate(self.urls):
            title = f"{number}, anew" if url in anew else str(number)
            entries = ["changed", "new"] if url in anew else ["new"]
            assert known[url] == (0, False, int(url in anew), title, entries)
        (left,) = known.keys() - set(self.urls)
        assert known[left] == (1, False, 0, "left", ["new"])


@pytest.fixture
def watched(tmp_path: Path, begun: tuple[Changing, Path]) -> Watched:
    site, history = begun
    shutil.copy(history, tmp_path / "pages.sqlite")
    return Watched(tmp_path, site)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_two_steps_costs_nothing(watched: Watched, point: str) -> None:
    program = (*PYTHON, "-c", DIES.replace("{point}", POINTS[point]))
    with started(*watched.words, program=program) as running:
        assert running.wait().code == -9, running.err.read_text()

    ended = scrape(*watched.words, "--resume")

    assert ended.code == 0, ended.err
    assert f"Pages since the run before: {PAGES // 5} changed, {PAGES - PAGES // 5} unchanged" in ended.err
    watched.assert_taken_in()


@pytest.mark.parametrize("processes", ["0", "2"])
def test_kills_at_random_moments_cost_nothing(watched: Watched, processes: str) -> None:
    chance = random.Random(20261129)  # noqa: S311 repeatable, nothing secret
    output = watched.folder / "r2.jsonl"
    words = (*watched.words, "--resume", "--processes", processes, "--set", "output.batch_s=0.02")
    for _ in range(3):
        least = chance.randint(1, PAGES // 3)
        before = lines_in(output)
        with started(*words, program=SCRAPER) as running:
            wait_until(
                partial(_has_come_to, before + least, output=output, running=running), what="some records"
            )
            running.kill()
    ended = scrape(*words)
    assert ended.code == 0, ended.err
    watched.assert_taken_in()


def _has_come_to(records: int, *, output: Path, running: Running) -> bool:
    return running.has_ended or lines_in(output) >= records


def test_a_reader_is_not_disturbed_by_a_kill(watched: Watched) -> None:
    """What a killed update has left in the log beside the file is not there for who reads."""
    program = (*PYTHON, "-c", DIES.replace("{point}", "die_after(update._Update, '_write_changes')"))
    before = watched.known()
    with started(*watched.words, program=program) as running:
        assert running.wait().code == -9, running.err.read_text()
    assert watched.known() == before
    copied = watched.folder / "copy"
    copied.mkdir()
    for name in ("pages.sqlite", "pages.sqlite-wal"):
        if (watched.folder / name).exists():
            shutil.copy(watched.folder / name, copied)
    assert {page.url for page in find_pages(copied / "pages.sqlite", "").pages} == before.keys()
