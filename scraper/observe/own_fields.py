"""What came of the fields that the user asked for, over all pages that were read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import OwnFields

MAX_FURTHER = 50
"""Names that the user's function gives are counted up to so many; the next ones are not."""


class FieldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of how many pages that were read a field is."""

    name: str
    found: int
    missing: int
    """Where it has its default, too."""
    wrong: int


class OwnFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the fields that were asked for."""

    pages: int
    """How many were read."""
    fields: tuple[FieldFigures, ...]
    """The selected ones in their order, then those of the user's function."""
    has_more: bool
    """The function gave further names, which are not counted."""
    has_function: bool
    given: int
    """How many values the function gave, over all pages."""
    failed: int
    """On how many pages the function failed."""
    first_failure: str | None
    pages_with_errors: int
    """How many have ``field_errors`` in their records."""

    @property
    def nowhere(self) -> tuple[str, ...]:
        """Names of the fields that were found on no page, though pages were read."""
        return tuple(field.name for field in self.fields if self.pages and not field.found)


class OwnFieldsTally:
    """Counts fields. Memory is bounded by the names that were asked for, and ``MAX_FURTHER``."""

    def __init__(self, names: Sequence[str], *, has_function: bool) -> None:
        """Take the names of the selected fields, and whether there is a function of the user's."""
        self._found = dict.fromkeys(names, 0)
        self._wrong = dict.fromkeys(names, 0)
        self._most = len(self._found) + MAX_FURTHER
        self._has_more = False
        self._has_function = has_function
        self._pages = 0
        self._given = 0
        self._failed = 0
        self._first_failure: str | None = None
        self._pages_with_errors = 0

    def add(self, own: OwnFields) -> None:
        """Count one page."""
        self._pages += 1
        self._given += own.given
        self._pages_with_errors += bool(own.errors)
        if own.failure is not None:
            self._failed += 1
            self._first_failure = self._first_failure or own.failure
        for counts, names in ((self._found, own.found), (self._wrong, own.wrong)):
            for name in names:
                if name in counts:
                    counts[name] += 1
                elif len(self._found) < self._most:
                    self._found[name], self._wrong[name] = 0, 0
                    counts[name] = 1
                else:
                    self._has_more = True

    def figures(self) -> OwnFigures | None:
        """Return the figures so far, ``None`` when nothing was asked for."""
        if not self._found and not self._has_function:
            return None
        return OwnFigures(
            pages=self._pages,
            fields=tuple(
                FieldFigures(
                    name=name,
                    found=found,
                    missing=self._pages - found - self._wrong[name],
                    wrong=self._wrong[name],
                )
                for name, found in self._found.items()
            ),
            has_more=self._has_more,
            has_function=self._has_function,
            given=self._given,
            failed=self._failed,
            first_failure=self._first_failure,
            pages_with_errors=self._pages_with_errors,
        )
