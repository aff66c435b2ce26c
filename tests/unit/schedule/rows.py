"""Runs that nobody has carried out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scraper.schedule.model import Cause, RunRow, RunState

if TYPE_CHECKING:
    from pathlib import Path

DAY = datetime(2026, 5, 1, tzinfo=UTC)


def a_row(hour: float = 0, **values: Any) -> RunRow:
    """Return a complete run of job ``a`` that was due at an hour, unless the values say otherwise."""
    due = DAY + timedelta(hours=hour)
    given: dict[str, Any] = {
        "id": f"{due:%Y%m%dT%H%M%SZ}",
        "job": "a",
        "cause": Cause.SCHEDULE,
        "state": RunState.COMPLETE,
        "due": due,
        **values,
    }
    return RunRow(**given)


def with_files(folder: Path, row: RunRow) -> RunRow:
    """Return a run with a folder in a job's, which is made."""
    path = folder / "runs" / row.id
    path.mkdir(parents=True)
    (path / "records.jsonl").write_text("{}\n")
    return RunRow(**{**{name: getattr(row, name) for name in row.__struct_fields__}, "folder": path})
