"""Whose a host is: the same for all of its site, and for every part that is asked."""

from __future__ import annotations

import random
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from scraper.frontier.territory import SLOTS, Territory, packed, slot_of


def test_a_site_and_all_of_its_ports_share_a_slot() -> None:
    for hosts in (
        ("example.co.uk", "www.example.co.uk", "a.b.example.co.uk:8443"),
        ("127.0.0.1", "127.0.0.1:8080", "127.0.0.1:9"),
        ("[::1]", "[::1]:8080"),
        ("localhost", "localhost:3000"),
    ):
        assert len({slot_of(host) for host in hosts}) == 1
    # Strangers below one public suffix, and two machines next to each other, do not.
    assert slot_of("alice.github.io") != slot_of("bob.github.io")
    assert slot_of("127.0.0.1") != slot_of("127.0.0.2")


@given(
    hosts=st.lists(st.from_regex(r"[a-z]{1,12}\.(com|de|co\.uk|github\.io)(:[0-9]{2,4})?", fullmatch=True))
)
def test_each_host_is_owned_by_exactly_one_part_that_all_agree_on(hosts: list[str]) -> None:
    territories = dealt(parts=5)
    for host in hosts:
        assert len({territory.owner(host) for territory in territories}) == 1
        assert sum(territory.owns(host) for territory in territories) == 1


@cache  # of 65,536 slots
def dealt(*, parts: int) -> tuple[Territory, ...]:
    chance = random.Random(1)  # noqa: S311 repeatable, nothing secret
    owners = packed([chance.randrange(parts) for _ in range(SLOTS)])
    return tuple(Territory.unpacked(number, owners) for number in range(parts))


def test_a_host_that_has_gone_is_a_guest_where_it_went() -> None:
    owners = [0] * SLOTS
    here, there = Territory(0, owners), Territory(1, owners)
    here.departed["example.com"] = 1
    there.guests.add("example.com")
    assert not here.owns("example.com")
    assert here.owner("example.com") == 1
    assert there.owns("example.com")
    assert not there.owns("www.example.com")
