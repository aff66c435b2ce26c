"""What a run must have to be resumed, beside its lists and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import StateError, UsageError
from scraper.frontier.store import Store
from scraper.run.same_settings import same_extraction
from scraper.settings.model import FieldRule, ParseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRICE = {"select": {"price": FieldRule(css=".price")}}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Store]:
    state = Store(tmp_path / "pages.jsonl.state")
    yield state
    state.close(remove=True)


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
def test_a_run_is_resumed_with_what_it_extracts(
    state: Store, began: dict[str, Any], goes_on: dict[str, Any], refused: str
) -> None:
    same_extraction(state, ParseSettings(**began))
    if not refused:
        same_extraction(state, ParseSettings(**goes_on))
        return
    with pytest.raises(UsageError, match=f"begun with {refused} resume it with the same, or .* --fresh"):
        same_extraction(state, ParseSettings(**goes_on))


def test_a_setting_that_the_state_does_not_know_had_its_default(state: Store) -> None:
    state.note(parse='{"links": true, "gone": 1}')
    same_extraction(state, ParseSettings(links=True))
    with pytest.raises(UsageError, match=r"another parse\.text"):
        same_extraction(state, ParseSettings(links=True, text="main"))


def test_what_does_not_read_back_has_a_remedy(state: Store) -> None:
    state.note(parse="[7")
    with pytest.raises(StateError, match=r"damaged.*--fresh"):
        same_extraction(state, ParseSettings())
