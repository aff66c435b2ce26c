"""Kill a crawl that feeds itself many times, go on each time, and see whether a page was lost or doubled.

    python tests/benchmarks/kill_following.py [--kills 40] [--pages 5000] [--seed 1]

As ``kill_many.py``, but the list is one line: all other pages are found on the way, over ten hosts, and enter
the state with the records of the pages that link to them. In the end every page of the site must have one
record, and the numbers of the records must be those from 0 on. The exit code is 1 when that is not so.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.kill_many import BATCHES, kill_repeatedly
from tests.support.linked_site import HOSTS, LinkedSite
from tests.support.polite_site import Site, serving_in_thread
from tests.support.processes import Server, records_in, started

say = functools.partial(print, flush=True)  # the table is the program's output

LAST_S = 300.0
"""The last start has all that is left to do, perhaps on a busy machine."""


class _Linked(Server):
    """The scripted site as what ``kill_once`` counts requests at."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.port, dead_port=0)
        self._site = site

    def asked(self, tag: str) -> Counter[str]:  # noqa: ARG002 the site has one crawl only
        """Return how often each URL was asked for."""
        return Counter(self._site.url(entry.host, entry.target) for entry in list(self._site.log))


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=2.2, metavar="SECONDS", help="the latest kill")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 repeatable, nothing secret
    linked = LinkedSite(options.pages)
    with (
        tempfile.TemporaryDirectory(prefix="kill-following-") as folder,
        serving_in_thread(linked.answer) as site,
    ):
        server, output = _Linked(site), Path(folder, "pages.jsonl")
        depth = ("--depth", str(options.pages))
        words: tuple[str | Path, ...] = (
            "crawl",
            site.url(HOSTS[0], "/0"),
            "-o",
            output,
            "--resume",
            "--private",
            "allow",
            "--quiet",
            "--delay",
            "0",
        )
        words += (*depth, *BATCHES)
        lives_s = [chance.uniform(0.1, options.longest) for _ in range(options.kills)]
        rounds = kill_repeatedly(words, output=output, server=server, lives_s=lives_s)
        if len(rounds) == options.kills:
            with started(*words) as running:
                running.popen.wait(LAST_S)
                ended = running.wait()
            if ended.code:
                say(f"the last run ended with {ended.code}: {ended.err}")
                return 1
        asked = server.asked("")
        wrong = linked.wrong_with(records_in(output), site)
    times = Counter(count for url, count in asked.items() if not url.endswith("/robots.txt"))
    robots = sum(count for url, count in asked.items() if url.endswith("/robots.txt"))
    say(f"{len(rounds)} kills, {options.pages} pages, {asked.total()} requests, {robots} for robots.txt")
    for count in sorted(times):
        say(f"  fetched {count} x: {times[count]} pages")
    say("\n".join(wrong) if wrong else "nothing lost, nothing doubled, nothing torn")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
