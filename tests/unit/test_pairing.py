"""Two runs compared page by page."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.comparing.changes import compared_fields, differing_fields
from scraper.errors import UsageError
from scraper.pairing import Comparison, Difference, Entry, Totals
from tests.support.runs import a_record, write_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Records = "list[dict[str, Any]]"
URL = "https://a.example/{}".format


def text(number: int) -> dict[str, Any]:
    return {"text_sha256": f"{number:064x}", "text_length": 10}


def compared(
    folder: Path, old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], *fields: str
) -> tuple[list[Entry], Totals]:
    comparison = Comparison(
        write_run(folder / "old.jsonl", old),
        write_run(folder / "new.jsonl", new),
        fields=compared_fields(fields),
    )
    return list(comparison.entries()), comparison.totals


def test_each_kind_in_the_order_of_the_new_run(tmp_path: Path) -> None:
    old = [a_record(n, title=f"T{n}", **text(n)) for n in range(6)]
    old[3] = a_record(3, outcome="timeout", status=None)
    new = [
        a_record(9, title="T9"),
        a_record(4, title="T4", **text(4)),
        a_record(3, title="T3"),
        a_record(1, title="other", **text(1)),
        a_record(8, title="T5", **text(5)),
        a_record(0, outcome="http_error", status=404),
    ]
    entries, totals = compared(tmp_path, old, new, "outcome", "status", "title")
    assert [(entry.status, entry.url) for entry in entries] == [
        ("new", URL(9)),
        ("recovered", URL(3)),
        ("changed", URL(1)),
        ("moved", URL(8)),
        ("gone", URL(0)),
        ("gone", URL(2)),
    ]
    assert entries[2].fields == {"title": Difference("T1", "other")}
    assert entries[3].moved_from == URL(5)
    assert list(entries[4].fields) == ["outcome", "status", "title"]
    assert entries[5].fields == {}
    assert totals == Totals(new=1, changed=1, recovered=1, moved=1, gone=2, unchanged=1)


def test_what_answers_404_may_have_moved(tmp_path: Path) -> None:
    old = [a_record(1, **text(1))]
    new = [a_record(1, outcome="http_error", status=404), a_record(2, **text(1))]
    entries, totals = compared(tmp_path, old, new)
    assert entries == [Entry(status="moved", url=URL(2), moved_from=URL(1))]
    assert totals == Totals(moved=1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([text(1), text(1)], [text(1)]),  # which of the two?
        ([text(1)], [text(1), text(1)]),
        (
            [{"text_sha256": "e3", "text_length": 0}],
            [{"text_sha256": "e3", "text_length": 0}],
        ),  # all empty ones
        ([{**text(1), "outcome": "http_error", "status": 500}], [text(1)]),  # an error page
        ([{}], [{}]),
    ],
)
def test_nothing_is_said_to_have_moved_by_a_guess(
    tmp_path: Path, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    before = [a_record(number, **fields) for number, fields in enumerate(old)]
    after = [a_record(10 + number, **fields) for number, fields in enumerate(new)]
    assert compared(tmp_path, before, after)[1] == Totals(new=len(new), gone=len(old))


def test_a_page_without_text_is_known_by_its_body(tmp_path: Path) -> None:
    body = {"body_sha256": "0" * 64, "size": 3}
    assert compared(tmp_path, [a_record(1, **body)], [a_record(2, **body)])[1] == Totals(moved=1)


def test_duplicates_do_not_count_and_of_one_key_the_first_does(tmp_path: Path) -> None:
    first, later = a_record(1, title="first"), a_record(1, seq=5, title="later")
    repeated = a_record(1, seq=6, outcome="duplicate", status=None, duplicate_of=1)
    invalid = a_record("no url", url=None, final_url=None, key=None, outcome="invalid_url", status=None)
    entries, totals = compared(tmp_path, [repeated, first, later, invalid], [invalid, first])
    assert (entries, totals) == ([], Totals(unchanged=2))
    assert compared(tmp_path, [first], [later, first])[1] == Totals(changed=1)


def test_narrowed_fields_leave_all_else_out(tmp_path: Path) -> None:
    old, new = a_record(1, title="A", lang="en"), a_record(1, title="B", lang="de")
    entries, _ = compared(tmp_path, [old], [new], "lang")
    assert entries == [Entry(status="changed", url=URL(1), fields={"lang": Difference("en", "de")})]
    gone = a_record(1, title="A", outcome="http_error", status=404)
    assert compared(tmp_path, [old], [gone], "title")[1] == Totals(unchanged=1)


def test_numbers_are_told_apart_as_json_does(tmp_path: Path) -> None:
    old, new = a_record(1, fields={"price": 1}), a_record(1, fields={"price": 1.0})
    entries, _ = compared(tmp_path, [old], [new])
    assert list(entries[0].fields) == ["fields"]


@given(data=st.data())
def test_it_agrees_with_comparing_in_memory(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pages = st.dictionaries(st.integers(0, 8), st.sampled_from(["A", "B", None]), max_size=8)
    old, new = data.draw(pages), data.draw(pages)
    runs = [{n: a_record(n, title=title) for n, title in run.items()} for run in (old, new)]
    fields = compared_fields([])
    expected = {URL(n): "new" for n in new.keys() - old.keys()}
    expected |= {URL(n): "gone" for n in old.keys() - new.keys()}
    for n in old.keys() & new.keys():
        differs = bool(differing_fields(runs[0][n], runs[1][n], fields))
        expected[URL(n)] = "changed" if differs else "unchanged"
    entries, totals = compared(tmp_path_factory.getbasetemp(), list(runs[0].values()), list(runs[1].values()))
    found = {entry.url: entry.status for entry in entries}
    assert found == {url: status for url, status in expected.items() if status != "unchanged"}
    assert totals.unchanged + totals.differing == len(expected)


def test_what_can_not_be_read_twice_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a.jsonl", [a_record(1)])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is read twice"):
        Comparison(run, tmp_path / "pipe", fields=compared_fields([]))


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    old = write_run(tmp_path / "a.jsonl", [a_record(1), a_record(2)])
    new = write_run(tmp_path / "b.jsonl", [])
    entries = Comparison(old, new, fields=compared_fields([])).entries()
    next(entries)
    write_run(old, [a_record(1)])
    with pytest.raises(UsageError, match="has changed while it was read"):
        list(entries)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nonsense\n", "record 1 is none"),
        ('{"schema": 2}\n', "schema version 2"),
        ("[1]\n", "record 1 is none"),
    ],
)
def test_what_holds_no_records_is_refused(tmp_path: Path, content: str, told: str) -> None:
    run = write_run(tmp_path / "a.jsonl", [a_record(1)])
    (tmp_path / "b.jsonl").write_text(content)
    with pytest.raises(UsageError, match=told):
        list(Comparison(run, tmp_path / "b.jsonl", fields=compared_fields([])).entries())


def test_forms_may_differ(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a.jsonl", [a_record(1), a_record(2)])
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(run.read_bytes()))
    comparison = Comparison(run, packed, fields=compared_fields([]))
    assert list(comparison.entries()) == []
    assert comparison.totals == Totals(unchanged=2)
