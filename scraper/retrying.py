"""Some records of a run asked for again, and the answers put in the place of the old ones.

What lies beside the output ``pages.jsonl`` meanwhile, by the order in which it comes and goes:

- ``pages.jsonl.retry.list``: what is asked for again. While it is there, the retry is unfinished.
- ``pages.jsonl.retry`` and ``.retry.state``: journal and state of an ordinary run over that list. The state
  goes when the run is complete, so that a journal without one is either whole or not begun.
- ``pages.jsonl.retry.merged``: the new output, there only when it is whole. From then on the three before are
  of no use, and go. Last of all it is renamed.

So whatever moment the process dies at, what is there tells what is still to be done. Nothing here needs an
event loop: the run itself is the caller's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scraper import urls
from scraper.errors import InvalidUrl, OutputExists, RunError, SinkError, UsageError
from scraper.execution import FINALISERS
from scraper.frontier.rows import names_sitemap
from scraper.planted import refuse_planted
from scraper.record import SCHEMA_VERSION, Outcome, Record
from scraper.results import raw_records
from scraper.robots.access import origin_of
from scraper.runs import JOURNAL_FORMATS, Mode, RunFiles, run_files
from scraper.sinks.whole_file import whole_file
from scraper.sources.again import LineAgain, Selection, lines_again
from scraper.sources.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_SITEMAP_CHARS = len("sitemap:")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which records are asked for again: those that are retryable, or those of some outcomes or statuses."""

    outcomes: tuple[Outcome, ...] = ()
    statuses: tuple[str, ...] = ()
    """Codes, or classes of them: ``503``, ``5xx``."""

    def takes(self, record: Candidate) -> bool:
        """Return whether a record is chosen. A duplicate never is: it has no answer of its own."""
        if record.outcome is Outcome.DUPLICATE:
            return False
        if not self.outcomes and not self.statuses:
            return record.retryable
        status = str(record.status)
        return record.outcome in self.outcomes or status in self.statuses or f"{status[0]}xx" in self.statuses

    @property
    def words(self) -> str:
        """What is chosen, in words."""
        found = [*sorted(self.outcomes), *sorted(self.statuses)]
        return f"those that are {' or '.join(found)}" if found else "those that are retryable"


class Candidate(msgspec.Struct, frozen=True):
    """What must be known of a record to choose it and to ask again."""

    schema: int
    seq: int
    input: str
    outcome: Outcome
    retryable: bool
    extra: dict[str, Any] | None = None
    parent: int | None = None
    status: int | None = None


class Chosen(msgspec.Struct, kw_only=True):
    """How many records there are, and how many of them are asked for again."""

    records: int = 0
    lines: int = 0
    sitemaps: int = 0
    """Chosen, but left out: what they list would be lines that the run does not have."""


class RetryFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where a retry reads and writes."""

    run: Path
    """The records before."""
    target: Path
    """The records after: the same file, or another."""

    @property
    def is_in_place(self) -> bool:
        """Whether the old records are replaced."""
        return self.run == self.target

    @property
    def before(self) -> Path:
        """What the old records are kept as, when they are replaced."""
        return self._beside("before")

    @property
    def listed(self) -> Path:
        """The list of what is asked for again."""
        return self._beside("retry.list")

    @property
    def merged(self) -> Path:
        """The new output, before it is renamed."""
        return self._beside("retry.merged")

    @property
    def lines(self) -> Path:
        """The new records as JSON Lines, while an output of another format is made of them."""
        return self._beside("retry.lines")

    @property
    def answers(self) -> RunFiles:
        """The files of the run over the list."""
        journal = self._beside("retry")
        return RunFiles(
            outputs=(journal,), endings=(".jsonl",), journal=journal, state=self._beside("retry.state")
        )

    @property
    def source(self) -> Source:
        """The list as the source of that run."""
        return Source(kind="file", name=str(self.listed.absolute()), format="again")

    def _beside(self, ending: str) -> Path:
        return self.target.with_name(f"{self.target.name}.{ending}")

    def is_unfinished(self) -> bool:
        """Whether a retry that was stopped or has died lies there."""
        return self.listed.exists() or self.merged.exists()

    def check(self, mode: Mode) -> None:
        """Refuse what would overwrite, or would read what is not finished.

        Raises:
            OutputExists: Something is there that the mode keeps; the message has the remedy.
            UsageError: The run is not finished, or another user may have put one of the files there.
        """
        for path in (self.listed, self.merged, self.before):
            refuse_planted(path)
        if self.run.suffix in FINALISERS and run_files([self.run]).is_unfinished():
            raise UsageError(f"the run in {self.run} is not finished: go on with it first, by crawl --resume")
        if mode is Mode.NEW and self.is_unfinished():
            raise OutputExists(
                f"an unfinished retry lies in {self.target}: go on with --resume, or start over with --fresh"
            )
        is_free = self.is_in_place or not os.path.lexists(self.target)
        if not is_free and mode is not Mode.FRESH and not self.is_unfinished():
            raise OutputExists(f"{self.target} exists: replace it with --fresh, or name another output")


def retry_files(run: Path, output: Path | None) -> RetryFiles:
    """Return the files of a retry of a file of records; without an output it is done in place.

    Raises:
        UsageError: The output, or the run where it is to be replaced, has no ending that can be written.
    """
    path = run.resolve() if run.is_symlink() else run  # a link stays one, and leads to the new records
    if output is None or output.resolve() == path.resolve():
        if path.suffix not in FINALISERS:
            raise UsageError(f"{run} can be read but not written: name an output, -o FILE.jsonl")
        return RetryFiles(run=path, target=path)
    return RetryFiles(run=path, target=run_files([output]).outputs[0])


def begin(files: RetryFiles, choice: Choice) -> Chosen:
    """Write the list of what is asked for again, after removing what is left of a retry before.

    Nothing is written when nothing is chosen and the run would be replaced by itself.

    Raises:
        UsageError: The run can't be read.
        SinkError: The list can't be written.
    """
    # The list before what belongs to it: an answer to another list must not be taken for one to this.
    for path in (files.merged, files.listed, files.lines, files.answers.state, files.answers.journal):
        with _written(path):
            path.unlink(missing_ok=True)
    counted = Chosen()
    stamp = _stamp(files.run)
    _make_folder(files.target.parent)
    with whole_file(files.listed) as listed:
        about = Selection(
            run=str(files.run.resolve()), size_bytes=stamp[0], modified_ns=stamp[1], choice=choice.words
        )
        listed.write(msgspec.json.encode(about) + b"\n")
        for line in _lines(files.run, choice, counted):
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
    if (about.run, about.size_bytes, about.modified_ns) != (str(files.run.resolve()), *_stamp(files.run)):
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


def merge(files: RetryFiles) -> int:
    """Write the new records whole, beside their place; return how many of those asked again are ``ok`` now.

    They are those of the run in their order, byte by byte, but for the ones that were asked again: each is
    the new record with the place of the old one (``seq``, ``input``, ``extra``, ``parent``, ``depth``).

    Raises:
        RunError: They can't be written, or an answer is missing, which is a bug.
        UsageError: The run has changed meanwhile.
    """
    if files.target.suffix in JOURNAL_FORMATS:
        with whole_file(files.merged) as out:
            return _merge(files, out)
    with whole_file(files.lines) as out:
        good = _merge(files, out)
    FINALISERS[files.target.suffix](files.lines, files.merged)
    return good


def take_place(files: RetryFiles) -> None:
    """Let the new records, which ``merge`` has written, take the place of the old.

    The old ones are kept as ``files.before`` where they are replaced.

    Raises:
        UsageError: Somebody has written to the output since.
        SinkError: It can't be done.
    """
    with _written(files.target):
        if files.is_in_place:
            old, new = files.target.stat(), files.merged.stat()
            if old.st_mtime_ns > new.st_mtime_ns:
                raise UsageError(
                    f"{files.target} was written to since then: remove {files.merged} to keep it as it is"
                )
            files.merged.chmod(old.st_mode & 0o777)
        for path in (files.lines, files.listed, files.answers.journal):
            path.unlink(missing_ok=True)
        if files.is_in_place:
            _keep(files.target, files.before)
        files.merged.replace(files.target)


def _lines(run: Path, choice: Choice, counted: Chosen) -> Iterator[LineAgain]:
    origins: frozenset[str] | None = None
    for at, record in enumerate(_candidates(run)):
        counted.records += 1
        if not choice.takes(record):
            continue
        if names_sitemap(record.input):
            counted.sitemaps += 1
            continue
        counted.lines += 1
        is_found = record.parent is not None
        if is_found:
            # A list of the run's own lines would be as good, but the records are all there is.
            origins = _listed_origins(run) if origins is None else origins
            is_found = _origin(record.input) not in origins
        yield LineAgain(at, record.seq, record.input, record.extra or None, is_found)


def _listed_origins(run: Path) -> frozenset[str]:
    """Return the origins that the user's own list names.

    What a page led to was asked with the user's headers, and at a private address, only there; so it has to
    be when it is a line of a list now.
    """
    found = (_origin(record.input) for record in _candidates(run) if record.parent is None)
    return frozenset(origin for origin in found if origin)


def _origin(line: str) -> str:
    """Return the origin that a line names, empty when it names none as it is called."""
    try:
        parsed = urls.parse_input(line.lstrip()[_SITEMAP_CHARS:] if names_sitemap(line) else line)
    except InvalidUrl:
        return ""
    return origin_of(parsed.url) if parsed.is_plain_host else ""


def _candidates(run: Path) -> Iterator[Candidate]:
    decode = msgspec.json.Decoder(Candidate).decode
    for number, line in enumerate(raw_records(run), 1):
        try:
            record = decode(line)
        except msgspec.DecodeError as error:
            raise UsageError(f"{run}: record {number} is none: {error}") from error
        if record.schema != SCHEMA_VERSION:
            raise UsageError(
                f"{run}: record {number} is of schema version {record.schema}, "
                f"and this program reads {SCHEMA_VERSION}"
            )
        yield record


def _merge(files: RetryFiles, out: BinaryIO) -> int:
    decode, encode = msgspec.json.Decoder(Record).decode, msgspec.json.Encoder().encode
    good = 0
    stamp = _stamp(files.run)
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
            good += record.outcome is Outcome.OK
            out.write(encode(record) + b"\n")
            line = next(lines, None)
            number += 1
    if line is not None or _stamp(files.run) != stamp:
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


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SinkError(f"can't write {path}: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't write to {folder}: {error.strerror}") from error


def _line_count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _stamp(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_size, about.st_mtime_ns
