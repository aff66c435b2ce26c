from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from scraper.errors import OutputExists, UsageError
from scraper.run.files import Mode, keep_cache_apart, new_run_id, run_files


@pytest.mark.parametrize(
    ("outputs", "journal", "final", "keeps"),
    [
        (["pages.jsonl"], "pages.jsonl", [], True),
        (["pages.ndjson"], "pages.ndjson", [], True),
        (["pages.json"], "pages.json.journal", ["pages.json"], False),
        (["pages.json", "pages.jsonl"], "pages.jsonl", ["pages.json"], True),
        (["a.jsonl", "b.jsonl", "c.json"], "a.jsonl", ["b.jsonl", "c.json"], True),
        (["a.json", "b.json"], "a.json.journal", ["a.json", "b.json"], False),
        (["b.sqlite", "a.csv"], "a.csv.journal", ["b.sqlite", "a.csv"], False),
        (["a.csv", "b.parquet", "c.jsonl"], "c.jsonl", ["a.csv", "b.parquet"], True),
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


def test_an_ordered_run_keeps_its_journal_apart(tmp_path: Path) -> None:
    files = run_files([tmp_path / "b.csv", tmp_path / "c.jsonl"], ordered=True)
    assert files.journal == tmp_path / "b.csv.journal"
    assert files.final_outputs == files.outputs
    assert files.state == tmp_path / "c.jsonl.state", "the same place, so that the other order finds it"


def test_the_ending_of_a_link_is_its_own(tmp_path: Path) -> None:
    links = [tmp_path / "out.json", tmp_path / "out.jsonl"]
    for link, target in zip(links, ("array.jsonl", "lines"), strict=True):
        link.symlink_to(tmp_path / target)
    files = run_files(links)
    assert files.outputs == (tmp_path / "array.jsonl", tmp_path / "lines")
    assert (files.journal, files.state) == (tmp_path / "lines", tmp_path / "lines.state")
    assert [files.ending_of(path) for path in files.outputs] == [".json", ".jsonl"]
    (tmp_path / "out.txt").symlink_to(tmp_path / "pages.jsonl")
    with pytest.raises(UsageError, match=r"out\.txt: the ending names the format"):
        run_files([tmp_path / "out.txt"])


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


def test_the_order_of_the_outputs_makes_no_other_run(tmp_path: Path) -> None:
    one, two = tmp_path / "a.json", tmp_path / "b.json"
    first, second = run_files([one, two]), run_files([two, one])
    assert (first.journal, first.state) == (second.journal, second.state)


def test_a_link_and_its_target_have_the_same_files(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("there.jsonl", "not-yet.jsonl"):
        target = tmp_path / "folder" / name
        link = tmp_path / f"to-{name}"
        link.symlink_to(target)
        if name == "there.jsonl":
            target.write_bytes(b"")
        assert run_files([link]) == run_files([target])
        with pytest.raises(UsageError, match="named twice"):
            run_files([link, target])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", ["a.jsonl", "b.json", "a.jsonl.journal"])
def test_what_is_no_file_is_not_written(tmp_path: Path, name: str, mode: Mode) -> None:
    outputs = ["a.jsonl", "b.json"]
    if name.endswith(".journal"):
        outputs = ["a.json"]
        name = "a.json.journal"
    os.mkfifo(tmp_path / name)
    files = run_files([tmp_path / output for output in outputs])
    with pytest.raises(UsageError, match=f"{name}: is there and is no file"):
        files.check(mode)


def test_a_complete_output_is_not_resumed(tmp_path: Path) -> None:
    files = run_files([tmp_path / "a.jsonl", tmp_path / "b.json"])
    (tmp_path / "a.jsonl").write_bytes(b"x")
    with pytest.raises(OutputExists, match="complete: nothing to resume"):
        files.check(Mode.RESUME)


@pytest.mark.parametrize(
    "other", ["a.json", "b.jsonl", "b.jsonl.state", "./b.jsonl", "folder/../a.json", "link.jsonl"]
)
def test_the_files_of_a_run_are_not_used_for_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.jsonl").symlink_to("b.jsonl")
    files = run_files([Path("a.json"), Path("b.jsonl")])
    for said in (other, str(tmp_path / other)):
        with pytest.raises(UsageError, match=re.escape(f"{said} is also an output of the run")):
            files.keep_apart(["urls.txt", said])
    files.keep_apart(["urls.txt", "-", "https://a.example/a.json", "a.jsonl", "b.json", "folder/a.json"])


CACHES_REFUSED = [
    "a.json",
    "b.jsonl",
    "b.jsonl.state",
    "b.jsonl.state-wal",
    "./b.jsonl",
    "link.jsonl",
    "hard.json",
    "urls.txt",
    "run.log",
    "robots",
]


@pytest.mark.parametrize("cache", CACHES_REFUSED)
def test_a_cache_is_none_of_the_files_that_the_run_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.jsonl").symlink_to("b.jsonl")
    (tmp_path / "a.json").write_bytes(b"[]")
    (tmp_path / "hard.json").hardlink_to("a.json")
    files = run_files([Path("a.json"), Path("b.jsonl")])
    others = ["urls.txt", "run.log", "robots-wal", "no\0file"]
    for said in (cache, str(tmp_path / cache)):
        with pytest.raises(UsageError, match=f"^robots.cache {re.escape(said)}: the run also uses [^\n]*$"):
            keep_cache_apart(said, files=files, others=others)


def test_a_cache_of_its_own_is_taken_with_and_without_outputs(tmp_path: Path) -> None:
    files = run_files([tmp_path / "a.json"])
    for own in ("", "a.json", str(tmp_path / "b"), str(tmp_path / "a.json" / "b")):
        keep_cache_apart(own, files=files, others=["urls.txt"])
    with pytest.raises(UsageError, match=r"the run also uses urls\.txt"):
        keep_cache_apart("urls.txt", files=None, others=["urls.txt"])


def test_a_journal_that_is_no_output_is_kept_apart_too(tmp_path: Path) -> None:
    files = run_files([tmp_path / "a.json"])
    with pytest.raises(UsageError, match=r"a\.json\.journal"):
        keep_cache_apart(str(tmp_path / "a.json.journal"), files=files, others=[])


def test_two_names_of_one_file_are_one_output(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.jsonl").hardlink_to(tmp_path / "a.jsonl")
    with pytest.raises(UsageError, match="named twice"):
        run_files([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    with pytest.raises(UsageError, match="is also an output of the run"):
        run_files([tmp_path / "a.jsonl"]).keep_apart([str(tmp_path / "b.jsonl")])


@pytest.mark.parametrize("mode", list(Mode))
def test_a_state_that_is_a_link_is_not_followed(tmp_path: Path, mode: Mode) -> None:
    (tmp_path / "a.jsonl.state").symlink_to("elsewhere")
    with pytest.raises(UsageError, match=r"a\.jsonl\.state: is a link"):
        run_files([tmp_path / "a.jsonl"]).check(mode)
