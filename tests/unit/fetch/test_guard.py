"""The address guard: what an address is, and which of a name's addresses are connected to.

Addresses are those of the IANA registries of special-purpose addresses and of the RFCs they name; metadata
addresses those of the clouds' own documentation.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.errors import FetchError
from scraper.fetch.guard import Guard, kind_of
from scraper.fetch.resolver import SystemResolver
from tests.support.fetching import failed_fetch_by, fetch_by, fetching
from tests.support.wire import Recorded, serving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.abc import ResolveResult

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.5"


# --- what an address is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "addresses"),
    [
        ("a loopback address", "127.0.0.0 127.0.0.1 127.255.255.255 ::1"),
        ("an unspecified address", "0.0.0.0 0.1.2.3 0.255.255.255 ::"),
        (
            "a private address",
            "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255",
        ),
        ("a shared address (carrier-grade NAT)", "100.64.0.0 100.127.255.255"),
        ("a link-local address", "169.254.0.0 169.254.169.253 169.254.255.255 fe80:: febf::1 fe80::1%eth0"),
        (
            "a metadata address",
            """169.254.169.254 169.254.170.2 169.254.170.23 168.63.129.16 100.100.100.200 192.0.0.192
            fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe fe80::a9fe:a9fe%eth0""",
        ),
        ("a documentation address", "192.0.2.1 198.51.100.255 203.0.113.0 2001:db8::1 3fff:fff::1"),
        ("a benchmarking address", "198.18.0.0 198.19.255.255 2001:2::1"),
        ("a multicast address", "224.0.0.0 239.255.255.255 ff00:: ff02::1 ff02::1%3"),
        ("a broadcast address", "255.255.255.255"),
        ("a reserved address", "192.0.0.1 192.0.0.171 192.88.99.1 240.0.0.0 255.255.255.254"),
        (
            "a reserved address",
            "100:0:0:1::1 200::1 2001:1::1 2001:20::1 4000::1 e000::1 ::5:1:2:3 ::8.8.8.8",
        ),
        ("a unique local address", "fc00:: fdff:ffff::1"),
        ("a site-local address", "fec0:: feff::1"),
        ("a local NAT64 address", "64:ff9b:1::1 64:ff9b:1:ffff::808:808"),
        ("a Teredo address", "2001:: 2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        ("a discard-only address", "100::1"),
        ("a segment routing address", "5f00::1"),
        ("an address with a zone", "2606:4700::1%eth0"),
        ("no address that is known", "localhost 127.1 0x7f000001 2130706433 0177.0.0.1 127.0.0.1. 1.2.3"),
    ],
)
def test_what_is_not_public_is_told_by_its_kind(kind: str, addresses: str) -> None:
    assert {address: kind_of(address) for address in addresses.split()} == dict.fromkeys(
        addresses.split(), kind
    )


_PUBLIC = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.17
    2000::1 2001:200::1 2606:4700::1111 2a00:1450::1 3ffe::1 2620:4f:8000::1
"""
_PUBLIC_WITHIN = "::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2a00:1450::5efe:808:808"


@pytest.mark.parametrize("address", f"{_PUBLIC} {_PUBLIC_WITHIN}".split())
def test_what_is_public(address: str) -> None:
    assert kind_of(address) is None


@pytest.mark.parametrize(
    ("form", "held"),
    [
        ("::ffff:{}", "mapped"),
        ("::{}", "compatible"),
        ("::ffff:0:{}", "translated"),
        ("64:ff9b::{}", "NAT64"),
        ("2002:{hex}::1", "6to4"),
        ("2a00:1450::5efe:{}", "ISATAP"),
        ("2a00:1450::200:5efe:{}", "ISATAP, universal"),
    ],
)
@pytest.mark.parametrize("inner", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "224.0.0.1"])
def test_an_ipv4_address_inside_is_found(form: str, held: str, inner: str) -> None:
    number = int(IPv4Address(inner))
    address = form.format(inner, hex=f"{number >> 16:x}:{number & 0xFFFF:x}")
    assert kind_of(address) == f"a form of {inner}, {kind_of(inner)}", held


