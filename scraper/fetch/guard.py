"""Which addresses may be connected to.

A page, a redirect or a name server can name any address, also one that only this machine can reach: a
database on loopback, a router, the metadata service of a cloud with its keys. What is judged is the address
that is connected to, after the look-up and in the same breath, so that a name that means something else the
second time gains nothing.

What is not public is told by the IANA registries of special-purpose addresses (RFC 6890, as they stood in
2025) and by the address itself where it holds an IPv4 address. A prefix that a network has chosen for its own
NAT64 or 6rd can't be told from any other.

This module does no I/O.
"""

from __future__ import annotations

import functools
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Literal

from scraper.errors import FetchError
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The first that fits counts, so what is more special stands first.
_IPV4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        # What clouds answer their own machines with, keys included. Amazon, Google, Azure and most others;
        # Amazon's containers (tasks, pods); Azure's platform, public by its number; Alibaba; Oracle.
        ("169.254.169.254/32", "a metadata address"),
        ("169.254.170.2/32", "a metadata address"),
        ("169.254.170.23/32", "a metadata address"),
        ("168.63.129.16/32", "a metadata address"),
        ("100.100.100.200/32", "a metadata address"),
        ("192.0.0.192/32", "a metadata address"),
        ("0.0.0.0/8", "an unspecified address"),  # RFC 791, RFC 1122; Linux takes 0.0.0.0 for itself
        ("10.0.0.0/8", "a private address"),  # RFC 1918
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("100.64.0.0/10", "a shared address (carrier-grade NAT)"),  # RFC 6598
        ("127.0.0.0/8", "a loopback address"),  # RFC 1122
        ("169.254.0.0/16", "a link-local address"),  # RFC 3927
        ("192.0.0.0/24", "a reserved address"),  # RFC 6890; two anycast services in it serve no pages
        ("192.0.2.0/24", "a documentation address"),  # RFC 5737
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("192.88.99.0/24", "a reserved address"),  # RFC 7526, once relays of 6to4
        ("198.18.0.0/15", "a benchmarking address"),  # RFC 2544
        ("224.0.0.0/4", "a multicast address"),  # RFC 5771
        ("255.255.255.255/32", "a broadcast address"),  # RFC 919
        ("240.0.0.0/4", "a reserved address"),  # RFC 1112
    )
)
_IPV6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("fd00:ec2::254/128", "a metadata address"),  # Amazon
        ("fd00:ec2::23/128", "a metadata address"),
        ("fd20:ce::254/128", "a metadata address"),  # Google
        ("fe80::a9fe:a9fe/128", "a metadata address"),  # OpenStack
        ("::/128", "an unspecified address"),  # RFC 4291
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "a local NAT64 address"),  # RFC 8215; where it holds the IPv4 address is not known
        ("100::/64", "a discard-only address"),  # RFC 6666
        ("2001:2::/48", "a benchmarking address"),  # RFC 5180
        ("2001:db8::/32", "a documentation address"),  # RFC 3849
        ("3fff::/20", "a documentation address"),  # RFC 9637
        ("5f00::/16", "a segment routing address"),  # RFC 9602
        ("fc00::/7", "a unique local address"),  # RFC 4193
        ("fe80::/10", "a link-local address"),  # RFC 4291
        ("fec0::/10", "a site-local address"),  # RFC 3879
        ("ff00::/8", "a multicast address"),  # RFC 4291
        ("2001::/32", "a Teredo address"),  # RFC 4380; holds IPv4 addresses, and nobody serves pages there
        # Protocols of the IETF: RFC 2928. Those parts of it that may be reached from everywhere are anycast
        # services, relays and identifiers; none serves pages.
        ("2001::/23", "a reserved address"),
    )
)
_TRANSLATED = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4 by other numbers: mapped (RFC 4291 section 2.5.5.2), by NAT64 (RFC 6052).
As public as what is in it."""
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out for use between networks; the rest of IPv6 is reserved."""

