"""Where a run lives on disk: its outputs, its journal, its state; and what is there already."""

from __future__ import annotations

import enum
import os
import secrets
from datetime import UTC
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import OutputExists, UsageError
from scraper.planted import refuse_planted
from scraper.redaction import redact
from scraper.sinks.archive_files import further_files, number_of
from scraper.sinks.endings import ARCHIVE, ENDINGS, JSON_LINES, ending_of
from scraper.sinks.remote import Remote, located

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

JOURNAL_FORMATS = JSON_LINES
"""Formats that the journal itself is in."""
_SQLITE_SIDES = ("-wal", "-shm", "-journal")
"""How the names end that SQLite puts beside a database: it writes and deletes them as its own."""


class Mode(enum.Enum):
    """What to do about an output that is there already."""

    NEW = enum.auto()
    """Refuse: nothing is overwritten silently."""
    RESUME = enum.auto()
    """Go on with the unfinished run; begin one where there is nothing yet."""
    FRESH = enum.auto()
    """Start over and replace it."""


class RunFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one run."""

    outputs: tuple[Path, ...]
    endings: tuple[str, ...]
    """The format of each output. It is that of the name which was given, and that may be a link."""
    journal: Path
    """What is written while the run goes on: the first JSON Lines output, or a file of its own."""
    state: Path
    """What is not done yet; there only while the run is incomplete."""
    remotes: tuple[Remote, ...] = ()
    """Further outputs, which are not on this machine: made from the journal when it is complete, and
    uploaded."""
    ordered: bool = False
    """Whether the records are put in input order. Then no output is the journal."""

    @property
    def name(self) -> str:
        """What to call the run: its first output."""
        return str((*self.outputs, *self.remotes)[0])

    @property
    def archive(self) -> Path | None:
        """The output that is written while the run goes on, beside the journal: its first file."""
        return next((path for path in self.outputs if self.ending_of(path) == ARCHIVE), None)

    @property
    def final_outputs(self) -> tuple[Path, ...]:
        """The outputs that are made from the journal when it is complete."""
        return tuple(path for path in self.outputs if path not in {self.journal, self.archive})

    def files_made(self) -> tuple[Path, ...]:
        """Return the outputs' files that are there in the end; an archive may have several."""
        further = further_files(self.archive) if self.archive else []
        return (*self.outputs, *further)

    def ending_of(self, output: Path) -> str:
        """Return which format one of the outputs is in: ``.json``."""
        return self.endings[self.outputs.index(output)]

    @property
    def keeps_journal(self) -> bool:
        """Whether the journal is itself an output."""
        return self.journal in self.outputs

    def is_unfinished(self) -> bool:
        """Whether a run that was stopped or has died lies there."""
        return os.path.exists(self.state)  # noqa: PTH110 Path's raises where a folder can't be looked into

    def is_complete(self) -> bool:
        """Whether an output is there and no unfinished run with it.

        Raises:
            UsageError: A remote output can't be asked for.
        """
        if self.is_unfinished():
            return False
        return any(map(os.path.isfile, self.outputs)) or any(remote.exists() for remote in self.remotes)

    def check(self, mode: Mode) -> None:
        """Refuse what would overwrite. Blocking; remote outputs are asked for.

        Raises:
            OutputExists: Something is there that the mode keeps; the message has the remedy.
            UsageError: An output is there and is no file, the state is a link, or another user may have
                put one of the files there (see ``scraper.planted``).
        """
        self._check_places()
        if mode is Mode.FRESH:
            return
        if mode is Mode.RESUME:
            if self.is_complete():
                raise OutputExists(f"{self.name} is complete: nothing to resume, --fresh starts over")
            return
        if self.is_unfinished():
            raise OutputExists(
                f"an unfinished run lies in {self.name}: go on with --resume, or start over with --fresh"
            )
        for path in self.files_made():
            if os.path.exists(path):  # noqa: PTH110 as above
                raise OutputExists(f"{path} exists: replace it with --fresh, or name another output")
        for remote in self.remotes:
            if remote.exists():
                raise OutputExists(f"{remote} exists: replace it with --fresh, or name another output")

    def _check_places(self) -> None:
        for path in self.written():
            refuse_planted(path)
        for path in (*self.files_made(), self.journal):
            if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 as above
                raise UsageError(f"{path}: is there and is no file; name another output")
        if self.state.is_symlink():  # nobody has a reason to make one, and the list would go where it leads
            raise UsageError(f"{self.state}: is a link, where the run's state belongs; remove it")

    def keep_apart(self, others: Sequence[str]) -> None:
        """Refuse to write to a file that is read, or that something else is written to; by paths and URLs.

        Raises:
            UsageError: One of ``others`` is one of ours.
        """
        for other in others:
            if any(remote.is_at(other) for remote in self.remotes):
                raise UsageError(f"{redact(other)} is also an output of the run; name another")
            if "\0" not in other and (
                any(is_same_file(own, other) for own in self.written()) or self._may_become(Path(other))
            ):
                raise UsageError(f"{other} is also an output of the run; name another")

    def _may_become(self, other: Path) -> bool:
        """Return whether the archive may come to have a file of this path."""
        real = Path(os.path.realpath(other))
        first = self.archive
        return (
            first is not None
            and number_of(real, first=first) is not None
            and real.parent == Path(os.path.realpath(first.parent))
        )

    def written(self) -> Iterator[Path]:
        """Yield every file that the run may write to, but for files that an archive has not yet."""
        yield from (*self.files_made(), self.journal)
        yield from _database(self.state)


