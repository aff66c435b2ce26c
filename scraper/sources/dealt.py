"""The lines that a part of a larger run is given: its share of the list, and what other parts hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SourceError
from scraper.messages import Seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class DealtLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of such a file: a line of the list with its number, or a row of another part's state."""

    seq: int = -1
    input: str = ""
    extra: dict[str, Any] | None = None
    row: msgspec.Raw = msgspec.Raw()
    """A ``frontier.rows.Row``, which is nobody's business on the way."""
    listed: bool = False
    """The user's list names the row's host."""


def seeds_dealt(lines: Iterable[bytes], *, name: str) -> Iterator[Seed]:
    """Yield the seeds of such a file.

    Raises:
        SourceError: It is none.
    """
    decode = msgspec.json.Decoder(DealtLine).decode
    try:
        for line in map(decode, lines):
            if row := bytes(line.row):
                yield Seed("", row=row, is_listed=line.listed)
            else:
                yield Seed(line.input, line.extra, seq=line.seq)
    except msgspec.DecodeError as error:
        raise SourceError(f"{name}: is no list of lines that were dealt: {error}") from error
