"""What an archive says of one answer. Values only."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from scraper.messages import Response
from scraper.record import Outcome, Redirect, Robots, Try


class Place(NamedTuple):
    """Where an answer can be read again."""

    source: int
    """The number of the file, from 0."""
    at: int


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Why an answer is not whole, by the record's words."""

    outcome: Outcome
    kind: str
    message: str
    phase: str


class Revisited(msgspec.Struct, frozen=True, kw_only=True):
    """Where the body is of an answer that has the same as an earlier one (WARC 1.1, section 6.7)."""

    keys: tuple[str, ...]
    """Any of them names it; see ``Archived.keys``."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive of ours says of the line that an answer belongs to, as its record has it."""

    kind: str = "page"
    """``page``, ``sitemap`` or ``robots``."""
    run: str = ""
    seq: int | None = None
    input: str | None = None
    extra: dict[str, object] = {}
    url: str | None = None
    key: str | None = None
    depth: int = 0
    parent: int | None = None
    redirects: tuple[Redirect, ...] = ()
    tries: tuple[Try, ...] = ()
    robots: Robots | None = None


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    url: str
    """What was asked for, as the archive has it; of a saved page its path in the folder."""
    response: Response
    """Of a revisit without its body, of what is ``broken`` as far as it goes."""
    broken: Broken | None = None
    revisited: Revisited | None = None
    line: Line | None = None
    """``None`` in archives of others."""
    is_file: bool = False
    """It is a saved page: what it is called may be no URL that anybody can be asked for."""
    place: Place | None = None
    """``None`` where it can't be read again."""
    keys: tuple[str, ...] = ()
    """What later records may call it by."""
