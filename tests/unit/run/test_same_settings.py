"""What a run must have to be resumed, beside its lists and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import StateError, UsageError
from scraper.frontier.state_thread import StateThread
from scraper.run.same_settings import same_extraction
from scraper.settings.model import FieldRule, ParseSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PRICE = {"select": {"price": FieldRule(css=".price")}}


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateThread]:
    state = await StateThread.open(tmp_path / "pages.jsonl.state")
    yield state
    await state.close(remove=True)


@pytest.mark.parametrize(
    ("began", "goes_on", "refused"),
    [
        ({}, {}, ""),
        ({"links": True}, {"links": True, "deadline_s": 5.0}, ""),
        ({"links": True}, {}, "another parse.links:"),
        ({}, {"text": "visible", "language": True}, "another parse.text and parse.language:"),
        (PRICE, {}, "another parse.select:"),
        (PRICE, PRICE, ""),
        (
            PRICE,
            {"select": {"price": FieldRule(css=".cost")}},
            "another parse.select:",
        ),
    ],
)
async def test_a_run_is_resumed_with_what_it_extracts(
    state: StateThread, began: dict[str, Any], goes_on: dict[str, Any], refused: str
) -> None:
    await same_extraction(state, ParseSettings(**began))
    if not refused:
        await same_extraction(state, ParseSettings(**goes_on))
        return
    with pytest.raises(UsageError, match=f"begun with {refused} resume it with the same, or .* --fresh"):
        await same_extraction(state, ParseSettings(**goes_on))


async def test_a_setting_that_the_state_does_not_know_had_its_default(state: StateThread) -> None:
    await state.call(state.store.note, parse='{"links": true, "gone": 1}')
    await same_extraction(state, ParseSettings(links=True))
    with pytest.raises(UsageError, match=r"another parse\.text"):
        await same_extraction(state, ParseSettings(links=True, text="main"))


async def test_what_does_not_read_back_has_a_remedy(state: StateThread) -> None:
    await state.call(state.store.note, parse="[7")
    with pytest.raises(StateError, match=r"damaged.*--fresh"):
        await same_extraction(state, ParseSettings())
