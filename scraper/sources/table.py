"""Lists as tables, CSV or TSV, with a header line that names the columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from scraper.errors import SourceError
from scraper.messages import Seed
from scraper.sources.columns import no_such_column, place_of, unique
from scraper.sources.lines import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHOWN = 500


class _LastLine:
    """The lines as text; remembers the last one given out, for a row that can't be read."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.text = ""

    def __iter__(self) -> _LastLine:
        return self

    def __next__(self) -> str:
        self.text = decoded(next(self._lines))
        return self.text


def table_seeds(lines: Iterable[bytes], *, name: str, column: str, delimiters: str) -> Iterator[Seed]:
    """Yield a seed for each row that is not blank; quoting as in RFC 4180, also around line ends.

    The delimiter is the first of ``delimiters`` by which the header has the column (spreadsheets
    of many countries write CSV with semicolons). The column's name is matched exactly, else without
    regard to case. The other columns go into ``extra`` as text; a short row has fewer of them, and an
    empty input when the URL's is missing; cells past the header are called ``column_N``. A row that
    can't be read (a cell of more than 128 KiB, as after a forgotten quote) gives the line it ends
    with as the input, cut.

    Raises:
        SourceError: There is no header line, or no such column in it.
    """
    source = _LastLine(lines)
    header = next(source, None)
    while header is not None and not header.strip():
        header = next(source, None)
    if header is None:
        raise SourceError(f"{name}: is empty; a table begins with a header line that names its columns")
    delimiter, names, place = _find_column(header, name, column, delimiters)
    rows = csv.reader(source, delimiter=delimiter)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Seed(source.text.rstrip("\r\n")[:_SHOWN] or '"')
            continue
        if row:
            yield _seed(row, names, place)


def _find_column(header: str, name: str, column: str, delimiters: str) -> tuple[str, list[str], int]:
    """Return the delimiter, the columns' names and where the wanted one is."""
    seen: list[str] = []
    for delimiter in delimiters:
        names = unique([cell.strip() for cell in _header_cells(header, delimiter, name)])
        place = place_of(column, names)
        if place is not None:
            return delimiter, names, place
        seen = max(seen, names, key=len)
    raise no_such_column(name, column, seen, hint="The first line must hold the columns' names.")


def _header_cells(header: str, delimiter: str, name: str) -> list[str]:
    try:
        return next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as error:
        raise SourceError(f"{name}: the header line can't be read: {error}") from error


def _seed(row: list[str], names: list[str], place: int) -> Seed:
    extra = {
        names[number] if number < len(names) else f"column_{number + 1}": cell
        for number, cell in enumerate(row)
        if number != place
    }
    return Seed(row[place] if place < len(row) else "", extra or None)
