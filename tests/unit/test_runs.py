from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from scraper.errors import OutputExists, UsageError
from scraper.runs import Mode, new_run_id, run_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("outputs", "journal", "final", "keeps"),
    [
        (["pages.jsonl"], "pages.jsonl", [], True),
        (["pages.ndjson"], "pages.ndjson", [], True),
        (["pages.json"], "pages.json.journal", ["pages.json"], False),
        (["pages.json", "pages.jsonl"], "pages.jsonl", ["pages.json"], True),
        (["a.jsonl", "b.jsonl", "c.json"], "a.jsonl", ["b.jsonl", "c.json"], True),
        (["a.json", "b.json"], "a.json.journal", ["a.json", "b.json"], False),
    ],
)
def test_the_files_of_a_run(
    tmp_path: Path, outputs: list[str], journal: str, final: list[str], *, keeps: bool
) -> None:
    files = run_files([tmp_path / name for name in outputs])
    assert files.journal == tmp_path / journal
    assert files.final_outputs == tuple(tmp_path / name for name in final)
    assert files.keeps_journal is keeps
    # Named after the file that is written to, or two runs could write one journal under two locks.
    assert files.state == tmp_path / f"{journal.removesuffix('.journal')}.state"


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (["pages"], "the ending names the format, one of"),
        (["pages.txt"], "the ending names the format, one of"),
        (["pages.jsonl", "pages.xml"], r"pages\.xml: the ending"),
        (["pages.jsonl", "pages.jsonl"], "named twice"),
        (["pages.jsonl", "./pages.jsonl"], "named twice"),
        (["folder.json"], "is a folder"),
    ],
)
def test_outputs_that_cannot_be_are_refused(tmp_path: Path, outputs: list[str], message: str) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(UsageError, match=message):
        run_files([tmp_path / name for name in outputs])


@pytest.mark.parametrize(
    ("there", "mode", "message"),
    [
        ([], Mode.NEW, None),
        (["a.jsonl"], Mode.NEW, r"a\.jsonl exists: replace it with --fresh"),
        (["b.json"], Mode.NEW, r"b\.json exists: replace it with --fresh"),
        (["a.jsonl.state"], Mode.NEW, "unfinished run lies in .*--resume.*--fresh"),
        (["a.jsonl", "a.jsonl.state"], Mode.NEW, "unfinished run lies in"),
        (["a.jsonl", "b.json", "a.jsonl.state"], Mode.RESUME, None),
        (["a.jsonl", "b.json", "a.jsonl.state"], Mode.FRESH, None),
        ([], Mode.RESUME, None),
        ([], Mode.FRESH, None),
    ],
)
def test_nothing_is_overwritten_silently(
    tmp_path: Path, there: list[str], mode: Mode, message: str | None
) -> None:
    files = run_files([tmp_path / "a.jsonl", tmp_path / "b.json"])
    for name in there:
        (tmp_path / name).write_bytes(b"x")
    if message is None:
        files.check(mode)
    else:
        with pytest.raises(OutputExists, match=message):
            files.check(mode)


@pytest.mark.parametrize(
    ("there", "unfinished", "complete"),
    [
        ([], False, False),
        (["a.jsonl"], False, True),
        (["a.jsonl", "a.jsonl.state"], True, False),
        (["a.jsonl.state"], True, False),
    ],
)
def test_what_lies_there(tmp_path: Path, there: list[str], *, unfinished: bool, complete: bool) -> None:
    for name in there:
        (tmp_path / name).write_bytes(b"")
    files = run_files([tmp_path / "a.jsonl"])
    assert (files.is_unfinished(), files.is_complete()) == (unfinished, complete)


def test_the_names_of_runs_sort_by_time_and_differ() -> None:
    moment = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    name = new_run_id(moment)
    assert re.fullmatch(r"20260131T093000Z-[0-9a-f]{6}", name)
    assert new_run_id(moment.astimezone(timezone(timedelta(hours=9))))[:16] == name[:16]
    assert new_run_id(moment + timedelta(seconds=1)) > name
    assert len({new_run_id(moment) for _ in range(20)}) > 1
