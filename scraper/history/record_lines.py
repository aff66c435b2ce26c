"""The records of a complete run, in one file or in several, each found again by one number."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MOST_OPEN = 64
"""A run may have thousands of parts, and a process not so many files."""


class RecordLines:
    """Lines of files, as if these were one file; a context, since it keeps some of them open."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)
        self._starts: list[int] = []
        """Where each file begins."""
        end = 0
        for file in self._files:
            self._starts.append(end)
            end += file.stat().st_size
        self._open: OrderedDict[int, BinaryIO] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Give all lines, each with its place."""
        for start, file in zip(self._starts, self._files, strict=True):
            at = start
            with file.open("rb") as lines:
                for line in lines:
                    yield at, line
                    at += len(line)

    def at(self, place: int) -> bytes:
        """Return the line at a place."""
        number = bisect_right(self._starts, place) - 1
        file = self._opened(number)
        file.seek(place - self._starts[number])
        return file.readline()

    def _opened(self, number: int) -> BinaryIO:
        file = self._open.pop(number, None)
        if file is None:
            if len(self._open) >= _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            file = self._files[number].open("rb")
        self._open[number] = file
        return file
