"""The journal as standard output: for pipes. It can't be cut back, so such a run can't be resumed.

A pipe or a file gets the lines byte for byte. A terminal would obey the control characters that pages put
into their titles, so there they are escaped.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from scraper.errors import SinkError
from scraper.observe.printable import printable_json

if TYPE_CHECKING:
    from collections.abc import Sequence


class StandardOutputJournal:
    """Writes whole lines to a file descriptor that it does not own.

    On a terminal, what it would not print is written as JSON escapes: the same when it is parsed.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._is_terminal = os.isatty(descriptor)
        self._length = 0
        self.records = 0

    async def append(self, lines: Sequence[bytes]) -> int:
        """Write whole lines; return how many bytes were written so far.

        Raises:
            SinkError: The reader has gone, or the target is full.
        """
        batch = b"".join(lines)
        if self._is_terminal:
            batch = _shown(batch)
        try:
            await asyncio.to_thread(_write_all, self._descriptor, batch)
        except BrokenPipeError as error:
            raise SinkError("standard output was closed by its reader") from error
        except OSError as error:
            raise SinkError(f"can't write to standard output: {error.strerror}") from error
        self._length += len(batch)
        self.records += len(lines)
        return self._length

    async def close(self) -> None:
        """Do nothing: the descriptor belongs to the process."""


def _shown(batch: bytes) -> bytes:
    # Lines for people may be in the terminal's encoding, so that not all is UTF-8 here.
    text = batch.decode(errors="surrogateescape")
    is_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    return printable_json(text, ascii_only=not is_utf8).encode(errors="surrogateescape")


def _write_all(descriptor: int, batch: bytes) -> None:
    rest = memoryview(batch)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
