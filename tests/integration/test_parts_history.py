"""A list run in parts again and again, with a history: as in one part, page by page."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from scraper.cluster.engine import InProcess
from scraper.errors import OutputExists, OutputLocked, RunError, UsageError
from scraper.history.change_log import read_changes
from scraper.history.file import held
from scraper.history.remembered import History
from scraper.history.rows import PageRow
from scraper.run.files import Mode
from tests.support.crawling import run_to_file
from tests.support.in_parts import records_of, run_in_parts
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, serving, text
from tests.support.processes import records_in, write_list

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from scraper.cluster.engine import Engine
    from scraper.history.update import Totals
    from scraper.run.execution import RunResult
    from scraper.settings.model import ClusterSettings

HOSTS = [f"127.0.21.{number}" for number in range(1, 8)]
MOMENTS = {"run", "at", "seen_at", "first_seen", "last_changed", "previous_run", "first_run"}
OWN = {*MOMENTS, "due_s", "variant"}
"""What differs from one history to the other: times, and what is mixed with a salt of the file's."""


class Shop:
    """Pages at several hosts, each with its tag; what is said of a path holds at every host."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.gone: set[str] = set()
        self.asked: list[tuple[str, str, str | None]] = []

    def answer(self, ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            # All but the first lie with the first: their hosts change hands.
            port = ask.headers["host"].rpartition(":")[2]
            at_first = ask.host == HOSTS[0]
            return text("User-agent: *") if at_first else moved(f"http://{HOSTS[0]}:{port}/robots.txt")
        tag = ask.headers.get("if-none-match")
        self.asked.append((ask.host, ask.target, tag))
        if ask.target in self.gone:
            return NOT_FOUND
        title = self.titles.get(ask.target, f"{ask.host}{ask.target}")
        own = f'"{title}"'
        if tag == own:
            return Answer(status=304, headers=(("ETag", own),))
        headers = (("Content-Type", "text/html"), ("ETag", own))
        return Answer(f"<title>{title}</title>".encode(), headers=headers)


def timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in MOMENTS}


def told(records: list[dict[str, Any]]) -> list[Any]:
    """Return what records say of pages, but for when."""
    return [
        (one["seq"], one["outcome"], one.get("title"), one.get("status"), timeless(one.get("change") or {}))
        for one in records
    ]


def pages(history: Path) -> dict[str, Any]:
    """Return all that a history keeps of pages, but for when."""
    with closing(sqlite3.connect(history)) as db:
        rows = db.execute("SELECT page FROM pages").fetchall()
        contents = db.execute("SELECT count(*) FROM contents").fetchone()
        counts = [json.loads(totals) for (totals,) in db.execute("SELECT totals FROM runs ORDER BY at")]
    found = [msgspec.to_builtins(msgspec.json.decode(page, type=PageRow)) for (page,) in rows]
    kept = [
        {name: row[at] for at, name in enumerate(PageRow.__struct_fields__) if name not in OWN}
        for row in found
    ]
    by_url = {row["url"]: row for row in kept}
    return {"pages": by_url, "contents": contents, "totals": counts}


class Both:
    """The same runs in one part and in three, each with a history of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = 0
        self.result: RunResult

    async def run(self, urls: list[str], shop: Shop, **history: Any) -> list[dict[str, Any]]:
        """Run them, compare, and return the records."""
        self.runs += 1
        listed = str(write_list(self.folder / "urls.txt", urls))
        shop.asked.clear()
        whole_file = self.folder / f"whole-{self.runs}.jsonl"
        whole = await run_to_file(
            [listed], whole_file, history={"file": str(self.folder / "whole.sqlite"), **history}
        )
        asked_whole = sorted(shop.asked)
        shop.asked.clear()
        out = self.folder / f"parts-{self.runs}"
        self.result = await run_in_parts(
            [listed], out, history={"file": str(self.folder / "parts.sqlite"), **history}
        )
        assert sorted(shop.asked) == asked_whole
        records = records_of(out)
        expected = sorted(records_in(whole_file), key=lambda record: record["seq"])
        assert told(records) == told(expected)
        assert self.result.changes == whole.changes
        entries = [
            [timeless(json.loads(line)) for line in path.read_text().splitlines()]
            for path in (out / "parts.changes.jsonl", self.folder / f"whole-{self.runs}.changes.jsonl")
        ]
        assert entries[0] == entries[1]
        assert pages(self.folder / "parts.sqlite") == pages(self.folder / "whole.sqlite")
        return records


