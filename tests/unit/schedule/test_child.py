"""What a run's process makes of its orders, where a real one is not needed to see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scraper.errors import RunError
from scraper.frontier.state_thread import StateThread
from scraper.run.files import run_files
from scraper.run.state import knows_its_sources
from scraper.schedule.child import _alone, _counted, one_line, with_history
from scraper.schedule.pipes import Begin, Drain, Ended, decode_news, decode_order, encode, records_files
from scraper.settings.model import FetchSettings, FieldRule, HistorySettings, ParseSettings, Settings


def test_a_job_has_a_history_of_its_pages_unless_it_names_another() -> None:
    folder = Path("output", "a", "runs", "r")
    history = with_history(Settings(), folder).history
    assert history.file == str(Path("output", "a", "pages.sqlite"))
    assert history.changes == str(folder / "changes.jsonl")
    own = Settings(history=HistorySettings(file="mine.sqlite", gone_after=5))
    history = with_history(own, folder).history
    assert (history.file, history.gone_after) == ("mine.sqlite", 5)


def test_orders_and_news_come_over_as_they_were() -> None:
    begin = Begin(
        run="r",
        job="a",
        folder="x",
        sources=("a.txt",),
        formats=(".csv",),
        settings=Settings(
            fetch=FetchSettings(headers={"Authorization": "Bearer x"}),
            parse=ParseSettings(select={"price": FieldRule(css=".p", type="float", default=1.5)}),
        ),
    )
    assert decode_order(encode(begin)) == begin
    assert decode_order(encode(Drain("its deadline"))) == Drain("its deadline")
    ended = Ended(complete=True, outcomes={"ok": 1}, changes={"new": 1})
    assert decode_news(encode(ended)) == ended
    assert b"\n" not in encode(Drain("a\nb"))


def test_a_message_is_one_line_without_secrets() -> None:
    text = one_line("can't reach\nhttps://ann:hunter2@a.example/?token=hunter2\x1b[31m " + "x" * 900)
    assert "hunter2" not in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) <= 500


def test_a_run_that_was_complete_already_is_counted_by_its_records(tmp_path: Path) -> None:
    files = run_files(records_files(tmp_path, (), records="records.jsonl"))
    records = [
        {"outcome": "ok", "wire_size": 5, "change": {"status": "new"}, "title": "A"},
        {"outcome": "not_modified", "wire_size": None, "change": {"status": "unchanged"}},
        {"outcome": "timeout"},
        {"outcome": "duplicate"},
    ]
    files.outputs[0].write_text("".join(f"{json.dumps(record)}\n" for record in records))
    assert _counted(files) == Ended(
        complete=True,
        lines=4,
        failed=1,
        outcomes={"ok": 1, "not_modified": 1, "timeout": 1, "duplicate": 1},
        changes={"new": 1, "unchanged": 1},
        wire_bytes=5,
    )


def test_a_folder_that_can_not_be_used_and_records_that_can_not_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"can't write to .*: Not a directory"):
        _alone(tmp_path / "file" / "r")
    (tmp_path / ".run.lock").symlink_to(tmp_path / "mine")
    with pytest.raises(RunError, match="can't write to "):
        _alone(tmp_path)
    files = run_files([tmp_path / "records.jsonl"])
    files.outputs[0].write_text("nonsense\n")
    with pytest.raises(RunError, match="can't be read"):
        _counted(files)


@pytest.mark.parametrize("noted", [False, True])
async def test_a_run_that_was_killed_at_its_very_beginning_does_not_know_its_lists(
    noted: bool,  # noqa: FBT001 - a parameter of pytest's
    tmp_path: Path,
) -> None:
    files = run_files([tmp_path / "records.jsonl"])
    assert not await knows_its_sources(files)
    state = await StateThread.open(files.state)
    if noted:
        await state.call(state.store.note, sources="[]")
    await state.close(remove=False)
    assert await knows_its_sources(files) is noted
    assert files.is_unfinished()
