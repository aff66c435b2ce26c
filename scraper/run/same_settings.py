"""What a run must have to be resumed, beside its lists and outputs: its history, and what it extracts."""

from __future__ import annotations

import os
from typing import Any, Protocol

import msgspec

from scraper.errors import StateError, UsageError
from scraper.settings.model import ParseSettings

_FREE = ("deadline_s",)
"""Settings of ``parse`` that no record shows."""


class Facts(Protocol):
    """What keeps facts of a run, on disk: its state, or the manifest of its parts."""

    def note(self, **facts: str | int) -> None:
        """Keep facts."""

    def fact(self, name: str) -> str | None:
        """Return a fact that was kept, ``None`` when there is none by that name."""
        ...


def same_history(facts: Facts, file: str) -> None:
    """Keep with a new run which history it goes by; refuse to resume it with another. Blocking.

    Raises:
        UsageError: It is another: its records would be compared with two different pasts.
    """
    path = os.path.realpath(file) if file else ""
    before = facts.fact("history")
    if before is None:
        facts.note(history=path)
    elif before != path:
        told = f"history.file = {before}" if before else "no history.file"
        raise UsageError(
            f"the unfinished run was begun with {told}: resume it so, or start over with --fresh"
        )


def same_extraction(facts: Facts, parse: ParseSettings) -> None:
    """Keep with a new run what it extracts; refuse to resume it with anything else. Blocking.

    Raises:
        UsageError: It is something else: the records before and after would have different fields.
    """
    now = extraction_told(parse)
    before = facts.fact("parse")
    if before is None:
        facts.note(parse=msgspec.json.encode(now).decode())
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
