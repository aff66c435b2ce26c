"""What a process has imported: whatever it does not need would be paid for at each start."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.processes import TIMEOUT_S, Server, clean_environment, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NETWORK: Final = {"aiohttp", "asyncio", "uvloop", "ssl", "yarl"}
PARSERS: Final = {"bs4", "html5lib", "lxml", "selectolax", "turbohtml"}
OTHERS: Final = {
    "aiofiles",
    "brotli",
    "publicsuffixlist",
    "rich",
    "sqlite3",
    "scraper.frontier",
    "scraper.parse",
}
EXTRAS: Final = {"htmldate", "py3langid", "trafilatura", "numpy"}
"""Also modules that these would load; all of them are installed where the tests run."""

_PROGRAM: Final = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
sys.argv = ["scraper", *sys.argv[1:]]
from scraper.__main__ import main
sys.exit(main())
"""


def ran(*words: str) -> tuple[str, set[str]]:
    """Run the program in a process of its own; return what it printed and which modules it had loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"]])
def test_what_is_asked_first_loads_nothing(words: Sequence[str]) -> None:
    printed, loaded = ran(*words)
    assert "scraper" in printed
    assert "scraper.cli.overview" in loaded
    unneeded = loaded & {"click", "msgspec", "inspect", "json", *NETWORK, *PARSERS, *OTHERS, *EXTRAS}
    assert not unneeded


@pytest.mark.parametrize("command", ["crawl", "config"])
def test_a_command_s_help_loads_no_program(command: str) -> None:
    printed, loaded = ran(command, "--help")
    assert printed.startswith(f"Usage: scraper {command}")
    assert "click" in loaded
    unneeded = loaded & {*NETWORK, *PARSERS, *OTHERS, *EXTRAS}
    assert not unneeded


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def test_a_plain_crawl_loads_what_it_needs_alone(server: Server) -> None:
    printed, loaded = ran("crawl", *server.bulk(1, tag="start-up"), "--quiet", "--delay", "0")
    assert json.loads(printed)["outcome"] == "ok"
    assert {"aiohttp", "turbohtml"} <= loaded
    unused = {
        "bs4",
        "html5lib",
        "lxml",
        "multiprocessing",
        "publicsuffixlist",
        "rich",
        "scraper.processes.pool",
    }
    unneeded = loaded & {*unused, *EXTRAS}
    assert not unneeded


def test_only_the_children_load_the_client(server: Server) -> None:
    words = ("--quiet", "--delay", "0", "--processes", "1")
    printed, loaded = ran("crawl", *server.bulk(1, tag="children"), *words)
    assert json.loads(printed)["outcome"] == "ok"
    assert "scraper.processes.pool" in loaded
    unneeded = loaded & {"aiohttp", "yarl", "scraper.fetch.http"}
    assert not unneeded