@given(st.ip_addresses())
@example(IPv4Address("192.0.0.9"))
@example(IPv6Address("::ffff:127.0.0.1"))
@example(IPv6Address("64:ff9b::808:808"))
@example(IPv6Address("2002:7f00:1::"))
def test_nothing_is_public_that_python_takes_for_special(ip: IPv4Address | IPv6Address) -> None:
    if kind_of(str(ip)) is not None:
        return
    inner = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    judged = inner or ip
    translated = isinstance(ip, IPv6Address) and int(ip) >> 32 == 0x64FF9B << 64
    if isinstance(ip, IPv6Address) and ip.sixtofour:
        return  # as public as what is in it; what Python says of them depends on its version
    assert translated or judged.is_global
    special = {"private", "loopback", "multicast", "unspecified", "link_local"}
    assert not [name for name in special if getattr(judged, f"is_{name}")]


@given(st.text() | st.from_regex(r"[0-9a-fA-F:.%x]+"))
def test_whatever_is_no_address_is_not_public(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        assert kind_of(text) == "no address that is known"
    else:
        kind_of(text)


# --- which addresses of a host are admitted ----------------------------------------------------


def _found(*addresses: str) -> list[ResolveResult]:
    return [
        {"hostname": "h.example", "host": one, "port": 80, "family": socket.AF_INET, "proto": 0, "flags": 0}
        for one in addresses
    ]


def _admitted(guard: Guard, addresses: Sequence[str], *, is_listed: bool = False) -> list[str]:
    return guard.admitted("h.example", addresses, is_listed=is_listed, phase="dns")


UNLISTED = ", and the list does not name it (odd spellings do not count)"


def _refused(guard: Guard, *addresses: str, is_listed: bool = False) -> FetchError:
    with pytest.raises(FetchError) as caught:
        _admitted(guard, addresses, is_listed=is_listed)
    return caught.value


def test_of_a_name_with_both_only_the_public_addresses_are_tried() -> None:
    guard = Guard("listed")
    assert _admitted(guard, [PRIVATE, PUBLIC, "::1", "8.8.8.8"]) == [PUBLIC, "8.8.8.8"]
    assert _admitted(guard, [PRIVATE, PUBLIC], is_listed=True) == [PRIVATE, PUBLIC]
    assert _admitted(Guard("deny"), [PRIVATE, PUBLIC], is_listed=True) == [PUBLIC]
    assert _admitted(Guard("allow"), [PRIVATE, PUBLIC]) == [PRIVATE, PUBLIC]


def test_with_none_left_the_error_names_the_host_the_address_and_its_kind() -> None:
    error = _refused(Guard("listed"), PRIVATE, "127.0.0.1")
    named = f"h.example has the address {PRIVATE}, a private address"
    assert str(error) == f"{named}, and the list does not name h.example"
    assert (error.outcome, error.kind, error.phase) == ("blocked_address", "BlockedAddress", "dns")
    assert error.is_stale is False
    assert str(_refused(Guard("deny"), PRIVATE, is_listed=True)) == named


def test_an_address_in_the_url_is_named_once() -> None:
    with pytest.raises(FetchError) as caught:
        Guard("listed").admitted("127.0.0.1", ["127.0.0.1"], is_listed=False, phase="connect")
    assert str(caught.value) == f"127.0.0.1 is a loopback address{UNLISTED}"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "::1", "10.0.0.1"]
)
def test_who_looks_names_up_elsewhere_is_still_sent_to_no_private_literal(host: str) -> None:
    for guard, is_listed in ((Guard("listed"), False), (Guard("deny"), True)):
        with pytest.raises(FetchError) as caught:
            guard.check_unresolved(host, is_listed=is_listed, phase="connect")
        assert caught.value.outcome == "blocked_address"
    Guard("listed").check_unresolved(host, is_listed=True, phase="connect")
    Guard("allow").check_unresolved(host, is_listed=False, phase="connect")


@pytest.mark.parametrize(
    "host", ["example.com", "notlocalhost", "localhost.example.com", PUBLIC, "2606:4700::1"]
)
def test_other_names_are_whose_look_up_it_is_to_judge(host: str) -> None:
    Guard("deny").check_unresolved(host, is_listed=False, phase="connect")


# --- at the connector --------------------------------------------------------------------------


class Names:
    """A name server of our own: each look-up of a name is answered with the next of its addresses."""

    def __init__(self, **names: list[list[str]]) -> None:
        self._names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        """Stand in for ``socket.getaddrinfo``; the last answer is given for ever."""
        self.asked.append(host)
        answers = self._names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        families = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses]
        return [(family, socket.SOCK_STREAM, 6, "", (one, port)) for family, one in families]


