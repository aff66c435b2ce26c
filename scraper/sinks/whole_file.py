"""A file that appears whole or not at all: written beside its place, synced, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from scraper.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes its place at ``target`` when the block ends well.

    Blocking. What was there before is replaced in one step, and stays when the block raises.

    Raises:
        SinkError: It can't be written, or the block raised an ``OSError``; nothing is left behind.
    """
    # A name of its own: two runs may come to the same target at the same time.
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_directory(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SinkError(f"can't write {target}: {error.strerror}") from error


def _sync_directory(directory: Path) -> None:
    """Make a rename durable, where the system can (Windows opens no directories)."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
