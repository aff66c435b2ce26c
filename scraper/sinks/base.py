"""What a run writes its records to while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


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
