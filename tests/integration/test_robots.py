"""robots.txt over the wire: asked for first and once, and obeyed as RFC 9309 has it."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import trustme

from scraper import Outcome
from tests.support.crawling import crawled, run_to_file
from tests.support.polite_site import NOT_FOUND, Answer, Ask, moved, page, serving, text
from tests.support.processes import records_in
from tests.support.wire import refused_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.polite_site import Script

HOST, OTHER, THIRD = "127.0.5.1", "127.0.5.2", "127.0.5.3"


def with_robots(robots: Answer | Script, others: Script = lambda _: page()) -> Script:
    """Return a script that answers each robots.txt in one way, and pages in another."""

    def script(ask: Ask) -> Answer:
        if ask.target != "/robots.txt":
            return others(ask)
        return robots if isinstance(robots, Answer) else robots(ask)

    return script


async def test_it_is_each_origins_first_request_and_asked_for_once() -> None:
    async with serving(with_robots(NOT_FOUND)) as one, serving(with_robots(NOT_FOUND)) as two:
        hosts = [f"127.0.5.{number}" for number in range(1, 9)]
        lines = [site.url(host, f"/{n}") for n in range(20) for host in hosts for site in (one, two)]
        records = await crawled(lines, politeness={"per_host": 4})

    assert {record.outcome for record in records} == {Outcome.OK}
    for site in (one, two):
        for host in hosts:
            targets = site.targets(host)
            assert targets[0] == "/robots.txt"
            assert sorted(targets[1:]) == sorted(f"/{n}" for n in range(20))
            assert site.at(host)[0].ended_s <= site.at(host)[1].arrived_s


async def test_http_and_https_are_two_origins() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    denies = text("User-agent: *\nDisallow: /a")
    async with serving(with_robots(NOT_FOUND)) as plain, serving(with_robots(denies), tls=context) as secure:
        records = await crawled([plain.url(HOST, "/a"), secure.url(HOST, "/a")], fetch={"insecure": True})

    assert [record.outcome for record in records] == [Outcome.OK, Outcome.ROBOTS_DENIED]
    assert plain.targets(HOST) == ["/robots.txt", "/a"]
    assert secure.targets(HOST) == ["/robots.txt"]


async def test_a_resumed_run_asks_for_it_no_second_time(tmp_path: Path) -> None:
    output = tmp_path / "pages.jsonl"
    async with serving(with_robots(text("User-agent: *\nDisallow: /4"))) as site:
        lines = [site.url(host, f"/{n}") for host in (HOST, OTHER) for n in range(6)]
        first = await run_to_file(
            lines, output, drain_after=3, run={"workers": 1}, output={"batch_records": 1}
        )
        asked = len(site.log)
        second = await run_to_file([], output, resume=True)

    assert not first.complete
    assert second.complete
    assert asked < len(site.log)
    assert [targets.count("/robots.txt") for targets in site.by_host().values()] == [1, 1]
    outcomes = {record["url"]: record["outcome"] for record in records_in(output)}
    assert outcomes == {line: "robots_denied" if line.endswith("/4") else "ok" for line in lines}


def after(first: Answer, then: Answer) -> Script:
    """Answer the first time in one way and then in another."""
    return lambda ask: then if ask.times else first


DENIES = "User-agent: *\nDisallow: /x"
CLASSES: dict[str, tuple[Answer | Script, Outcome, int | None, str | None, int]] = {
    # name: robots.txt, the page's outcome, robots.status, robots.rule, times asked for
    "rules that deny": (text(DENIES), Outcome.ROBOTS_DENIED, 200, "Disallow: /x", 1),
    "rules that allow": (text(DENIES + "\nAllow: /xy"), Outcome.OK, 200, "Allow: /xy", 1),
    "rules about others": (text("User-agent: *\nDisallow: /z"), Outcome.OK, 200, None, 1),
    "rules for us alone": (
        text("User-agent: *\nDisallow:\n\nUser-agent: Scraper/2\nDisallow: /*y$"),
        Outcome.ROBOTS_DENIED,
        200,
        "Disallow: /*y$",
        1,
    ),
    "not found": (NOT_FOUND, Outcome.OK, 404, None, 1),
    "gone": (Answer(status=410), Outcome.OK, 410, None, 1),
    "unauthorised": (Answer(status=401), Outcome.OK, 401, None, 1),
    "forbidden": (Answer(status=403), Outcome.OK, 403, None, 1),
    "too many requests, then rules": (
        after(Answer(status=429), text(DENIES)),
        Outcome.ROBOTS_DENIED,
        200,
        "Disallow: /x",
        2,
    ),
    "too many requests for good": (Answer(status=429), Outcome.ROBOTS_UNREACHABLE, 429, None, 3),
    "unavailable for good": (Answer(status=503), Outcome.ROBOTS_UNREACHABLE, 503, None, 3),
    "a server error that stays": (Answer(status=501), Outcome.ROBOTS_UNREACHABLE, 501, None, 1),
    "with a byte order mark": (
        text(b"\xef\xbb\xbf" + DENIES.encode()),
        Outcome.ROBOTS_DENIED,
        200,
        "Disallow: /x",
        1,
    ),
    "compressed": (
        text(gzip.compress(DENIES.encode()), headers=(("Content-Encoding", "gzip"),)),
        Outcome.ROBOTS_DENIED,
        200,
        "Disallow: /x",
        1,
    ),
    "a rule within 500 KiB": (
        text("User-agent: *\n" + "# filler\n" * 55_000 + "Disallow: /x\n" + "# filler\n" * 55_000),
        Outcome.ROBOTS_DENIED,
        200,
        "Disallow: /x",
        1,
    ),
    "a rule beyond 500 KiB": (
        text("User-agent: *\nDisallow: /q\n" + "# filler\n" * 57_000 + "Disallow: /x\n"),
        Outcome.OK,
        200,
        None,
        1,
    ),
    "bytes that are no text": (
        text(bytes(range(256)) + b"\n" + DENIES.encode()),
        Outcome.ROBOTS_DENIED,
        200,
        "Disallow: /x",
        1,
    ),
}


@pytest.mark.parametrize("name", CLASSES)
async def test_what_its_answer_means(name: str) -> None:
    robots, outcome, status, rule, times = CLASSES[name]
    async with serving(with_robots(robots)) as site:
        (record,) = await crawled([site.url(HOST, "/xy")])

    assert record.outcome is outcome
    assert record.robots is not None
    assert record.robots.allowed is (outcome is Outcome.OK)
    assert (record.robots.status, record.robots.rule) == (status, rule)
    assert record.retryable is (outcome is Outcome.ROBOTS_UNREACHABLE)
    if outcome is Outcome.ROBOTS_UNREACHABLE:
        assert record.error is not None
        assert record.error.phase == "robots"
        assert str(status) in record.error.message
    pages = ["/xy"] if outcome is Outcome.OK else []
    assert site.targets(HOST) == ["/robots.txt"] * times + pages
    if not pages:
        assert (record.attempts, record.status, record.final_url) == (0, None, None)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_user_may_take_a_forbidden_one_as_a_no(status: int) -> None:
    async with serving(with_robots(Answer(status=status))) as site:
        (record,) = await crawled([site.url(HOST, "/xy")], robots={"forbidden": "deny"})

    assert record.outcome is Outcome.ROBOTS_DENIED
    assert site.targets(HOST) == ["/robots.txt"]


async def test_a_dead_host_is_told_of_as_such() -> None:
    with refused_port() as port:
        records = await crawled([f"http://{HOST}:{port}/{n}" for n in range(5)], retry={"retries": 1})

    assert {record.outcome for record in records} == {Outcome.ROBOTS_UNREACHABLE}
    for record in records:
        assert record.error is not None
        assert (record.error.type, record.error.phase) == ("ECONNREFUSED", "robots")
        assert record.retryable


@pytest.mark.parametrize(("hops", "outcome"), [(1, "robots_denied"), (5, "robots_denied"), (6, "ok")])
async def test_its_redirects_are_followed_five_times_also_to_other_hosts(hops: int, outcome: str) -> None:
    def robots(ask: Ask) -> Answer:
        return moved(f"http://{OTHER}:{site.port}/hop/{hops - 1}") if ask.host == HOST else NOT_FOUND

    def others(ask: Ask) -> Answer:
        if not ask.target.startswith("/hop/"):
            return page()
        left = int(ask.target.removeprefix("/hop/"))
        return moved(f"/hop/{left - 1}") if left else text(DENIES)

    async with serving(with_robots(robots, others)) as site:
        here, there = await crawled([site.url(HOST, "/x"), site.url(OTHER, "/x")])

    assert here.outcome == outcome
    assert there.outcome is Outcome.OK, "the rules are for the origin that was asked first"
    assert site.targets(HOST).count("/robots.txt") == 1
    assert len([target for target in site.targets(OTHER) if target.startswith("/hop/")]) == min(hops, 5)


async def test_a_hop_is_judged_by_its_own_host_and_path() -> None:
    def robots(ask: Ask) -> Answer:
        return text("User-agent: *\nDisallow: /private") if ask.host == OTHER else NOT_FOUND

    def others(ask: Ask) -> Answer:
        match ask.host, ask.target:
            case _, "/in":
                return moved("/private")
            case _, "/out":
                return moved(f"http://{OTHER}:{site.port}/private")
            case _, "/open":
                return moved(f"http://{OTHER}:{site.port}/public")
        return page()

    async with serving(with_robots(robots, others)) as site:
        records = await crawled(
            [
                site.url(OTHER, "/in"),
                site.url(HOST, "/out"),
                site.url(HOST, "/open"),
                site.url(HOST, "/private"),
            ]
        )

    assert [record.outcome for record in records] == ["robots_denied", "robots_denied", "ok", "ok"]
    for denied in records[:2]:
        assert denied.robots is not None
        assert denied.robots.rule == "Disallow: /private"
        assert len(denied.redirects) == 1
    assert "/private" not in site.targets(OTHER)
    assert site.targets(OTHER)[0] == "/robots.txt"


async def test_one_that_hangs_delays_nobody_else() -> None:
    lines_of_others = 60
    others_are_done = asyncio.Event()

    def robots(ask: Ask) -> Answer:
        return Answer(status=404, held_by=others_are_done if ask.host == HOST else None)

    def others(ask: Ask) -> Answer:
        asked = sum(entry.target != "/robots.txt" for entry in site.log)
        if asked == lines_of_others:
            others_are_done.set()
        return page()

    async with serving(with_robots(robots, others)) as site:
        hanging = [site.url(HOST, f"/{n}") for n in range(20)]
        lines = [site.url(host, f"/{n}") for n in range(lines_of_others // 2) for host in (OTHER, THIRD)]
        # Two workers, one of which waits: the other has to do for all else.
        records = await crawled([*hanging, *lines], run={"workers": 2})

    # If it had delayed them, its answer would never have come and these would have failed.
    assert {record.outcome for record in records} == {Outcome.OK}
    pages = [entry.host for entry in site.log if entry.target != "/robots.txt"]
    assert HOST not in pages[:lines_of_others]
    assert pages[lines_of_others:] == [HOST] * 20


async def test_a_further_run_asks_for_none_that_is_cached(tmp_path: Path) -> None:
    cached = {"cache": str(tmp_path / "robots.sqlite")}
    async with serving(with_robots(text(DENIES))) as site:
        lines = [site.url(host, path) for host in (HOST, OTHER) for path in ("/x", "/y")]
        first = await crawled(lines, robots=cached)
        asked = len(site.log)
        second = await crawled(lines, robots=cached)

    assert [record.outcome for record in first] == ["robots_denied", "ok"] * 2
    assert [(record.outcome, record.robots) for record in second] == [
        (record.outcome, record.robots) for record in first
    ]
    assert sorted(entry.target for entry in site.log[asked:]) == ["/y", "/y"]


@pytest.mark.parametrize(
    ("days", "outcomes"),
    [(2, ["robots_denied", "ok"]), (29, ["robots_denied", "ok"]), (31, ["robots_unreachable"] * 2)],
)
async def test_a_stale_one_stands_in_for_one_that_cannot_be_had(
    tmp_path: Path, days: int, outcomes: list[str]
) -> None:
    cached = {"cache": str(tmp_path / "robots.sqlite")}
    async with serving(with_robots(after(text(DENIES), Answer(status=503)))) as site:
        lines = [site.url(HOST, "/x"), site.url(HOST, "/y")]
        await run_to_file(lines, tmp_path / "a.jsonl", robots=cached)
        asked = len(site.log)
        await run_to_file(lines, tmp_path / "b.jsonl", by=timedelta(days=days), robots=cached)

    records = sorted(records_in(tmp_path / "b.jsonl"), key=lambda record: record["seq"])
    assert [record["outcome"] for record in records] == outcomes
    assert site.log[asked].target == "/robots.txt"


async def test_who_ignores_it_asks_for_none() -> None:
    async with serving(with_robots(text("User-agent: *\nDisallow: /"))) as site:
        records = await crawled([site.url(HOST, "/x"), site.url(OTHER, "/x")], robots={"policy": "ignore"})

    assert {(record.outcome, record.robots) for record in records} == {(Outcome.OK, None)}
    assert site.by_host() == {HOST: ["/x"], OTHER: ["/x"]}


@pytest.mark.timeout(20)  # asked for without end it would fill the log until then
@pytest.mark.parametrize(
    ("robots", "believed", "outcome"),
    [
        (NOT_FOUND, {"max_age_s": 0.01}, Outcome.OK),
        (Answer(status=501), {"error_age_s": 0.0}, Outcome.ROBOTS_UNREACHABLE),
        (Answer(status=501), {"error_age_s": 0.01}, Outcome.ROBOTS_UNREACHABLE),
    ],
)
async def test_one_that_expires_before_its_next_use_is_not_asked_for_without_end(
    robots: Answer, believed: dict[str, float], outcome: Outcome
) -> None:
    lines = 5
    async with serving(with_robots(robots)) as site:
        records = await crawled(
            [site.url(HOST, f"/{n}") for n in range(lines)], robots=believed, politeness={"delay_s": 0.05}
        )

    assert {record.outcome for record in records} == {outcome}
    assert 1 <= site.targets(HOST).count("/robots.txt") <= lines
