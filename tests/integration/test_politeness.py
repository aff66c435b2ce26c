"""How hosts are treated, read from the log of a server over the wire.

The site runs in the loop of the crawl, so what it logs is the crawler's own doing, but for the turn of the
loop between a request's departure and its arrival.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from scraper import Outcome
from tests.support.crawling import crawled
from tests.support.polite_site import (
    NOT_FOUND,
    Answer,
    Ask,
    Ending,
    moved,
    page,
    serving,
    serving_in_thread,
    text,
)
from tests.support.processes import records_in, scrape, write_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scraper import Record
    from tests.support.polite_site import Site

HOST, OTHER, THIRD = "127.0.6.1", "127.0.6.2", "127.0.6.3"

TOLERANCE_S = 0.03
"""Only an arrival that is logged late makes a gap look shorter than it was. In one loop that is by one turn:
with a delay of 0.1 s over eight hosts no gap below 0.1009 s was seen, without a delay gaps of 0.0002 s."""
THREAD_TOLERANCE_S = 0.1
"""Between two processes it is by what the machine lets a woken thread wait."""


def outcomes(records: Sequence[Record]) -> list[str]:
    return [record.outcome.value for record in records]


def is_kept_apart(site: Site, host: str, *, delay_s: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether a host's requests were no closer than the delay, none of them excepted."""
    return min(site.gaps_s(host)) >= delay_s - tolerance_s


async def test_a_host_is_asked_by_so_many_at_once_and_not_more_often_than_the_delay_allows() -> None:
    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/robots.txt":
                return NOT_FOUND._replace(delay_s=0.3)
            case "/fails":
                return page(delay_s=0.3) if ask.times else Answer(status=500, delay_s=0.3)
            case "/within":
                return moved("/target", delay_s=0.3)
            case "/across":
                return moved(f"http://{OTHER if ask.host == HOST else HOST}:{site.port}/there", delay_s=0.3)
        return page(delay_s=0.3)

    paths = ["/a", "/fails", "/within", "/across", "/b", "/c"]
    async with serving(script) as site:
        lines = [site.url(host, path) for path in paths for host in (HOST, OTHER, THIRD)]
        records = await crawled(lines, politeness={"delay_s": 0.12, "per_host": 2})

    assert set(outcomes(records)) == {"ok"}
    for host in (HOST, OTHER, THIRD):
        assert {"/robots.txt", "/target", *paths} <= set(site.targets(host))
        assert site.targets(host).count("/fails") == 2
        assert is_kept_apart(site, host, delay_s=0.12)
        assert site.most_at_once(host) == 2
    assert "/there" in site.targets(HOST)
    assert "/there" in site.targets(OTHER)


async def test_no_more_than_one_at_once_is_no_more_than_one() -> None:
    def script(ask: Ask) -> Answer:
        match ask.target:
            case "/robots.txt":
                return NOT_FOUND
            case "/moved":
                return moved("/target", delay_s=0.01)
            case "/fails":
                return page(delay_s=0.01) if ask.times else Answer(status=503, delay_s=0.01)
        return page(delay_s=0.01)

    async with serving(script) as site:
        lines = [site.url(HOST, path) for path in ("/moved", "/fails", *(f"/{n}" for n in range(20)))]
        records = await crawled(lines, politeness={"per_host": 1})

    assert set(outcomes(records)) == {"ok"}
    assert len(site.log) == 1 + 22 + 2
    assert site.most_at_once(HOST) == 1


def test_patterns_in_a_file_give_hosts_limits_of_their_own(tmp_path: Path) -> None:
    config = tmp_path / "crawl.toml"
    config.write_text(
        "[politeness]\ndelay_s = 0.0\nper_host = 3\n"
        '[politeness.hosts."127.0.7.*"]\ndelay_s = 0.3\nper_host = 2\n'
        '[politeness.hosts."127.0.7.2"]\nper_host = 1\n'
        '[politeness.hosts."127.0.7.3"]\nper_host = 1\ndelay_s = 0.45\n'
    )

    def script(ask: Ask) -> Answer:
        return NOT_FOUND if ask.target == "/robots.txt" else page(delay_s=0.08)

    with serving_in_thread(script) as site:
        hosts = ["127.0.7.1", "127.0.7.2", "127.0.7.3", HOST]
        lines = [site.url(host, f"/{n}") for n in range(6) for host in hosts]
        sources, output = write_list(tmp_path / "urls.txt", lines), tmp_path / "pages.jsonl"
        ended = scrape("crawl", sources, "-o", output, "--config", config)

    assert ended.code == 0, ended.err
    assert {record["outcome"] for record in records_in(output)} == {"ok"}
    assert is_kept_apart(site, "127.0.7.1", delay_s=0.3, tolerance_s=THREAD_TOLERANCE_S)
    # The longest pattern counts, and what it leaves out is as for all hosts: no delay.
    assert site.most_at_once("127.0.7.2") == 1
    assert min(site.gaps_s("127.0.7.2")) < 0.2
    assert site.most_at_once("127.0.7.3") == 1
    assert is_kept_apart(site, "127.0.7.3", delay_s=0.45, tolerance_s=THREAD_TOLERANCE_S)
    assert site.most_at_once(HOST) == 3


