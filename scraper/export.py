"""Other formats of a run that is complete, made from what it wrote."""

from __future__ import annotations

import contextlib
import tempfile
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.comparing.names import field_paths, is_free, shown_path, value_at
from scraper.comparing.where import condition
from scraper.errors import UsageError
from scraper.redaction import redact, redact_within
from scraper.run.files import Mode, run_files
from scraper.run.results import checked_records, is_begun, run_file, values_of
from scraper.sinks.archive_files import LATE
from scraper.sinks.claim import claimed
from scraper.sinks.endings import ARCHIVE, RECORDS
from scraper.sinks.formats import write_format
from scraper.sinks.lines import record_lines
from scraper.sinks.remote import made_for
from scraper.sinks.rows import check_rows, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from scraper.run.files import RunFiles


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which records an export has, and what of them."""

    where: str | None = None
    """A condition as ``scraper show`` takes it: only records that meet it."""
    fields: tuple[str, ...] = ()
    """Names of fields, with dots into what is nested: rows of these in place of records."""
    masked: bool = False
    """Secrets in URLs are masked, as in the log: values of parameters by their names, and user info."""


EVERYTHING = Selection()


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export came to."""

    records: int
    outputs: tuple[str, ...]
    """Where they are now: paths, and URLs without secrets."""
    empty: tuple[str, ...] = ()
    """Names of fields below free names, such as ``fields.price``, that none of the records has."""


def export(
    run: Path,
    outputs: Sequence[Path | str],
    *,
    ordered: bool = False,
    fresh: bool = False,
    selection: Selection = EVERYTHING,
    copied_from: str | None = None,
) -> Exported:
    """Write a run's records in other formats; the run itself stays as it is.

    Blocking; memory does not depend on the number of records. Each output appears whole or not at all.

    Args:
        run: A file that a crawl has written, or a folder with one; see ``scraper.run.results``.
        outputs: Paths, or URLs as text; the endings name the formats.
        ordered: By ``seq``, the number of the input line, in place of the run's own order.
        fresh: Replace outputs that are there.
        selection: Which records, and what of them. Rows of chosen fields are no records any more: no command
            takes them for a run.
        copied_from: The URL of the file that ``run`` is a copy of: no output either.

    Raises:
        UsageError: The run can't be read, is not complete or holds something else than records; an
            output is there already, is the run, or can't be made; the selection is none.
        SinkError: An output can't be written; those before it are there.
    """
    chosen = _Chosen(selection)
    source = run_file(run)
    if is_begun(source):
        raise UsageError(f"{source}: the run is not finished; go on with it first (scraper crawl --resume)")
    files = _files(outputs, fresh=fresh)
    files.keep_apart([str(source), *([copied_from] if copied_from else [])])
    if selection.fields:
        for ending in (*map(files.ending_of, files.outputs), *(remote.ending for remote in files.remotes)):
            check_rows(ending)
    for output in files.outputs:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"can't write {output}: {error.strerror}") from error
    with claimed(files.outputs):
        return write_outputs(source, files, ordered=ordered, chosen=chosen)


class _Chosen:
    """A selection, checked."""

    def __init__(self, selection: Selection) -> None:
        self._meets = condition(selection.where) if selection.where is not None else None
        self._paths = field_paths(selection.fields)
        self._masked = selection.masked
        self.names = [shown_path(path) for path in self._paths]
        """Of the columns; none where whole records are written."""
        self.unseen = {path for path in self._paths if is_free(path)}
        """Paths that any name would do for, and that no record had a value at so far."""
        self._everything = self._meets is None and not self._masked and not self._paths

    def records(self, lines: Iterator[bytes], source: Path) -> Iterator[bytes]:
        """Give the records, as JSON."""
        if self._everything:
            yield from lines
            return
        for line, values in self._values(lines, source):
            yield msgspec.json.encode(values) if self._masked else line

    def rows(self, lines: Iterator[bytes], source: Path) -> Iterator[list[Any]]:
        """Give the chosen fields of the records."""
        for _, values in self._values(lines, source):
            if self.unseen:
                self.unseen -= {path for path in self.unseen if value_at(values, path) is not None}
            yield [value_at(values, path) for path in self._paths]

    def _values(self, lines: Iterator[bytes], source: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
        for number, line in enumerate(lines, 1):
            values = values_of(line, path=source, number=number)
            if self._meets is None or self._meets(values):  # by what it was before it is masked
                if self._masked:
                    values["input"] = redact(values["input"])
                    redact_within(values)
                yield line, values


def write_outputs(source: Path, files: RunFiles, *, ordered: bool, chosen: _Chosen | None = None) -> Exported:
    """Write a run's records to outputs that are claimed and may be replaced; see ``export``.

    Raises:
        UsageError: The run can't be read, or holds something else than records.
        SinkError: An output can't be written; those before it are there.
    """
    chosen = _Chosen(EVERYTHING) if chosen is None else chosen
    read_on = count = 0
    with _reader(source, ordered=ordered) as read:

        def lines() -> Iterator[bytes]:
            nonlocal read_on
            for read_on, record in enumerate(read(), 1):  # noqa: B007 - it is what is asked for afterwards
                yield record

        def counted(given: Iterator[Any]) -> Iterator[Any]:
            nonlocal count
            count = 0
            for one in given:
                count += 1
                yield one

        def write(target: Path, ending: str) -> None:
            if chosen.names:
                rows = lambda: counted(chosen.rows(lines(), source))  # noqa: E731 - each format reads anew
                write_rows(rows, chosen.names, target, ending=ending)
            else:
                write_format(counted(chosen.records(lines(), source)), target, ending=ending)

        try:
            for output in (path for path in files.outputs if path != files.archive):
                write(output, files.ending_of(output))
            for remote in files.remotes:
                with made_for(remote, files.journal) as made:
                    write(made, remote.ending)
                    remote.upload(made)
        except msgspec.DecodeError as error:  # all are records: it is a number, and only tables are so narrow
            raise UsageError(f"{source}: record {read_on} fits into no table of 64 bits: {error}") from error
    return Exported(
        records=count,
        outputs=tuple(map(str, chain(files.outputs, files.remotes))),
        empty=tuple(sorted(map(shown_path, chosen.unseen))),
    )


def _files(outputs: Sequence[Path | str], *, fresh: bool) -> RunFiles:
    """Return where to write, once it is known that it may be written."""
    for output in outputs:
        if str(output).endswith(ARCHIVE):
            raise UsageError(f"{redact(str(output))}: {LATE}")
    files = run_files(outputs, ordered=True, known=RECORDS)  # nothing here is a journal
    if files.is_unfinished():
        raise UsageError(f"an unfinished run lies in {files.name}: name another output")
    files.check(Mode.FRESH if fresh else Mode.NEW)
    return files


@contextlib.contextmanager
def _reader(source: Path, *, ordered: bool) -> Iterator[Callable[[], Iterator[bytes]]]:
    """Give what reads the run's records, each time from the first one."""
    if not ordered:
        yield lambda: checked_records(source)
        return
    # Only lines can be looked up one by one; whatever the run's form, they are put down as such.
    with tempfile.TemporaryFile() as journal:
        try:
            journal.writelines(record + b"\n" for record in checked_records(source))
        except OSError as error:
            place = tempfile.gettempdir()
            raise UsageError(f"can't put {source} in order, in {place}: {error.strerror}") from error
        yield lambda: record_lines(journal, ordered=True)
