"""A retry begun, or found again: the list of what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from scraper.errors import UsageError
from scraper.retrying.choice import Choice, Chosen, lines_of
from scraper.retrying.files import RetryFiles, stamp_of, written
from scraper.sinks.whole_file import whole_file
from scraper.sources.again import Selection

if TYPE_CHECKING:
    from pathlib import Path


def begin(files: RetryFiles, choice: Choice) -> Chosen:
    """Write the list of what is asked for again, after removing what is left of a retry before.

    Nothing is written when nothing is chosen and the run would be replaced by itself.

    Raises:
        UsageError: The run can't be read.
        SinkError: The list can't be written.
    """
    # The list before what belongs to it: an answer to another list must not be taken for one to this.
    for path in (files.merged, files.listed, files.lines, files.answers.state, files.answers.journal):
        with written(path):
            path.unlink(missing_ok=True)
    counted = Chosen()
    stamp = stamp_of(files.run)
    _make_folder(files.target.parent)
    with whole_file(files.listed) as listed:
        about = Selection(
            run=str(files.run.resolve()), size_bytes=stamp[0], modified_ns=stamp[1], choice=choice.words
        )
        listed.write(msgspec.json.encode(about) + b"\n")
        for line in lines_of(files.run, choice, counted):
            listed.write(msgspec.json.encode(line) + b"\n")
    if not counted.lines and files.is_in_place:
        files.listed.unlink()
    return counted


def go_on(files: RetryFiles, choice: Choice | None) -> Chosen:
    """Return what an unfinished retry has chosen; its list must be there.

    Args:
        files: Where it lies.
        choice: What is chosen now; ``None`` when nobody says.

    Raises:
        UsageError: It is another choice, or the run has changed since.
    """
    with files.listed.open("rb") as listed:
        try:
            about = msgspec.json.decode(listed.readline(), type=Selection)
        except msgspec.DecodeError as error:
            raise UsageError(f"{files.listed} is damaged ({error}): start over with --fresh") from error
        lines = sum(1 for _ in listed)
    if choice is not None and choice.words != about.choice:
        raise UsageError(
            f"the unfinished retry asks again for {about.choice}: "
            "go on with the same, or start over with --fresh"
        )
    if (about.run, about.size_bytes, about.modified_ns) != (str(files.run.resolve()), *stamp_of(files.run)):
        raise UsageError(f"{files.run} is not the run that the retry began with: start over with --fresh")
    return Chosen(lines=lines)


def is_answered(files: RetryFiles, chosen: Chosen) -> bool:
    """Return whether the run over the list is complete.

    Raises:
        UsageError: What is there is neither complete nor can it be gone on with.
    """
    if files.answers.state.exists():
        return False
    journal = files.answers.journal
    answers = _line_count(journal) if journal.exists() else 0
    if answers not in {0, chosen.lines}:
        raise UsageError(f"{journal} has {answers} answers to {chosen.lines} lines: start over with --fresh")
    return answers == chosen.lines


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't write to {folder}: {error.strerror}") from error


def _line_count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
