"""A folder of saved pages: which of its files are pages, and under which URL each was.

Blocking. Links are not followed, and nothing but regular files is opened.
"""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from scraper import urls
from scraper.archives.archived import Archived
from scraper.archives.sources import Damaged, LeftOut
from scraper.errors import InvalidUrl
from scraper.fetch.body import Body, cut_in_words
from scraper.messages import Response
from scraper.parse.sniff import is_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scraper.archives.archived import Line
    from scraper.archives.sources import SavedPages
    from scraper.settings.model import FetchSettings

_TYPES = {
    ".html": "text/html",
    ".htm": "text/html",
    ".shtml": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".xht": "application/xhtml+xml",
}
_SNIFFED_BYTES = 2048
_INDEX = re.compile(r"(?:^|(?<=/))index\.x?html?$", re.IGNORECASE)
_QUERY_PAGE = re.compile(r"(\?.*)\.html?$", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(
    r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*(?:[:+][0-9]{1,5})?|localhost(?:[:+][0-9]{1,5})?", re.IGNORECASE
)
_SAVED_FROM = re.compile(
    rb"<!-- saved from url=\(\d{4,5}\)(https?://[^\s<>\"]{1,2000}) -->"
    rb"|<!-- Mirrored from ([^\s<>\"]{1,2000}) by HTTrack "
)
"""What browsers and HTTrack write into a page that they save."""
_SAFE = "/!$&'()*+,;=:@~"
_SCHEMES = ("http", "https")


class FolderReader:
    """Reads a folder's pages in the order of their paths."""

    def __init__(self, pages: SavedPages, settings: FetchSettings) -> None:
        self._folder = pages.folder.resolve()
        self._base = pages.base
        self._settings = settings

    def read(self, *, note_share: Callable[[float], None]) -> Iterator[Archived | Damaged | LeftOut]:  # noqa: ARG002 - how many there are is not known
        """Give all pages, what can't be read, and what is left out."""
        for path in _files(self._folder):
            try:
                if isinstance(path, OSError):
                    raise path
                yield self._page(path, path.relative_to(self._folder)) or LeftOut("other")
            except OSError as error:
                yield Damaged(_shown(error.filename or ""), 0, error.strerror or str(error))

    def lines(self) -> Iterator[Line]:
        """Return none: these are of others."""
        return iter(())

    def again(self, place: object) -> Archived | None:  # noqa: ARG002 - as of archives
        """Return nothing: no page is like another."""
        return None

    def _page(self, path: Path, relative: Path) -> Archived | None:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        flags |= getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - what was opened already
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                return None
            kind = _TYPES.get(path.suffix.lower())
            beginning = file.read(_SNIFFED_BYTES)
            if kind is None and not is_html(beginning, media_type=None, nosniff=False):
                return None
            body = Body(
                "", max_wire_bytes=self._settings.max_wire_bytes, max_body_bytes=self._settings.max_body_bytes
            )
            body.feed(beginning)
            while not body.is_full and (chunk := file.read(1 << 16)):
                body.feed(chunk)
        at = datetime.fromtimestamp(about.st_mtime, UTC)
        response = Response(
            url=url_of(relative.as_posix(), base=self._base) or _saved_from(beginning) or path.as_uri(),
            status=200,
            reason="",
            http_version="",
            headers=(("content-type", kind),) if kind else (),
            body=body.finish(),
            wire_bytes=body.wire_bytes,
            truncated=body.is_full,
            cut_by=cut_in_words(body.cut_by, self._settings, None),
            ip=None,
            fetched_at=at,
            elapsed_s=0.0,
            dns_s=0.0,
            connect_s=0.0,
            first_byte_s=0.0,
            download_s=0.0,
            is_timed=False,
        )
        return Archived(url=_shown(relative), response=response, is_file=True)


def url_of(relative: str, *, base: str | None) -> str | None:
    """Return the URL that a file of a mirror was saved from, ``None`` when its path does not tell.

    Args:
        relative: Its path in the folder, with slashes.
        base: What the folder stands for; without it the path has to begin with a host, as wget and HTTrack
            lay mirrors out, or with ``http`` or ``https`` and a host.
    """
    path = _QUERY_PAGE.sub(r"\1", relative)
    path, mark, query = path.partition("?")
    path = _INDEX.sub("", path)
    tail = (
        quote(path, safe=_SAFE, errors="surrogateescape")
        + mark
        + quote(query, safe=_SAFE + "?%", errors="surrogateescape")
    )
    if base is not None:
        return _checked(base.rstrip("/") + "/" + tail)
    scheme, host, rest = "https", *_split(tail)
    if host in _SCHEMES:
        scheme, host, rest = host, *_split(rest)
    if not _HOST.fullmatch(host) or "/" not in relative:
        return None
    return _checked(f"{scheme}://{host.replace('+', ':')}/{rest}")


def _saved_from(beginning: bytes) -> str | None:
    """Return what a page itself says that it was saved from."""
    found = _SAVED_FROM.search(beginning)
    return _checked((found[1] or found[2]).decode("utf-8", "replace")) if found else None


def _split(path: str) -> tuple[str, str]:
    first, _, rest = path.partition("/")
    return first, rest


def _checked(url: str) -> str | None:
    try:
        return urls.parse_input(url).url
    except InvalidUrl:
        return None


def _files(folder: Path) -> Iterator[Path | OSError]:
    """Give the files below a folder, by name, folders in their place; and what can't be looked into.

    Not by recursion: a folder may lie deeper than the interpreter's stack is.
    """
    waiting = [iter([folder])]
    while waiting:
        path = next(waiting[-1], None)
        if path is None:
            waiting.pop()
            continue
        try:
            if path.is_symlink():
                continue  # it may lead anywhere, also back
            if path.is_dir():
                waiting.append(iter(sorted(path.iterdir(), key=lambda one: os.fsencode(one.name))))
            elif path.is_file():
                yield path
        except OSError as error:
            yield error


def _shown(path: Path | str) -> str:
    """Return a path as text that can be written: names of files may be any bytes."""
    return os.fsencode(path).decode("utf-8", "replace").replace(os.sep, "/")
