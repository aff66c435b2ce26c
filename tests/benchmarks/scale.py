"""How long 100 million URLs of a million hosts take, in virtual time, beside what politeness allows.

    python -m tests.benchmarks.scale [--urls 100000000] [--hosts 1000000] [--only machines windows]
    python -m tests.benchmarks.scale --check [--urls 100000] [--hosts 2000]

The first prints the tables of docs/scale.md, by ``crawl_model``: some minutes. The second lets the real flow,
frontier and state crawl a list in virtual time, with a fake network, and prints what the model says beside
it: 0.15 ms a URL and trial.
"""

from __future__ import annotations

import argparse
import functools
import heapq
import math
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scraper.frontier.rows import host_id
from scraper.settings.model import FrontierSettings, PolitenessSettings
from tests.benchmarks.crawl_model import Machine, floor_s, met_first, modelled
from tests.benchmarks.host_sizes import host_sizes
from tests.benchmarks.virtual_crawl import Crawled, crawled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tests.benchmarks.crawl_model import Modelled
    from tests.benchmarks.host_sizes import Sizes

say = functools.partial(print, flush=True)  # the tables are the program's output
_HOUR_S: Final = 3600.0
_MACHINES: Final = (1, 10, 100)
_DELAYS_S: Final = (0.5, 1.0)
_MOST: Final = (None, 1_000_000, 100_000, 10_000)
_USUAL_MOST: Final = 100_000
_WINDOWS: Final = (256, 1024, 4096)
_SEED: Final = 9
_SLOTS: Final = 65_536


# --- which machine gets which hosts ---------------------------------------------------------------


def longest_first(sizes: Sizes, machines: int) -> list[Sizes]:
    """Give each slot of hosts, the heaviest first, to the machine that has the least so far.

    Hosts are put into slots by a digest of their names, so that a map of slots says where a host belongs,
    whichever is met later.
    """
    slots = np.random.default_rng(_SEED).integers(_SLOTS, size=len(sizes))
    weights = np.bincount(slots, weights=sizes, minlength=_SLOTS)
    loads = [(0.0, machine) for machine in range(machines)]
    owners = np.empty(_SLOTS, dtype=np.int64)
    for slot in np.argsort(-weights, kind="stable").tolist():
        load, owners[slot] = loads[0]
        heapq.heapreplace(loads, (load + weights[slot], int(owners[slot])))
    return [sizes[owners[slots] == machine] for machine in range(machines)]


def by_digest(sizes: Sizes, machines: int) -> list[Sizes]:
    """Give each host to the machine that a digest of its name says, without a look at its size."""
    owners = np.random.default_rng(_SEED).integers(machines, size=len(sizes))
    return [sizes[owners == machine] for machine in range(machines)]


PACKINGS: Final[dict[str, Callable[[Sizes, int], list[Sizes]]]] = {
    "longest first": longest_first,
    "by digest": by_digest,
}


class Cluster(NamedTuple):
    """How a crawl on several machines goes."""

    makespan_s: float
    """Until the last machine is done,"""
    first_s: float
    """and the first one."""
    most_s: float
    """Until the last machine has 99 of 100 of its pages."""


def clustered(shards: list[Sizes], machine: Machine) -> Cluster:
    """Let each machine crawl its hosts."""
    ways = [
        modelled(shard[met_first(shard, machine, seed=_SEED + number)].tolist(), machine)
        for number, shard in enumerate(shards)
    ]
    spans = [way.makespan_s for way in ways]
    return Cluster(max(spans), min(spans), max(way.most_s for way in ways))


# --- the tables -----------------------------------------------------------------------------------


def _hours(seconds: float) -> str:
    hours = seconds / _HOUR_S
    return f"{hours:,.0f} h" if hours >= 100 else f"{hours:.1f} h"


def _most(most: int | None) -> str:
    return "no cap" if most is None else f"{most:,}"


class Web(NamedTuple):
    """What is crawled, and by what."""

    urls: int
    hosts: int
    pages_per_s: float

    def sizes(self, most: int | None) -> Sizes:
        """Return the sizes of the hosts when none has more than ``most``."""
        return host_sizes(self.hosts, self.urls, most=most)


def skew(web: Web) -> Iterator[str]:
    """Give the table of what the lists are like."""
    yield "| most of a host | largest host | its lines | median | hosts with half of all lines |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for most in _MOST:
        sizes = web.sizes(most)
        half = int(np.searchsorted(np.cumsum(sizes), web.urls / 2)) + 1
        yield (
            f"| {_most(most)} | {sizes[0]:,} | {sizes[0] / web.urls:.2%} | {int(np.median(sizes))} "
            f"| {half:,} |"
        )


