"""Which runs' files have had their day, and their removal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.schedule.model import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scraper.schedule.ledger import Ledger
    from scraper.schedule.model import RunRow


def past_keeping(rows: Sequence[RunRow], *, keep: int) -> list[RunRow]:
    """Return the runs whose files go, of those with files, newest first. Pure.

    The newest ``keep`` stay, and in any case the newest complete one, what goes on, and what is to be gone on
    with.
    """
    newest = next((row.id for row in rows if row.state is RunState.COMPLETE), None)
    return [
        row
        for row in rows[keep:]
        if row.id != newest and row.state is not RunState.RUNNING and not row.goes_on
    ]


def remove_files(folder: Path) -> None:
    """Remove a run's folder; one that is gone is no matter. Blocking.

    Raises:
        OSError: It can't be removed, or is a link.
    """
    if folder.is_symlink():  # nobody has a reason to make one, and what it leads to is not ours
        raise NotADirectoryError(f"{folder} is a link")
    if folder.exists():
        shutil.rmtree(folder)


async def prune(ledger: Ledger, *, keep: int, say: Callable[[str], None]) -> None:
    """Remove the files of a job's runs that have had their day; what can't be removed is said."""
    for row in past_keeping(await ledger.with_files(), keep=keep):
        assert row.folder is not None  # noqa: S101 - these are the runs that have one
        try:
            await ledger.call(remove_files, row.folder)
        except OSError as error:
            say(f"the files of run {row.id} can't be removed: {error.strerror or error}")
        else:
            await ledger.put(replace(row, folder=None))
