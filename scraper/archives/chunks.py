"""A body that is still in chunks (RFC 9112 section 7.1), as some archives keep it. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_SIZE_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_END = re.compile(rb"\r?\n")


class Unchunked(NamedTuple):
    """A body without its chunks."""

    body: bytes
    is_whole: bool
    """The last chunk came, the empty one."""


def unchunked(sent: bytes) -> Unchunked | None:
    """Return a body without its chunks, ``None`` for one that has none, whatever its headers say.

    Most archives keep the header and not the chunks. Those have a size and a line end before them, and a
    line end behind them.
    """
    parts: list[bytes] = []
    at = 0
    while (found := _SIZE_LINE.match(sent, at)) is not None:
        size = int(found[1], 16)
        if size == 0:
            return Unchunked(b"".join(parts), is_whole=True)
        end = found.end() + size
        if end >= len(sent):
            parts.append(sent[found.end() :])
            return Unchunked(b"".join(parts), is_whole=False) if len(parts) > 1 or size < 1 << 31 else None
        behind = _END.match(sent, end)
        if behind is None:
            break
        parts.append(sent[found.end() : end])
        at = behind.end()
    # Some that were cut off end right behind a chunk.
    return Unchunked(b"".join(parts), is_whole=False) if parts else None
