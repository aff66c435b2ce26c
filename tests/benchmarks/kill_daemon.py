"""Kill the scheduler's daemon many times during runs, start it again each time, and see what was lost.

    python tests/benchmarks/kill_daemon.py [--kills 20] [--pages 120] [--seed 1]

Two jobs are due every few seconds. After the last kill the daemon is left alone until a run of each job has
begun and ended, and is then told to end. Then every due time since the jobs were first known must have a run,
or be noted as skipped or missed; every run must be complete, with one whole record for each line; and no
process may be left. The exit code is 1 when anything is lost, doubled or left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from scraper.schedule.run_history import RunHistory
from tests.support.daemons import daemon, history, write_jobs
from tests.support.processes import serving, wait_until, write_list

say = functools.partial(print, flush=True)  # the table is the program's output
TAG = "kill-daemon"
EVERY = {"one": 7, "two": 11}


def kill_repeatedly(folder: Path, lives_s: list[float]) -> int:
    """Kill the daemon once for each life and print a line for each; return how many runs were under way."""
    say(f"{'kill':>4} {'after s':>8} {'under way':>10} {'gone on with':>13} {'rows':>5}")
    under_way = 0
    for number, life_s in enumerate(lives_s, 1):
        with daemon(folder) as one:
            time.sleep(life_s)
            one.running.kill()
            log = one.log
        rows = [row for job in EVERY for row in history(folder, job)]
        running = sum(row["state"] == "running" for row in rows)
        under_way += running
        resumed = log.count("is gone on with")
        say(f"{number:>4} {life_s:>8.2f} {running:>10} {resumed:>13} {len(rows):>5}")
    return under_way


def end_well(folder: Path) -> None:
    """Start the daemon once more, and end it when it has made up for all that was killed."""
    with daemon(folder) as one:
        counts = {job: len(history(folder, job)) for job in EVERY}
        for job, count in counts.items():
            wait_until(
                functools.partial(_has_new, folder, job, count),
                what=f"a further run of {job}",
                running=one.running,
                timeout_s=180,
            )
        one.running.send(signal.SIGTERM)
        one.running.popen.wait(60)


def _has_new(folder: Path, job: str, count: int) -> bool:
    rows = history(folder, job)
    return len(rows) > count + 1 and all(row["state"] != "running" for row in rows[1:])


def verdict(folder: Path, urls: list[str]) -> tuple[list[str], Counter[str]]:
    """Return what is wrong, in lines for people, and what the rows say in numbers."""
    wrong, found = [], Counter[str]()
    for job, seconds in EVERY.items():
        rows = history(folder, job)
        with contextlib.closing(RunHistory(folder / "output" / job, job, make=False)) as kept:
            remembered = kept.remembered()
        assert remembered is not None
        first, last = remembered.counts_from, datetime.fromisoformat(rows[0]["due"])
        step = timedelta(seconds=seconds)
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        due = (last - epoch) // step - (first - epoch) // step
        accounted = len(rows) + sum(row["missed"] for row in rows)
        found.update(row["state"] for row in rows)
        found["due"] += due
        found["missed"] += sum(row["missed"] for row in rows)
        found["times gone on with"] += sum(row["resumed"] for row in rows)
        if due != accounted:
            wrong.append(f"{job}: {due} due times, {accounted} accounted for")
        for row in rows:
            if row["state"] == "complete":
                wrong += _wrong_records(folder, row, urls)
            elif row["state"] != "skipped_overlap" and not (row["state"] == "stopped" and row is rows[0]):
                wrong.append(f"{job}: run {row['id']} is {row['state']}: {row['error']}")
    return wrong, found


def _wrong_records(folder: Path, row: dict[str, Any], urls: list[str]) -> list[str]:
    content = (folder / row["folder"] / "records.jsonl").read_bytes()
    if not content.endswith(b"\n"):
        return [f"run {row['id']} ends in a torn line"]
    records = [json.loads(line) for line in content.splitlines()]
    seen = sorted((record["seq"], record["input"]) for record in records)
    return [] if seen == list(enumerate(urls)) else [f"run {row['id']} has lines lost or doubled"]


def left_processes(folder: Path) -> list[str]:
    """Return the processes that still work in a folder."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                left.append(f"process {process.name} is left")
    return left


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=9.0, metavar="SECONDS", help="the latest kill")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 repeatable, nothing secret
    with tempfile.TemporaryDirectory(prefix="kill-daemon-") as name, serving() as server:
        folder = Path(name).resolve()
        urls = server.bulk(options.pages, tag=TAG, hosts=10, delay_s=0.2)
        write_list(folder / "urls.txt", urls)
        settings = {"run": {"workers": 10, "drain_s": 2}}
        job = {"sources": ["urls.txt"], "keep": 1000, "settings": settings}
        write_jobs(folder, {one: {**job, "schedule": f"every {EVERY[one]}s"} for one in EVERY})
        lives_s = [chance.uniform(0.2, options.longest) for _ in range(options.kills)]
        under_way = kill_repeatedly(folder, lives_s)
        end_well(folder)
        wrong, found = verdict(folder, urls)
        wrong += left_processes(folder)
    say(f"{options.kills} kills with {under_way} runs under way; {found['due']} due times:")
    say(", ".join(f"{count} {what}" for what, count in sorted(found.items()) if what != "due"))
    say("\n".join(wrong) if wrong else "nothing lost, nothing doubled, nothing left behind")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
