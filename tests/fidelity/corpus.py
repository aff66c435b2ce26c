"""The corpus: pages with what a reader of the standards finds in them.

Each page is two files under ``tests/data/corpus``: ``NAME.html``, the body as it came, byte for byte, and
``NAME.json`` with the answer's URL, headers and status, and what is expected. A field that ``expected``
does not name is not judged; one with an empty value (``null``, ``[]``, ``{}``) has to be empty.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

CORPUS: Final = Path(__file__).parents[1] / "data" / "corpus"


class CorpusPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as a server sent it, and what is to be found in it."""

    name: str
    """Its files' path below ``CORPUS``, without suffix: ``news/liveblog``."""
    body: bytes
    url: str
    headers: tuple[tuple[str, str], ...]
    """Lower-case names; a name may come more than once, in the order sent."""
    status: int
    note: str
    """What is special about the page."""
    expected: dict[str, Any]
    """By the record's field names, as they are in a line of JSON."""


class _Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    headers: dict[str, str | list[str]]
    status: int
    expected: dict[str, Any]
    note: str = ""
    proposed: dict[str, Any] = {}
    """What could be expected as well, but is open to dispute: nobody is judged by it."""


def pages() -> list[CorpusPage]:
    """Return all pages, in the order of their names.

    Raises:
        FileNotFoundError: a page lacks one of its two files.
        msgspec.ValidationError: a ``NAME.json`` is not of this form.
    """
    return list(_pages(CORPUS))


@cache
def _pages(folder: Path) -> tuple[CorpusPage, ...]:
    files = (path for path in folder.rglob("*") if path.suffix in {".html", ".json"})
    names = sorted({path.relative_to(folder).as_posix().removesuffix(path.suffix) for path in files})
    return tuple(_page(folder, name) for name in names)


def _page(folder: Path, name: str) -> CorpusPage:
    said = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=_Sidecar)
    return CorpusPage(
        name=name,
        body=(folder / f"{name}.html").read_bytes(),
        url=said.url,
        headers=tuple(
            (header.lower(), value)
            for header, values in said.headers.items()
            for value in ([values] if isinstance(values, str) else values)
        ),
        status=said.status,
        note=said.note,
        expected=said.expected,
    )
