"""The pages that the programs are measured on, and the lists that ask for them.

Three kinds: ``real`` pages as sites of today send them (see ``real_pages``), ``docs``, Python's documentation
as Debian packages it, and ``tiny`` ones of 1 KiB, where the way of a URL through a program is all there is.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.benchmarks.real_pages import COUNT, real_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOCS: Final = Path("/usr/share/doc")
MOST_DOCS_BYTES: Final = 256 * 1024
"""The few pages beyond are indexes of everything: one of them would be a twentieth of all bytes."""
_TINY_COUNT: Final = 500
_TINY_BYTES: Final = 1024
_HOSTS_PER_NET: Final = 250


class Kind(NamedTuple):
    """A kind of pages, and how a list of them is made."""

    name: str
    lines: int
    """Of the list at scale 1."""
    hosts: int
    """Loopback addresses that the list is spread over."""
    remedy: str = ""
    """What to do where there are no such pages."""


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("real", 3_000, 50),
        Kind("docs", 6_000, 50, "python3-doc is not installed; on Debian: apt-get install python3-doc"),
        Kind("tiny", 20_000, 500),
    )
}


class Corpus(NamedTuple):
    """The pages of a kind as files."""

    kind: Kind
    paths: list[str]
    """Below the server's root, with a slash before them."""
    mean_bytes: float

    def urls(self, port: int, *, scale: float) -> list[str]:
        """Return the list: page after page, host after host, each URL once."""
        count = max(1, round(self.kind.lines * scale))
        names = hosts(self.kind.hosts)
        return [
            f"http://{names[n % len(names)]}:{port}{self.paths[n % len(self.paths)]}?n={n}"
            for n in range(count)
        ]


def hosts(count: int) -> list[str]:
    """Return loopback addresses; a larger count gives those of a smaller one and more."""
    return [f"127.9.{1 + n // _HOSTS_PER_NET}.{1 + n % _HOSTS_PER_NET}" for n in range(count)]


def tiny_page(number: int) -> bytes:
    """Return a page of 1 KiB."""
    html = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Page {number}</title>\n'
        f'<meta name="description" content="A small page for measuring, number {number}">\n'
        f'<link rel="canonical" href="/tiny/{number}"></head><body><h1>Page {number}</h1>\n'
    )
    paragraph = f'<p>Some words of plain text, and <a href="/tiny/{number + 1}">a link</a>.</p>\n'
    end = "</body></html>\n"
    room = _TINY_BYTES - len(html) - len(end)
    count, rest = divmod(room, len(paragraph))
    return (html + paragraph * count + " " * rest + end).encode()


def docs_folder(packages: Path = DOCS) -> Path | None:
    """Return where the newest of Python's documentations lies, ``None`` without any."""
    found = [path.parent for path in packages.glob("python3.*/html/index.html")]
    return max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))], default=None)


def _docs_pages(packages: Path) -> Iterator[bytes]:
    folder = docs_folder(packages)
    if folder is not None:
        for path in sorted(folder.rglob("*.html")):
            if 0 < path.stat().st_size <= MOST_DOCS_BYTES:
                yield path.read_bytes()


def pages(kind: Kind, *, packages: Path = DOCS) -> Iterable[bytes]:
    """Return all pages of a kind; none when they are not on this machine."""
    if kind.name == "real":
        return map(real_page, range(COUNT))
    if kind.name == "tiny":
        return map(tiny_page, range(_TINY_COUNT))
    return _docs_pages(packages)


def laid_out(kind: Kind, root: Path, *, packages: Path = DOCS, most: int | None = None) -> Corpus | None:
    """Write the pages of a kind below a server's root.

    Args:
        kind: Which.
        root: The folder.
        packages: Where Debian's packages keep their documentation.
        most: No more pages than this.

    Returns:
        ``None`` when there are none.
    """
    folder = root / kind.name
    folder.mkdir()
    paths: list[str] = []
    size = 0
    for number, page in enumerate(itertools.islice(pages(kind, packages=packages), most)):
        path = folder / f"{number:03}.html"
        path.write_bytes(page)
        paths.append(f"/{kind.name}/{path.name}")
        size += len(page)
    return Corpus(kind, paths, size / len(paths)) if paths else None
