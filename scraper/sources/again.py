"""The list of what a retry asks for again: made from the records of a run, read as a source of another."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SourceError
from scraper.messages import Seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of such a list: what it was made from, and by what choice."""

    run: str
    """The file of records, as an absolute path."""
    size_bytes: int
    modified_ns: int
    """By these two it is seen that the file is still the one that the list was made from."""
    choice: str
    """What was chosen, in words that are compared with those of a retry that goes on."""


class LineAgain(msgspec.Struct, frozen=True, omit_defaults=True):
    """Each further line: one record, as a line to be asked for."""

    at: int
    """Where the record stands in the file, from 0."""
    seq: int
    """Its own."""
    input: str
    extra: dict[str, Any] | None = None
    is_found: bool = False
    """See ``Seed``."""


def seeds_again(lines: Iterable[bytes], *, name: str) -> Iterator[Seed]:
    """Yield the seeds of such a list.

    Raises:
        SourceError: It is none.
    """
    for line in lines_again(lines, name=name):
        yield Seed(line.input, line.extra, line.is_found)


def lines_again(lines: Iterable[bytes], *, name: str) -> Iterator[LineAgain]:
    """Yield what such a list holds, behind its first line.

    Raises:
        SourceError: It is none.
    """
    decode = msgspec.json.Decoder(LineAgain).decode
    try:
        for line in islice(lines, 1, None):
            yield decode(line)
    except msgspec.DecodeError as error:
        raise SourceError(f"{name}: is no list of what to ask for again: {error}") from error