@pytest.mark.parametrize(("wish", "cap_s", "kept_s"), [("0.3", 60.0, 0.3), ("30", 0.2, 0.2)])
async def test_a_crawl_delay_is_kept_up_to_the_cap(wish: str, cap_s: float, kept_s: float) -> None:
    def script(ask: Ask) -> Answer:
        if ask.target != "/robots.txt":
            return page()
        return text(f"User-agent: *\nCrawl-delay: {wish}") if ask.host == HOST else NOT_FOUND

    async with serving(script) as site:
        lines = [site.url(host, f"/{n}") for n in range(4) for host in (HOST, OTHER)]
        records = await crawled(lines, robots={"crawl_delay_cap_s": cap_s})

    assert set(outcomes(records)) == {"ok"}
    assert len(site.gaps_s(HOST)) == 4
    assert is_kept_apart(site, HOST, delay_s=kept_s)
    assert {record.robots.crawl_delay for record in records[::2] if record.robots} == {float(wish)}
    others_last = max(entry.arrived_s for entry in site.at(OTHER))
    assert others_last < site.at(HOST)[2].arrived_s, "the other host had to wait with it"


def _seconds() -> Answer:
    return Answer(status=503, headers=(("Retry-After", "1"),))


def _date_by_a_wrong_clock() -> Answer:
    theirs = datetime.now(UTC) - timedelta(hours=5)
    return Answer(
        status=429,
        headers=(
            ("Date", format_datetime(theirs, usegmt=True)),
            ("Retry-After", format_datetime(theirs + timedelta(seconds=1), usegmt=True)),
        ),
    )


def _limit_reached() -> Answer:
    return page()._replace(headers=(("Content-Type", "text/html"), ("RateLimit", '"default";r=0;t=1')))


