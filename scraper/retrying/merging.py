"""The answers of a retry put in the place of the old records."""

from __future__ import annotations

import contextlib
import shutil
from array import array
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import RunError, UsageError
from scraper.record import Record
from scraper.retrying.files import RetryFiles, stamp_of, written
from scraper.retrying.in_parts import merge_into_part, remove_unnamed, replaces_parts
from scraper.run.files import JOURNAL_FORMATS
from scraper.run.results import raw_records
from scraper.sinks.formats import finalise
from scraper.sinks.whole_file import whole_file
from scraper.sources.again import lines_again

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO


def merge(files: RetryFiles) -> int:
    """Write the new records whole, beside their place; return how many of those asked again are ``ok`` now.

    They are those of the run in their order, byte by byte, but for the ones that were asked again: each is
    the new record with the place of the old one (``seq``, ``input``, ``extra``, ``parent``, ``depth``).

    Raises:
        RunError: They can't be written, or an answer is missing, which is a bug.
        UsageError: The run has changed meanwhile.
    """
    if replaces_parts(files):
        return merge_into_part(files, lambda out: _merge(files, out))
    if files.target.suffix in JOURNAL_FORMATS:
        with whole_file(files.merged) as out:
            return _merge(files, out)
    with whole_file(files.lines) as out:
        good = _merge(files, out)
    finalise(files.lines, files.merged, ending=files.target.suffix, ordered=False)
    return good


def take_place(files: RetryFiles) -> None:
    """Let the new records, which ``merge`` has written, take the place of the old.

    The old ones are kept as ``files.before`` where they are replaced.

    Raises:
        UsageError: Somebody has written to the output since.
        SinkError: It can't be done.
    """
    with written(files.target):
        if files.is_in_place:
            old, new = files.target.stat(), files.merged.stat()
            if old.st_mtime_ns > new.st_mtime_ns:
                raise UsageError(
                    f"{files.target} was written to since then: remove {files.merged} to keep it as it is"
                )
            files.merged.chmod(old.st_mode & 0o777)
        for path in (files.lines, files.listed, files.answers.journal):
            path.unlink(missing_ok=True)
        is_in_parts = replaces_parts(files)
        if files.is_in_place:
            _keep(files.target, files.before)
        files.merged.replace(files.target)
        if is_in_parts:
            remove_unnamed(files.target, files.before)


def _merge(files: RetryFiles, out: BinaryIO) -> int:
    decode, encode = msgspec.json.Decoder(Record).decode, msgspec.json.Encoder().encode
    good = 0
    stamp = stamp_of(files.run)
    with contextlib.ExitStack() as stack:
        listed = stack.enter_context(files.listed.open("rb"))
        seqs = array("q", (line.seq for line in lines_again(listed, name=str(files.listed))))
        listed.seek(0)
        lines = lines_again(listed, name=str(files.listed))
        line = next(lines, None)
        places = array("q")
        if line is not None:
            answers = stack.enter_context(files.answers.journal.open("rb"))
            places = _places(answers, len(seqs), name=files.answers.journal)
        number = 0
        for at, old in enumerate(raw_records(files.run)):
            if line is None or line.at != at:
                # An array that was laid out by another program has line ends within its records.
                out.write((msgspec.json.format(old, indent=-1) if b"\n" in old else old) + b"\n")
                continue
            answers.seek(places[number])
            record = _placed(decode(answers.readline()), decode(old), seqs)
            good += record.outcome.is_success
            out.write(encode(record) + b"\n")
            line = next(lines, None)
            number += 1
    if line is not None or stamp_of(files.run) != stamp:
        raise UsageError(f"{files.run} has changed while it was read: start over with --fresh")
    return good


def _places(answers: BinaryIO, count: int, *, name: Path) -> array[int]:
    """Return where the answer to each line begins."""
    seq_of = msgspec.json.Decoder(_Numbered).decode
    places = array("q", [-1]) * count
    at = 0
    for answer in answers:
        places[seq_of(answer).seq] = at
        at += len(answer)
    if -1 in places:
        raise RunError(f"{name} lacks an answer: please report this bug")
    return places


class _Numbered(msgspec.Struct, frozen=True):
    seq: int


def _placed(new: Record, old: Record, seqs: array[int]) -> Record:
    """Return a new record in an old one's place."""
    first = new.duplicate_of
    return msgspec.structs.replace(
        new,
        seq=old.seq,
        input=old.input,
        extra=old.extra,
        depth=old.depth,
        parent=old.parent,
        duplicate_of=None if first is None else seqs[first],
    )


def _keep(path: Path, before: Path) -> None:
    """Let a file go by a second name: at once and for nothing, where the file system can."""
    before.unlink(missing_ok=True)
    try:
        before.hardlink_to(path)
    except OSError:
        with whole_file(before) as copy, path.open("rb") as file:
            shutil.copyfileobj(file, copy)
