"""Lists in Parquet, by pyarrow (extra ``parquet``): a column holds the URL, the others come along."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import SourceError
from scraper.messages import Seed
from scraper.sources.columns import no_such_column, place_of, unique
from scraper.sources.jsonlines import is_deep

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

_BATCH_ROWS = 1000


def parquet_seeds(
    file: io.FileIO, *, name: str, column: str, note_bytes: Callable[[int], None] | None = None
) -> Iterator[Seed]:
    """Yield a seed for each row.

    The other columns go into ``extra``: numbers, texts, lists and structs as they are, what JSON has no value
    for (times, decimals, bytes) as text. A row without a URL has an empty input. Memory does not depend on
    the number of rows, but on the size of a row group.

    Args:
        file: Open at its beginning, and one that can be sought in.
        name: What the list is called.
        column: The column with the URL, as in other tables.
        note_bytes: Is told how much of the file was read, by the share of its rows.

    Raises:
        SourceError: It is no Parquet, has no such column, or pyarrow is missing.
    """
    if find_spec("pyarrow") is None:
        raise SourceError(f"{name}: a list in Parquet needs pyarrow: pip install pyarrow")
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra, and slow to load
    from pyarrow import parquet  # noqa: PLC0415

    size_bytes = file.seek(0, 2)
    file.seek(0)
    try:
        with parquet.ParquetFile(file) as table:
            names = unique(table.schema_arrow.names)
            place = place_of(column, names)
            if place is None:
                raise no_such_column(name, column, names)
            read = 0
            for batch in table.iter_batches(batch_size=_BATCH_ROWS):
                columns = [values.to_pylist() for values in batch.columns]
                yield from (_seed(row, names, place) for row in zip(*columns, strict=True))
                read += batch.num_rows
                if note_bytes is not None:
                    note_bytes(size_bytes * read // table.metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise SourceError(f"{name}: can't be read as Parquet: {_line(error)}") from error


def _seed(row: tuple[Any, ...], names: list[str], place: int) -> Seed:
    url = row[place]
    extra = {names[number]: _json(value) for number, value in enumerate(row) if number != place}
    if is_deep(extra):
        extra = {key: str(value) for key, value in extra.items()}
    return Seed("" if url is None else str(_json(url)), extra or None)


def _json(value: Any) -> Any:
    """Return a value that JSON has, too; what is no number becomes null when it is written."""
    if isinstance(value, bytes):  # text, in files whose writer did not say so
        return value.decode("utf-8", "replace")
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)


def _line(error: BaseException) -> str:
    return next(chain(str(error).splitlines(), [type(error).__name__]))[:200]
