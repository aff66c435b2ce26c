"""Files that somebody else has put where we write: in a folder like ``/tmp``, where anyone may.

The rule is that of Linux's ``fs.protected_symlinks``, ``protected_regular`` and ``protected_hardlinks``
(kernel documentation, admin-guide/sysctl/fs), for systems that have no such thing or have it switched
off: in a sticky folder that others may write to, a link or a file counts only if it belongs to the user
or to the folder's owner. A link that users make themselves, to another disk say, is followed.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from pathlib import Path

from scraper.errors import UsageError

_MOST_LINKS = 40
"""As many as Linux follows."""
_SHARED = stat.S_IWGRP | stat.S_IWOTH


def refuse_planted(path: Path) -> None:
    """Refuse a path that leads through, or to, something that another user has planted.

    What is not there yet is no matter, nor what can't be looked at: opening it tells.

    Raises:
        UsageError: It does; the message names the link or file.
    """
    if hasattr(os, "geteuid"):
        try:
            _walk(path)
        except (OSError, ValueError):  # ValueError: a null character in the name
            return


def is_planted(entry: os.stat_result, folder: os.stat_result, *, user: int) -> bool:
    """Return whether an entry of a folder may be another user's trap, by what ``lstat`` says of both."""
    if not (folder.st_mode & stat.S_ISVTX and folder.st_mode & _SHARED) or stat.S_ISDIR(entry.st_mode):
        return False
    is_foreign = entry.st_uid not in {user, folder.st_uid}
    return is_foreign or (stat.S_ISREG(entry.st_mode) and entry.st_nlink > 1)


def _walk(path: Path) -> None:
    """Go down a path one name at a time, also through the targets of links."""
    at, *names = path.absolute().parts
    here, rest, links = Path(at), deque(names), 0
    while rest and links < _MOST_LINKS:
        name = rest.popleft()
        entry = here / name
        about = entry.lstat()
        if name != ".." and is_planted(about, here.stat(), user=os.geteuid()):
            what = "a link" if stat.S_ISLNK(about.st_mode) else "a file"
            raise UsageError(
                f"{str(entry)!r}: is {what} that another user may have put there; "
                "name a place in a folder of your own"
            )
        if not stat.S_ISLNK(about.st_mode):
            here = entry
            continue
        links += 1
        target = entry.readlink()
        if target.is_absolute():
            here = Path(target.anchor)
        rest.extendleft(reversed(target.parts[target.is_absolute() :]))
