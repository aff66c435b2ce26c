"""Where a run's history and its changes lie, kept apart from all else that the run reads and writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scraper.errors import OutputExists, UsageError
from scraper.history.change_log import ENDING
from scraper.planted import refuse_planted
from scraper.run.files import Mode, is_same_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scraper.settings.model import Settings

_SIDES = ("", "-wal", "-shm", "-journal", ".lock")
"""How the names end of what lies beside a history."""


class Files(Protocol):
    """The files of a run, in one part or in several."""

    @property
    def state(self) -> Path:
        """What is not done yet; named after the output that names the run."""
        ...

    def written(self) -> Iterator[Path]:
        """Yield every file that the run may write to."""
        ...

    def is_unfinished(self) -> bool:
        """Return whether a run that was stopped or has died lies there."""
        ...


def changes_file(settings: Settings, files: Files) -> Path:
    """Return where a run writes what has changed."""
    if settings.history.changes:
        return Path(settings.history.changes)
    # Beside the state, which is named after the output that names the run.
    output = files.state.with_suffix("")
    return output.with_name(f"{output.stem}{ENDING}")


def check_history(
    settings: Settings, files: Files | None, *, mode: Mode, others: Sequence[str]
) -> Path | None:
    """Return where a run writes what has changed, ``None`` without a history. Nothing is opened.

    Args:
        settings: The run's.
        files: Its files, if it has any.
        mode: What it does about what is there.
        others: Further paths: lists, logs.

    Raises:
        OutputExists: The changes of another run are there.
        UsageError: One file is to be two things; or the run has no output to learn from.
    """
    history = settings.history
    if not history.file:
        return None
    if files is None:
        raise UsageError("history.file needs an output in a file: its records are what is learnt from")
    changes = changes_file(settings, files)
    refuse_planted(changes)
    written: list[Path | str] = [
        *files.written(),
        *others,
        *([settings.robots.cache] if settings.robots.cache else []),
    ]
    for name, own, sides in (
        ("history.file", Path(history.file), _SIDES),
        ("history.changes", changes, _SIDES[:1]),
    ):
        for side in sides:
            path = own.with_name(f"{own.name}{side}")
            taken = next((one for one in written if is_same_file(path, one)), None)
            if taken is not None:
                raise UsageError(f"{name} {own}: the run also uses {taken}; name another file")
            written.append(path)
    # ``os.path``, since Path's own raises where a folder can't be looked into.
    if mode is not Mode.FRESH and not files.is_unfinished() and os.path.exists(changes):  # noqa: PTH110
        raise OutputExists(f"{changes} exists: replace it with --fresh, or name another (history.changes)")
    return changes
