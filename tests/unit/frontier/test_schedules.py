"""The frontier's promises, over schedules that nobody thought of, in virtual time."""

from __future__ import annotations

import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from scraper.frontier.rows import host_id
from scraper.record import Outcome
from scraper.settings.model import FrontierSettings, PolitenessSettings, RobotsSettings
from tests.unit.frontier.crew import Notes, Page, Part, RobotsPage, Schedule, Step, World, crawl

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTS = [f"h{number}.example" for number in range(5)]
ORIGINS = [f"{scheme}://{host}" for host in HOSTS for scheme in ("http", "https")]
URLS = [f"{origin}/{path}" for origin in ORIGINS for path in range(20)]

times = st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0])
steps = st.builds(
    Step,
    takes_s=times,
    hop=st.none() | st.sampled_from(ORIGINS),
    wait_s=times,
    asked_wait_s=st.sampled_from([0.0, 0.0, 0.0, 1.5]),
)
links = st.lists(st.sampled_from(URLS), max_size=4).map(tuple)
pages = st.builds(Page, st.lists(steps, max_size=2).map(tuple), times, links)
rules = st.sampled_from(["allow", "deny", "slow", "none", "unreachable"])
robots_pages = st.builds(
    RobotsPage,
    rules=st.lists(rules, min_size=1, max_size=3).map(tuple),
    takes_s=times,
    hop=st.none() | st.sampled_from(ORIGINS),
    age_s=st.sampled_from([0.0, 0.25, 2.0, 3600.0]),
)
worlds = st.builds(
    World,
    st.dictionaries(st.sampled_from(URLS), pages, max_size=20),
    st.dictionaries(st.sampled_from(ORIGINS), robots_pages),
    st.just(frozenset[str]()) | st.frozensets(st.sampled_from(HOSTS), max_size=2),
)
parts = st.builds(Part, times, st.lists(st.sampled_from([*URLS, "no URL"]), max_size=12).map(tuple))
schedules = st.builds(
    Schedule,
    st.lists(parts, max_size=5).map(tuple),
    worlds,
    st.builds(
        FrontierSettings,
        hosts_in_memory=st.integers(1, 4),
        urls_per_host_in_memory=st.integers(1, 6),
        lookahead=st.integers(1, 30),
    ),
    st.builds(
        PolitenessSettings,
        per_host=st.integers(1, 3),
        delay_s=st.sampled_from([0.0, 0.25, 0.5]),
        retry_after_cap_s=st.sampled_from([1.0, 2.0]).map(lambda cap_s: max(cap_s, 1.5)),
        circuit_failures=st.sampled_from([0, 1, 3]),
        circuit_probes=st.integers(1, 2),
        circuit_pause_s=st.sampled_from([0.0, 0.5]),
    ),
    st.builds(RobotsSettings, policy=st.sampled_from(["obey", "obey", "obey", "ignore"])),
    st.integers(1, 6),
    st.sampled_from([0.0, 1 / 64]),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.5, 4.0]), st.booleans()), max_size=3).map(tuple),
)


def played(schedule: Schedule) -> Notes:
    with tempfile.TemporaryDirectory() as folder:
        return crawl(schedule, Path(folder))


@given(schedules)
def test_every_line_is_finished_exactly_once_politely_and_to_the_end(schedule: Schedule) -> None:
    notes = played(schedule)
    event(f"{notes.lines // 20 * 20}+ lines")
    for outcome in notes.outcomes:
        event(outcome)


def spread(hosts: int, each: int, *, first: int = 0) -> list[str]:
    """Return so many lines of each host, host after host in turns."""
    return [f"http://h{host}.example/{path}" for path in range(each) for host in range(first, first + hosts)]


def schedule_of(
    *parts: Sequence[str],
    pages: dict[str, Page] | None = None,
    takes_s: float = 0.25,
    robots: dict[str, RobotsPage] | None = None,
    silent: frozenset[str] = frozenset(),
    hosts_in_memory: int = 100,
    urls_per_host: int = 16,
    workers: int = 8,
    state_s: float = 0.0,
    pause_s: float = 0.0,
    **polite: Any,
) -> Schedule:
    """Return a schedule in which a page takes ``takes_s``; robots.txt is asked for where some are given."""
    every = {line: Page(takes_s=takes_s) for part in parts for line in part}
    return Schedule(
        tuple(Part(pause_s, tuple(part)) for part in parts),
        World({**every, **(pages or {})}, robots or {}, silent),
        FrontierSettings(hosts_in_memory=hosts_in_memory, urls_per_host_in_memory=urls_per_host),
        PolitenessSettings(**{"delay_s": 0.0, **polite}),
        RobotsSettings(policy="ignore" if robots is None else "obey"),
        workers,
        state_s,
    )


