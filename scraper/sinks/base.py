"""What a run writes its records to while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.exchange import ArchiveEnd


class Journal(Protocol):
    """Takes encoded records in batches. Only one task writes, so it needs no lock.

    Opened and closed by whoever made it. Whatever moment the process dies at, what was appended up to
    a length that ``append`` has returned is there in whole lines.
    """

    records: int
    """How many it holds, those of an interrupted run before this one included."""

    async def append(self, lines: Sequence[bytes]) -> int:
        """Append whole lines, make them durable and return the journal's length in bytes.

        Raises:
            SinkError: The target can't take them. The run ends and can be resumed.
        """
        ...

    async def close(self) -> None:
        """Let go of the target; never raises for what ``append`` has raised for already."""
        ...


class Archive(Protocol):
    """What keeps the exchanges of a run, beside its journal; they are put there by the visits."""

    async def begin(self) -> None:
        """Have the archive there, if it has nothing yet.

        Raises:
            SinkError: It can't be written.
        """
        ...

    async def sync(self) -> ArchiveEnd | None:
        """Make durable what has been put; return how far it has come, ``None`` if it has nothing.

        Raises:
            SinkError: It can't be written. The run ends and can be resumed.
        """
        ...