async def test_what_is_known_changed_and_gone_is_as_in_one_part(tmp_path: Path) -> None:
    shop, both = Shop(), Both(tmp_path)
    async with serving(shop.answer) as site:
        urls = [site.url(host, f"/{number}") for host in HOSTS for number in range(4)]
        first = await both.run(urls, shop)
        assert {record["change"]["status"] for record in first} == {"new"}

        shop.titles["/1"] = "Anew"
        shop.gone.add("/2")
        second = await both.run([*urls, site.url(HOSTS[2], "/more"), urls[0]], shop)
        by_path = {record["input"].rpartition("/")[2]: record for record in second}
        assert [by_path[name]["outcome"] for name in ("1", "2", "3", "more")] == [
            "ok",
            "http_error",
            "not_modified",
            "ok",
        ]
        assert by_path["1"]["change"]["fields"] == ["headline", "title"]
        assert all(tag for _, target, tag in shop.asked if target != "/more"), shop.asked
        assert both.result.changes["changed"] == len(HOSTS)

        await both.run(urls[:-4], shop)
        assert both.result.changes["gone"] == len(HOSTS)
        await both.run(urls[:-4], shop)
        assert both.result.changes["gone"] == len(("/0", "/1", "/3", "/more"))
        await both.run(urls, shop, adaptive=True)
        assert both.result.changes["recovered"] == len(("/0", "/1", "/3"))
        last = await both.run(urls, shop, adaptive=True)
        assert {target for _, target, _ in shop.asked} == {"/2"}
        assert {record["attempts"] for record in last if record["outcome"] == "not_modified"} == {0}


class Elsewhere(InProcess):
    """Workers on a machine where the history can't be reached."""

    async def submit(self, shard: int, attempt: int, order: bytes) -> str:
        told = msgspec.json.decode(order)
        told["settings"]["history"]["file"] = "/nowhere/pages.sqlite"
        return await super().submit(shard, attempt, msgspec.json.encode(told))


@contextlib.asynccontextmanager
async def elsewhere(settings: ClusterSettings, shards: int) -> AsyncIterator[Engine]:
    del settings, shards
    async with Elsewhere.open() as engine:
        yield engine


async def test_a_run_that_dies_when_it_was_taken_in_is_taken_in_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, out, history = Shop(), tmp_path / "out", {"file": str(tmp_path / "pages.sqlite")}
    complete = History.complete

    async def dies(self: History, records: Sequence[Path]) -> Totals:
        await complete(self, records)
        raise RunError("killed")

    async with serving(shop.answer) as site:
        listed = str(write_list(tmp_path / "urls.txt", [site.url(host, "/1") for host in HOSTS]))
        await run_in_parts([listed], tmp_path / "first", engine=elsewhere, history=history)
        shop.titles["/1"] = "Anew"
        with monkeypatch.context() as patched:
            patched.setattr(History, "complete", dies)
            with pytest.raises(RunError, match="killed"):
                await run_in_parts([listed], out, engine=elsewhere, history=history)
        with pytest.raises(UsageError, match=r"begun with history\.file"):
            await run_in_parts([], out, mode=Mode.RESUME)
        asked = len(shop.asked)
        result = await run_in_parts([], out, mode=Mode.RESUME, engine=elsewhere, history=history)
    assert len(shop.asked) == asked
    assert (result.complete, result.changes["changed"]) == (True, len(HOSTS))
    assert pages(tmp_path / "pages.sqlite")["totals"][1] == result.changes
    assert len(read_changes(out / "parts.changes.jsonl").entries) == len(HOSTS)
    assert sorted(path.name for path in out.iterdir()) == ["parts", "parts.changes.jsonl", "parts.json"]


async def test_a_history_is_for_one_run_and_a_run_for_one_history(tmp_path: Path) -> None:
    history, out = tmp_path / "pages.sqlite", tmp_path / "out"
    async with serving(Shop().answer) as site:
        listed = str(write_list(tmp_path / "urls.txt", [site.url(host, "/") for host in HOSTS]))
        await run_in_parts([listed], out, history={"file": str(history)})
        with held(history), pytest.raises(OutputLocked, match="another run goes by it"):
            await run_in_parts([listed], tmp_path / "other", history={"file": str(history)})
        assert not (tmp_path / "other" / "parts.json.state").exists()
        (out / "parts.json").unlink()
        with pytest.raises(OutputExists, match=r"parts\.changes\.jsonl exists"):
            await run_in_parts([listed], out, history={"file": str(history)})
        for name in ("parts.json", "parts.json.state"):
            with pytest.raises(UsageError, match="the run also uses"):
                await run_in_parts([listed], out, mode=Mode.FRESH, history={"file": str(out / name)})
        await run_in_parts([listed], out, mode=Mode.FRESH, history={"file": str(history)})
    assert {record["outcome"] for record in records_of(out)} == {"not_modified"}
    assert read_changes(out / "parts.changes.jsonl").entries == []
