"""Compare two runs of many small records: ``python -m tests.benchmarks.diff_runs 1000000``.

Says how long it took and how much memory at most. One page in a hundred has another title, one in a thousand
is only in one of the two runs.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

from scraper.comparing.changes import compared_fields
from scraper.pairing import Comparison
from tests.support.memory import peak_bytes
from tests.support.runs import a_record


def write(path: Path, count: int, *, is_new: bool) -> None:
    """Write a run's records; the new one's are in another order."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            page = (number * 7919) % count if is_new else number
            if page % 1000 == is_new:
                continue
            url = f"https://host{page % 5000}.example/page/{page}"
            title = f"Page {page}" + (", anew" if is_new and page % 100 == 50 else "")
            record = a_record(
                url,
                run=f"r{is_new}",
                seq=number,
                title=title,
                text_length=100,
                text_sha256=hashlib.sha256(url.encode()).hexdigest(),
                elapsed=number / 1000,
            )
            file.write(json.dumps(record) + "\n")


def main() -> None:
    """Write both runs, compare them, and print figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory(prefix="diff-") as folder:
        old, new = Path(folder, "old.jsonl"), Path(folder, "new.jsonl")
        write(old, count, is_new=False)
        write(new, count, is_new=True)
        size_mib = (old.stat().st_size + new.stat().st_size) / 2**20
        before_bytes = peak_bytes()
        began_s = time.perf_counter()
        comparison = Comparison(old, new, fields=compared_fields([]))
        entries = sum(1 for _ in comparison.entries())
        took_s = time.perf_counter() - began_s
        most_bytes = peak_bytes()
    sys.stdout.write(
        f"{count:,} records twice ({size_mib:.0f} MiB): {took_s:.1f} s, {entries:,} entries, "
        f"{most_bytes / 2**20:.0f} MiB at most, {before_bytes / 2**20:.0f} MiB before\n{comparison.totals}\n"
    )


if __name__ == "__main__":
    main()
