"""A list split by site: every line in one part, a site in no two, and the parts about equally heavy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.cluster.places import LIST, ShardPlace, owners_file
from scraper.cluster.split import Stopped, dealt_out, split
from scraper.frontier.territory import SLOTS, Territory
from scraper.settings.model import PolitenessSettings, SourceSettings
from scraper.sources.arguments import sources_from_arguments
from scraper.urls import parse_input
from tests.support.processes import write_list

if TYPE_CHECKING:
    from pathlib import Path

    from scraper.cluster.split import Weighed


def _split(lines: list[str], folder: Path, *, shards: int) -> tuple[Weighed, list[list[tuple[int, str]]]]:
    sources = sources_from_arguments([str(write_list(folder / "urls.txt", lines))], SourceSettings())
    weighed = split(sources, folder / "work", shards=shards, politeness=PolitenessSettings(delay_s=2.0))
    parts = [
        [
            (line["seq"], line["input"])
            for line in map(
                json.loads, (ShardPlace(folder / "work", shard).folder / LIST).read_text().splitlines()
            )
        ]
        for shard in range(shards)
    ]
    return weighed, parts


def test_every_line_is_in_one_part_with_its_number_and_a_site_in_no_two(tmp_path: Path) -> None:
    lines = [f"https://{name}.site{number % 17}.com/{number}" for number in range(90) for name in ("a", "b")]
    lines += ["no url", "", "# a comment", "http://", "sitemap:https://a.site3.com/map.xml", "a.site4.com/x"]
    listed = [line for line in lines if line and not line.startswith("#")]

    weighed, parts = _split(lines, tmp_path, shards=4)

    assert weighed.lines == len(listed)
    assert sorted(line for part in parts for line in part) == list(enumerate(listed))
    assert [len(part) for part in parts] == [count for count, _ in weighed.parts]
    assert all(part == sorted(part) for part in parts)
    owners = owners_file(tmp_path / "work").read_bytes()
    for number, part in enumerate(parts):
        territory = Territory.unpacked(number, owners)
        for _, line in part:
            if line not in {"no url", "http://"}:
                assert territory.owns(parse_input(line.removeprefix("sitemap:")).host)
    assert all(weight_s >= 2.0 * (count - 2) for count, weight_s in weighed.parts)


def test_a_list_of_one_host_leaves_the_other_parts_empty(tmp_path: Path) -> None:
    weighed, _ = _split([f"https://example.com/{number}" for number in range(9)], tmp_path, shards=3)
    assert sorted(count for count, _ in weighed.parts) == [0, 0, 9]


def test_a_split_can_be_stopped_and_done_again(tmp_path: Path) -> None:
    lines = [f"https://h{number % 50}.com/{number}" for number in range(3000)]
    sources = sources_from_arguments([str(write_list(tmp_path / "urls.txt", lines))], SourceSettings())
    with pytest.raises(Stopped):
        split(
            sources,
            tmp_path / "work",
            shards=2,
            politeness=PolitenessSettings(),
            goes_on=lambda: False,
        )
    _, parts = _split(lines, tmp_path, shards=2)
    assert sorted(line for part in parts for line in part) == list(enumerate(lines))


@given(
    heavy=st.dictionaries(
        st.integers(min_value=0, max_value=SLOTS - 1), st.floats(min_value=0.1, max_value=1e4), max_size=40
    ),
    shards=st.integers(min_value=1, max_value=7),
)
def test_no_part_is_a_third_heavier_than_the_best_possible(heavy: dict[int, float], shards: int) -> None:
    weights = [0.0] * SLOTS
    for slot, weight in heavy.items():
        weights[slot] = weight
    owners = dealt_out(weights, shards)
    loads = [0.0] * shards
    for slot, weight in heavy.items():
        loads[owners[slot]] += weight
    assert set(owners) == set(range(shards))
    bound = max(sum(heavy.values()) / shards, max(heavy.values(), default=0.0))
    ranked = sorted(heavy.values(), reverse=True)
    if len(ranked) > shards:  # two of these have to be together
        bound = max(bound, ranked[shards - 1] + ranked[shards])
    assert max(loads) <= (4 / 3) * bound + 1e-6
