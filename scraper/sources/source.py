"""What a source is: one list, how it is written, and how to open it."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from scraper.errors import SourceError
from scraper.messages import Seed
from scraper.sources.again import seeds_again
from scraper.sources.dealt import seeds_dealt
from scraper.sources.jsonlines import json_seeds
from scraper.sources.lines import read_lines
from scraper.sources.parquet_table import parquet_seeds
from scraper.sources.table import table_seeds
from scraper.sources.text import text_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_OWN_TO_A_PROCESS = ("/dev/stdin", "/dev/fd/", "/proc/")
"""What these names mean is over with the process, also where they lead to a regular file."""

Format: TypeAlias = Literal["text", "csv", "tsv", "jsonl", "parquet", "again", "dealt"]
"""``again`` is what ``scraper retry`` writes for itself (``sources.again``), ``dealt`` what a part of a
larger run is given (``sources.dealt``)."""


class Identity(NamedTuple):
    """By what a resumed run sees that a file is still the list it read."""

    size_bytes: int
    modified_ns: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One source of URLs; a value, nothing is open."""

    kind: Literal["file", "stdin", "argument"]
    name: str
    """The file's path, ``-``, or the first URL."""
    format: Format = "text"
    column: str = "url"
    urls: tuple[str, ...] = ()
    """The URLs themselves, when they are arguments."""

    @property
    def rereadable(self) -> bool:
        """Whether reading it again gives the same seeds; not so for standard input and pipes."""
        if self.kind == "file":
            if self.name.startswith(_OWN_TO_A_PROCESS):
                return False
            try:
                return stat.S_ISREG(os.stat(self.name).st_mode)  # noqa: PTH116 - also /dev/fd/N
            except OSError:
                return False
        return self.kind == "argument"

    @property
    def size_bytes(self) -> int | None:
        """How many bytes there are to be read; 0 of arguments, ``None`` for what is no regular file."""
        if self.kind == "argument":
            return 0
        try:
            return os.stat(self.name).st_size if self.rereadable else None  # noqa: PTH116 - also /dev/fd/N
        except OSError:
            return None

    def identity(self) -> Identity | None:
        """Return what tells a changed file from the same, ``None`` for what is no regular file."""
        if self.kind == "argument" or not self.rereadable:
            return None
        with _translated(self.name):
            status = os.stat(self.name)  # noqa: PTH116 - also /dev/fd/N
        return Identity(status.st_size, status.st_mtime_ns)

    def open_seeds(
        self,
        *,
        before_read: Callable[[], None] | None = None,
        note_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Seed]:
        """Open the source and yield its seeds; blocks while a pipe is empty.

        ``before_read`` is called before a read that may block, that is not for regular files.
        ``note_bytes`` is told how many bytes were read so far, as they are in the file.
        The generator closes the file when it ends or is closed; standard input stays open.

        Raises:
            SourceError: It can't be opened or read, or is not what its format says.
        """
        if self.kind == "argument":
            yield from map(Seed, self.urls)
            return
        waits = before_read if not self.rereadable else None
        with _translated(self.name):
            raw = _standard_input() if self.kind == "stdin" else io.FileIO(self.name)
        with raw:
            if self.format == "again":  # our own file, in which no line is cut
                with io.BufferedReader(raw) as lines:
                    yield from seeds_again(lines, name=self.name)
                return
            if self.format == "dealt":
                with io.BufferedReader(raw) as lines:
                    yield from seeds_dealt(lines, name=self.name)
                return
            if self.format == "parquet":
                if not self.rereadable:
                    raise SourceError(
                        f"{self.name}: a list in Parquet is not read from the front; give a file"
                    )
                yield from parquet_seeds(raw, name=self.name, column=self.column, note_bytes=note_bytes)
                return
            yield from self._seeds(read_lines(raw, name=self.name, before_read=waits, note_bytes=note_bytes))

    def _seeds(self, lines: Iterable[bytes]) -> Iterator[Seed]:
        if self.format == "csv":
            return table_seeds(lines, name=self.name, column=self.column, delimiters=",;\t")
        if self.format == "tsv":
            return table_seeds(lines, name=self.name, column=self.column, delimiters="\t")
        if self.format == "jsonl":
            return json_seeds(lines, column=self.column)
        return text_seeds(lines)


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(f"{name}: can't be opened: {error.strerror}") from error


def _standard_input() -> io.FileIO:
    """Return standard input without Python's buffer, which would keep lines back."""
    if sys.__stdin__ is None:
        raise SourceError("-: there is no standard input")
    return io.FileIO(sys.__stdin__.fileno(), closefd=False)
