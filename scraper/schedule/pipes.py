"""What passes between the daemon and the process of a run: a line of JSON each, orders down, news up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from scraper.observe.parts import Parts
from scraper.schedule.model import LiveRun
from scraper.settings.model import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_BYTES: Final = 16 * 1024 * 1024
"""No line is longer. Orders hold a job's settings; what news hold is bounded by ``LiveRun``."""


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Carry out a run, or go on with it: which of the two, its folder tells."""

    run: str
    job: str
    folder: str
    sources: tuple[str, ...]
    formats: tuple[str, ...]
    settings: Settings


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Start nothing new, and finish what is under way; said again: give that up as well."""

    reason: str


Order: TypeAlias = Begin | Drain


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How far the run is."""

    live: LiveRun


class Remark(msgspec.Struct, frozen=True, tag=True):
    """A line for the daemon's log, without secrets."""

    text: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The run is over; nothing follows."""

    complete: bool
    error: str | None = None
    """Why it broke or could not begin, in one line without secrets."""
    lines: int = 0
    failed: int = 0
    outcomes: dict[str, int] = {}
    changes: dict[str, int] = {}
    wire_bytes: int = 0
    took: tuple[int, ...] = ()
    """As ``LiveRun.took``."""
    took_s: float = 0.0
    parts: Parts = Parts()


News: TypeAlias = Progress | Remark | Ended


def _decoder(kind: object) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind).decode


encode: Final = msgspec.json.Encoder().encode
decode_order: Final[Callable[[bytes], Order]] = _decoder(Order)
decode_news: Final[Callable[[bytes], News]] = _decoder(News)


def records_files(folder: Path, formats: tuple[str, ...], *, records: str) -> list[Path]:
    """Return the files of records in a run's folder: JSON Lines, and the other formats."""
    first = folder / records
    return [first, *(first.with_suffix(ending) for ending in formats)]
