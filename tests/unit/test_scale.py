"""The model behind docs/scale.md agrees with the real frontier, and with what can be said without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.crawl_model import Machine, floor_s, met_first, modelled
from tests.benchmarks.host_sizes import host_sizes
from tests.benchmarks.scale import PACKINGS, Trial, clustered, played

if TYPE_CHECKING:
    from random import Random

machines = st.builds(
    Machine,
    pages_per_s=st.sampled_from([0.5, 4.0, 1000.0]),
    delay_s=st.sampled_from([0.5, 1.0]),
    takes_s=st.just(0.25),
    hosts_in_memory=st.integers(1, 9),
    stays_s=st.sampled_from([0.0, 0.15]),
    counted_hosts=st.integers(0, 9),
)
some_sizes = st.lists(st.integers(1, 50), min_size=1, max_size=40).map(
    lambda sizes: sorted(sizes, reverse=True)
)


@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(Trial(8, 0.5, 600), id="the machine is the limit"),
        pytest.param(Trial(64, 0.5, 600), id="the longest host is"),
        pytest.param(Trial(200, 0.5, 300), id="the window is, for the small ones"),
    ],
)
def test_the_model_says_what_the_real_frontier_does(trial: Trial) -> None:
    real, model = played(host_sizes(400, 2000, most=100), trial)
    assert real.records == 2000
    assert real.closest_s >= trial.delay_s
    assert real.makespan_s == pytest.approx(model.makespan_s, rel=0.08)
    assert real.most_s == pytest.approx(model.most_s, rel=0.08)


def test_a_list_sorted_by_host_is_slow_when_little_of_it_is_looked_at() -> None:
    sizes = host_sizes(60, 900, most=90)
    near, far = (played(sizes, Trial(64, 0.5, 200, lookahead, is_sorted=True))[0] for lookahead in (30, 900))
    assert near.records == far.records == 900
    assert near.makespan_s > 2 * far.makespan_s


@given(some_sizes, machines, st.randoms(use_true_random=False))
def test_no_crawl_is_quicker_than_its_floor_or_slower_than_one_host_after_the_other(
    sizes: list[int], machine: Machine, chance: Random
) -> None:
    chance.shuffle(sizes)
    way = modelled(sizes, machine)
    assert way.half_s <= way.most_s <= way.makespan_s
    assert way.makespan_s >= floor_s(np.array(sizes), machine) * (1 - 1e-9)
    requests = sum(sizes) + len(sizes)
    one_by_one_s = requests / machine.pages_per_s + sum(sizes) * machine.period_s
    assert way.makespan_s <= one_by_one_s + (len(sizes) + 1) * (machine.stays_s + machine.takes_s)


@pytest.mark.parametrize(
    ("urls", "most", "largest"), [(100_000, None, 508), (100_000, 1000, 508), (300_000, 1000, 1000)]
)
def test_sizes_follow_the_power_law_and_add_up(urls: int, most: int | None, largest: int) -> None:
    sizes = host_sizes(10_000, urls, most=most)
    assert sizes.sum() == urls
    assert sizes.min() >= 1
    assert sizes[0] == pytest.approx(largest, rel=0.05)
    # Of a law of size**-1.8 that is not cut off, 6**-0.8 of those that have 10 have 60.
    assert (sizes >= 60).sum() / (sizes >= 10).sum() == pytest.approx(6**-0.8, rel=0.2)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="can't be spread"):
        host_sizes(10, 1000, most=5)


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_host_is_packed_once(packing: str) -> None:
    sizes = host_sizes(500, 4000, most=400)
    shards = PACKINGS[packing](sizes, 7)
    assert sorted(np.concatenate(shards)) == sorted(sizes)


def test_the_largest_first_come_out_even_where_a_digest_does_not() -> None:
    sizes = host_sizes(500, 4000, most=400)
    even, by_chance = (
        max(shard.sum() for shard in PACKINGS[packing](sizes, 7))
        for packing in ("longest first", "by digest")
    )
    assert even <= np.ceil(4000 / 7) + 1 < by_chance


def test_machines_are_done_when_the_last_one_is() -> None:
    shards = [np.array([9]), np.array([3, 2])]
    machine = Machine(1000.0, 1.0, takes_s=0.0, stays_s=0.0)
    assert clustered(shards, machine)[:2] == pytest.approx((9.0, 3.0), rel=0.01)


def test_a_host_with_many_lines_is_met_early() -> None:
    sizes = host_sizes(1000, 20_000, most=2000)
    machine = Machine(64.0, 0.5, hosts_in_memory=100)
    order = met_first(sizes, machine, seed=1)
    assert sorted(order) == list(range(1000))
    assert sizes[order[:100]].mean() > 3 * sizes.mean()