def test_a_window_of_three_hosts_serves_fifty_and_never_holds_more() -> None:
    """Redirects aside, which may come in also when it is full."""
    notes = played(schedule_of(spread(50, 4), hosts_in_memory=3))
    assert len(notes.departures) == 50
    assert notes.most_hosts == 3


def test_hosts_with_many_rows_are_filled_again_and_again() -> None:
    notes = played(schedule_of(spread(3, 300), urls_per_host=8, state_s=1 / 64, workers=12))
    assert len(notes.handed_out) == 900
    assert notes.calls.count("load") < 900 / 4, "a read of the state brings several rows"


def test_a_host_is_kept_busy_while_it_is_filled_again() -> None:
    """With a delay the rows end just when the delay says: no turn is lost to a read of the state."""
    notes = played(schedule_of(spread(1, 100), takes_s=0.0, delay_s=0.25, state_s=1 / 64, urls_per_host=8))
    times = notes.departures["h0.example"]
    assert {later - earlier for earlier, later in pairwise(times)} == {0.25}


def test_a_host_with_many_in_back_off_is_still_served() -> None:
    """Those that wait do not keep the others on disk: nothing stands still for the longest of waits."""
    lines = spread(1, 40)
    failing = {line: Page((Step(wait_s=1000.0),)) for line in lines[:10]}
    notes = played(schedule_of(lines, pages=failing, urls_per_host=1, per_host=1, takes_s=0.0))
    first_s = notes.handed_out[0][0]
    assert sum(at_s < first_s + 1000.0 for at_s, _ in notes.handed_out) == 40


SLOW = {f"http://h99.example/{path}": Page((Step(64.0, wait_s=128.0),), takes_s=256.0) for path in range(60)}
ROBOTS_99 = "http://h99.example"


@pytest.mark.parametrize(
    "robots",
    [
        None,
        {ROBOTS_99: RobotsPage(takes_s=512.0)},
        {ROBOTS_99: RobotsPage(("slow",))},
        {ROBOTS_99: RobotsPage(("unreachable",), takes_s=64.0)},
    ],
)
def test_a_slow_host_holds_back_nobody(robots: dict[str, RobotsPage] | None) -> None:
    """The others are handed out at the very same times without it."""
    others = spread(6, 20)
    mixed = [line for pair in zip(others[::2], SLOW, others[1::2], strict=True) for line in pair]
    alone = played(schedule_of(others, delay_s=0.5, workers=16, robots=robots))
    beside = played(schedule_of(mixed, pages=SLOW, delay_s=0.5, workers=16, robots=robots))
    assert sorted(alone.handed_out) == sorted(
        (at_s, url) for at_s, url in beside.handed_out if "//h99." not in url
    )


def test_a_redirect_to_a_host_outside_a_full_window_waits_in_the_state() -> None:
    """The window has one seat: the line gives it up, and goes on at the host that it leads to."""
    lines = ["http://h0.example/x", *spread(4, 3)]
    leads_on = {lines[0]: Page((Step(0.25, hop="https://h7.example"),))}
    notes = played(schedule_of(lines, pages=leads_on, hosts_in_memory=1))
    assert "move" in notes.calls
    assert len(notes.departures["h7.example"]) == 1
    assert notes.most_hosts == 1


def test_rows_of_a_redirects_target_that_wait_on_disk_come_once_too() -> None:
    lines = ["http://h0.example/x", *spread(1, 8), *spread(1, 8, first=7)]
    leads_on = {lines[0]: Page((Step(0.25, hop="http://h7.example"),))}
    notes = played(schedule_of(lines, pages=leads_on, hosts_in_memory=1))
    assert Counter(url for _, url in notes.handed_out).most_common(1)[0][1] == 1
    assert len(notes.departures["h7.example"]) == 9


@pytest.mark.parametrize("pause_s", [0.0, 1 / 128, 1 / 64, 3 / 128, 1 / 32, 1 / 16])
def test_rows_admitted_while_their_host_is_loaded_come_once(pause_s: float) -> None:
    """The second part reaches the state while the answer to the load of the first is on its way."""
    parts = [[f"http://h0.example/{part * 3 + n}" for n in range(3)] for part in range(6)]
    notes = played(schedule_of(*parts, state_s=1 / 64, pause_s=pause_s))
    assert len(notes.handed_out) == 18


