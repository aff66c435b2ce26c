"""Take runs of many pages into a history: ``python -m tests.benchmarks.history_update 1000000``.

Three runs over one list: all pages are new; one in a hundred has changed and one in a thousand is gone, the
rest was fetched again; then all but one in a hundred are not modified. Says of each how long the update took,
how large the history is by then, and how much memory was held at most.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scraper.history.file import made
from scraper.history.judging import Compared
from scraper.history.update import Finished, update
from scraper.history.validators import Asking
from scraper.settings.model import FetchSettings, HistorySettings
from tests.support.memory import peak_bytes
from tests.support.runs import a_record

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_WORDS = [
    "a",
    "page",
    "about",
    "one",
    "thing",
    "or",
    "another",
    "that",
    "is",
    "to",
    "be",
    "found",
    "under",
    "this",
    "very",
    "address",
    "and",
    "no",
    "other",
]


def page(number: int, *, version: int) -> dict[str, Any]:
    """Return the record of a page, of about the size that a page of a few kilobytes has."""
    url = f"https://host{number % 5000}.example/section/{number % 97}/page-{number}"
    text = f"{url} {version}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    title = " ".join(_WORDS[(number * step + version) % len(_WORDS)] for step in range(3, 9))
    return a_record(
        url,
        seq=number,
        title=title,
        headline=title,
        description=f"{title}, {digest}",
        canonical=url,
        lang="en",
        og={"title": [title], "type": ["article"], "url": [url], "image": [f"{url}/{digest[:8]}.jpg"]},
        headers={
            "content-type": ["text/html; charset=utf-8"],
            "date": ["Thu, 01 Jan 2026 00:00:00 GMT"],
            "etag": [f'"{digest[:16]}"'],
            "vary": ["Accept-Encoding"],
        },
        etag=f'"{digest[:16]}"',
        last_modified="Wed, 31 Dec 2025 00:00:00 GMT",
        fetched_at="2026-01-01T00:00:00.000Z",
        body_sha256=digest,
        text_sha256=digest,
        headings=[{"level": 1, "text": title}],
        word_count=300 + number % 500,
        text_length=2000 + number % 3000,
        links={"internal": 40, "external": 3, "nofollow": 0, "total": 43},
    )


def records(count: int, *, run: int) -> Iterator[dict[str, Any]]:
    """Give the records of one of the runs."""
    for number in range(count):
        is_other = run >= 1 and number % 100 == 50
        record = page(number, version=int(is_other)) | {"run": f"r{run}"}
        status, fields = ("unchanged", []) if run else ("new", [])
        if run == 1 and is_other:
            status, fields = "changed", ["title", "description", "text_sha256"]
        if run == 1 and number % 1000 == 1:
            record |= {"outcome": "http_error", "status": 404}
            status, fields = "gone", []
        if run == 2 and number % 100:
            record |= {"outcome": "not_modified", "status": 304, "validated_at": "2026-01-03T00:00:00.000Z"}
        yield record | {
            "change": {"status": status, "fields": fields, "last_changed": "2026-01-01T00:00:00Z"}
        }


def main() -> None:
    """Make the runs, take them in, and print figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    settings, compared = HistorySettings(gone_after=1), Compared("")
    asking = Asking(FetchSettings(), salt=b"salt")
    with tempfile.TemporaryDirectory(prefix="history-", dir=os.environ.get("TMPDIR")) as folder:
        path, journal, changes = (
            Path(folder, name) for name in ("pages.sqlite", "run.jsonl", "changes.jsonl")
        )
        made(path)
        for run in range(3):
            with journal.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in records(count, run=run))
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            finished = Finished(f"r{run}", (journal,), changes, "extraction")
            now = _BEGAN + timedelta(days=run)
            totals = update(path, finished, settings=settings, compared=compared, asking=asking, now=now)
            took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
            sys.stdout.write(
                f"run {run}: {count:,} records ({journal.stat().st_size / 2**20:.0f} MiB): {took_s:.1f} s "
                f"({cpu_s:.1f} s of a processor), history {path.stat().st_size / 2**20:.0f} MiB, "
                f"{peak_bytes() / 2**20:.0f} MiB of memory at most\n  {totals}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
