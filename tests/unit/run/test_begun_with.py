"""Settings that a run is gone on with: as it was begun, where its records depend on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from scraper.errors import StateError
from scraper.frontier.state_thread import StateThread
from scraper.run.begun_with import facts_of_run, outputs_begun, settings_begun
from scraper.run.files import run_files
from scraper.run.same_settings import same_extraction, same_history
from scraper.settings.model import FetchSettings, FieldRule, HistorySettings, ParseSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = Settings(
    parse=ParseSettings(select={"price": FieldRule(css=".price")}, links=True, deadline_s=7.0),
    history=HistorySettings(file="pages.sqlite"),
)


async def facts_of(folder: Path, settings: Settings) -> dict[str, str]:
    """Return what is found again of a run that was begun with settings."""
    files = run_files([folder / "pages.jsonl"])
    state = await StateThread.open(files.state)
    await state.call(same_history, state.store, settings.history.file)
    await state.call(same_extraction, state.store, settings.parse)
    await state.call(state.store.note, outputs='["pages.jsonl","pages.csv"]', ordered="false")
    await state.close(remove=False)
    return await facts_of_run(files)


async def test_what_records_depend_on_is_as_it_was(tmp_path: Path) -> None:
    facts = await facts_of(tmp_path, BEGUN)
    edited = Settings(
        parse=ParseSettings(text="visible", deadline_s=9.0),
        fetch=FetchSettings(user_agent="other/1.0"),
        history=HistorySettings(adaptive=True),
        output=replace(Settings().output, ordered=True),
    )
    settings, others = settings_begun(edited, facts)
    assert settings.parse == replace(BEGUN.parse, deadline_s=9.0), "which no record shows"
    assert settings.history == replace(edited.history, file=facts["history"])
    assert settings.output == Settings().output
    assert settings.fetch == edited.fetch
    assert others == ["parse.links", "parse.text", "parse.select", "history.file", "output.ordered"]
    assert outputs_begun(facts) == ["pages.jsonl", "pages.csv"]


async def test_the_same_settings_stay_and_are_not_told(tmp_path: Path) -> None:
    assert settings_begun(BEGUN, await facts_of(tmp_path, BEGUN)) == (BEGUN, [])


async def test_a_run_that_is_new_has_its_own(tmp_path: Path) -> None:
    facts = await facts_of_run(run_files([tmp_path / "pages.jsonl"]))
    assert (facts, outputs_begun(facts), settings_begun(BEGUN, facts)) == ({}, None, (BEGUN, []))


@pytest.mark.parametrize("facts", [{"parse": "{"}, {"parse": '{"links": 3}'}, {"ordered": "[]"}])
def test_a_state_that_is_damaged_or_of_another_version_is_told(facts: dict[str, str]) -> None:
    with pytest.raises(StateError):
        settings_begun(BEGUN, facts)
