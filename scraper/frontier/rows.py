"""A line as it lies in the state, on its way in and on its way out. Pure."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from scraper import urls
from scraper.errors import InvalidUrl
from scraper.messages import Found, Request, Seed, Settled
from scraper.record import Failure, Outcome, Redirect, Try

if TYPE_CHECKING:
    from scraper.frontier.scope import Scope

NOBODY = 0
"""The host id of lines that need no request: duplicates and invalid ones."""

_SITEMAP = "sitemap:"
"""What a line begins with that names a sitemap."""


_LISTED_FOR_A_LINK = 10
"""How many URLs that sitemaps list are taken for each link that would be: who names a sitemap wants what
it lists, but a host can make up sitemaps without end."""


def names_sitemap(line: str) -> bool:
    """Return whether a line of a list names a sitemap in place of a page."""
    # Most do not, and begin so: two thirds of what is below would be their time.
    return not line.startswith("http") and line.lstrip()[: len(_SITEMAP)].lower() == _SITEMAP


class Descent(msgspec.Struct, array_like=True, frozen=True):
    """Where a line comes from that was found, and what kind it is."""

    depth: int = 0
    parent: int | None = None
    is_sitemap: bool = False
    is_trusted: bool = True


class Way(msgspec.Struct, array_like=True, frozen=True):
    """How far a line had come when it was moved to another host."""

    target: str
    redirects: tuple[Redirect, ...]
    tries: tuple[Try, ...]
    free_tries: int
    took_s: float


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A line as it lies in the table, in JSON."""

    seq: int
    input: str
    url: str | None
    """``None`` when it is no URL; empty when it is the input itself."""
    host: str
    """The host key of what is to be asked for, empty when nobody is."""
    key: str | None
    """What duplicates are found by; empty when it is the URL itself."""
    extra: dict[str, Any] | None = None
    guessed: bool = False
    settled: Outcome | None = None
    why: str | None = None
    duplicate_of: int | None = None
    descent: Descent | None = None
    """``None`` for a page of the list."""
    way: Way | None = None
    """``None`` at its beginning."""


class Line(NamedTuple):
    """A line on its way into the table."""

    seq: int
    input: str
    extra: dict[str, Any] | None
    url: str | None
    host: str
    key: str | None
    digest: bytes
    """Of the key; without one empty."""
    guessed: bool = False
    settled: Outcome | None = None
    why: str | None = None
    descent: Descent | None = None
    is_plain_host: bool = False
    """The list names its host as it is called; see ``ParsedUrl``."""

    @classmethod
    def of(cls, seq: int, seed: Seed, scope: Scope) -> Line:
        """Understand a seed: its URL, host and key, or why it is no URL."""
        text = seed.input
        is_sitemap = names_sitemap(text)
        try:
            parsed = urls.parse_input(text.lstrip()[len(_SITEMAP) :] if is_sitemap else text)
        except InvalidUrl as error:
            outcome = Outcome.INVALID_URL
            return cls(seq, text, seed.extra, None, "", None, b"", settled=outcome, why=str(error))
        url, key = parsed.url, parsed.key
        if is_sitemap:
            url = urls.sitemaps_place(url)
            key = _key(url, is_sitemap=True)
        return cls(
            seq,
            text,
            seed.extra,
            url,
            parsed.host,
            key,
            urls.key_digest(key),
            parsed.guessed_scheme,
            None if is_sitemap or scope.takes_line(url) else Outcome.FILTERED,
            None,
            _descent(is_sitemap=is_sitemap, is_trusted=not seed.is_found),
            parsed.is_plain_host and not seed.is_found,
        )

    @classmethod
    def handed_over(cls, row: Row) -> Line:
        """Understand what a page of another part led to, from the row that this part made of it."""
        url = row.input if row.url == "" else row.url or ""
        key = url if row.key == "" else row.key or ""
        return cls(
            -1,
            row.input,
            row.extra,
            url,
            row.host,
            key,
            urls.key_digest(key),
            descent=row.descent,
        )

    @classmethod
    def found(cls, found: Found, *, parent: int) -> Line:
        """Understand what a page or a sitemap led to; its ``seq`` is given when it is known to be new."""
        descent = Descent(found.depth, parent, found.is_sitemap, found.is_trusted)
        if found.url is None:  # told once for each text
            digest = urls.key_digest(f"invalid:{found.input}")
            outcome = Outcome.INVALID_URL
            return cls(
                -1,
                found.input,
                found.extra,
                None,
                "",
                None,
                digest,
                settled=outcome,
                why=found.why,
                descent=descent,
            )
        key = _key(found.url, is_sitemap=found.is_sitemap)
        return cls(
            -1,
            found.input,
            found.extra,
            found.url,
            urls.host_key(found.url),
            key,
            urls.key_digest(key),
            descent=descent,
        )

    @property
    def lists_host(self) -> bool:
        """Whether the user names its host by it and wants it asked."""
        return self.is_plain_host and self.settled is None

    @property
    def is_first(self) -> bool:
        """Whether later lines with the same key are duplicates of this one."""
        return self.key is not None and self.settled is None

    def home(self, firsts: dict[int, int]) -> int:
        """Return the id of the host it waits at; ``firsts`` has the first line of each duplicate."""
        return NOBODY if self.settled or self.seq in firsts else host_id(self.host)

    def row(self, firsts: dict[int, int]) -> Row:
        """Return how it lies in the table."""
        first = firsts.get(self.seq)
        return Row(
            self.seq,
            self.input,
            "" if self.url == self.input else self.url,
            self.host,
            "" if self.key == self.url else self.key,
            self.extra,
            self.guessed,
            self.settled if first is None else Outcome.DUPLICATE,
            self.why,
            first,
            self.descent,
        )


