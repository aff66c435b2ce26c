"""A daemon of ``scraper schedule run`` in a folder of its own, for tests of the whole program."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.processes import Ended, Running, records_in, scrape, started, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

START_S = 60.0
"""Longer than the process of a run takes to come about on a busy machine."""


class Daemon(NamedTuple):
    """A daemon that runs."""

    running: Running
    folder: Path

    def heard(self, text: str, *, times: int = 1) -> str:
        """Wait until its log says something, so many times, and return the log."""
        wait_until(
            lambda: self.log.count(text) >= times,
            what=f"{text!r} in the log: {self.log}",
            running=self.running,
            timeout_s=START_S,
        )
        return self.log

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.running.err.read_text()


@contextlib.contextmanager
def daemon(folder: Path, *words: str, **options: Any) -> Iterator[Daemon]:
    """Run the jobs of a folder, and kill the daemon if it is there still when the block ends."""
    with started("schedule", "run", "--config", "jobs.toml", *words, cwd=folder, **options) as running:
        one = Daemon(running, folder)
        one.heard("ready:")
        yield one


def write_jobs(folder: Path, jobs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a file of jobs; each has a schedule that is far away unless it says otherwise."""
    lines = []
    for name, job in jobs.items():
        settings = {"politeness": {"delay_s": 0}, "output": {"batch_s": 0.02}, **job.get("settings", {})}
        lines.append(f"[job.{name}]")
        entries = {"schedule": "@yearly", **{key: value for key, value in job.items() if key != "settings"}}
        lines += [f"{key} = {json.dumps(value)}" for key, value in entries.items()]
        for section, values in settings.items():
            lines.append(f"[job.{name}.settings.{section}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    # Whole at once, as an editor does.
    (folder / "jobs.new").write_text("\n".join(lines) + "\n")
    (folder / "jobs.new").replace(folder / "jobs.toml")


def ask(folder: Path, *words: str) -> Ended:
    """Carry out ``scraper schedule WORDS`` in a folder."""
    return scrape("schedule", *words, "--config", "jobs.toml", cwd=folder)


def trigger(folder: Path, job: str) -> str:
    """Have a run begun, and return its id."""
    ended = ask(folder, "trigger", job)
    assert ended.code == 0, ended.err
    return ended.out.strip()


def history(folder: Path, job: str) -> list[dict[str, Any]]:
    """Return a job's runs, newest first."""
    ended = ask(folder, "history", job, "--format", "json")
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.out.splitlines()]


def records_of(folder: Path, run: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the records of a run."""
    return records_in(folder / run["folder"] / "records.jsonl")
