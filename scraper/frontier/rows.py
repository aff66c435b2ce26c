"""A line as it lies in the state, on its way in and on its way out. Pure."""

from __future__ import annotations

import functools
import hashlib
import struct
from typing import Any, NamedTuple

import msgspec

from scraper import urls
from scraper.errors import InvalidUrl
from scraper.messages import Request, Seed
from scraper.record import Outcome

NOBODY = 0
"""The host id of lines that need no request: duplicates and invalid ones."""


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A line as it lies in the table, in JSON."""

    seq: int
    input: str
    url: str | None
    """``None`` when it is no URL; empty when it is the input itself."""
    host: str
    """The URL's host key, empty when it is none."""
    key: str | None
    """What duplicates are found by; empty when it is the URL itself."""
    extra: dict[str, Any] | None = None
    guessed: bool = False
    settled: Outcome | None = None
    why: str | None = None
    duplicate_of: int | None = None


class Line(NamedTuple):
    """A seed on its way into the table."""

    seq: int
    seed: Seed
    url: str | None
    host: str
    guessed: bool
    key: str | None
    digest: tuple[int, int]
    """Both halves of the key's digest."""
    why: str | None

    @classmethod
    def of(cls, seq: int, seed: Seed) -> Line:
        """Understand a seed: its URL, host and key, or why it is no URL."""
        try:
            parsed = urls.parse_input(seed.input)
        except InvalidUrl as error:
            return cls(seq, seed, None, "", guessed=False, key=None, digest=(0, 0), why=str(error))
        key = urls.dedup_key(parsed.url)
        digest = _halves(urls.key_digest(key))
        return cls(seq, seed, parsed.url, parsed.host, parsed.guessed_scheme, key, digest, None)

    def home(self, firsts: dict[int, int]) -> int:
        """Return the id of the host it waits at; ``firsts`` has the first line of each duplicate."""
        return NOBODY if self.url is None or self.seq in firsts else host_id(self.host)

    def row(self, firsts: dict[int, int]) -> Row:
        """Return how it lies in the table."""
        first = firsts.get(self.seq)
        settled = None
        if self.url is None:
            settled = Outcome.INVALID_URL
        elif first is not None:
            settled = Outcome.DUPLICATE
        return Row(
            self.seq,
            self.seed.input,
            "" if self.url == self.seed.input else self.url,
            self.host,
            "" if self.key == self.url else self.key,
            self.seed.extra,
            self.guessed,
            settled,
            self.why,
            first,
        )


_halves = struct.Struct("<qq").unpack
"""A digest as two of SQLite's integers: half the bytes of any text that JSON could carry it in."""


@functools.lru_cache(4096)
def host_id(host: str) -> int:
    """Return the number that a host goes by in the state.

    A hash rather than a count, so that nothing has to be looked up while lines are taken in. Two
    hosts that share one (by chance once in 10¹⁸ pairs) would share their limits, no more.
    """
    digest = hashlib.blake2b(host.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 1) or 1


def request_of(home: int, row: Row) -> Request:
    """Return the request that a row stands for."""
    url = row.input if row.url == "" else row.url
    asks = url is not None and row.settled is None
    return Request(
        seq=row.seq,
        home=home,
        input=row.input,
        extra=row.extra,
        url=url,
        key=url if row.key == "" else row.key,
        target=(url or "") if asks else "",
        host=row.host if asks else "",
        guessed_scheme=row.guessed,
        settled=row.settled,
        settled_why=row.why,
        duplicate_of=row.duplicate_of,
    )
