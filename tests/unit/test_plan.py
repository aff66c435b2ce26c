"""What a plan counts, and what it says to people."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli.plan import plan as plan_command
from scraper.errors import SettingsError, SourceError
from scraper.frontier.facts import Counted
from scraper.frontier.rows import Line, request_of
from scraper.frontier.scope import Scope
from scraper.messages import Seed, Settled
from scraper.observe import figures
from scraper.observe.printable import printable
from scraper.plan.model import DeniedLine, DoubtfulLines, HostPlan, InvalidLines, OriginPlan, Plan, RobotsPlan
from scraper.plan.survey import plan_crawl
from scraper.plan.tally import DoubtfulCount, Rulings, SettledLines, host_plans
from scraper.plan.text import plan_text
from scraper.record import Failure, Outcome, Robots
from scraper.robots.access import Access, RobotsFile, Standing
from scraper.settings.docstrings import field_docstrings
from scraper.settings.model import (
    FollowSettings,
    HostLimits,
    PolitenessSettings,
    RobotsSettings,
    Settings,
)
from scraper.sources.arguments import sources_from_arguments
from scraper.sources.lines_given import GivenLines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scraper.messages import Request

OBEY = Settings()
IGNORE = Settings(robots=RobotsSettings(policy="ignore"))


def request_for(line: str, *, seq: int = 0) -> Request:
    """A line as the state gives it back."""
    understood = Line.of(seq, Seed(line), Scope(FollowSettings()))
    return request_of(understood.home({}), seq, understood.row({}))


def ruled(line: str, outcome: Outcome, *, seq: int = 0, rule: str | None = None) -> Request:
    robots = Robots(allowed=outcome is Outcome.OK, rule=rule)
    return msgspec.structs.replace(request_for(line, seq=seq), settled=Settled(outcome), robots=robots)


def access(
    origin: str,
    *,
    body: str = "",
    standing: Standing = Standing.RULES,
    failure: Failure | None = None,
) -> Access:
    file = RobotsFile(
        origin=origin, standing=standing, status=200, read_at_s=0, expires_at_s=1, body=body, failure=failure
    )
    return Access.of(file, token="scraper")  # noqa: S106 - a product token


async def planned(*lines: str, settings: Settings = OBEY) -> Plan:
    return await plan_crawl([GivenLines(lines)], settings=settings)


# --- the least time -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "lines", "requests", "least_s"),
    [
        (OBEY, 1, 2, 0.5),  # robots.txt, then the page
        (OBEY, 10, 11, 5.0),
        (IGNORE, 1, 1, 0.0),  # one request waits for nothing
        (IGNORE, 10, 10, 4.5),
        (Settings(politeness=PolitenessSettings(delay_s=0.0)), 10, 11, 0.0),
    ],
)
def test_the_first_request_to_a_host_waits_for_nothing(
    settings: Settings, lines: int, requests: int, least_s: float
) -> None:
    (host,) = host_plans([Counted("a.example", 1, lines)], settings=settings)
    assert (host.requests, host.least_s) == (requests, least_s)


def test_a_host_has_the_limits_of_its_pattern() -> None:
    limits = {"*.slow.example": HostLimits(per_host=1, delay_s=8.0)}
    settings = Settings(politeness=PolitenessSettings(per_host=4, delay_s=0.25, hosts=limits))
    counted = [Counted("fast.example", 1, 3), Counted("www.slow.example", 2, 2)]
    slow, fast = host_plans(counted, settings=settings)
    assert (fast.per_host, fast.delay_s, fast.least_s) == (4, 0.25, 0.75)
    assert (slow.per_host, slow.delay_s, slow.least_s) == (1, 8.0, 16.0)


@pytest.mark.parametrize(
    ("said_s", "cap_s", "delay_s"),
    [(2, 60.0, 2.0), (0.25, 60.0, 0.5), (100, 60.0, 60.0), (100, 0.0, 0.5)],
)
def test_a_crawl_delay_counts_when_it_is_the_longer_and_up_to_its_cap(
    said_s: float, cap_s: float, delay_s: float
) -> None:
    rulings = Rulings(crawl_delay_cap_s=cap_s)
    rulings.know(access("https://a.example", body=f"User-agent: *\nCrawl-delay: {said_s}\n"))
    for number in range(3):
        rulings.count(ruled(f"https://a.example/{number}", Outcome.OK))
    (host,) = host_plans([Counted("a.example", 1, 3)], settings=OBEY, rulings=rulings)
    assert (host.delay_s, host.requests, host.least_s) == (delay_s, 4, 3 * delay_s)


@pytest.mark.parametrize("delay_s", [1e10, 1e308])
def test_a_floor_beyond_all_measure_is_told_as_a_hundred_years(delay_s: float) -> None:
    settings = Settings(politeness=PolitenessSettings(delay_s=delay_s))
    (host,) = host_plans([Counted("a.example", 1, 10)], settings=settings)
    assert (host.delay_s, host.least_s) == (delay_s, 100 * 365.25 * 86_400)
    assert figures.duration(host.least_s) == "36525 d 00 h"


def test_two_schemes_are_two_robots_files_and_what_they_refuse_is_not_asked_for() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    for origin in ("http://a.example", "https://a.example", "https://a.example"):  # one was read anew
        rulings.know(access(origin))
    rulings.count(ruled("http://a.example/1", Outcome.OK))
    rulings.count(ruled("https://a.example/2", Outcome.ROBOTS_DENIED))
    (host,) = host_plans([Counted("a.example", 1, 2)], settings=OBEY, rulings=rulings)
    assert (host.lines, host.requests, host.least_s) == (2, 3, 1.0)


async def test_the_host_with_the_longest_wait_sets_the_least_time() -> None:
    limits = {"slow.example": HostLimits(delay_s=16.0)}
    settings = Settings(politeness=PolitenessSettings(delay_s=0.5, hosts=limits))
    pages = [f"https://fast.example/{number}" for number in range(8)]
    plan = await planned(*pages, "https://slow.example/", settings=settings)
    assert [host.host for host in plan.hosts] == ["slow.example", "fast.example"]
    assert (plan.least_s, plan.least_host) == (16.0, "slow.example")


def test_hosts_come_by_their_least_time_then_by_lines_then_by_name() -> None:
    limits = {"slow.example": HostLimits(delay_s=50.0), "*.free.example": HostLimits(delay_s=0.0)}
    settings = Settings(politeness=PolitenessSettings(hosts=limits))
    counted = [
        Counted("b.example", 1, 9),
        Counted("a.example", 2, 9),
        Counted("few.free.example", 3, 1),
        Counted("many.free.example", 4, 5),
        Counted("slow.example", 5, 1),
    ]
    names = [host.host for host in host_plans(counted, settings=settings)]
    assert names == ["slow.example", "a.example", "b.example", "many.free.example", "few.free.example"]


# --- what lines come to -------------------------------------------------------------------------


async def test_lines_count_as_a_crawl_would_count_them() -> None:
    plan = await planned(
        "https://a.example/1",
        "https://A.example:443/1#again",
        "https://a.example/2",
        "http://a.example/3",
        "https://b.example/private",
        "sitemap:https://b.example/map.xml",
        "sitemap:https://b.example/map.xml",
        "https://b.example/map.xml",
        "sitemap:ftp://b.example/",
        "ftp://b.example/",
        settings=Settings(follow=FollowSettings(exclude="private", depth=2)),
    )
    assert (plan.lines, plan.duplicates, plan.filtered, plan.invalid.lines) == (10, 2, 1, 2)
    assert (plan.sitemaps, plan.depth) == (1, 2)
    assert [(host.host, host.lines) for host in plan.hosts] == [("a.example", 3), ("b.example", 2)]
    assert plan.robots is None
    # Nothing gets lost: every line is counted once.
    asked = sum(host.lines for host in plan.hosts)
    assert asked + plan.duplicates + plan.filtered + plan.invalid.lines == plan.lines


async def test_nothing_to_read_is_a_plan_of_nothing() -> None:
    plan = await planned()
    assert (plan.lines, plan.hosts, plan.least_s, plan.least_host) == (0, (), 0.0, None)


async def test_more_settled_lines_than_are_read_at_once_are_counted() -> None:
    plan = await planned(*["https://a.example/"] * 300, *["ftp://a.example/"] * 300)
    assert (plan.duplicates, plan.invalid.lines) == (299, 300)
    assert [line.seq for line in plan.invalid.first] == list(range(300, 310))


async def test_a_list_longer_than_the_look_ahead_is_read_to_its_end() -> None:
    lookahead = msgspec.structs.replace(OBEY.frontier, lookahead=1)
    settings = msgspec.structs.replace(OBEY, frontier=lookahead)
    lines = [f"https://a.example/{number}" for number in range(20_001)]
    assert (await planned(*lines, settings=settings)).lines == 20_001


async def test_a_list_that_breaks_off_is_no_plan(tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt.gz"
    broken.write_bytes(gzip.compress(b"https://a.example/\n" * 5000)[:-20])
    with pytest.raises(SourceError, match=r"broken\.txt\.gz"):
        await plan_crawl(sources_from_arguments([str(broken)], OBEY.sources), settings=OBEY)


async def test_robots_can_not_be_asked_for_and_ignored() -> None:
    with pytest.raises(SettingsError, match=r"robots\.policy"):
        await plan_crawl([GivenLines([])], settings=IGNORE, ask_robots=True)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["foo", "bar"], "no scheme and no host with a dot; write ... if it is one"),
        (["ftp://x.example/", "gopher://x.example/"], "the scheme is ..., only http and https are asked for"),
        (["https://a.example:70000/", "https://a.example:99999/"], "port ... is out of range"),
        (["https://a\x01b.example/", "https://a\x02b.example/"], "control character U+... inside"),
        (["https://a b.example/", "https://it's.ex^ample/"], "... is no valid host"),
    ],
)
def test_lines_that_are_wrong_in_the_same_way_have_one_reason(lines: Sequence[str], reason: str) -> None:
    settled = SettledLines()
    for line in lines:
        settled.count(request_for(line))
    assert settled.invalid().reasons == {reason: 2}


@given(st.lists(st.text(), min_size=1, max_size=200))
def test_whatever_a_list_holds_reasons_and_examples_stay_few_and_short(lines: list[str]) -> None:
    settled = SettledLines()
    invalid = [request for line in lines if (request := request_for(line)).settled]
    for request in invalid:
        settled.count(request)
    told = settled.invalid()
    assert told.lines == sum(told.reasons.values()) == len(invalid)
    assert len(told.reasons) <= 65
    assert len(told.first) <= 10
    assert all(printable(line.input, limit=500) == line.input for line in told.first)


def test_reasons_beyond_the_most_are_lumped_together() -> None:
    settled = SettledLines()
    for number in range(100):
        failure = Failure(type="InvalidUrl", message=f"reason {number}", phase="url")
        request = msgspec.structs.replace(request_for("x"), settled=Settled(Outcome.INVALID_URL, failure))
        settled.count(request)
    assert settled.invalid().reasons["other reasons"] == 36


# --- what robots.txt says -----------------------------------------------------------------------


def test_lines_are_counted_by_origin_and_by_what_robots_says() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    gone = Failure(type="ECONNREFUSED", message="robots.txt: refused", phase="robots")
    rulings.know(access("https://a.example"))
    rulings.know(access("https://dead.example", standing=Standing.UNREACHABLE, failure=gone))
    rulings.count(ruled("https://a.example/1", Outcome.OK))
    rulings.count(ruled("https://a.example/2", Outcome.ROBOTS_DENIED, seq=1, rule="Disallow: /2"))
    rulings.count(ruled("https://a.example/3", Outcome.ROBOTS_DENIED, seq=2))
    rulings.count(ruled("https://dead.example/", Outcome.ROBOTS_UNREACHABLE))
    rulings.count(ruled("https://given-up.example/", Outcome.HOST_UNAVAILABLE))
    rulings.count(request_for("ftp://a.example/"))
    plan = rulings.plan()
    assert (plan.allowed, plan.denied, plan.unreachable) == (1, 2, 2)
    by_origin = {one.origin: one for one in plan.origins}
    # By what they refuse, then by name: one line each but for the first.
    assert list(by_origin) == ["https://a.example", "https://dead.example", "https://given-up.example"]
    one = by_origin["https://a.example"]
    assert (one.standing, one.status, one.allowed, one.denied) == (Standing.RULES, 200, 1, 2)
    assert by_origin["https://dead.example"].why == "robots.txt: refused"
    assert by_origin["https://given-up.example"].standing is None
    assert [line.rule for line in plan.denied_first] == ["Disallow: /2", None]
    assert plan.denied_more == 0


@given(st.permutations(range(25)))
def test_the_first_denied_lines_are_kept_in_whatever_order_they_come(order: list[int]) -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0, denied_kept=10)
    for seq in order:
        rulings.count(ruled("https://a.example/", Outcome.ROBOTS_DENIED, seq=seq))
    plan = rulings.plan()
    assert [line.seq for line in plan.denied_first] == list(range(10))
    assert (plan.denied, plan.denied_more) == (25, 15)


def test_a_rule_is_cut_and_can_only_be_shown() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    rule = "Disallow: /\x1b[2J" + "x" * 100_000
    rulings.count(ruled("https://a.example/", Outcome.ROBOTS_DENIED, rule=rule))
    (line,) = rulings.plan().denied_first
    assert line.rule == "Disallow: /" + "x" * 486 + "..."


def test_origins_that_refuse_or_slow_down_lines_come_first() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    rulings.know(access("https://slow.example", body="User-agent: *\nCrawl-delay: 3\n"))
    rulings.know(access("https://calm.example", body="User-agent: *\nCrawl-delay: 0\n"))
    for number in range(5):
        rulings.count(ruled(f"https://open.example/{number}", Outcome.OK))
        rulings.count(ruled(f"https://calm.example/{number % 4}", Outcome.OK))
    for number in range(2):
        rulings.count(ruled(f"https://slow.example/{number}", Outcome.OK))
    rulings.count(ruled("https://dead.example/", Outcome.ROBOTS_UNREACHABLE))
    told = [(plan.origin.split("//")[1], plan.concerned) for plan in rulings.plan().origins]
    assert told == [("slow.example", 2), ("dead.example", 1), ("calm.example", 0), ("open.example", 0)]


# --- what people read ---------------------------------------------------------------------------


async def test_the_text_says_what_there_is_and_leaves_out_what_there_is_not() -> None:
    text = plan_text(await planned(*[f"https://a.example/{n}" for n in range(3)], "sitemap:b.example"))
    assert "a.example      3         4        2  0.5 s       1.5 s" in text
    assert "least time by politeness: 1.5 s, set by a.example\n(a floor if robots.txt allows all:" in text
    assert "sitemaps  1  what they list is not known" in text
    assert "invalid" not in text
    assert "duplicates" not in text


@pytest.mark.parametrize(("hosts", "told"), [(25, "5 more hosts"), (21, "1 more host")])
async def test_the_text_shows_the_first_twenty_hosts(hosts: int, told: str) -> None:
    text = plan_text(await planned(*[f"https://h{n}.example/" for n in range(hosts)]))
    assert sum(line.startswith("h") and ".example" in line for line in text.splitlines()) == 20
    assert f"and {told} (--json has all)" in text


async def test_without_delays_no_time_is_told() -> None:
    settings = Settings(politeness=PolitenessSettings(delay_s=0.0))
    text = plan_text(await planned("https://a.example/", settings=settings))
    assert "least time by politeness: none" in text


async def test_no_line_of_a_list_gets_to_the_terminal_as_an_order_or_with_its_secrets() -> None:
    plan = await planned("https://u:hunter2@x.example/?token=hunter3", "ftp://\x1b[2Jx\u202e/", "x" * 5000)
    for told in (plan_text(plan), msgspec.json.encode(plan).decode()):
        assert "hunter" not in told
        assert "\x1b" not in told
        assert "\\u001b" not in told
        assert "\u202e" not in told
        assert "x" * 1000 not in told


def test_the_text_of_robots_names_denied_lines_and_their_rules() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    rulings.know(access("https://a.example", body="User-agent: *\nDisallow: /2\nCrawl-delay: 4\n"))
    rulings.count(ruled("https://a.example/1", Outcome.OK))
    rulings.count(ruled("https://a.example/2", Outcome.ROBOTS_DENIED, seq=1, rule="Disallow: /2"))
    rulings.count(ruled("https://given-up.example/", Outcome.HOST_UNAVAILABLE))
    text = text_of(rulings)
    assert "(a floor if no links are followed:" in text
    assert "robots.txt: 1 line allowed, 1 denied, 1 not to be asked for" in text
    assert "\n  1  https://a.example/2  Disallow: /2" in text
    assert "not asked for: the host was given up" in text
    assert "4 s" in text
    assert "other origin" not in text


def test_the_text_sums_up_the_origins_that_forbid_nothing() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    for number in range(30):
        origin = f"https://open{number}.example"
        rulings.know(access(origin, standing=Standing.UNAVAILABLE))
        rulings.count(ruled(f"{origin}/", Outcome.OK))
    assert text_of(rulings).endswith("30 lines allowed, 0 denied\n\n30 origins: nothing forbidden")
    for number in range(21):
        rulings.count(ruled(f"https://closed{number}.example/", Outcome.ROBOTS_DENIED, seq=number))
    text = text_of(rulings)
    assert text.count("://closed") == 20 + 10
    assert "\nand 1 more origin like these (--json has all)\n30 other origins: nothing forbidden\n" in text
    assert text.endswith("\nand 11 more lines (--json has all)")


def test_the_text_says_what_json_has_of_the_denied_lines() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0, denied_kept=12)
    for seq in range(13):
        rulings.count(ruled("https://a.example/", Outcome.ROBOTS_DENIED, seq=seq))
    assert text_of(rulings).endswith("\nand 3 more lines (--json has the first 12)")


def test_a_robots_that_is_not_there_is_none() -> None:
    rulings = Rulings(crawl_delay_cap_s=60.0)
    rulings.know(access("https://a.example", standing=Standing.UNAVAILABLE))
    rulings.count(ruled("https://a.example/", Outcome.HOST_UNAVAILABLE))
    assert "https://a.example  none " in text_of(rulings)
    assert rulings.plan().origins[0].standing == "unavailable"


def text_of(rulings: Rulings) -> str:
    robots = rulings.plan()
    hosts = host_plans([Counted("a.example", 1, 2)], settings=OBEY, rulings=rulings)
    return plan_text(
        Plan(
            lines=robots.allowed + robots.denied + robots.unreachable,
            duplicates=0,
            filtered=0,
            invalid=SettledLines().invalid(),
            doubtful=DoubtfulCount().found(),
            sitemaps=0,
            depth=1,
            hosts=hosts,
            least_s=4.0,
            least_host="a.example",
            robots=robots,
        )
    )


def test_the_help_names_all_that_json_has() -> None:
    told = CliRunner().invoke(plan_command, ["--help"]).output
    words = set(re.findall(r"\w+", told))
    for struct in (Plan, HostPlan, InvalidLines, RobotsPlan, OriginPlan, DeniedLine):
        assert words >= set(struct.__struct_fields__), struct
        assert field_docstrings(struct).keys() == set(struct.__struct_fields__), struct


@pytest.mark.parametrize(("kept", "left_out"), [("--depth", "--same-site"), ("--timeout", "--max-body")])
def test_flags_that_change_nothing_are_left_out(kept: str, left_out: str) -> None:
    told = CliRunner().invoke(plan_command, ["--help"]).output
    assert kept in told
    for flag in (left_out, "--strict", "--parser"):
        assert flag not in told


async def test_lines_with_something_beside_a_url_are_doubted() -> None:
    doubted = [
        "https://a.example/x # the shop",
        '"https://a.example/q"',
        "<https://a.example/b>",
        "https://a.example/b> ",
        "\u201chttps://a.example/t\u201d",
    ]
    good = [
        "https://a.example/c#frag",
        "https://a.example/(x)",
        "https://a.example/it's",
        "sitemap:https://a.example/",
    ]
    made = await planned(*good, *doubted)
    assert made.doubtful.lines == len(doubted)
    assert [(one.seq, one.input.strip()) for one in made.doubtful.first] == [
        (seq, line.strip()) for seq, line in enumerate(doubted, len(good))
    ]
    text = plan_text(made)
    assert "doubtful" in text
    assert "a # is a comment only where it begins the line" in text
    assert (await planned(*good)).doubtful == DoubtfulLines(lines=0, first=())
    many = await planned(*(f"<https://a.example/{number}>" for number in range(25)))
    assert (many.doubtful.lines, len(many.doubtful.first)) == (25, 10)


async def test_a_doubtful_line_is_counted_over_all_sources() -> None:
    sources = [
        GivenLines(["https://a.example/1", "https://a.example/2"]),
        GivenLines(["<https://a.example/3>"]),
    ]
    made = await plan_crawl(sources, settings=OBEY)
    assert [one.seq for one in made.doubtful.first] == [2]
