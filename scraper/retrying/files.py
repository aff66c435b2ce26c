"""Where a retry reads and writes, and what is there already."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scraper.errors import OutputExists, SinkError, UsageError
from scraper.planted import refuse_planted
from scraper.run.files import Mode, RunFiles, run_files
from scraper.sinks.archive_files import LATE
from scraper.sinks.endings import ARCHIVE, RECORDS, ending_of
from scraper.sources.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator


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

    def made_of_the_run(self) -> list[Path]:
        """Return what lies beside the run in other formats, by its name: the new records are not in these."""
        stem = Path(self.run.name.removesuffix(".gz")).stem
        named = (self.run.with_name(f"{stem}{ending}") for ending in RECORDS)
        return [path for path in named if path != self.run and path.is_file()]

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
        if self.run.suffix in RECORDS and run_files([self.run]).is_unfinished():
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
        if path.suffix not in RECORDS:
            raise UsageError(f"{run} can be read but not written: name an output, -o FILE.jsonl")
        return RetryFiles(run=path, target=path)
    if ending_of(output) == ARCHIVE:
        raise UsageError(f"{output}: {LATE}")
    outputs = run_files([output]).outputs
    if not outputs:
        raise UsageError(f"{output}: a retry is merged on this machine; name a file, and `scraper export` it")
    return RetryFiles(run=path, target=outputs[0])


@contextlib.contextmanager
def written(path: Path) -> Iterator[None]:
    """Translate what the system says of a file that can't be written.

    Raises:
        SinkError: It can't.
    """
    try:
        yield
    except OSError as error:
        raise SinkError(f"can't write {path}: {error.strerror}") from error


def stamp_of(path: Path) -> tuple[int, int]:
    """Return what tells a file that was changed from the same: size and time, as ``Selection`` has them."""
    about = path.stat()
    return about.st_size, about.st_mtime_ns
