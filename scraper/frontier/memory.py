"""What the frontier asks of the runs before, when lines come into its window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scraper.messages import Request


class Memory(Protocol):
    """Knows pages from the runs before."""

    async def of(self, rows: Mapping[int, Sequence[Request]]) -> dict[int, list[Request]]:
        """Return lines, by host, with what is known of them; one that need not be asked for is settled."""
        ...
