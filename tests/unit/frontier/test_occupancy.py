"""Which hosts count as large."""

from __future__ import annotations

from scraper.frontier.occupancy import LARGEST, Largest


def counted(lines: dict[int, int]) -> Largest:
    largest = Largest()
    largest.count(lines)
    return largest


def test_few_hosts_go_by_all_of_their_lines() -> None:
    largest = counted({1: 5, 2: 9})
    assert (largest.ahead(1), largest.ahead(2), largest.ahead(3)) == (5, 9, 0)
    assert largest.urgent() == [2, 1]


def test_of_many_hosts_only_what_is_more_than_others_have_counts() -> None:
    largest = counted({home: 10 + max(0, 3 - home) for home in range(LARGEST)})
    assert largest.urgent() == [0, 1, 2]
    assert [largest.ahead(home) for home in range(4)] == [3, 2, 1, 0]


def test_a_host_that_has_no_more_left_than_others_is_one_of_them() -> None:
    largest = counted({home: 10 + (home == 7) for home in range(LARGEST)})
    largest.leave(7)
    assert not largest.urgent()
    largest.come(7)
    assert largest.urgent() == [7]
