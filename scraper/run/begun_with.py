"""An unfinished run gone on with as it was begun, whatever its settings say by now.

Who resumes a run by hand is told that the settings are others, and chooses. A schedule has nobody to ask: its
run ends as it began, and the next one goes by the new settings.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from scraper.errors import StateError
from scraper.frontier.state_thread import StateThread
from scraper.run.same_settings import extraction_told
from scraper.settings.model import ParseSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scraper.run.files import RunFiles
    from scraper.settings.model import Settings

FACTS: Final = ("outputs", "ordered", "parse", "history")
"""What is kept of how a run was begun, by the names of a state's facts."""


async def facts_of_run(files: RunFiles) -> dict[str, str]:
    """Return what the state of an unfinished run keeps of how it was begun; nothing without a state.

    Raises:
        OutputLocked: The run goes on.
        StateError: Its state can't be read.
    """
    if not await asyncio.to_thread(_has_content, files):
        return {}
    state = await StateThread.open(files.state)
    try:
        found = {name: await state.call(state.store.fact, name) for name in FACTS}
    finally:
        await state.close(remove=False)
    return {name: fact for name, fact in found.items() if fact is not None}


def _has_content(files: RunFiles) -> bool:
    # Killed when it had just made its state, it has none: opened here, it would be a run in one part.
    return files.is_unfinished() and files.state.stat().st_size > 0


def outputs_begun(facts: Mapping[str, str]) -> list[str] | None:
    """Return the names of the outputs that a run was begun with; ``None`` where that is not kept.

    Raises:
        StateError: The state is damaged.
    """
    return _recalled(facts["outputs"], list[str]) if "outputs" in facts else None


def settings_begun(settings: Settings, facts: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return settings with all that a run can't be resumed without as it was, and the names of what that is.

    Args:
        settings: Those that hold now.
        facts: What the run's state keeps; see ``facts_of_run``.

    Raises:
        StateError: The state is damaged.
    """
    others: list[str] = []
    if "parse" in facts:
        now = extraction_told(settings.parse)
        began = {**extraction_told(ParseSettings()), **_recalled(facts["parse"], dict[str, Any])}
        others += [f"parse.{name}" for name in now if now[name] != began[name]]
        parse = {**msgspec.to_builtins(settings.parse), **began}
        settings = replace(settings, parse=_converted(parse))
    if "history" in facts:
        file = settings.history.file
        if (os.path.realpath(file) if file else "") != facts["history"]:
            others.append("history.file")
            settings = replace(settings, history=replace(settings.history, file=facts["history"]))
    if "ordered" in facts and (ordered := _recalled(facts["ordered"], bool)) is not settings.output.ordered:
        others.append("output.ordered")
        settings = replace(settings, output=replace(settings.output, ordered=ordered))
    return settings, others


def _recalled(fact: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(fact, type=kind)
    except msgspec.MsgspecError as error:
        raise StateError(f"the state is damaged ({error}): start over with --fresh") from error


def _converted(parse: dict[str, Any]) -> ParseSettings:
    try:
        return msgspec.convert(parse, ParseSettings)
    except msgspec.ValidationError as error:
        raise StateError(f"the run was begun by a version with other settings ({error})") from error