_LOW_96 = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), *_TRANSLATED)
"""What holds an IPv4 address in its last 32 bits; the first two are IPv4-compatible (RFC 4291 section
2.5.5.1) and IPv4-translated (RFC 2765 section 2.1)."""
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056 section 2
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The first half of an interface identifier that ends in an IPv4 address (RFC 5214 section 6.1)."""
_32_BITS = 0xFFFF_FFFF


class Guard:
    """The user's word on addresses that are not public."""

    def __init__(self, policy: Literal["listed", "deny", "allow"]) -> None:
        """Take ``fetch.private``: whose private addresses are asked."""
        self._policy = policy

    def admitted(self, host: str, addresses: Sequence[str], *, is_listed: bool, phase: str) -> list[str]:
        """Return those addresses of a host that may be connected to, in their order.

        Args:
            host: The name or address that was asked for; an IPv6 address without brackets.
            addresses: What it means, for this very connection.
            is_listed: It stands in the user's own list.
            phase: Where an error is to say that it happened.

        Raises:
            FetchError: There are addresses, but none of them may be (``blocked_address``).
        """
        if self._trusts(is_listed=is_listed):
            return list(addresses)
        judged = [(address, kind_of(address)) for address in addresses]
        public = [address for address, kind in judged if kind is None]
        if judged and not public:
            address, kind = judged[0]
            raise self._refusal(host, address, kind, phase=phase)
        return public

    def check_unresolved(self, host: str, *, is_listed: bool, phase: str) -> None:
        """Judge a host that somebody else will look up, a proxy: all that can be judged is what it is called.

        Raises:
            FetchError: It is an address that may not be connected to, or a name of this machine
                (``localhost`` and what is below it, RFC 6761 section 6.3).
        """
        if self._trusts(is_listed=is_listed):
            return
        name = host.removesuffix(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            raise self._refusal(host, host, "a name of this machine", phase=phase)
        if _parsed(host) is not None and (kind := kind_of(host)) is not None:
            raise self._refusal(host, host, kind, phase=phase)

    def _trusts(self, *, is_listed: bool) -> bool:
        return self._policy == "allow" or (self._policy == "listed" and is_listed)

    def _refusal(self, host: str, address: str, kind: str | None, *, phase: str) -> FetchError:
        is_literal = host == address
        message = f"{address} is {kind}" if is_literal else f"{host} has the address {address}, {kind}"
        if self._policy == "listed":
            # By now the address has its usual form: a line that has it in another does not see itself.
            named = "it (odd spellings do not count)" if is_literal else host
            message += f", and the list does not name {named}"
        return FetchError(message, outcome=Outcome.BLOCKED_ADDRESS, kind="BlockedAddress", phase=phase)


@functools.lru_cache(4096)
def kind_of(address: str) -> str | None:
    """Return what an address is when it is not public, with an article; ``None`` when it is.

    Args:
        address: IPv4 or IPv6, as the resolver gives it: without brackets, perhaps with ``%zone``.
    """
    ip = _parsed(address)
    if ip is None:
        return "no address that is known"
    if isinstance(ip, IPv4Address):
        return _kind_in(_IPV4, ip)
    bare = IPv6Address(int(ip))  # no network holds an address with a zone
    if (kind := _kind_in(_IPV6, bare)) is not None:
        return kind
    for inner in _held_in(bare):
        if (kind := _kind_in(_IPV4, inner)) is not None:
            return f"a form of {inner}, {kind}"
    if bare not in _GLOBAL_UNICAST and not any(bare in network for network in _TRANSLATED):
        return "a reserved address"
    return "an address with a zone" if ip.scope_id else None


def is_address(host: str) -> bool:
    """Return whether a host is an address, so that no name is to be looked up."""
    return _parsed(host) is not None


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def _kind_in(
    kinds: Iterable[tuple[IPv4Network | IPv6Network, str]], ip: IPv4Address | IPv6Address
) -> str | None:
    return next((kind for network, kind in kinds if ip in network), None)


def _held_in(ip: IPv6Address) -> Iterator[IPv4Address]:
    """Give the IPv4 addresses that an IPv6 address may stand for."""
    number = int(ip)
    if any(ip in network for network in _LOW_96) or number >> 32 & _32_BITS in _ISATAP:
        yield IPv4Address(number & _32_BITS)
    if ip in _SIX_TO_FOUR:
        yield IPv4Address(number >> 80 & _32_BITS)