def _key(url: str, *, is_sitemap: bool) -> str:
    """Return what duplicates are found by: to read a list and to ask for a page are two things."""
    key = urls.dedup_key(url)
    return _SITEMAP + key if is_sitemap else key


@functools.lru_cache(16_384)  # lists go round their hosts: one that holds fewer than they have finds none
def host_id(host: str) -> int:
    """Return the number that a host goes by in the state.

    A hash rather than a count, so that nothing has to be looked up while lines are taken in. Two
    hosts that share one (by chance once in 10¹⁸ pairs) would share their limits, no more.
    """
    digest = hashlib.blake2b(host.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 1) or 1


def name_id(host: str) -> int:
    """Return the number that a host goes by whatever its port."""
    return host_id(urls.host_name(host))


def account_of(line: Line, links_per_host: int) -> tuple[int, int]:
    """Return what a line that was found is counted under, and how many of those are taken.

    A host's links, its sitemaps, and its pages that sitemaps list are three counts. What is no URL has
    no host, and is counted for all hosts together: also that is a record for every line.
    """
    descent = line.descent
    if descent is not None and descent.is_sitemap:  # no host has such a name, so no number is used twice
        return host_id(f"sitemap:{line.host}"), links_per_host
    if descent is not None and not descent.depth:
        return host_id(f"listed:{line.host}"), links_per_host * _LISTED_FOR_A_LINK
    return host_id(line.host), links_per_host


def request_of(home: int, place: int, row: Row) -> Request:
    """Return the request that a row stands for."""
    url = row.input if row.url == "" else row.url
    asks = url is not None and row.settled is None
    descent = row.descent or _LISTED
    way = row.way
    return Request(
        seq=row.seq,
        home=home,
        place=place,
        input=row.input,
        extra=row.extra,
        url=url,
        key=url if row.key == "" else row.key,
        target=way.target if way else (url or "") if asks else "",
        host=row.host if asks else "",
        guessed_scheme=row.guessed,
        settled=None if row.settled is None else _settled(row.settled, row.why),
        duplicate_of=row.duplicate_of,
        depth=descent.depth,
        parent=descent.parent,
        is_sitemap=descent.is_sitemap,
        is_trusted=descent.is_trusted,
        redirects=way.redirects if way else (),
        tries=way.tries if way else (),
        free_tries=way.free_tries if way else 0,
        took_s=way.took_s if way else 0.0,
    )


_LISTED = Descent()


def _descent(*, is_sitemap: bool, is_trusted: bool) -> Descent | None:
    return Descent(is_sitemap=is_sitemap, is_trusted=is_trusted) if is_sitemap or not is_trusted else None


def _settled(outcome: Outcome, why: str | None) -> Settled:
    failure = Failure(type="InvalidUrl", message=why, phase="url") if why else None
    return Settled(outcome, failure)


def row_of(request: Request) -> Row:
    """Return how a request lies in the table that has already come some way."""
    descent = Descent(request.depth, request.parent, request.is_sitemap, request.is_trusted)
    return Row(
        request.seq,
        request.input,
        request.url,
        request.host,
        request.key,
        request.extra,
        request.guessed_scheme,
        duplicate_of=request.duplicate_of,
        descent=None if descent == _LISTED else descent,
        way=Way(request.target, request.redirects, request.tries, request.free_tries, request.took_s),
    )