def run_files(
    outputs: Sequence[Path | str], *, ordered: bool = False, known: Sequence[str] = ENDINGS
) -> RunFiles:
    """Return the files of a run with these outputs (at least one), on this machine or as URLs.

    Args:
        outputs: A text may be a URL: ``s3://bucket/pages.parquet``. Without an output on this machine,
            journal and state are in the working directory.
        ordered: As ``RunFiles.ordered``.
        known: Endings that name a format here.

    Raises:
        UsageError: An output has no known ending, two are the same, one is a link that another user may
            have made, or its format or its place needs a library that is missing.
    """
    places = list(map(located, outputs))
    remotes = [place for place in places if isinstance(place, Remote)]
    paths = [place for place in places if isinstance(place, Path)]
    for path in paths:
        refuse_planted(path)
    endings = {path.resolve() if path.is_symlink() else path: ending_of(path) for path in paths}
    _check_endings(
        [*((path, ending_of(path)) for path in paths), *((one, one.ending) for one in remotes)], known=known
    )
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; name a file in it")
    if any(is_same_file(one, other) for one, other in combinations(paths, 2)) or _has_twins(remotes):
        raise UsageError("an output is named twice")
    if list(endings.values()).count(ARCHIVE) > 1:
        raise UsageError(f"a run has one archive: name one output that ends in {ARCHIVE}")
    for remote in remotes:
        remote.require_library()
    # Resolved: a link and its target are one file, and must have one lock.
    # Whatever their order, they are one run.
    first = min(endings or [Path(remote.local_name) for remote in remotes])
    journals = [path for path in endings if endings[path] in JOURNAL_FORMATS]
    named_after = min(journals, default=first)
    is_output = bool(journals) and not ordered
    return RunFiles(
        outputs=tuple(endings),
        endings=tuple(endings.values()),
        journal=named_after if is_output else first.with_name(f"{first.name}.journal"),
        # Beside the journal, so that two runs that would write the same one meet at its lock.
        state=named_after.with_name(f"{named_after.name}.state"),
        remotes=tuple(remotes),
        ordered=ordered,
    )


def _check_endings(endings: Sequence[tuple[Path | Remote, str]], *, known: Sequence[str]) -> None:
    from scraper.sinks.formats import require_format  # noqa: PLC0415 - a command's help needs no format

    for place, ending in endings:
        if ending == ARCHIVE and isinstance(place, Remote):
            raise UsageError(f"{place}: an archive grows while the run goes on; name a file on this machine")
        if ending not in known:
            raise UsageError(f"{place}: the ending names the format, one of {' '.join(known)}")
        require_format(ending)


def _has_twins(remotes: Sequence[Remote]) -> bool:
    return len(set(remotes)) < len(remotes)


def keep_cache_apart(cache: str, *, files: RunFiles | None, others: Sequence[str]) -> None:
    """Refuse a ``robots.cache`` that is a file which the run uses for anything else.

    To be called before any of them is opened: each would overwrite the other. Names are compared, and
    files that are there also by what they are (a hard link, a system that takes ``A`` for ``a``).

    Args:
        cache: The setting; empty when there is no such file.
        files: The run's, if it has any.
        others: Further paths, of lists and logs.

    Raises:
        UsageError: It is one of them, or one that SQLite puts beside it is; or another user may have put
            it there.
    """
    if not cache:
        return
    refuse_planted(Path(cache))
    others = [other for other in others if "\0" not in other]
    for own in _database(Path(os.path.realpath(cache))):
        for path in (*(files.written() if files else ()), *others):
            if is_same_file(own, path):
                beside = "" if own.name == Path(os.path.realpath(cache)).name else f" (as its {own.name})"
                raise UsageError(f"robots.cache {cache}: the run also uses {path}{beside}; name another file")


def _database(path: Path) -> Iterator[Path]:
    """Yield the path of a database, and of what SQLite puts beside it."""
    yield path
    for end in _SQLITE_SIDES:
        yield path.with_name(f"{path.name}{end}")


def is_same_file(one: Path, other: Path | str) -> bool:
    """Return whether two paths lead to one file, there or not."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return False


def new_run_id(now: datetime) -> str:
    """Return a name for a run that sorts by time: ``20260131T093000Z-1f2e3d``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
