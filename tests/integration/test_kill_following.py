"""kill -9 at any moment of a crawl that feeds itself: every page of the site once, no number left out."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.linked_site import HOSTS, LinkedSite
from tests.support.polite_site import serving_in_thread
from tests.support.processes import noted_in, records_in, scrape, started, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9")

KILLS = 4
PAGES = 300


def test_a_crawl_that_feeds_itself_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(20260202)  # noqa: S311 repeatable, nothing secret
    linked = LinkedSite(PAGES)
    output, state = tmp_path / "pages.jsonl", tmp_path / "pages.jsonl.state"
    done: list[int] = []
    with serving_in_thread(linked.answer) as site:
        words = (
            "crawl",
            site.url(HOSTS[0], "/0"),
            "-o",
            output,
            "--resume",
            "--private",
            "allow",
            "--delay",
            "0",
            "--depth",
            "1000",
        )
        often = ("--set", "output.batch_s=0.01")
        for _ in range(KILLS):
            until = len(site.log) + chance.randint(10, 80)
            with started(*words, *often) as running:
                wait_until(lambda n=until: len(site.log) >= n, what="requests", running=running)  # type: ignore[misc]
                running.kill()
            done.append(noted_in(state).done)
        asked_before = site.targets(HOSTS[0]).count("/robots.txt")
        ended = scrape(*words, *often)
        asked_after = site.targets(HOSTS[0]).count("/robots.txt")

    assert ended.code == 0, ended.err
    assert 0 < done[-1] < PAGES, (
        "every kill came before the first record or after the last: this shows nothing"
    )
    assert done == sorted(done)
    assert linked.wrong_with(records_in(output), site) == []
    assert not state.exists()
    assert asked_after == asked_before, "what robots.txt said was not kept"
