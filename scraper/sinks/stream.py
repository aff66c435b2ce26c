"""The journal as a stream of records, for programs that use the package as a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.channel import Channel


class StreamJournal:
    """Sends each record into a channel; who does not take them holds the run back.

    The records go through their JSON form on the way, so that a program sees precisely what a file
    would hold.
    """

    def __init__(self, records: Channel[Record]) -> None:
        self._channel = records
        self._decoder = msgspec.json.Decoder(Record)
        self._length = 0
        self.records = 0

    async def append(self, lines: Sequence[bytes]) -> int:
        """Send the records one by one; waits while the channel is full."""
        for line in lines:
            await self._channel.send(self._decoder.decode(line))
            self._length += len(line)
            self.records += 1
        return self._length

    async def close(self) -> None:
        """Let the iteration over the channel end."""
        await self._channel.close()
