"""Which of a table's columns holds the URL, and what the others are called. This module does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.errors import SourceError
from scraper.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_COLUMNS = 20
_SHOWN_NAME = 80


def place_of(column: str, names: Sequence[str]) -> int | None:
    """Return where a column is: by its name, else by the only one that differs in case alone."""
    if column in names:
        return names.index(column)
    folded = [known.casefold() for known in names]
    wanted = column.casefold()
    return folded.index(wanted) if folded.count(wanted) == 1 else None


def no_such_column(name: str, column: str, names: Sequence[str], *, hint: str = "") -> SourceError:
    """Return the error that says which columns the list ``name`` has instead."""
    there = ", ".join(repr(redact(known)[:_SHOWN_NAME]) for known in names[:_SHOWN_COLUMNS])
    told = f"{name}: has no column {column!r}, but {there}; name it with --column (sources.column)."
    return SourceError(f"{told} {hint}".rstrip())


def unique(names: Sequence[str]) -> list[str]:
    """Return names that are neither empty nor twice there."""
    taken: set[str] = set()
    result = []
    for number, name in enumerate(names, start=1):
        if not name or name in taken:
            name = f"{name or 'column'}_{number}"  # noqa: PLW2901 - the loop's own value, made whole
        taken.add(name)
        result.append(name)
    return result
