"""Where a history and its changes lie, and what they must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from scraper.errors import OutputExists, UsageError
from scraper.run.files import Mode, run_files
from scraper.run.history_places import changes_file, check_history
from scraper.settings.model import Settings


def settings(**history: Any) -> Settings:
    return msgspec.convert({"history": {"file": "known.sqlite", **history}}, Settings)


@pytest.mark.parametrize(
    ("outputs", "changes"),
    [
        (["pages.jsonl"], "pages.changes.jsonl"),
        (["pages.csv"], "pages.changes.jsonl"),
        (["b/pages.parquet", "b/other.jsonl"], "b/other.changes.jsonl"),
        (["records.2026.jsonl"], "records.2026.changes.jsonl"),
    ],
)
def test_changes_are_told_beside_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: list[str], changes: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert changes_file(settings(), run_files(outputs)) == Path(changes)
    assert changes_file(settings(changes="x/y.jsonl"), run_files(outputs)) == Path("x/y.jsonl")


@pytest.mark.parametrize(
    ("history", "what"),
    [
        ({"file": "pages.jsonl"}, "pages.jsonl"),
        ({"file": "pages.jsonl.state"}, "pages.jsonl.state"),
        ({"file": "./urls.txt"}, "urls.txt"),
        ({"file": "urls"}, "urls-wal"),
        ({"changes": "pages.jsonl"}, "pages.jsonl"),
        ({"changes": "known.sqlite"}, "known.sqlite"),
        ({"changes": "known.sqlite.lock"}, "known.sqlite.lock"),
        ({"file": "pages.changes.jsonl"}, "pages.changes.jsonl"),
    ],
)
def test_no_file_is_two_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: dict[str, str], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = run_files(["pages.jsonl"])
    with pytest.raises(UsageError, match=f"the run also uses {what}"):
        check_history(settings(**history), files, mode=Mode.FRESH, others=["urls.txt", "urls-wal"])


def test_another_runs_changes_are_not_replaced_silently(tmp_path: Path) -> None:
    files = run_files([tmp_path / "pages.jsonl"])
    changes = tmp_path / "pages.changes.jsonl"
    assert check_history(Settings(), files, mode=Mode.NEW, others=[]) is None
    assert check_history(settings(), files, mode=Mode.NEW, others=[]) == changes
    changes.touch()
    for mode in (Mode.NEW, Mode.RESUME):
        with pytest.raises(OutputExists, match="--fresh"):
            check_history(settings(), files, mode=mode, others=[])
    assert check_history(settings(), files, mode=Mode.FRESH, others=[]) == changes
    files.state.touch()  # its own, written before it was killed
    assert check_history(settings(), files, mode=Mode.RESUME, others=[]) == changes
