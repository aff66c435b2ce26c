"""Where everything of a run in parts lies, below one folder that all workers reach by the same path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNERS = "owners"
"""Whose each slot is."""
KNOWN = "known.sqlite"
"""What was known of pages before the run: a copy of its history, which nobody writes to."""
LIST = "list.jsonl"
FENCE = "order"
BEAT = "beat"
_attempt = re.compile(r"run-([0-9]{6})").fullmatch


class ShardPlace:
    """The folder of one part."""

    def __init__(self, work: Path, shard: int) -> None:
        """Name it; nothing is made."""
        self.folder = work / f"{shard:05}"
        self.fence = self.folder / FENCE
        self.beat = self.folder / BEAT

    def claim(self, attempt: int) -> Path:
        """Return the file that whoever begins an attempt makes."""
        return self.folder / f"claim-{attempt:06}"

    def run(self, attempt: int) -> Path:
        """Return where an attempt's records and state are."""
        return self.folder / f"run-{attempt:06}"

    def outbox(self, attempt: int) -> Path:
        """Return the file with what a complete attempt has for others."""
        return self.folder / f"out-{attempt:06}.jsonl"

    def inbox(self, number: int) -> Path:
        """Return the file that is dealt to the part as the ``number``-th."""
        return self.folder / f"in-{number:06}.jsonl"

    def runs_before(self, attempt: int) -> list[Path]:
        """Return the folders of earlier attempts, the latest first."""
        found = [(int(match[1]), path) for match, path in self._runs() if int(match[1]) < attempt]
        return [path for _, path in sorted(found, reverse=True)]

    def _runs(self) -> Iterator[tuple[re.Match[str], Path]]:
        for path in self.folder.iterdir():
            if (match := _attempt(path.name)) is not None:
                yield match, path


def owners_file(work: Path) -> Path:
    """Return the file with the map of slots."""
    return Path(work, OWNERS)


def known_file(work: Path) -> Path:
    """Return the file with what was known of pages before the run."""
    return Path(work, KNOWN)
