"""A run taken into a history: once, in order, and what is kept of it."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import OutputLocked, StateError, UsageError
from scraper.history import rows, update
from scraper.history.change_log import ChangeEntry, read_changes
from scraper.history.file import held, made, opened_to_read
from scraper.history.judging import Compared
from scraper.history.reading import find_pages, timeline
from scraper.history.update import Finished, Totals
from scraper.history.validators import Asking
from scraper.settings.model import FetchSettings, HistorySettings
from tests.support.runs import a_record, write_run

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 31, tzinfo=UTC)
AT = "2026-01-30T00:00:00.000Z"


def told(status: str, *fields: str, at: str = AT) -> dict[str, Any]:
    return {
        "status": status,
        "fields": [*fields],
        "previous_run": "20260101T000000Z-1",
        "first_seen": AT,
        "last_changed": at,
    }


class Kept:
    """A history, and runs that are taken in."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.path = folder / "pages.sqlite"
        self.changes = folder / "changes.jsonl"
        self.journal = folder / "run.jsonl"
        self.settings = HistorySettings(**settings)
        made(self.path)

    def take(self, *records: dict[str, Any], run: str = "20260130T000000Z-1") -> Totals:
        write_run(self.journal, records)
        return update.update(
            self.path,
            Finished(run, (self.journal,), self.changes, "extraction"),
            settings=self.settings,
            compared=Compared(self.settings.compare),
            asking=Asking(FetchSettings(), salt=b"salt"),
            now=NOW,
        )

    def entries(self) -> list[ChangeEntry]:
        return read_changes(self.changes).entries


def there(page: int = 0, **fields: Any) -> dict[str, Any]:
    return a_record(page, fetched_at=AT, change=told("new"), **fields)


def test_a_run_is_taken_in_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.take(there(0), there(1))
    totals = kept.take(there(0), run="20260131T000000Z-2")
    assert kept.take(there(0), run="20260131T000000Z-2") == totals
    page = find_pages(kept.path, "example/1").pages[0]
    assert (page.misses, page.is_gone) == (1, False)


def test_an_earlier_run_that_ends_later_takes_nothing_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path, gone_after=1)
    later = "2026-01-31T00:00:00.000Z"
    new, other = (there(page, title="New") | {"fetched_at": later} for page in (0, 1))
    kept.take(new, other, run="20260131T000000Z-2")
    kept.take(there(0, title="Old"), run="20260130T000000Z-1")
    known = timeline(kept.path, "https://a.example/0")
    assert known is not None
    assert (known.record["title"], known.page.run) == ("New", "20260131T000000Z-2")
    assert len(find_pages(kept.path, "").pages) == 2
    assert [page.is_gone for page in find_pages(kept.path, "").pages] == [False, False]


def test_two_pages_that_share_a_number_are_not_taken_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "page_id", lambda _key: 7)
    monkeypatch.setattr("scraper.history.reading.page_id", lambda _key: 7)
    kept = Kept(tmp_path)
    kept.take(there(0))
    kept.take(there(1), run="20260131T000000Z-2")
    assert timeline(kept.path, "https://a.example/0") is None
    known = timeline(kept.path, "https://a.example/1")
    assert known is not None
    assert known.page.run == known.entries[-1].run == "20260131T000000Z-2"


