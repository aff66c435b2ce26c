"""Crawl a site of real pages again and again: ``python -m tests.benchmarks.history_bytes 1000``.

The server is on loopback, has tags, and counts what it sends, heads included. Four runs: without a history;
with one, which is new; the same again, with no page changed; and with one page in ten changed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.real_pages import real_page
from tests.support.changing_site import HOST, Changing
from tests.support.crawling import run_to_file
from tests.support.polite_site import serving_in_thread
from tests.support.processes import write_list

if TYPE_CHECKING:
    from tests.support.polite_site import Answer, Ask

_KINDS = 50
_HEAD = len("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")


class Counting:
    """A site that counts what it sends."""

    def __init__(self, count: int) -> None:
        bodies = [real_page(number).decode() for number in range(_KINDS)]
        self.changing = Changing(**{str(n): f"{bodies[n % _KINDS]}<!-- {n} -->" for n in range(count)})
        self.sent_bytes = 0

    def script(self, ask: Ask) -> Answer:
        """Answer a request, and count."""
        answer = self.changing.script(ask)
        self.sent_bytes += _HEAD + len(answer.body)
        self.sent_bytes += sum(len(name) + len(value) + 4 for name, value in answer.headers)
        return answer


def main() -> None:
    """Crawl, and print figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    counting = Counting(count)
    with tempfile.TemporaryDirectory(prefix="history-") as folder, serving_in_thread(counting.script) as site:
        listed = write_list(
            Path(folder, "urls.txt"), [site.url(HOST, f"/{number}") for number in range(count)]
        )
        known = {"file": str(Path(folder, "pages.sqlite"))}
        ways: dict[str, Any] = {"politeness": {"per_host": 16, "delay_s": 0.0}}
        for number, (name, history) in enumerate(
            [("no history", {}), ("all new", known), ("none changed", known), ("a tenth changed", known)]
        ):
            if name == "a tenth changed":
                for page in range(0, count, 10):
                    counting.changing.pages[f"/{page}"] = f"<title>{page}</title>" + str(
                        counting.changing.pages[f"/{page}"]
                    )
            counting.sent_bytes = 0
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            result = asyncio.run(
                run_to_file([str(listed)], Path(folder, f"{number}.jsonl"), history=history, **ways)
            )
            took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
            told = {kind: pages for kind, pages in result.changes.items() if pages}
            sys.stdout.write(
                f"{name:>16}: {counting.sent_bytes / 2**20:8.2f} MiB sent for {result.records:,} records, "
                f"{took_s:.1f} s ({cpu_s:.1f} s of a processor, the server's included) {told or ''}\n"
            )


if __name__ == "__main__":
    main()