def test_a_host_that_is_denied_a_thousand_times_is_done_without_waiting() -> None:
    """And its one allowed line does not wait for the others either."""
    lines = [f"http://h0.example/1{path:03}" for path in range(1000)]
    notes = played(
        schedule_of(
            [*lines, "http://h0.example/2"], robots={"http://h0.example": RobotsPage(("deny",))}, delay_s=8.0
        )
    )
    began_s = notes.handed_out[0][0]
    assert notes.outcomes == {Outcome.ROBOTS_DENIED: 1000, Outcome.OK: 1}
    assert max(at_s for at_s, _ in notes.handed_out) == began_s + 8.0
    assert len(notes.departures["h0.example"]) == 2
    assert notes.calls.count("load") < 1000 / 4


def test_denied_lines_of_many_hosts_do_not_pile_up_in_memory() -> None:
    """Each goes on at once: were they queued, one would go in the time that every host adds one."""
    lines = [f"http://h{host}.example/1{path:02}" for path in range(30) for host in range(40)]
    robots = {f"http://h{host}.example": RobotsPage(("deny",)) for host in range(40)}
    schedule = schedule_of(lines, robots=robots, urls_per_host=4, per_host=1)
    notes = played(schedule)
    assert notes.outcomes == {Outcome.ROBOTS_DENIED: 1200}
    assert notes.most_in_memory <= 40 * 8 * 1.5


@pytest.mark.parametrize("age_s", [0.0, 0.25])
@pytest.mark.parametrize("rules", ["allow", "slow", "deny", "unreachable"])
def test_an_answer_that_expires_before_a_turn_comes_serves_who_waited_for_it(
    rules: Any, age_s: float
) -> None:
    robots = {"http://h0.example": RobotsPage((rules,), age_s=age_s)}
    notes = played(schedule_of(spread(1, 12), robots=robots, delay_s=0.5))
    assert 1 <= notes.asked_robots["http://h0.example"] <= 12


def test_a_silent_host_costs_its_probes_and_no_more() -> None:
    lines = spread(1, 50)
    schedule = schedule_of(
        lines, silent=frozenset({"h0.example"}), circuit_failures=3, circuit_probes=2, circuit_pause_s=4.0
    )
    notes = played(schedule)
    assert 5 <= len(notes.departures["h0.example"]) <= 6
    assert notes.outcomes[Outcome.HOST_UNAVAILABLE] >= 44


def test_lines_in_back_off_are_given_up_with_their_host() -> None:
    lines = spread(1, 20)
    pages = {line: Page((Step(wait_s=1000.0),)) for line in lines[:4]}
    schedule = schedule_of(lines, pages=pages, silent=frozenset({"h0.example"}), circuit_failures=3)
    notes = played(schedule._replace(robots=RobotsSettings(policy="ignore")))
    assert max(at_s for at_s, _ in notes.handed_out) < notes.handed_out[0][0] + 100.0


def test_the_host_ids_of_the_schedules_differ() -> None:
    assert len({host_id(f"h{number}.example") for number in range(100)}) == 100


def with_one_large(*, hosts: int, each: int, large: int, first: bool) -> list[str]:
    """Return so many lines of each host, and those of one that has more."""
    lines = [f"http://large.example/{path}" for path in range(large)]
    return [*lines, *spread(hosts, each)] if first else [*spread(hosts, each), *lines]


@pytest.mark.parametrize("urls_per_host", [4, 100])
def test_a_host_with_many_lines_is_asked_as_often_as_it_may_be_while_others_wait(urls_per_host: int) -> None:
    """Also when its lines have to be read from disk a few at a time."""
    lines = with_one_large(hosts=30, each=4, large=40, first=True)
    schedule = schedule_of(
        lines, takes_s=0.25, delay_s=0.5, workers=1, state_s=1 / 64, urls_per_host=urls_per_host, per_host=1
    )
    times = played(schedule).departures["large.example"]
    assert len(times) == 40
    # Some requests go before it: the one that is under way, and those that were let go already.
    assert max(later - earlier for earlier, later in pairwise(times)) <= 1.25


def test_a_host_with_many_lines_comes_into_memory_before_others_that_wait_outside() -> None:
    lines = with_one_large(hosts=40, each=3, large=12, first=False)
    notes = played(schedule_of(lines, takes_s=0.25, delay_s=0.5, workers=2, hosts_in_memory=3))
    began = {host: times[0] for host, times in notes.departures.items()}
    assert sum(at_s < began["large.example"] for at_s in began.values()) <= 4


def test_without_a_delay_all_hosts_go_in_turn() -> None:
    lines = with_one_large(hosts=10, each=4, large=40, first=True)
    notes = played(schedule_of(lines, takes_s=0.25, workers=1, per_host=1))
    order = [target.split("/")[2] for _, target in notes.handed_out[:11]]
    assert len(set(order)) == 11
