"""What a run must have to be resumed, beside its lists and outputs: its history, and what it extracts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import StateError, UsageError
from scraper.settings.model import ParseSettings

if TYPE_CHECKING:
    from scraper.frontier.state_thread import StateThread

_FREE = ("deadline_s",)
"""Settings of ``parse`` that no record shows."""


async def same_history(state: StateThread, file: str) -> None:
    """Keep with a new run which history it goes by; refuse to resume it with another.

    Raises:
        UsageError: It is another: its records would be compared with two different pasts.
    """
    path = os.path.realpath(file) if file else ""  # noqa: ASYNC240 - as quick as any look at a file
    before = await state.call(state.store.fact, "history")
    if before is None:
        await state.call(state.store.note, history=path)
    elif before != path:
        told = f"history.file = {before}" if before else "no history.file"
        raise UsageError(
            f"the unfinished run was begun with {told}: resume it so, or start over with --fresh"
        )


async def same_extraction(state: StateThread, parse: ParseSettings) -> None:
    """Keep with a new run what it extracts; refuse to resume it with anything else.

    Raises:
        UsageError: It is something else: the records before and after would have different fields.
    """
    now = extraction_told(parse)
    before = await state.call(state.store.fact, "parse")
    if before is None:
        await state.call(state.store.note, parse=msgspec.json.encode(now).decode())
        return
    try:
        began = {**extraction_told(ParseSettings()), **msgspec.json.decode(before, type=dict[str, Any])}
    except msgspec.DecodeError as error:
        raise StateError(f"the state is damaged ({error}): start over with --fresh") from error
    others = [f"parse.{name}" for name in now if now[name] != began[name]]
    if others:
        raise UsageError(
            f"the unfinished run was begun with another {' and '.join(others)}: "
            "resume it with the same, or start over with --fresh"
        )


def extraction_told(parse: ParseSettings) -> dict[str, Any]:
    """Return settings of extraction as JSON gives them back, but for those that no record shows."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(parse))
    return {name: value for name, value in told.items() if name not in _FREE}