def test_of_several_records_of_a_page_the_first_counts(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    second = there(0, title="Second") | {"seq": 1}
    duplicate = a_record(0, outcome="duplicate", duplicate_of=0, status=None) | {"seq": 2}
    totals = kept.take(duplicate, there(0, title="First"), second)
    assert totals == Totals(new=1)
    assert [entry.title for entry in kept.entries()] == ["First"]


def test_what_has_changed_is_told_with_both_values(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.take(there(0, title="Old", keywords=["a"], text="x" * 5000))
    record = a_record(
        0,
        fetched_at=AT,
        title="New",
        text="y" * 5000,
        fields={"price": 1.5},
        change=told("changed", "title", "keywords", "text", "fields.price", "no_such_field"),
    )
    assert kept.take(record, run="20260131T000000Z-2") == Totals(changed=1)
    (entry,) = kept.entries()
    assert {name: (change.old, change.new) for name, change in entry.fields.items() if name != "text"} == {
        "title": ("Old", "New"),
        "keywords": (["a"], None),
        "fields.price": (None, 1.5),
    }
    assert entry.cut == ["text"]
    assert (len(entry.fields["text"].old), entry.fields["text"].new[-1]) == (2000, "…")
    assert (entry.seq, entry.outcome, entry.http_status, entry.title) == (0, "ok", 200, "New")
    known = timeline(kept.path, "https://a.example/0#fragment")
    assert known is not None
    assert known.entries[0] == entry
    assert known.entries[1].status == "new"


def test_the_changes_that_are_kept_of_a_page_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "KEPT_CHANGES", 3)
    kept = Kept(tmp_path)
    kept.take(there(0))
    for number in range(5):
        record = a_record(0, fetched_at=AT, title=f"{number}", change=told("changed", "title"))
        kept.take(record, run=f"20260131T00000{number}Z-2")
    known = timeline(kept.path, "https://a.example/0")
    assert known is not None
    assert [entry.title for entry in known.entries] == ["4", "3", "2", None]
    assert known.page.changes == 3


def test_the_digest_is_of_what_was_fetched(tmp_path: Path) -> None:
    """Where it is the same, the old record need not be read."""
    kept = Kept(tmp_path)
    record = there(0, title="T")
    kept.take(record)
    carried = record | {
        "outcome": "not_modified",
        "status": 304,
        "validated_at": AT,
        "change": told("unchanged"),
    }
    kept.take(carried, run="20260131T000000Z-2")
    with contextlib.closing(sqlite3.connect(kept.path)) as db:
        ((page,),) = db.execute("SELECT page FROM pages").fetchall()
    row = msgspec.json.decode(page, type=rows.PageRow)
    assert (row.run, row.status) == ("20260131T000000Z-2", 200)
    assert row.digest == Compared("").digest(record)


def test_what_is_the_lines_own_is_not_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.take(there(0, extra={"secret": 2**70}, timing={"dns": 1.0}))
    known = timeline(kept.path, "https://a.example/0")
    assert known is not None
    assert known.record["extra"] == {}
    assert not known.record.keys() & {"timing", "change"}


def test_changes_are_read_in_parts(tmp_path: Path) -> None:
    kept = Kept(tmp_path, gone_after=1)
    kept.take(*(there(number) for number in range(5)))
    kept.take(*(there(number) for number in range(5, 8)), run="20260131T000000Z-2")
    first = read_changes(kept.changes, limit=2)
    assert [entry.seq for entry in first.entries] == [5, 6]
    assert first.next_offset is not None
    rest = read_changes(kept.changes, offset=first.next_offset, limit=100)
    assert [entry.seq for entry in rest.entries] == [7, *[None] * 5]
    assert rest.next_offset is None
    gone = read_changes(kept.changes, statuses={"gone"}, limit=5)
    assert ([entry.status for entry in gone.entries], gone.next_offset) == (["gone"] * 5, None)
    kept.changes.write_text("{}\n")
    with pytest.raises(UsageError, match="holds no changes"):
        read_changes(kept.changes)
    with pytest.raises(UsageError, match="can't read"):
        read_changes(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", 4),
        ("example", 4),
        ("A.EXAMPLE/1", 1),
        ("100%", 1),
        ("_", 1),
        ("%", 1),
        ("\\", 0),
        ("'", 0),
        ("nowhere", 0),
    ],
)
def test_pages_are_found_by_any_part_of_their_url(tmp_path: Path, text: str, found: int) -> None:
    kept = Kept(tmp_path)
    kept.take(
        there(0), there(1), *(a_record(f"https://b.example/{x}", fetched_at=AT) for x in ("100%", "a_b"))
    )
    assert len(find_pages(kept.path, text).pages) == found
    part = find_pages(kept.path, "", limit=3)
    assert (len(part.pages), part.has_more) == (3, True)


def test_pages_that_are_gone_are_found_apart(tmp_path: Path) -> None:
    kept = Kept(tmp_path, gone_after=1)
    kept.take(there(0), there(1))
    kept.take(there(0), run="20260131T000000Z-2")
    for gone, page in ((True, "1"), (False, "0")):
        assert [one.url[-1] for one in find_pages(kept.path, "", gone=gone).pages] == [page]


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE mine (a)")
    for act in (made, opened_to_read):
        with pytest.raises(UsageError, match="something else"):
            act(path)
    path.write_bytes(b"no database at all, but rather long" * 100)
    with pytest.raises(UsageError, match="not a database"):
        made(path)
    with pytest.raises(UsageError):
        opened_to_read(tmp_path / "none")
    with pytest.raises(UsageError):
        made(path / "below")
    kept = Kept(tmp_path)
    with contextlib.closing(sqlite3.connect(kept.path)) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(UsageError, match=r"another version \(99\)"):
        made(kept.path)


def test_a_damaged_row_ends_the_update_and_nothing_is_changed(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.take(there(0), there(1))
    number = rows.page_id("https://a.example/1")
    with contextlib.closing(sqlite3.connect(kept.path)) as db:
        db.execute("UPDATE pages SET page = '{}' WHERE id = ?", (number,))
        db.commit()
    before = msgspec.json.encode(timeline(kept.path, "https://a.example/0"))
    with pytest.raises(StateError, match="damaged"):
        kept.take(there(0, title="New"), there(1), run="20260131T000000Z-2")
    assert msgspec.json.encode(timeline(kept.path, "https://a.example/0")) == before


def test_a_history_is_held_by_one(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    with held(kept.path), pytest.raises(OutputLocked, match="another run"), held(kept.path):
        pass
    with held(kept.path):
        assert len(find_pages(kept.path, "").pages) == 0  # who only looks is not kept out


PAGES = st.dictionaries(st.integers(0, 5), st.sampled_from(["ok", "changed", "404", "dead"]), max_size=6)


@given(st.lists(PAGES, max_size=6), st.integers(1, 3))
def test_what_is_known_follows_from_what_the_runs_have_found(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[int, str]], gone_after: int
) -> None:
    kept = Kept(tmp_path_factory.mktemp("known"), gone_after=gone_after, forget_after=100)
    missing: dict[int, int] = {}
    for number, pages in enumerate(runs):
        records = []
        for page, state in sorted(pages.items()):
            record = a_record(page, fetched_at=AT)
            if state == "404":
                record |= {"outcome": "http_error", "status": 404}
            elif state == "dead":
                record |= {"outcome": "timeout", "status": None}
            records.append(record)
            if state in {"ok", "changed"}:
                missing[page] = 0
            elif state == "404" and page in missing:
                missing[page] += 1
        for page in missing.keys() - pages.keys():
            missing[page] += 1
        kept.take(*records, run=f"2026013{number}T000000Z-1")
    found = {int(one.url.rpartition("/")[2]): one for one in find_pages(kept.path, "").pages}
    assert {page: one.misses for page, one in found.items()} == missing
    assert all(one.is_gone is (one.misses >= gone_after) for one in found.values())
