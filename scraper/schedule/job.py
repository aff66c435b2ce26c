"""A job as its file has it, validated: what the daemon runs by. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from scraper.notify.table import NotifyTable
from scraper.schedule.due import Schedule, parse_schedule, parse_zone
from scraper.settings.model import Settings

RECORDS: Final = "records.jsonl"
"""The name of the file of records in a run's folder."""

PAGES: Final = "pages.sqlite"
"""The name of the file, in a job's folder, of what is known of each page."""

is_job_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}").fullmatch


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job: what is scraped, when, and what becomes of it."""

    name: str
    sources: tuple[str, ...]
    """What ``scraper crawl`` takes: lists, URLs, ``sitemap:URL``; paths from the working directory."""
    schedule: str
    """When it is due: ``every 6h``, ``@daily`` or a cron text."""
    zone: str = "UTC"
    """In whose time a cron text is meant (IANA)."""
    jitter: timedelta = timedelta(0)
    """A run begins up to so much after it is due, other each time."""
    deadline: timedelta = timedelta(hours=24)
    """A run that has not ended after this is stopped."""
    output: Path
    """The folder of its history and its runs."""
    formats: tuple[str, ...] = ()
    """Further files of records in each run's folder, by their endings."""
    keep: int = 30
    """So many runs keep their files; the newest complete one does in any case."""
    unfinished: Literal["resume", "abandon"] = "resume"
    """What becomes of a run whose daemon has ended."""
    alarm_after: int = 3
    """After so many due times without success the job is reported; 0 never reports it."""
    notify: tuple[NotifyTable, ...] = ()
    """Whom it tells, and of what."""
    settings: Settings = Settings()
    """What it sets itself, and the environment."""

    def timetable(self) -> Schedule:
        """Return when it is due."""
        return parse_schedule(self.schedule, parse_zone(self.zone))