def _older_limit_reached() -> Answer:
    return page()._replace(
        headers=(("Content-Type", "text/html"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1"))
    )


@pytest.mark.parametrize(
    "wish",
    [_seconds, _date_by_a_wrong_clock, _limit_reached, _older_limit_reached],
    ids=lambda one: one.__name__,
)
@pytest.mark.parametrize("at", ["/robots.txt", "/2"])
async def test_a_host_that_asks_for_a_rest_has_it_from_all_of_us(wish: Callable[[], Answer], at: str) -> None:
    def script(ask: Ask) -> Answer:
        if ask.host == HOST and ask.target == at and not ask.times:
            return wish()
        return NOT_FOUND if ask.target == "/robots.txt" else page()

    async with serving(script) as site:
        lines = [site.url(host, f"/{n}") for n in range(6) for host in (HOST, OTHER)]
        records = await crawled(lines, politeness={"per_host": 1})

    assert set(outcomes(records)) == {"ok"}
    entries = site.at(HOST)
    asking = next(entry for entry in entries if entry.target == at)
    following = entries[entries.index(asking) + 1]
    # The rest counts from when its wish was read, which was after the answer's end: no tolerance.
    assert following.arrived_s - asking.ended_s >= 1.0
    assert max(entry.arrived_s for entry in site.at(OTHER)) < following.arrived_s


async def test_a_wish_beyond_the_cap_is_not_waited_for_and_the_rest_given_up_after_probes() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        return page() if ask.host == OTHER else Answer(status=503, headers=(("Retry-After", "3600"),))

    limits = {"retry_after_cap_s": 0.2, "circuit_probes": 3, "circuit_pause_s": 0.05, "per_host": 1}
    async with serving(script) as site:
        lines = [site.url(host, f"/{n}") for n in range(20) for host in (HOST, OTHER)]
        records = await crawled(lines, politeness=limits)

    refused, others = records[::2], records[1::2]
    assert set(outcomes(others)) == {"ok"}
    assert outcomes(refused) == ["http_error"] * 4 + ["host_unavailable"] * 16
    assert {record.error.message for record in refused[4:] if record.error} == {
        "the host was given up; last it came to status 503, to be asked again in 3600 s"
    }
    assert all(record.retryable for record in refused)
    assert {record.attempts for record in refused[:4]} == {1}
    assert {record.attempts for record in refused[4:]} == {0}
    pages = site.at(HOST)[1:]
    assert [entry.target for entry in pages] == ["/0", "/1", "/2", "/3"]
    for earlier, later in itertools.pairwise(pages):
        assert later.arrived_s - earlier.ended_s >= 0.2


async def test_a_host_that_dies_is_probed_by_one_at_a_time_and_given_up() -> None:
    dies_after = 6

    def script(ask: Ask) -> Answer:
        if ask.host == HOST and sum(entry.host == HOST for entry in site.log) > dies_after:
            # Later than the good answers under way, which would begin the count anew.
            return Answer(delay_s=0.05, ending=Ending.RESET)
        # No connection is kept: one that dies while it is kept is no sign of its host's end.
        answer = NOT_FOUND if ask.target == "/robots.txt" else page(delay_s=0.01)
        return answer._replace(ending=Ending.CLOSED)

    limits = {"per_host": 3, "circuit_failures": 5, "circuit_probes": 3, "circuit_pause_s": 0.1}
    async with serving(script) as site:
        lines = [site.url(host, f"/{n}") for n in range(60) for host in (HOST, OTHER, THIRD)]
        records = await crawled(lines, politeness=limits, retry={"retries": 0})

    dead = records[::3]
    assert set(outcomes(records[1::3] + records[2::3])) == {"ok"}
    told = outcomes(dead)
    assert told.count("ok") == dies_after - 1  # the first was robots.txt
    # What was under way when the circuit opened, and the probes.
    failed = told.count("disconnected")
    assert 5 + 3 <= failed <= 5 + 2 + 3
    assert told.count("host_unavailable") == 60 - told.count("ok") - failed
    assert all(record.retryable for record in dead if record.outcome is not Outcome.OK)
    entries = site.at(HOST)
    assert len(entries) == dies_after + failed
    # The first pause counts from the failure that opened the circuit, further ones from the probe before.
    opened_s = sorted(entry.ended_s for entry in entries[dies_after:])[4]
    probes = entries[-3:]
    pauses = zip((0.1, 0.2, 0.4), (opened_s, *(probe.ended_s for probe in probes)), probes, strict=False)
    for pause_s, failed_s, probe in pauses:
        assert probe.arrived_s - failed_s >= pause_s


async def test_a_dying_host_that_comes_back_is_asked_on() -> None:
    def script(ask: Ask) -> Answer:
        if ask.target == "/robots.txt":
            return NOT_FOUND
        silent = 2 < sum(entry.host == HOST for entry in site.log) <= 7
        return Answer(ending=Ending.HUNG_UP) if silent else page()

    limits = {"per_host": 1, "circuit_failures": 4, "circuit_pause_s": 0.05}
    async with serving(script) as site:
        lines = [site.url(HOST, f"/{n}") for n in range(15)]
        records = await crawled(lines, politeness=limits, retry={"retries": 5})

    assert set(outcomes(records)) == {"ok"}
    assert max(record.attempts for record in records) > 1


@pytest.mark.parametrize("ending", [Ending.HUNG_UP, Ending.RESET])
async def test_a_kept_connection_that_was_closed_fails_no_record_and_counts_as_no_try(ending: Ending) -> None:
    def script(ask: Ask) -> Answer:
        if not ask.is_new:
            return Answer(ending=ending)
        return NOT_FOUND if ask.target == "/robots.txt" else page()

    async with serving(script) as site:
        lines = [site.url(HOST, f"/{n}") for n in range(10)]
        records = await crawled(lines, politeness={"per_host": 1, "delay_s": 0.05}, retry={"retries": 0})

    assert set(outcomes(records)) == {"ok"}
    assert {(record.attempts, len(record.tries)) for record in records} == {(1, 0)}
    assert sum(not entry.is_new for entry in site.log) >= 5, "no kept connection was used: this shows nothing"
    assert is_kept_apart(site, HOST, delay_s=0.05)
