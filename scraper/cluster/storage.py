"""Where a run in parts keeps what its director and its workers both need: the one narrow door to it.

A folder that all of them reach by the same path, or one in an object store. The two differ in one thing more
than in how they are asked: in a folder a part's run works on the spot, and whoever comes next goes on with
its files; with a store it works on a disk of its own, and what others may go on from are its checkpoints.
"""

from __future__ import annotations

import os
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scraper.sinks.remote_folder import RemoteFolder
from scraper.sinks.remote_system import LOCAL, protocol_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_AT_ONCE = 16
"""Requests to a store at the same time: one takes some tens of milliseconds, wherever the rest of it goes."""


class Storage(Protocol):
    """What both kinds do. All of it blocks, may be called in several threads and may raise ``OSError``."""

    place: str
    """What ``storage_at`` finds it by on any machine: a path from the root, or a URL."""
    shown: str
    """For people; without secrets."""
    sign_every_s: float
    """How long to wait between two signs of life at the most: in a store each of them costs money."""

    def read(self, name: str) -> bytes:
        """Return what a small file holds as it was written last."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, whole, in place of what was there."""
        ...

    def claim(self, name: str) -> bool:
        """Return whether nobody else has claimed this name; of two at the same time, none may have it."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return what is directly in a folder; none when it is not there."""
        ...

    def put(self, source: Path, name: str) -> None:
        """Copy a file here, whole, in place of what was there."""
        ...

    def get(self, name: str, target: Path) -> None:
        """Copy a file from here."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def remove(self, folder: str) -> None:
        """Remove a folder and all that is in it, if it is there."""
        ...


class Folder:
    """A folder by a path that holds on every machine; see ``Storage``."""

    sign_every_s = 1.0

    def __init__(self, path: Path) -> None:
        """Name it; nothing is made."""
        self.path = path
        self.place = str(path.absolute())
        self.shown = str(path)

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Replace a file in one step; it need not outlive a power cut, and so is not synced."""
        target = self.path / name
        # A process's number is its machine's alone, and so no name.
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        temporary.write_bytes(content)
        temporary.replace(target)

    def claim(self, name: str) -> bool:
        """Make a file that must not be there."""
        try:
            os.close(os.open(self.path / name, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder."""
        try:
            return sorted(name for name in os.listdir(self.path / folder) if not name.startswith("."))  # noqa: PTH208 - names
        except FileNotFoundError:
            return []

    def put(self, source: Path, name: str) -> None:
        """Copy a file."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        shutil.copyfile(source, temporary)
        temporary.replace(target)

    def get(self, name: str, target: Path) -> None:
        """Copy a file."""
        shutil.copyfile(self.path / name, target)

    def delete(self, name: str) -> None:
        """Remove a file."""
        (self.path / name).unlink(missing_ok=True)

    def remove(self, folder: str) -> None:
        """Remove a folder."""
        if (self.path / folder).exists():
            shutil.rmtree(self.path / folder)


class Store(RemoteFolder):
    """A folder in an object store; see ``Storage``."""

    sign_every_s = 5.0

    def __init__(self, url: str) -> None:
        """Take a URL as ``RemoteFolder`` does."""
        super().__init__(url)
        self.place = self.url

    def claim(self, name: str) -> bool:
        """Write a file of a name of our own beside those of others, then look whether there is another.

        So of two that come at the same time both may leave, but never may both stay; and one whose request
        the library repeats does not meet itself.
        """
        folder, _, last = name.rpartition("/")
        own = f"{last}-{secrets.token_hex(8)}"
        self.write(f"{folder}/{own}", b"")
        return [one for one in self.names(folder) if one.startswith(f"{last}-")] == [own]


def storage_at(place: str) -> Folder | Store:
    """Return the storage at a path or a URL.

    Raises:
        UsageError: It is a URL of something else.
    """
    protocol = protocol_of(place)
    return Store(place) if protocol and protocol not in LOCAL else Folder(Path(place))


def all_at_once(storage: Storage, call: Callable[[str], None], names: Iterable[str]) -> None:
    """Call a method of a storage for each name, in a store several at the same time.

    Raises:
        OSError: The first that was raised.
    """
    if isinstance(storage, Folder):
        for name in names:
            call(name)
        return
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="storage") as threads:
        list(threads.map(call, names))
