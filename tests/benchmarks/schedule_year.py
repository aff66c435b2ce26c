"""Let the scheduler live through a year in three zones, and see whether every due time is accounted for.

    python tests/benchmarks/schedule_year.py [--year 2026]

The daemon is killed and down, the machine sleeps, and runs take longer than they may, at times that cover
both changes of each zone's clock. The exit code is 1 when a due time has neither a run nor a line that says
why not.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scraper.schedule.job import Job
from tests.support.simulated_year import Outcome, Plan, Trouble, simulate

say = functools.partial(print, flush=True)  # the table is the program's output
ZONES = {"Europe/Berlin": "30 2", "America/New_York": "30 2", "Australia/Lord_Howe": "15 2"}
"""And a time that each of their changes in spring leaves out."""


def plans_of(folder: Path, *, hourly: bool = True) -> list[Plan]:
    """Return the jobs: in each zone one a night and one an hour, and one by an interval."""
    plans = []
    for zone, night in ZONES.items():
        name = zone.rpartition("/")[2]
        schedules = {"night": f"{night} * * *", "hour": "0 * * * *"}
        for kind, schedule in schedules.items() if hourly else [("night", schedules["night"])]:
            job = Job(
                name=f"{name}-{kind}",
                sources=("https://a.example/",),
                schedule=schedule,
                zone=zone,
                jitter=timedelta(minutes=5),
                output=folder / f"{name}-{kind}",
            )
            # Each thirteenth run of the hourly job takes more than two hours.
            plans.append(Plan(job, _takes if kind == "hour" else lambda _number: timedelta(minutes=40)))
    job = Job(
        name="interval", sources=("https://a.example/",), schedule="every 6h", output=folder / "interval"
    )
    plans.append(Plan(job, lambda _number: timedelta(hours=1)))
    return plans


def _takes(number: int) -> timedelta:
    return timedelta(minutes=130 if (number // 60) % 13 == 0 else 20)


def troubles_of(year: int) -> list[Trouble]:
    """Return when the daemon is down and when the machine sleeps."""

    def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)

    down = [
        (at(1, 20, 3, 10), timedelta(minutes=5)),  # restarted
        (at(3, 8, 6), timedelta(hours=3)),  # over New York's spring
        (at(3, 29, 0, 30), timedelta(minutes=45)),  # over Berlin's
        (at(4, 4, 14, 20), timedelta(hours=1)),  # over Lord Howe's autumn
        (at(6, 1, 0, 20), timedelta(days=3)),
        (at(10, 25, 0, 45), timedelta(minutes=20)),  # between Berlin's two 02:30
        (at(11, 1, 5, 45), timedelta(hours=2)),  # over New York's autumn
        (at(12, 24, 12), timedelta(days=2, hours=7)),
    ]
    asleep = [
        (at(2, 14, 1, 20), timedelta(minutes=47)),
        (at(7, 4, 6, 50), timedelta(hours=9)),
        (at(10, 3, 15, 10), timedelta(hours=1)),  # over Lord Howe's spring
    ]
    return [Trouble(*one, kills=True) for one in down] + [Trouble(*one, kills=False) for one in asleep]


def table(outcomes: list[Outcome]) -> list[str]:
    """Return the table, a line each."""
    heads = ("job", "zone", "due", "run", "skipped", "missed", "late", "resumed", "lost")
    lines = ["{:<16} {:<20} {:>5} {:>5} {:>7} {:>6} {:>5} {:>7} {:>4}".format(*heads)]
    lines += [
        f"{one.job:<16} {one.zone:<20} {one.due:>5} {one.run:>5} {one.skipped:>7} {one.missed:>6}"
        f" {one.late:>5} {one.resumed:>7} {one.unaccounted:>4}"
        for one in outcomes
    ]
    return lines


def main() -> int:
    """Run, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--year", type=int, default=2026)
    options = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="schedule-year-") as folder:
        plans = plans_of(Path(folder))
        begins, ends = (datetime(year, 1, 1, tzinfo=UTC) for year in (options.year, options.year + 1))
        troubles = troubles_of(options.year)
        outcomes = asyncio.run(simulate(plans, begins=begins, ends=ends, troubles=troubles))
    say("\n".join(table(outcomes)))
    for one in outcomes:
        if one.job.endswith("night"):
            say(f"{one.job} at the changes of the clock: {', '.join(one.gaps)}")
    say(f"{time.monotonic() - began_s:.0f} s")
    return 1 if any(one.unaccounted for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
