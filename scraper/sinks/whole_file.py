"""A file that appears whole or not at all: written beside its place, synced, then renamed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from scraper.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENDING = ".part"
_is_token = re.compile(r"[0-9a-f]{8}").fullmatch


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes its place at ``target`` when the block ends well.

    Blocking. What was there before is replaced in one step, and stays when the block raises; a link
    too is replaced, and not followed. The mode is that of the file replaced, else what the umask gives.

    Raises:
        SinkError: It can't be written, or the block raised an ``OSError``; nothing is left behind.
    """
    # A name of its own: two runs may come to the same target at the same time.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_ENDING}")
    try:
        try:
            mode = _mode_of(target)
            # Exclusively, which follows no link either (POSIX open, O_EXCL).
            opener = partial(os.open, mode=0o666 if mode is None else 0o600)
            with open(temporary, "xb", opener=opener) as file:
                yield file
                file.flush()
                if mode is not None and os.name == "posix":
                    os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_directory(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SinkError(f"can't write {target}: {error.strerror or error}") from error


def remove_torn(target: Path) -> None:
    """Remove what a process that was killed while it wrote ``target`` has left; nobody else may be at it."""
    with contextlib.suppress(OSError):
        for torn in target.parent.iterdir():
            if _is_torn(torn.name, of=target.name):
                torn.unlink(missing_ok=True)


def _is_torn(name: str, *, of: str) -> bool:
    between = name.removeprefix(f".{of}.").removesuffix(_ENDING)
    return name == f".{of}.{between}{_ENDING}" and bool(_is_token(between))


def _mode_of(target: Path) -> int | None:
    """Return the permissions of a file that is there; a user who has closed it to others wants it so."""
    try:
        about = target.lstat()
    except FileNotFoundError:
        return None
    return about.st_mode & 0o777 if stat.S_ISREG(about.st_mode) else None


def _sync_directory(directory: Path) -> None:
    """Make a rename durable, where the system can (Windows opens no directories)."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
