"""A run beside an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.record import Heading, Outcome
from scraper.report.comparison import compare_runs
from tests.support.reports import record, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.record import Record
    from scraper.report.model import Changes


@pytest.fixture
def changes(tmp_path: Path) -> Any:
    def make(old: list[Record], new: list[Record], limit: int = 10) -> Changes:
        return compare_runs(
            write_run(tmp_path / "old.jsonl", old), write_run(tmp_path / "new.jsonl", new), limit=limit
        )

    return make


def test_urls_are_new_gone_changed_or_unchanged(changes: Any) -> None:
    told = changes(
        [record(0), record(1, title="Before"), record(2, title="Old")],
        [record(0), record(1, title="After"), record(3, title="New")],
    )
    assert (told.new, told.gone, told.changed, told.unchanged) == (1, 1, 1, 1)
    assert [tuple(row) for row in told.rows.shown] == [
        ("https://a.example/1", "changed", ["title"], "title: Before", "title: After"),
        ("https://a.example/3", "new", [], "", "New"),
        ("https://a.example/2", "gone", [], "Old", ""),
    ]
    assert told.against == "old.jsonl"


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({}, {}, []),
        ({}, {"outcome": Outcome.HTTP_ERROR, "status": 404}, ["outcome", "status"]),
        ({"indexable": True}, {"indexable": None}, ["indexable"]),
        ({"text_sha256": "a"}, {"text_sha256": "b"}, ["text"]),
        ({"og": {"type": ["a"]}}, {"og": {"type": ["b"]}}, ["og"]),
        ({"headings": []}, {"headings": [Heading(level=1, text="x")]}, ["headings"]),
        ({"elapsed": 1.0, "run": "r1"}, {"elapsed": 2.0}, []),
    ],
)
def test_the_fields_that_changed_are_named(
    changes: Any, before: dict[str, Any], after: dict[str, Any], fields: list[str]
) -> None:
    before.pop("run", None)
    told = changes([record(0, **before)], [record(0, **after)])
    assert [one.name for one in told.fields] == fields
    assert [row.fields for row in told.rows.shown] == ([fields] if fields else [])


def test_what_comes_twice_is_passed_over(changes: Any) -> None:
    twice = [record(0), record(1, url="https://a.example/0", title="Again")]
    other = record(2, outcome=Outcome.DUPLICATE, duplicate_of=0)
    told = changes([*twice, other], twice)
    assert (told.new, told.gone, told.changed, told.unchanged) == (0, 0, 0, 1)


def test_a_page_that_has_moved_shows_where_it_was_and_one_that_is_there_again_what_it_had(
    changes: Any,
) -> None:
    moving = {"text_sha256": "f" * 64, "text_length": 9}
    failed = {"outcome": Outcome.HTTP_ERROR, "status": 503, "title": None}
    told = changes([record(0, **moving), record(1, **failed)], [record(1, title="T"), record(2, **moving)])
    assert (told.new, told.gone, told.changed, told.moved, told.recovered) == (0, 0, 0, 1, 1)
    assert [(row.url[-1], row.what, row.before) for row in told.rows.shown] == [
        ("1", "recovered", "outcome: http_error · status: 503"),
        ("2", "moved", "https://a.example/0"),
    ]


def test_rows_are_bounded_and_counts_are_not(changes: Any) -> None:
    old = [record(seq, title="a") for seq in range(5)]
    new = [record(seq, title="b") for seq in range(5)]
    told = changes(old, new, limit=2)
    assert (told.changed, told.rows.total) == (5, 5)
    assert [row.before for row in told.rows.shown] == ["title: a", "title: a"]
    assert [tuple(one) for one in told.fields] == [("title", 5)]
