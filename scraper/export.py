"""Other formats of a run that is complete, made from what it wrote."""

from __future__ import annotations

import contextlib
import tempfile
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import UsageError
from scraper.redaction import redact
from scraper.run.files import Mode, run_files
from scraper.run.results import checked_records, is_begun, run_file
from scraper.sinks.archive_files import LATE
from scraper.sinks.claim import claimed
from scraper.sinks.endings import ARCHIVE, RECORDS
from scraper.sinks.formats import write_format
from scraper.sinks.lines import record_lines
from scraper.sinks.remote import made_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from scraper.run.files import RunFiles


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export came to."""

    records: int
    outputs: tuple[str, ...]
    """Where they are now: paths, and URLs without secrets."""


def export(
    run: Path, outputs: Sequence[Path | str], *, ordered: bool = False, fresh: bool = False
) -> Exported:
    """Write a run's records in other formats; the run itself stays as it is.

    Blocking; memory does not depend on the number of records. Each output appears whole or not at all.

    Args:
        run: A file that a crawl has written, or a folder with one; see ``scraper.run.results``.
        outputs: Paths, or URLs as text; the endings name the formats.
        ordered: By ``seq``, the number of the input line, in place of the run's own order.
        fresh: Replace outputs that are there.

    Raises:
        UsageError: The run can't be read, is not complete or holds something else than records; an
            output is there already, is the run, or can't be made.
        SinkError: An output can't be written; those before it are there.
    """
    source = run_file(run)
    if is_begun(source):
        raise UsageError(f"{source}: the run is not finished; go on with it first (scraper crawl --resume)")
    files = _files(outputs, fresh=fresh)
    files.keep_apart([str(source)])
    for output in files.outputs:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"can't write {output}: {error.strerror}") from error
    with claimed(files.outputs):
        return write_outputs(source, files, ordered=ordered)


def write_outputs(source: Path, files: RunFiles, *, ordered: bool) -> Exported:
    """Write a run's records to outputs that are claimed and may be replaced; see ``export``.

    Raises:
        UsageError: The run can't be read, or holds something else than records.
        SinkError: An output can't be written; those before it are there.
    """
    count = 0
    with _reader(source, ordered=ordered) as read:

        def counted() -> Iterator[bytes]:
            nonlocal count
            for count, record in enumerate(read(), 1):  # noqa: B007 - it is what is asked for afterwards
                yield record

        try:
            for output in (path for path in files.outputs if path != files.archive):
                write_format(counted(), output, ending=files.ending_of(output))
            for remote in files.remotes:
                with made_for(remote, files.journal) as made:
                    write_format(counted(), made, ending=remote.ending)
                    remote.upload(made)
        except msgspec.DecodeError as error:  # all are records: it is a number, and only tables are so narrow
            raise UsageError(f"{source}: record {count} fits into no table of 64 bits: {error}") from error
    return Exported(records=count, outputs=tuple(map(str, chain(files.outputs, files.remotes))))


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
