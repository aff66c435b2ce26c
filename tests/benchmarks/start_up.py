"""How long the program takes to start, beside Python itself.

    python tests/benchmarks/start_up.py [--rounds 20] [--most 4]

Runs ``python -c pass`` and the installed command in turn, and takes processor time, user and system, of
each whole process: what else the machine does disturbs that least. The figures are medians over the rounds.
A crawl is one of a single small page, from a server on loopback that this script is, to standard output. Its
last column is how long its record takes to be there. The exit code is 1 when ``scraper --help`` takes more
than ``--most`` times what Python takes.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

say = functools.partial(print, flush=True)  # the table is the program's output
COMMAND: Final = str(Path(sys.executable).with_name("scraper"))
PAGE: Final = b"<!doctype html><title>A page</title><p>A few words."
YARDSTICK: Final = "python -c pass"


class Took(NamedTuple):
    """One run from its start to its exit."""

    processor_s: float
    first_line_s: float
    """Until it had printed a line, or its end when it printed none."""


class _Page(BaseHTTPRequestHandler):
    """Answers one page, and that there is no robots.txt."""

    def do_GET(self) -> None:
        found = self.path == "/"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def programs(url: str) -> Mapping[str, Sequence[str]]:
    """Return what is run, by the name that the table has for it."""
    crawl = [COMMAND, "crawl", url, "--delay", "0"]  # else the page is asked for 0.5 s after robots.txt
    return {
        YARDSTICK: [sys.executable, "-c", "pass"],
        "import click": [sys.executable, "-c", "import click"],
        "import aiohttp": [sys.executable, "-c", "import aiohttp"],
        "scraper --help": [COMMAND, "--help"],
        "scraper --version": [COMMAND, "--version"],
        "scraper crawl --help": [COMMAND, "crawl", "--help"],
        "scraper config show": [COMMAND, "config", "show"],
        "scraper crawl URL --quiet": [*crawl, "--quiet"],
        "scraper crawl URL": crawl,
        "scraper crawl URL --quiet --processes 1": [*crawl, "--quiet", "--processes", "1"],
    }


def run(words: Sequence[str]) -> Took:
    """Run a program to its end.

    Raises:
        SystemExit: It failed.
    """
    began_s = time.perf_counter()
    popen = subprocess.Popen(
        words,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert popen.stdout is not None
    with popen.stdout as printed:
        printed.readline()
        first_line_s = time.perf_counter() - began_s
        printed.read()
    _, status, usage = os.wait4(popen.pid, 0)
    popen.returncode = os.waitstatus_to_exitcode(status)
    if popen.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {popen.returncode}")
    return Took(usage.ru_utime + usage.ru_stime, first_line_s)


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--most", type=float, default=4.0)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
    try:
        chosen = programs(f"http://127.0.0.1:{server.server_port}/")
        for words in chosen.values():
            run(words)  # compiles its modules
        took = [{name: run(words) for name, words in chosen.items()} for _ in range(options.rounds)]
    finally:
        server.shutdown()
        server.server_close()
    say(f"{'':40} CPU ms  of Python  first line, ms")
    ratios: dict[str, float] = {}
    for name in chosen:
        processor_s = statistics.median(one[name].processor_s for one in took)
        ratios[name] = statistics.median(one[name].processor_s / one[YARDSTICK].processor_s for one in took)
        first_line_s = statistics.median(one[name].first_line_s for one in took)
        say(f"{name:40} {1000 * processor_s:6.1f} {ratios[name]:10.2f} {1000 * first_line_s:15.0f}")
    return int(ratios["scraper --help"] > options.most)


if __name__ == "__main__":
    sys.exit(main())
