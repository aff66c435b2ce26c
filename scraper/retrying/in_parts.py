"""A retry in place of a run in parts: its records become one new part, which the run's file then names.

The parts before stay, since the file that names them does (``parts.json.before``); parts of a retry that
neither names any more go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scraper.run.parts import BEGINNING, PartFile, read_parts, write_parts
from scraper.sinks.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from scraper.retrying.files import RetryFiles

_FOLDER: Final = "parts"


def replaces_parts(files: RetryFiles) -> bool:
    """Whether a run in parts is to be replaced by itself."""
    if not files.is_in_place:
        return False
    with files.run.open("rb") as run:
        return run.read(len(BEGINNING)) == BEGINNING


def merge_into_part(files: RetryFiles, write: Callable[[BinaryIO], int]) -> int:
    """Have the new records written as a part, and name it in ``files.merged``; return what ``write`` does.

    One that dies in between leaves a part that no file names; the next one writes it again.

    Raises:
        SinkError: It can't be written.
        UsageError: The run's file is damaged.
    """
    before = read_parts(files.run)
    named = {part.file for part in before.parts}
    number = next(one for one in range(1, len(named) + 2) if _name(one) not in named)
    part = files.run.parent / _name(number)
    part.parent.mkdir(exist_ok=True)
    with whole_file(part) as out:
        counted = write(out)
    new = PartFile(file=_name(number), records=before.records, size_bytes=part.stat().st_size)
    write_parts(files.merged, run=before.run, parts=[new])
    return counted


def remove_unnamed(*runs: Path) -> None:
    """Remove the parts of retries that none of these files of runs in parts names; they lie in one folder."""
    named = {part.file for run in runs for part in read_parts(run).parts}
    folder = runs[0].parent
    for path in (folder / _FOLDER).glob("retry-*.jsonl"):
        if path.relative_to(folder).as_posix() not in named:
            path.unlink(missing_ok=True)


def _name(number: int) -> str:
    return f"{_FOLDER}/retry-{number}.jsonl"
