"""A daemon for tests of what shows and commands one: it does what it is told, and runs nothing."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from scraper.dashboard.known_pages import (
    FieldChange,
    PageChange,
    PageEvent,
    PageRow,
    PageSlice,
    Slice,
)
from scraper.errors import UsageError
from scraper.observe.particulars import Failure, HostRow
from scraper.observe.parts import PartRow, Parts, PartState, parts_of
from scraper.record import ChangeStatus
from scraper.schedule.model import Cause, JobRow, JobState, LiveRun, RunRow, RunState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Sequence

SIZE = 64
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'\u202egpj.exe {{7*7}}"


class FakeDaemon:
    """Keeps jobs and runs in memory."""

    def __init__(self, jobs: Sequence[JobRow], runs: dict[str, list[RunRow]] | None = None) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._runs = runs or {job.name: list(job.recent) for job in jobs}
        self._lives: dict[str, LiveRun] = {}
        self._listening: set[asyncio.Event] = set()
        self.is_over = False
        self.asked: list[tuple[str, str]] = []
        """What it was told to do: (action, job)."""

    def jobs(self) -> Sequence[JobRow]:
        return tuple(self._jobs.values())

    def live(self, job: str) -> LiveRun | None:
        return self._lives.get(job)

    async def history(self, job: str, *, limit: int = 50, before: datetime | None = None) -> Sequence[RunRow]:
        rows = [row for row in self._runs[job] if before is None or row.due < before]
        return rows[:limit]

    async def run(self, job: str, run: str) -> RunRow | None:
        return next((row for row in self._runs[job] if row.id == run), None)

    async def trigger(self, job: str) -> RunRow:
        self.asked.append(("trigger", job))
        if self._jobs[job].state is JobState.RUNNING:
            raise UsageError(f"a run of {job} goes on already")
        now = datetime.now(UTC)
        row = RunRow(
            id=f"{now:%Y%m%dT%H%M%S.%fZ}",
            job=job,
            cause=Cause.MANUAL,
            state=RunState.RUNNING,
            due=now,
            started=now,
        )
        self.put(row)
        self.set(job, state=JobState.RUNNING)
        return row

    async def pause(self, job: str) -> None:
        self.asked.append(("pause", job))
        self.set(job, state=JobState.PAUSED, next_due=None)

    async def resume(self, job: str) -> None:
        self.asked.append(("resume", job))
        self.set(job, state=JobState.WAITING, next_due=datetime.now(UTC) + timedelta(hours=1))

    async def stop_run(self, job: str) -> None:
        self.asked.append(("stop", job))
        self.end(job, RunState.STOPPED)

    def drain(self) -> None:
        self.asked.append(("drain", ""))

    @contextlib.contextmanager
    def changed(self) -> Iterator[AsyncIterator[None]]:
        news = asyncio.Event()
        self._listening.add(news)
        try:
            yield self._items(news)
        finally:
            self._listening.discard(news)

    async def _items(self, news: asyncio.Event) -> AsyncIterator[None]:
        while not self.is_over:
            await news.wait()
            news.clear()
            yield

    def tell(self) -> None:
        """Let those who listen look."""
        for news in self._listening:
            news.set()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listening)

    def put(self, row: RunRow) -> None:
        """Add a run, or replace the one with its id."""
        runs = self._runs[row.job]
        runs[:] = [row, *(one for one in runs if one.id != row.id)]
        self.set(row.job, recent=tuple(runs[:30]))

    def set(self, job: str, **fields: Any) -> None:
        """Change a job."""
        self._jobs[job] = msgspec.structs.replace(self._jobs[job], **fields)
        self.tell()

    def show(self, live: LiveRun | None, job: str) -> None:
        """Say how far a run is."""
        if live is None:
            self._lives.pop(job, None)
        else:
            self._lives[job] = live
        self.tell()

    def end(self, job: str, state: RunState = RunState.COMPLETE) -> None:
        """End the run that goes on."""
        row = next(row for row in self._runs[job] if row.state is RunState.RUNNING)
        self._lives.pop(job, None)
        self.set(job, state=JobState.WAITING)
        self.put(msgspec.structs.replace(row, state=state, ended=datetime.now(UTC)))

    def close(self) -> None:
        """End."""
        self.is_over = True
        self.tell()


class FakePages:
    """Knows some pages."""

    def __init__(
        self,
        changes: Sequence[PageChange] = (),
        pages: Sequence[PageRow] = (),
        events: dict[str, list[PageEvent]] | None = None,
    ) -> None:
        self._changes = changes
        self._pages = pages
        self._events = events or {}

    async def changes(
        self,
        job: JobRow,  # noqa: ARG002 the interface
        run: RunRow,  # noqa: ARG002
        *,
        statuses: Collection[ChangeStatus],
        words: str,
        after: str | None,
        limit: int,
    ) -> Slice:
        wanted = statuses or set(ChangeStatus) - {ChangeStatus.UNCHANGED}
        rows = [row for row in self._changes if row.status in wanted and words.lower() in row.url.lower()]
        shown, further = _cut(rows, after, limit)
        return Slice(rows=shown, next=further)

    async def search(
        self,
        job: JobRow,  # noqa: ARG002
        *,
        words: str,
        after: str | None,
        limit: int,
    ) -> PageSlice:
        rows = [row for row in self._pages if all(word in row.url.lower() for word in words.lower().split())]
        shown, further = _cut(rows, after, limit)
        return PageSlice(rows=shown, next=further)

    async def page(
        self,
        job: JobRow,  # noqa: ARG002
        page: str,
    ) -> tuple[PageRow, Sequence[PageEvent]] | None:
        row = next((row for row in self._pages if row.page == page), None)
        return None if row is None else (row, self._events.get(page, []))


T = TypeVar("T")


def _cut(rows: Sequence[T], after: str | None, limit: int) -> tuple[tuple[T, ...], str | None]:
    """Return the rows behind a place, and the place of those behind them."""
    start = _place(after)
    end = start + limit
    return tuple(rows[start:end]), str(end) if end < len(rows) else None


def _place(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isdecimal() and after.isascii() and len(after) < 10):
        raise UsageError("there is no such part")
    return int(after)


def run(job: str, due: datetime, *, state: RunState = RunState.COMPLETE, **fields: Any) -> RunRow:
    """A run that was complete, or what the fields make of it."""
    given: dict[str, Any] = {
        "id": f"{due:%Y%m%dT%H%M%SZ}",
        "cause": Cause.SCHEDULE,
        "due": due,
        "started": due,
        "ended": None if state is RunState.RUNNING else due + timedelta(minutes=4, seconds=12),
        "lines": 1200,
        "failed": 36,
        "outcomes": {"ok": 1100, "not_modified": 64, "http_error": 30, "timeout": 6},
        "changes": {"new": 4, "changed": 31, "unchanged": 1160, "gone": 5},
        "wire_bytes": 48_300_000,
    }
    return RunRow(job=job, state=state, **given | fields)


def sample(now: datetime, folder: Path, *, size: int = SIZE) -> tuple[FakeDaemon, FakePages]:
    """A daemon with something in each part of the dashboard: jobs in all states, a run, hostile texts.

    Each job has as many runs, and twice as many pages.
    """
    hour = timedelta(hours=1)

    def history(job: str, step: timedelta, states: dict[int, RunState], **fields: Any) -> list[RunRow]:
        rows = []
        for number in range(size):
            due = now.replace(microsecond=0) - step * number - timedelta(minutes=17)
            state = states.get(number, RunState.COMPLETE)
            given = dict(fields)
            if state in {RunState.SKIPPED_OVERLAP, RunState.FAILED}:
                given |= {"lines": 0, "failed": 0, "outcomes": {}, "changes": {}, "folder": None}
                given["error"] = (
                    "the list of URLs is not there: urls.txt" if state is RunState.FAILED else None
                )
            else:
                given["lines"] = 900 + (number * 7919) % 400
                given["failed"] = (number * 104729) % 140
            if state is RunState.SKIPPED_OVERLAP:
                given |= {"started": None, "ended": None}
            rows.append(run(job, due, state=state, **given))
        return rows

    shop = history(
        "shop", 6 * hour, {3: RunState.SKIPPED_OVERLAP, 9: RunState.FAILED}, folder=folder, late_s=2.4
    )
    shop[0] = msgspec.structs.replace(shop[0], parts=sample_parts().at_rest())
    news = history("news", hour, {0: RunState.RUNNING, 12: RunState.OVERDUE, 13: RunState.OVERDUE})
    docs = history("docs-of-a-very-long-name-indeed", 24 * hour, dict.fromkeys(range(5), RunState.FAILED))
    daemon = FakeDaemon(
        [
            JobRow(
                name="shop",
                state=JobState.WAITING,
                schedule="every 6h",
                zone="UTC",
                sources=("config/shop.txt", "sitemap:https://shop.example/"),
                output=Path("output/shop"),
                next_due=now + 5 * hour + timedelta(minutes=43),
                recent=tuple(shop[:30]),
            ),
            JobRow(
                name="news",
                state=JobState.RUNNING,
                schedule="@hourly",
                zone="Europe/Berlin",
                sources=("config/news.txt",),
                output=Path("output/news"),
                next_due=now + timedelta(minutes=43),
                recent=tuple(news[:30]),
            ),
            JobRow(
                name="docs-of-a-very-long-name-indeed",
                state=JobState.PAUSED,
                schedule="30 4 * * mon-fri",
                zone="America/New_York",
                sources=tuple(f"lists/docs-{number}.txt" for number in range(24)),
                output=Path("output/docs"),
                recent=tuple(docs[:30]),
                silent_since=now - timedelta(days=6),
                problem="config/jobs.toml line 31: `every 5 parsecs` is no schedule; the text before holds",
            ),
            JobRow(
                name="fresh",
                state=JobState.WAITING,
                schedule="@daily",
                zone="UTC",
                sources=("config/fresh.txt",),
                output=Path("output/fresh"),
                next_due=now + 7 * hour,
            ),
        ],
        {"shop": shop, "news": news, "docs-of-a-very-long-name-indeed": docs, "fresh": []},
    )
    daemon.show(sample_live(now, news[0]), "news")
    return daemon, sample_pages(now, shop, most=2 * size + 2)


def sample_live(now: datetime, row: RunRow, *, done: int = 431) -> LiveRun:
    """How far a run is, with failures and hosts."""
    failures = tuple(
        Failure(
            at=now - timedelta(seconds=7 * number + 3),
            seq=done - number,
            url=f"https://h{number % 5}.news.example/a/long/way/to/article-{number}?page={number}"
            if number
            else f"https://evil.example/{HOSTILE}",
            outcome=("timeout", "http_error", "dns_error")[number % 3],
            status=503 if number % 3 == 1 else None,
            message=HOSTILE if number == 0 else "no answer within 30 s",
        )
        for number in range(9)
    )
    hosts = tuple(
        HostRow(
            host=f"h{number}.news.example",
            done=90 - 7 * number,
            failed=number % 4,
            waiting=max(60 - 9 * number, 0),
            backs_off_s=42.0 if number == 2 else 0.0,
        )
        for number in range(8)
    )
    return LiveRun(
        run=row.id,
        job=row.job,
        done=done,
        total=1180,
        known=1180,
        failed=23,
        rate=18.4,
        left_s=40.7,
        outcomes={"ok": done - 43, "not_modified": 20, "http_error": 14, "timeout": 9},
        hosts_ready=5,
        hosts_held=3,
        hosts=hosts,
        failures=failures,
        took=(100, 120, 80, 60, 40, 20, 6, 3, 2, 0),
        took_s=160.5,
        parts=sample_parts(),
        cluster_page="http://10.0.0.5:8787/status",
    )


def sample_parts() -> Parts:
    """A part in each state, and one whose worker has a hostile name."""
    states = (PartState.RUNNING, PartState.LOST, PartState.WAITING, PartState.FINISHED, PartState.RUNNING)
    rows = [
        PartRow(
            part=number,
            state=state,
            worker=("tcp://10.0.0.17:41793", "rack-2-node-11", "", "worker 3", HOSTILE)[number],
            attempt=(1, 2, 0, 1, 4)[number],
            lost=(0, 2, 0, 0, 1)[number],
            why=("", "was killed by SIGKILL", "", "", f"failed ({HOSTILE})")[number],
            round=(1, 1, 1, 1, 2)[number],
            done=(96, 120, 0, 148, 67)[number],
            lines=(260, 262, 210, 148, 300)[number],
            failed=(9, 12, 0, 0, 2)[number],
            output_bytes=40_960 * number,
        )
        for number, state in enumerate(states)
    ]
    return parts_of(rows)


def sample_pages(now: datetime, runs: Sequence[RunRow], *, most: int) -> FakePages:
    """Pages that have changed, hostile ones too."""

    def fields(number: int) -> tuple[FieldChange, ...]:
        return (
            FieldChange(
                name="title",
                old=f"Kettle, 1.{number} litres, steel: 49.90 euro" if number else HOSTILE,
                new=f"Kettle, 1.{number} litres, steel: 44.90 euro until Sunday" if number else HOSTILE * 2,
            ),
            FieldChange(name="fields.price", old=49.9, new=44.9),
            FieldChange(name="og.image", old=None, new=["https://shop.example/kettle-large.jpg"]),
        )

    changes = [
        PageChange(
            page=f"p{number}",
            url=f"https://shop.example/kitchen/kettles/kettle-{number}"
            if number
            else f"javascript:alert('{HOSTILE}')",
            status=(ChangeStatus.CHANGED, ChangeStatus.NEW, ChangeStatus.GONE, ChangeStatus.RECOVERED)[
                number % 4
            ],
            title=f"Kettle number {number}",
            fields=fields(number) if number % 4 == 0 else (),
        )
        for number in range(most)
    ]
    pages = [
        PageRow(
            page=f"p{number}",
            url=f"https://shop.example/kitchen/kettles/kettle-{number}"
            if number
            else f"https://evil.example/{HOSTILE}",
            title=f"Kettle number {number}" if number else HOSTILE,
            outcome="ok",
            http_status=200,
            first_seen=now - timedelta(days=90 - number % 50),
            last_seen=now - timedelta(minutes=17),
            last_changed=now - timedelta(days=number % 7, hours=2),
            last_change=ChangeStatus.GONE if number % 10 == 9 else ChangeStatus.CHANGED,
            is_gone=number % 10 == 9,
        )
        for number in range(most)
    ]
    events = [
        PageEvent(
            run=row.id,
            at=row.due,
            status=status,
            outcome=outcome,
            http_status=http_status,
            fields=fields(place) if status is ChangeStatus.CHANGED else (),
        )
        for place, (row, status, outcome, http_status) in enumerate(
            zip(
                runs,
                [
                    ChangeStatus.CHANGED,
                    ChangeStatus.RECOVERED,
                    ChangeStatus.GONE,
                    ChangeStatus.CHANGED,
                    ChangeStatus.NEW,
                ],
                ["ok", "ok", "http_error", "ok", "ok"],
                [200, 200, 404, 200, 200],
                strict=False,
            )
        )
    ]
    return FakePages(changes, pages, {row.page: events for row in pages})
