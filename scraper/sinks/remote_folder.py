"""A folder in an object store, or in another file system that fsspec knows (extra ``cloud``).

What is asked of it is little, because object stores can do little: to write whole, to read what was written
last, and to list what is there. Nothing here renames or appends in a store, and nothing relies on a write
that fails when something is there, which some stores can and some libraries hide.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import threading
from typing import TYPE_CHECKING, Any

from scraper.errors import UsageError
from scraper.redaction import redact
from scraper.sinks.remote_system import LOCAL, STORES, WEB, opened, protocol_of, require_library, why

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROBE = "probe"


class RemoteFolder:
    """A folder by its URL: ``s3://bucket/pages``. Methods block, and may be called in several threads.

    Names are relative, with ``/`` between. Whatever goes wrong there is an ``OSError``, and what is not there
    a ``FileNotFoundError``.
    """

    def __init__(self, url: str) -> None:
        """Take a URL; nothing is asked for.

        Raises:
            UsageError: It is no place for files.
        """
        self.url = url.rstrip("/")
        self.shown = redact(self.url)
        """The URL without secrets."""
        self._protocol = protocol_of(url)
        if not self._protocol or self._protocol in LOCAL:
            raise UsageError(f"{self.shown}: is no URL of a remote folder")
        if self._protocol in WEB:
            raise UsageError(
                f"{self.shown}: a web server takes no files; name a URL such as s3://bucket/pages"
            )
        if "::" in url or "?" in url or "#" in url:
            raise UsageError(f"{self.shown}: names no folder; write a URL such as s3://bucket/pages")
        if not self.url[len(self._protocol) + 3 :].strip("/"):
            raise UsageError(f"{self.shown}: names no folder")
        self._lock = threading.Lock()
        self._opened: tuple[Any, str] | None = None
        """What reaches a store: its library takes calls from any thread."""
        self._idle: list[tuple[Any, str]] = []
        """Connections of other kinds. Each takes one call at a time: with paramiko two can wait for ever."""

    def __str__(self) -> str:
        return self.shown

    __repr__ = __str__

    @property
    def is_of_one_process(self) -> bool:
        """Whether other processes see nothing of it."""
        return self._protocol == "memory"

    @property
    def local_name(self) -> str:
        """A file name on this machine that no other URL has."""
        place = self.url.partition("://")[2]
        # Without a path the last part is the host, and may have a password before it.
        name = place.rpartition("/" if "/" in place else "@")[2]
        return f"{name}-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"

    def require_library(self) -> None:
        """Load what reaches it.

        Raises:
            UsageError: A library is missing, or nothing knows the protocol.
        """
        require_library(self.url)

    def check(self) -> None:
        """Make sure that what is written here is read and listed at once. It leaves nothing.

        Raises:
            UsageError: It can't be reached or written, or is not what it should be.
        """
        self.require_library()
        name = f"{_PROBE}-{secrets.token_hex(4)}"
        try:
            self.write(name, name.encode())
            is_there = self.read(name) == name.encode() and name in self.names("")
            self.delete(name)
        except OSError as error:
            raise UsageError(f"can't write to {self.shown}: {error}") from error
        if not is_there:
            raise UsageError(
                f"{self.shown}: what is written there is not read or listed at once; name another place"
            )

    def exists(self, name: str) -> bool:
        """Ask whether a file is there."""
        with self._translated() as (system, path):
            return bool(system.exists(f"{path}/{name}"))

    def read(self, name: str) -> bytes:
        """Return what a file holds; for small ones."""
        with self._translated() as (system, path):
            return bytes(system.cat_file(f"{path}/{name}"))

    def write(self, name: str, content: bytes) -> None:
        """Write a small file in one step, in place of what was there."""
        with self._written(name) as (system, target):
            system.pipe_file(target, content)

    def put(self, source: Path, name: str) -> None:
        """Copy a file of this machine here in one step, in place of what was there."""
        with self._written(name) as (system, target):
            system.put_file(str(source), target)

    def get(self, name: str, target: Path) -> None:
        """Copy a file from here to this machine."""
        with self._translated() as (system, path):
            system.get_file(f"{path}/{name}", str(target))

    def names(self, folder: str) -> list[str]:
        """Return the names of what is directly in a folder, sorted; none when it is not there."""
        try:
            with self._translated() as (system, path):
                system.invalidate_cache()
                where = f"{path}/{folder}".rstrip("/")
                found = [str(one).rstrip("/") for one in system.ls(where, detail=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        # A store that has a marker for a folder lists it as one of its own files.
        names = {one.rpartition("/")[2] for one in found if one.strip("/") != where.strip("/")}
        return sorted(name for name in names if name and not name.startswith("."))

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError), self._translated() as (system, path):
            system.rm_file(f"{path}/{name}")

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        with contextlib.suppress(FileNotFoundError), self._translated() as (system, path):
            system.invalidate_cache()
            system.rm(f"{path}/{folder}".rstrip("/"), recursive=True)

    @contextlib.contextmanager
    def _written(self, name: str) -> Iterator[tuple[Any, str]]:
        """Give a place to write; where half a file could be seen, one of another name, renamed in the end."""
        with self._translated() as (system, path):
            target = f"{path}/{name}"
            if self._protocol in STORES:
                yield system, target
                return
            folder, _, last = target.rpartition("/")
            temporary = f"{folder}/.{last}.{secrets.token_hex(4)}"
            system.makedirs(folder, exist_ok=True)
            yield system, temporary
            try:
                system.mv(temporary, target)
            except OSError:  # where a rename replaces nothing
                system.rm_file(target)
                system.mv(temporary, target)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[tuple[Any, str]]:
        """Give the file system, and say what is wrong with it as ``OSError``."""
        try:
            with self._connected() as connected:
                yield connected
        except UsageError:
            raise
        except FileNotFoundError as error:
            raise FileNotFoundError(why(error, url=self.url)) from error
        except NotADirectoryError:
            raise
        except Exception as error:
            raise OSError(why(error, url=self.url)) from error

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[Any, str]]:
        if self._protocol in STORES:
            with self._lock:
                if self._opened is None:
                    # A list that the library remembers is one without what others have written since.
                    self._opened = opened(self.url, use_listings_cache=False)
            yield self._opened
            return
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or opened(self.url, skip_instance_cache=True)
        try:
            yield connection
        except (FileNotFoundError, NotADirectoryError):
            self._give_back(connection)
            raise
        # After anything else it may be the connection that is broken: the next call gets another.
        self._give_back(connection)

    def _give_back(self, connection: tuple[Any, str]) -> None:
        with self._lock:
            self._idle.append(connection)
