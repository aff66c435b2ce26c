"""A folder of a worker's own, on a disk of its machine, for as long as it is at a part.

It is removed in the end. That of a worker which was killed is removed by the next one on that machine: a lock
tells it from one in use.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "scraper-part-"
_LOCK = "lock"


@contextlib.contextmanager
def scratch_folder(parent: str) -> Iterator[Path]:
    """Give a new folder that only this user can look into; ``parent`` may be empty for the system's own.

    Raises:
        OSError: It can't be made.
    """
    where = Path(parent or tempfile.gettempdir())
    where.mkdir(parents=True, exist_ok=True)
    _sweep(where)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=where))
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # may be looked at by another just now, for a moment
        yield folder
    finally:
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(where: Path) -> None:
    """Remove folders of ours that nobody holds."""
    if sys.platform == "win32":  # whose lock it is can't be asked there
        return
    for folder in where.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            # One that has just been made has no lock yet, and is not a worker's that was killed.
            if about.st_uid != os.geteuid() or folder.is_symlink() or not (folder / _LOCK).exists():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if about.st_size and any(name != _LOCK for name in os.listdir(folder)):  # noqa: PTH208 - names
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
