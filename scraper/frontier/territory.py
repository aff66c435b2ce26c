"""Which hosts a part of a larger run answers for.

Every part knows the whole map, so that it can tell by itself which of the lines that it comes upon are for
another. The map has a fixed number of slots rather than an entry for each host: it costs the same for a
thousand hosts as for a billion, and says of hosts that nobody has met yet whose they are.
"""

from __future__ import annotations

import hashlib
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from scraper.frontier.scope import registrable_domain

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOTS = 65_536


@lru_cache(8192)
def slot_of(host: str) -> int:
    """Return the slot of a host key, which it shares with all hosts of its site.

    By site (``example.co.uk``) rather than by host: most redirects, most links, and nearly all robots.txt
    that lie elsewhere lead to another host of the same site. Ports are left out, so that all that listens at
    one address is in one slot.
    """
    site = registrable_domain(host)
    return int.from_bytes(hashlib.blake2b(site.encode("utf-8", "surrogatepass"), digest_size=2).digest())


class Territory:
    """The hosts of one part. Changed by the thread of the part's state alone, read by any.

    Beside the map there are hosts that have changed hands: a host whose robots.txt lies with a host of
    another part goes there, since nobody else may ask for it. There it is a guest, and stays.
    """

    def __init__(self, number: int, owners: Sequence[int]) -> None:
        """Take the part's number and, for each slot, the number of the part that it belongs to."""
        if len(owners) != SLOTS:
            raise ValueError(f"{SLOTS} slots need an owner, not {len(owners)}")
        self.number = number
        self._owners = owners
        self.guests: set[str] = set()
        self.departed: dict[str, int] = {}
        """Hosts of ours that have gone elsewhere, and where to."""

    @classmethod
    def unpacked(cls, number: int, packed: bytes) -> Self:
        """Return the territory by a map that ``packed`` gave."""
        return cls(number, [int.from_bytes(packed[at : at + 2]) for at in range(0, len(packed), 2)])

    def owner(self, host: str) -> int:
        """Return the number of the part that answers for a host."""
        if host in self.guests:
            return self.number
        return self.departed.get(host, self._owners[slot_of(host)])

    def owns(self, host: str) -> bool:
        """Whether a host is ours."""
        return self.owner(host) == self.number


def packed(owners: Sequence[int]) -> bytes:
    """Return a map as bytes, two for each slot, the higher first."""
    numbers = array("H", owners)
    return b"".join(number.to_bytes(2) for number in numbers)