async def _refused_at(url: str, **changes: Any) -> FetchError:
    async with fetching(**{"private": "listed", **changes}) as fetcher:
        return await failed_fetch_by(fetcher, url)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("[::1]", "::1 is a loopback address"),
        ("[::ffff:7f00:1]", "::ffff:7f00:1 is a form of 127.0.0.1, a loopback address"),
        ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1 is a form of 127.0.0.1, a loopback address"),
        ("0.0.0.0", "0.0.0.0 is an unspecified address"),  # noqa: S104
    ],
)
async def test_an_address_literal_is_judged_though_nobody_resolves_it(host: str, named: str) -> None:
    talk = Recorded(OK)
    async with serving(talk) as wire:
        error = await _refused_at(wire.url(host=host))
        assert wire.connections == 0
    assert str(error) == named + UNLISTED
    assert (error.outcome, error.phase) == ("blocked_address", "connect")


async def test_localhost_in_every_spelling_is_judged_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(localhost=[["127.0.0.1"]], LOCALHOST=[["::1"]], localhost_=[["127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    async with serving(Recorded(OK)) as wire:
        for host in ("localhost", "LOCALHOST", "localhost."):
            error = await _refused_at(wire.url(host=host))
            assert (error.outcome, error.kind, error.phase) == ("blocked_address", "BlockedAddress", "dns")
        assert wire.connections == 0


async def test_a_name_that_is_rebound_is_refused_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address checked is the address connected to: none is looked up in between."""
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def resolve(_: SystemResolver, host: str, port: int = 0, **__: Any) -> list[ResolveResult]:
        return [{**one, "hostname": host, "port": port} for one in _found(*answers.pop(0))]

    monkeypatch.setattr(SystemResolver, "resolve", resolve)
    tried: list[str] = []

    async def no_network(addr_infos: Any, **_: Any) -> socket.socket:
        tried.extend(info[4][0] for info in addr_infos)
        raise OSError(111, "refused")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", no_network)
    async with serving(Recorded(OK)) as wire, fetching(private="listed") as fetcher:
        first = await failed_fetch_by(fetcher, wire.url(host="re.example"))
        # Another port, so that no earlier look-up serves.
        second = await failed_fetch_by(fetcher, f"http://re.example:{wire.port - 1}/")
    assert first.outcome == "connect_error"
    assert second.outcome == "blocked_address"
    named = "re.example has the address 127.0.0.1, a loopback address"
    assert str(second) == f"{named}, and the list does not name re.example"
    assert tried == [PUBLIC]
    assert not answers


async def test_what_the_dns_cache_holds_is_judged_for_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(both_example=[["127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    async with serving(Recorded(OK)) as wire, fetching(private="listed") as fetcher:
        url = wire.url(host="both.example")
        listed = await fetch_by(fetcher, url, is_listed=True, is_last=True)
        assert listed.status == 200
        refused = await failed_fetch_by(fetcher, url)
        assert refused.outcome == "blocked_address"
        assert wire.connections == 1
    assert names.asked == ["both.example"]


async def test_many_at_the_same_time_are_each_judged_by_their_own_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They share one look-up, and one is listed: that makes no other so."""
    names = Names(many_example=[["127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    async with serving(Recorded(OK)) as wire, fetching(private="listed") as fetcher:

        async def outcome(*, is_listed: bool) -> str:
            with contextlib.suppress(FetchError):
                answer = await fetcher.fetch(
                    wire.url(host="many.example"), departs=lambda: None, is_listed=is_listed, is_last=True
                )
                return str(answer.status)
            return "refused"

        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(outcome(is_listed=number == 2), name=str(number)) for number in range(5)
            ]
        assert [task.result() for task in asked] == ["refused", "refused", "200", "refused", "refused"]
        assert wire.connections == 1
    assert names.asked == ["many.example"]


@pytest.mark.parametrize(
    ("private", "is_listed", "is_asked"),
    [("listed", True, True), ("listed", False, False), ("deny", True, False), ("allow", False, True)],
)
async def test_the_users_word_decides(private: str, *, is_listed: bool, is_asked: bool) -> None:
    async with serving(Recorded(OK)) as wire, fetching(private=private) as fetcher:
        if is_asked:
            assert (await fetch_by(fetcher, wire.url(), is_listed=is_listed)).ip == "127.0.0.1"
        else:
            error = await failed_fetch_by(fetcher, wire.url(), is_listed=is_listed)
            assert error.outcome == "blocked_address"
        assert wire.connections == is_asked
