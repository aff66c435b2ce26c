"""Where everything of a run in parts lies in its storage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.cluster.storage import Folder

if TYPE_CHECKING:
    from scraper.cluster.storage import Storage

OWNERS = "owners"
"""Whose each slot is."""
KNOWN = "known.sqlite"
"""What was known of pages before the run: a copy of its history, which nobody writes to."""
LIST = "list.jsonl"
FENCE = "order"
BEAT = "beat"
_attempt = re.compile(r"run-([0-9]{6})").fullmatch


class ShardPlace:
    """What is of one part."""

    def __init__(self, work: Path | Storage, shard: int, *, under: str = "") -> None:
        """Name it; nothing is made.

        ``under`` is where the run's things are in the storage: empty, or ``work/RUN/``.
        """
        self.storage: Storage = Folder(work) if isinstance(work, Path) else work
        self.name = f"{under}{shard:05}"
        self.shown = f"{self.storage.shown}/{self.name}"

    def read(self, name: str) -> bytes:
        """Return what one of the part's small files holds.

        Raises:
            OSError: It can't be read.
        """
        return self.storage.read(f"{self.name}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Replace one of the part's small files.

        Raises:
            OSError: It can't be written.
        """
        self.storage.write(f"{self.name}/{name}", content)

    def names(self) -> list[str]:
        """Return what of the part lies in the storage.

        Raises:
            OSError: It can't be listed.
        """
        return self.storage.names(self.name)

    def delete(self, name: str) -> None:
        """Remove one of the part's files, if it is there.

        Raises:
            OSError: It can't be removed.
        """
        self.storage.delete(f"{self.name}/{name}")

    def claim(self, attempt: int) -> bool:
        """Return whether nobody else has begun this attempt.

        Raises:
            OSError: It can't be asked.
        """
        return self.storage.claim(f"{self.name}/claim-{attempt:06}")

    # --- where the storage is a folder ----------------------------------------------------------

    @property
    def folder(self) -> Path:
        """The part's folder, if it is one of a path."""
        assert isinstance(self.storage, Folder)  # noqa: S101 - nobody asks for it elsewhere
        return self.storage.path / self.name

    def run(self, attempt: int) -> Path:
        """Return where an attempt's records and state are."""
        return self.folder / run_name(attempt)

    def inbox(self, number: int) -> Path:
        """Return the file that is dealt to the part as the ``number``-th."""
        return self.folder / f"in-{number:06}.jsonl"

    def runs_before(self, attempt: int) -> list[Path]:
        """Return the folders of earlier attempts, the latest first."""
        found = [
            (int(match[1]), path)
            for path in self.folder.iterdir()
            if (match := _attempt(path.name)) is not None
        ]
        return [path for number, path in sorted(found, reverse=True) if number < attempt]


def run_name(attempt: int) -> str:
    """Return what the folder of an attempt's records and state is called."""
    return f"run-{attempt:06}"


def outbox_name(attempt: int) -> str:
    """Return what the file is called with what a complete attempt has for others."""
    return f"out-{attempt:06}.jsonl"


def learnt_name(attempt: int) -> str:
    """Return what the file is called with what an attempt has learnt of hosts since its last checkpoint."""
    return f"learnt-{attempt:06}"


def checkpoint_name(attempt: int, number: int) -> str:
    """Return what the file is called that makes a checkpoint whole."""
    return f"checkpoint-{attempt:06}-{number:06}"


def owners_file(work: Path) -> Path:
    """Return the file with the map of slots."""
    return Path(work, OWNERS)
