"""Outputs in object stores and other file systems that fsspec knows (extra ``cloud``).

A remote output is made on this machine and uploaded when it is whole. Object stores show an upload when it is
complete; elsewhere it goes to a name of its own first and is then renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scraper.errors import SinkError, UsageError
from scraper.redaction import redact
from scraper.sinks.endings import ending_of
from scraper.sinks.remote_system import LOCAL, STORES, WEB, opened, protocol_of, require_library, why

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY = ".part"


class Remote:
    """One remote output, by its URL: ``s3://bucket/pages.parquet``. Its methods block."""

    def __init__(self, url: str) -> None:
        """Take a URL; nothing is asked for.

        Raises:
            UsageError: It names no file, or is a web page's.
        """
        self._url = url
        self.shown = redact(url)
        """The URL without secrets."""
        self._protocol = protocol_of(url)
        if self._protocol in WEB:
            raise UsageError(
                f"{self.shown}: a web server takes no output; name a file, or a URL such as s3://bucket/pages.csv"
            )
        self.name = PurePosixPath(url[len(self._protocol) + 3 :].partition("?")[0]).name
        """The last part of its path."""
        if not self.name or url.endswith("/"):
            raise UsageError(f"{self.shown}: names no file; a folder is for a list in parts (--shards N)")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)

    def __str__(self) -> str:
        return self.shown

    __repr__ = __str__

    def is_at(self, url: str) -> bool:
        """Return whether a URL is this one."""
        return url == self._url

    @property
    def ending(self) -> str:
        """What names the format: ``.csv``."""
        return ending_of(PurePosixPath(self.name))

    @property
    def local_name(self) -> str:
        """A file name on this machine that no other URL has."""
        named = PurePosixPath(self.name)
        return f"{named.stem}-{hashlib.sha256(self._url.encode()).hexdigest()[:8]}{named.suffix}"

    def require_library(self) -> None:
        """Load what reaches it.

        Raises:
            UsageError: A library is missing, or nothing knows the protocol.
        """
        require_library(self._url)

    def exists(self) -> bool:
        """Ask whether it is there already.

        Raises:
            UsageError: It can't be reached.
        """
        try:
            system, path = opened(self._url)
            return bool(system.exists(path))
        except Exception as error:
            raise UsageError(f"can't reach {self.shown}: {why(error, url=self._url)}") from error

    def upload(self, made: Path) -> None:
        """Put a file there, in place of what was there.

        Raises:
            SinkError: It can't be put there. What was there is there still, unless it was the renaming that
                failed.
        """
        try:
            system, path = opened(self._url)
            if self._protocol in STORES:
                system.put_file(str(made), path)
                return
            folder, _, name = path.rpartition("/")
            temporary = f"{folder}/.{name}{_TEMPORARY}"
            system.makedirs(folder, exist_ok=True)
            system.put_file(str(made), temporary)
            if system.exists(path):
                system.rm_file(path)
            system.mv(temporary, path)
        except Exception as error:
            raise SinkError(f"can't upload to {self.shown}: {why(error, url=self._url)}") from error


@contextlib.contextmanager
def made_for(remote: Remote, beside: Path) -> Iterator[Path]:
    """Give the place for what is to be uploaded, beside a file of the run; it is removed in the end."""
    place = beside.with_name(f".{remote.local_name}.upload")
    try:
        yield place
    finally:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)


def located(output: str | Path) -> Path | Remote:
    """Return what an output's name means: a path here, also as ``file:///path``, or a remote file.

    Raises:
        UsageError: It is a URL that can't be an output.
    """
    if isinstance(output, Path) or not (protocol := protocol_of(output)):
        return Path(output)
    if protocol not in LOCAL:
        return Remote(output)
    parts = urlsplit(output)
    if parts.netloc not in {"", "localhost"}:
        raise UsageError(f"{output}: names another machine; write {protocol}:///path")
    return Path(unquote(parts.path))
