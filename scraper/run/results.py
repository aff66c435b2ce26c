"""The records of a finished run, read again from what it wrote: one at a time, whatever their number.

What a command calls a RUN is a file that a crawl has written, or a folder that holds exactly one such. A run
in several parts has a file that names them (``scraper.run.parts``).
"""

from __future__ import annotations

import gzip
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.errors import UsageError
from scraper.record import SCHEMA_VERSION, Record
from scraper.run.parts import BEGINNING, PARTS_FILE, part_lines
from scraper.sinks import parquet, sqlite
from scraper.sinks.endings import ARCHIVE, JSON_LINES, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

ARRAY = ".json"
JSON = (*JSON_LINES, ARRAY, *(f"{ending}.gz" for ending in (*JSON_LINES, ARRAY)))
TABLES = (".parquet", ".sqlite")
READABLE = (*JSON, *TABLES)
"""Endings of what can be read; the form is told by the content."""
CHANGES = "changes.jsonl"
"""How files end that tell of a run what has changed, not its records."""

_NAME_ANOTHER = f"name the run's {', '.join((*JSON_LINES, ARRAY, TABLES[0]))} or {TABLES[1]}"
_MAGIC_BYTES = 16
_decode = msgspec.json.Decoder(Record).decode
_decode_any = msgspec.json.Decoder().decode
_decode_all = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Versioned(msgspec.Struct):
    schema: int | None = None


_version_of = msgspec.json.Decoder(_Versioned).decode


def run_file(run: Path) -> Path:
    """Return the file that holds a run's records.

    Raises:
        UsageError: There is none, or a folder holds several.
    """
    if not run.is_dir():
        if not run.exists():
            raise UsageError(f"no such run: {run}")
        if run.suffix == ".csv":
            raise UsageError(f"{run}: CSV does not hold records whole; {_NAME_ANOTHER}")
        if ending_of(run) == ARCHIVE:
            raise UsageError(
                f"{run}: an archive holds pages, not records; {_NAME_ANOTHER}, "
                "or make records of it: scraper extract"
            )
        return run
    if (parts := run / PARTS_FILE).is_file():
        return parts
    return run / chosen_file([path.name for path in run.iterdir() if path.is_file()], shown=str(run))


def chosen_file(names: Iterable[str], *, shown: str) -> str:
    """Return which of the files of a folder holds a run's records; ``shown`` is what to call the folder.

    Raises:
        UsageError: None does, or several do.
    """
    there = sorted(name for name in names if name.endswith(READABLE) and not name.endswith(CHANGES))
    # Of a run that was written in several formats, what it wrote first.
    found = [name for name in there if name.endswith(JSON)] or there
    if not found:
        raise UsageError(
            f"{shown}: there is no file of records in it ({' '.join((*JSON_LINES, ARRAY, *TABLES))})"
        )
    if len(found) > 1:
        raise UsageError(f"{shown}: holds several, name one: {', '.join(found)}")
    return found[0]


def is_begun(records: Path) -> bool:
    """Tell whether a file of records is one that its run still adds to, or was stopped at."""
    return records.with_name(f"{records.name}.state").exists()


def raw_records(path: Path) -> Iterator[bytes]:
    """Give the records of a file as JSON, without line ends, in the file's order.

    Memory does not depend on the number of records, but for an array that another program has laid out
    anew. The file is closed with the iterator.

    Raises:
        UsageError: It can't be read.
    """
    try:
        with _opened(path) as file:
            beginning = file.peek(_MAGIC_BYTES)
            if beginning.startswith(sqlite.MAGIC):
                yield from sqlite.read_sqlite(path)
                return
            if beginning.startswith(parquet.MAGIC):
                yield from parquet.read_parquet(path)
                return
            if beginning.startswith(BEGINNING[:_MAGIC_BYTES]):
                yield from part_lines(path)
                return
            first = file.readline()
            if first.lstrip().startswith(b"["):
                yield from _of_array(first, file)
            else:
                yield from (line for line in chain((first.strip(),), map(bytes.strip, file)) if line)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise UsageError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: is no JSON: {error}") from error


def checked_records(path: Path) -> Iterator[bytes]:
    """Give the records of a file as ``raw_records`` does, each one looked at; see ``read_records``.

    Raises:
        UsageError: It can't be read, or holds something else than records of this schema's version.
    """
    for number, line in enumerate(raw_records(path), 1):
        _checked(path, number, line)
        yield line


def read_records(path: Path) -> Iterator[Record]:
    """Give the records of a file, in its order; see ``raw_records``.

    Raises:
        UsageError: It can't be read, or holds something else than records of this schema's version.
    """
    for number, line in enumerate(raw_records(path), 1):
        yield _checked(path, number, line)


def _checked(path: Path, number: int, line: bytes) -> Record:
    try:
        return _decode(line)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: record {number} is none: {_why(line, error)}") from error


def record_values(path: Path) -> Iterator[dict[str, Any]]:
    """Give the records of a file as what their JSON says; see ``raw_records``.

    It takes a third of the time of ``read_records``; only the version of the schema is checked.

    Raises:
        UsageError: It can't be read, or holds something else than records of this schema's version.
    """
    for number, line in enumerate(raw_records(path), 1):
        yield values_of(line, path=path, number=number)


def values_of(line: bytes, *, path: Path, number: int) -> dict[str, Any]:
    """Return what one of a file's ``raw_records`` says, the ``number``-th from 1.

    Raises:
        UsageError: It is no record of this schema's version.
    """
    try:
        values = _decode_any(line)
        if isinstance(values, dict):
            version = values.get("schema")
            if version == SCHEMA_VERSION and type(version) is int:  # which true and 1.0 are not
                return values
        _decode(line)  # to be told what is wrong
        raise UsageError(f"{path}: record {number} is none: it is of another schema")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: record {number} is none: {_why(line, error)}") from error


def _of_array(first: bytes, file: gzip.GzipFile | BufferedReader) -> Iterator[bytes]:
    """Read an array, one record a line where it is laid out as ``sinks.json_array`` does, else as a whole."""
    second = file.readline() if first.strip() == b"[" else b""
    if second.startswith(b"{") and second.rstrip(b",\r\n").endswith(b"}"):
        rest = (line for line in file if line.strip() != b"]")
        yield from (line.rstrip(b",\r\n") for line in chain((second,), rest))
    else:
        yield from map(bytes, _decode_all(first + second + file.read()))


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _why(line: bytes, error: Exception) -> str:
    try:
        version = _version_of(line).schema
    except msgspec.DecodeError:
        return str(error)
    if version and version != SCHEMA_VERSION:
        return f"it is of schema version {version}, and this program reads {SCHEMA_VERSION}"
    if version is None:
        return "it has no `schema`, as rows of chosen fields (scraper export --fields)"
    return str(error)
