"""What is read offline: which files, in which order, and what came of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from scraper.errors import InvalidUrl, UsageError
from scraper.redaction import redact
from scraper.sinks.archive_files import files_there
from scraper.sinks.endings import ARCHIVE, RECORDS
from scraper.urls import parse_input

if TYPE_CHECKING:
    from collections.abc import Sequence

WARC_ENDINGS = (".warc", ".warc.gz")
_PAGE_ENDINGS = (".html", ".htm", ".xhtml", ".shtml")
_RECORD_ENDINGS = (*RECORDS, *(f"{ending}.gz" for ending in RECORDS))


class Identity(msgspec.Struct, frozen=True):
    """What tells whether a file is still the same."""

    name: str
    size: int
    modified_ns: int


class Archives(msgspec.Struct, frozen=True):
    """WARC files, read one after the other."""

    files: tuple[Path, ...]

    def identity(self) -> tuple[Identity, ...]:
        """Return what the files are now."""
        return tuple(map(_identity, self.files))


class SavedPages(msgspec.Struct, frozen=True):
    """A folder of pages."""

    folder: Path
    base: str | None = None
    """The URL that the folder stands for."""

    def identity(self) -> tuple[Identity, ...]:
        """Return what the folder is now; not what lies deeper in it."""
        return (_identity(self.folder),)


class Damaged(NamedTuple):
    """A place where an archive is not what it should be."""

    name: str
    place: int
    why: str


class LeftOut(NamedTuple):
    """Something that gives no record."""

    kind: str
    """``robots``, ``other``."""


def sources_of(paths: Sequence[Path], *, base: str | None) -> Archives | SavedPages:
    """Return what the arguments name: WARC files, folders of them, or one folder of saved pages.

    Raises:
        UsageError: There is no such file, or the arguments do not go together.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(
                one for one in path.rglob("*") if one.name.endswith(WARC_ENDINGS) and one.is_file()
            )
            if found:
                files += found
                continue
            if len(paths) > 1:
                raise UsageError(
                    f"{path}: there is no {' or '.join(WARC_ENDINGS)} in it; name a folder of pages alone"
                )
            return _saved_pages(path, base)
        _check_file(path)
        # Of an archive of ours that was divided, whoever names the first file means all.
        files += [path, *(one for one in files_there(path) if one != path and one not in paths)]
    if base is not None:
        raise UsageError("--base is for a folder of saved pages: archives say what was asked for")
    twice = len({path.resolve() for path in files}) < len(files)
    if twice:
        raise UsageError("an archive is named twice")
    for path in files:
        _check_readable(path)
    return Archives(tuple(files))


def _saved_pages(folder: Path, base: str | None) -> SavedPages:
    pages = SavedPages(folder, None if base is None else _checked_base(base))
    if not any(path.is_file() for path in folder.rglob("*")):
        raise UsageError(f"{folder}: there is no file in it")
    return pages


def _check_file(path: Path) -> None:
    """Refuse what is no archive by its name; one that has another, or none, is read whatever it holds."""
    if not path.exists():
        raise UsageError(f"no such file: {path}")
    if not path.is_file():
        raise UsageError(f"{path}: is no file and no folder")
    if path.name.endswith(_RECORD_ENDINGS):
        raise UsageError(
            f"{path}: holds records, not pages; name the {ARCHIVE} that the crawl was given as an output"
        )
    if path.name.endswith(_PAGE_ENDINGS):
        raise UsageError(f"{path}: a page that was saved; name the folder that it is in")


def _checked_base(base: str) -> str:
    try:
        return parse_input(base).url
    except InvalidUrl as error:
        raise UsageError(f"--base {redact(base)}: {error}") from error


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from error


def _identity(path: Path) -> Identity:
    about = os.stat(path)  # noqa: PTH116 - a folder as well
    return Identity(str(path.resolve()), about.st_size if path.is_file() else 0, about.st_mtime_ns)