def machines(web: Web) -> Iterator[str]:
    """Give the table of machines, packings and delays."""
    yield (
        "| most of a host | delay | machines | all pages by all | longest host | **floor** "
        "| longest first | of floor | by digest | of floor |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for most in _MOST:
        sizes = web.sizes(most)
        for delay_s in _DELAYS_S if most == _USUAL_MOST else _DELAYS_S[:1]:
            machine = Machine(web.pages_per_s, delay_s)
            for count in _MACHINES:
                least_s = floor_s(sizes, machine, machines=count)
                packings = list(PACKINGS.values()) if count > 1 else [longest_first]
                spans = [clustered(packing(sizes, count), machine).makespan_s for packing in packings]
                spans *= len(PACKINGS) // len(spans)  # alone a machine has all hosts
                cells = " | ".join(f"{_hours(span)} | {span / least_s:.2f}" for span in spans)
                yield (
                    f"| {_most(most)} | {delay_s} s | {count} | "
                    f"{_hours((web.urls + web.hosts) / web.pages_per_s / count)} | "
                    f"{_hours(int(sizes[0]) * machine.period_s)} | **{_hours(least_s)}** | {cells} |"
                )


def windows(web: Web) -> Iterator[str]:
    """Give the table of windows, and of hosts that go in turn or the largest first."""
    sizes = web.sizes(_USUAL_MOST)
    yield (
        "| machines | hosts in memory | floor | largest first: 99 of 100 pages | all | of floor "
        "| in turn: 99 of 100 pages | all | of floor |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for count in _MACHINES[:2]:  # with a hundred nothing but the longest host counts
        shards = longest_first(sizes, count)
        for hosts in _WINDOWS:
            machine = Machine(web.pages_per_s, _DELAYS_S[0], hosts_in_memory=hosts)
            least_s = floor_s(sizes, machine, machines=count)
            ways = [clustered(shards, machine), clustered(shards, machine._replace(counted_hosts=0))]
            cells = " | ".join(
                f"{_hours(way.most_s)} | {_hours(way.makespan_s)} | {way.makespan_s / least_s:.2f}"
                for way in ways
            )
            yield f"| {count} | {hosts:,} | {_hours(least_s)} | {cells} |"


TABLES: Final[dict[str, Callable[[Web], Iterator[str]]]] = {
    "skew": skew,
    "machines": machines,
    "windows": windows,
}


# --- the model beside the real frontier -----------------------------------------------------------


class Trial(NamedTuple):
    """One crawl in virtual time."""

    workers: int
    delay_s: float
    hosts_in_memory: int
    lookahead: int = 1_000_000
    is_sorted: bool = False
    """The list has one host after the other; else it is shuffled."""


TAKES_S: Final = 0.25
TRIALS: Final = (
    Trial(16, 0.5, 100),
    Trial(16, 0.5, 1024),
    Trial(64, 0.5, 100),
    Trial(64, 0.5, 1024),
    Trial(64, 1.0, 100),
    Trial(64, 1.0, 1024),
)


def name_of(host: int) -> str:
    """Return what a host is called."""
    return f"h{host}.example"


def played(sizes: Sizes, trial: Trial) -> tuple[Crawled, Modelled]:
    """Return how a crawl went, and how the model has it, with the hosts entering in the same order."""
    owners: NDArray[np.int64] = np.repeat(np.arange(len(sizes)), sizes)
    chance = np.random.default_rng(_SEED)
    if trial.is_sorted:
        owners = np.repeat(order := chance.permutation(len(sizes)), sizes[order])
    else:
        chance.shuffle(owners)
    met = list(dict.fromkeys(owners.tolist()))
    late = sorted(met[trial.hosts_in_memory :], key=lambda host: host_id(name_of(host)))
    machine = Machine(trial.workers / TAKES_S, trial.delay_s, TAKES_S, trial.hosts_in_memory)
    urls = [f"https://{name_of(host)}/{number}" for number, host in enumerate(owners.tolist())]
    real = crawled(
        urls,
        workers=trial.workers,
        takes_s=TAKES_S,
        frontier=FrontierSettings(hosts_in_memory=trial.hosts_in_memory, lookahead=trial.lookahead),
        politeness=PolitenessSettings(delay_s=trial.delay_s),
    )
    return real, modelled(sizes[[*met[: trial.hosts_in_memory], *late]].tolist(), machine)


def check(urls: int, hosts: int) -> Iterator[str]:
    """Give the table of trials."""
    sizes = host_sizes(hosts, urls, most=urls // 100)
    yield (
        "| requests/s | delay | hosts in memory | floor | real, half | real, all | model, half | model, all "
        "| real of model |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for trial in TRIALS:
        real, model = played(sizes, trial)
        assert real.records == urls
        machine = Machine(trial.workers / TAKES_S, trial.delay_s, TAKES_S, trial.hosts_in_memory)
        yield (
            f"| {machine.pages_per_s:.0f} | {trial.delay_s} s | {trial.hosts_in_memory:,} "
            f"| {math.ceil(floor_s(sizes, machine)):,} s | {real.half_s:,.0f} s | {real.makespan_s:,.0f} s "
            f"| {model.half_s:,.0f} s | {model.makespan_s:,.0f} s "
            f"| {real.makespan_s / model.makespan_s:.3f} |"
        )


def orders(urls: int, hosts: int) -> Iterator[str]:
    """Give the table of lists in two orders, much and little of them looked at."""
    sizes = host_sizes(hosts, urls, most=urls // 100)
    yield "| the list is | looked at | real, half | real, all |"
    yield "| --- | ---: | ---: | ---: |"
    for is_sorted in (False, True):
        for lookahead in (urls, urls // 100):
            trial = Trial(64, 0.5, 1024, lookahead, is_sorted)
            real, _ = played(sizes, trial)
            yield (
                f"| {'sorted by host' if is_sorted else 'shuffled'} | {lookahead / urls:.0%} "
                f"| {real.half_s:,.0f} s | {real.makespan_s:,.0f} s |"
            )


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--urls", type=int)
    parser.add_argument("--hosts", type=int)
    parser.add_argument("--pages-per-s", type=float, default=360.0)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if options.check:
        for table in (check, orders):
            say("")
            for line in table(options.urls or 100_000, options.hosts or 2_000):
                say(line)
        return 0
    web = Web(options.urls or 100_000_000, options.hosts or 1_000_000, options.pages_per_s)
    for name in options.only:
        say(f"\n{name}\n")
        for line in TABLES[name](web):
            say(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
