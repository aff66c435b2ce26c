from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from scraper.errors import FetchError, PageError
from scraper.frontier.scope import Scope
from scraper.messages import (
    NO_IMPRESSION,
    Again,
    Finished,
    Found,
    Hop,
    Impression,
    Request,
    Response,
    RobotsRead,
    Settled,
    Sign,
    Verdict,
)
from scraper.parse.links import Target
from scraper.parse.page import Parsed
from scraper.parse.sitemap import CAP_BYTES
from scraper.record import Failure, Outcome, Page, Redirect, Refresh, Robots, Try
from scraper.robots.access import RobotsFile, Standing
from scraper.robots.reading import MAX_BYTES
from scraper.settings.model import FollowSettings, RetrySettings, RobotsSettings
from scraper.verdict.page import Decider, Decision, Done
from scraper.verdict.redirects import RedirectRules
from scraper.verdict.retries import Retries, RunBudget
from scraper.verdict.robots import RobotsDecider
from scraper.visit.following import Follower
from scraper.visit.reading import Reader
from scraper.visit.visit import Visitor
from tests.support.fakes import (
    EPOCH,
    Call,
    FakeClock,
    FakeFetcher,
    fetch_error,
    request,
    response,
    robots_request,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scraper.messages import Errand

URL = "https://a.example/"


_TRIES = RetrySettings(retries=1, base_s=0.0)
_RETRIES = Retries(_TRIES, budget=RunBudget(_TRIES), longest_wait_s=1.0, chance=Random(0))  # noqa: S311
_REFRESHING = Decider(retries=_RETRIES, redirects=RedirectRules(3), refresh_within_s=5.0)


class FixedDecider:
    """Always decides the same, and keeps what it was asked."""

    def __init__(self, decision: Decision) -> None:
        self._decision = decision
        self.asked: list[tuple[Request, Response | FetchError, datetime]] = []
        self.settled: list[tuple[Settled, datetime]] = []

    def settle(self, request: Request, settled: Settled, *, at: datetime) -> Decision:  # noqa: ARG002
        self.settled.append((settled, at))
        return self._decision

    def decide(self, request: Request, result: Response | FetchError, *, at: datetime) -> Decision:
        self.asked.append((request, result, at))
        return self._decision

    def refreshed(self, request: Request, response: Response, refresh: Refresh | None) -> Hop | None:
        """Follow as it would be in earnest, when so decided."""
        return _REFRESHING.refreshed(request, response, refresh)


class FixedParser:
    """A parser that keeps what it was given."""

    def __init__(self, *, error: PageError | None = None, refresh: Refresh | None = None) -> None:
        self.given: list[tuple[bytes, str, str | None]] = []
        self._error = error
        self._refresh = refresh

    def parse(
        self,
        *,
        body: bytes,
        url: str,
        content_type_charset: str | None,
        headers: Sequence[tuple[str, str]] = (),  # noqa: ARG002
        links: bool = False,
    ) -> Parsed:
        self.given.append((body, url, content_type_charset))
        if self._error:
            raise self._error
        targets = [
            Target("https://a.example/2", nofollow=False),
            Target("https://b.example/", nofollow=False),
        ]
        return Parsed(Page(title="T", refresh=self._refresh), "", targets if links else [])


class Bench:
    """A visitor with fakes around it."""

    def __init__(
        self,
        answer: Response | Exception,
        *,
        decision: Decision | None = None,
        error: PageError | None = None,
        refresh: Refresh | None = None,
        follow: FollowSettings | None = None,
    ) -> None:
        follow = follow or FollowSettings()
        self.clock = FakeClock()
        self.decider = FixedDecider(decision or Done(outcome=Outcome.OK))
        self.parser = FixedParser(error=error, refresh=refresh)
        self.fetcher = FakeFetcher(lambda _: answer)
        self.impression: Impression | None = None
        self.departures = 0
        self.visitor = Visitor(
            fetcher=self.fetcher,
            decider=self.decider,
            robots=RobotsDecider(RobotsSettings(), retries=_RETRIES),
            reader=Reader(
                parser=self.parser,
                decider=self.decider,
                follower=Follower(follow, Scope(follow)),
                token="scraper",  # noqa: S106
            ),
            token="scraper",  # noqa: S106
            run="r1",
            clock=self.clock,
        )

    async def visit(self, errand: Errand) -> Verdict:
        verdict, self.impression = await self.visitor.visit(errand, departs=self._depart)
        return verdict

    async def record(self, request: Request) -> dict[str, Any]:
        verdict = await self.visit(request)
        assert isinstance(verdict, Finished)
        record: dict[str, Any] = json.loads(verdict.line)
        return record

    def _depart(self) -> None:
        self.departures += 1


def page(*, kind: str = "text/html; charset=koi8-r", body: bytes = b"<p>", status: int = 200) -> Response:
    return response(URL, status=status, headers=[("content-type", kind)], body=body)


async def test_a_page_is_fetched_decided_and_parsed() -> None:
    bench = Bench(page())
    record = await bench.record(request(URL, seq=7))
    assert (record["seq"], record["outcome"], record["title"], record["run"]) == (7, "ok", "T", "r1")
    assert bench.parser.given == [(b"<p>", URL, "koi8-r")]
    assert [at for _, _, at in bench.decider.asked] == [EPOCH]
    assert bench.departures == 1


@pytest.mark.parametrize(
    "settled",
    [
        Settled(Outcome.DUPLICATE),
        Settled(Outcome.INVALID_URL, Failure(type="InvalidUrl", message="no host", phase="url")),
        Settled(Outcome.ROBOTS_DENIED),
        Settled(
            Outcome.ROBOTS_UNREACHABLE,
            Failure(type="TIMEOUT", message="it failed", phase="robots"),
            Outcome.TIMEOUT,
            retryable=True,
        ),
    ],
)
async def test_a_line_that_is_settled_asks_nobody_and_departs_all_the_same(settled: Settled) -> None:
    done = Done(outcome=settled.outcome, failure=settled.failure, retryable=settled.retryable)
    bench = Bench(ZeroDivisionError("asked"), decision=done)
    robots = Robots(allowed=False, rule="Disallow: /")
    record = await bench.record(request(URL, seq=1, settled=settled, robots=robots, duplicate_of=0))
    assert (record["outcome"], record["attempts"], record["final_url"]) == (settled.outcome, 0, None)
    assert record["retryable"] is settled.retryable
    assert record["robots"]["allowed"] is False
    assert (record["error"] or {}).get("message") == (settled.failure and settled.failure.message)
    assert bench.decider.settled == [(settled, EPOCH)]
    assert bench.departures == 1
    assert bench.impression is NO_IMPRESSION
    assert bench.fetcher.asked == []


async def test_a_settled_line_may_go_again_another_way() -> None:
    """One whose scheme was guessed, and whose robots.txt can't be had over it, tries the other."""
    again = Again(request("http://a.example/"), 0.0)
    bench = Bench(ZeroDivisionError("asked"), decision=again)
    assert await bench.visit(request(URL, settled=Settled(Outcome.ROBOTS_UNREACHABLE))) == again


@pytest.mark.parametrize("decision", [Again(request(URL), 2.0), Hop(request("https://b.example/"))])
async def test_what_is_not_done_is_passed_on_and_not_parsed(decision: Decision) -> None:
    bench = Bench(page(status=503), decision=decision)
    assert await bench.visit(request(URL)) == decision
    assert bench.parser.given == []


async def test_a_failed_fetch_is_decided_on_and_becomes_a_record() -> None:
    failed = fetch_error(Outcome.TIMEOUT)
    failure = Failure(type="TIMEOUT", message="it failed", phase="connect")
    bench = Bench(failed, decision=Done(outcome=Outcome.TIMEOUT, failure=failure, retryable=True))
    record = await bench.record(request(URL))
    assert bench.decider.asked[0][1] is failed
    assert (record["outcome"], record["retryable"], record["attempts"]) == ("timeout", True, 1)
    assert record["error"] == {"type": "TIMEOUT", "message": "it failed", "phase": "connect"}
    assert "status" not in record


async def test_of_an_answer_that_ended_early_the_head_is_told() -> None:
    head = replace(page(status=200), body=b"", wire_bytes=20)
    failed = FetchError("it broke", outcome="disconnected", kind="X", phase="body", partial=head)
    bench = Bench(failed, decision=Done(outcome=Outcome.DISCONNECTED))
    record = await bench.record(request(URL))
    assert bench.parser.given == []
    assert (record["outcome"], record["status"], record["wire_size"]) == ("disconnected", 200, 20)
    assert {"headers", "content_type", "fetched_at", "final_url", "timing"} <= record.keys()
    assert record.keys().isdisjoint({"size", "body_sha256", "title", "indexable"})


async def test_the_record_has_every_try() -> None:
    first = Try(at="2026-01-31T09:30:00.000Z", error=Outcome.TIMEOUT)
    last = Try(at="2026-01-31T09:31:00.000Z", status=200, waited_s=1.25)
    bench = Bench(page(), decision=Done(outcome=Outcome.OK, last=last))
    record = await bench.record(request(URL, tries=[first], waited_s=1.25))
    assert [one["at"] for one in record["tries"]] == [first.at, last.at]
    assert record["tries"][1]["waited_s"] == 1.25


@pytest.mark.parametrize(
    ("kind", "body", "parsed"),
    [
        ("text/html", b"<p>", True),
        ("Text/HTML ; charset=utf-8", b"<p>", True),
        ("application/xhtml+xml", b"<p>", True),
        ("text/html", b"", False),
        ("text/plain", b"<p>", False),
        ("application/pdf", b"<p>", False),
        ("", b"<p>", True),
        ("", b"plain", False),
    ],
)
async def test_only_html_is_parsed(kind: str, body: bytes, *, parsed: bool) -> None:
    bench = Bench(page(kind=kind, body=body))
    record = await bench.record(request(URL))
    assert record["outcome"] == "ok"
    assert bool(bench.parser.given) is parsed
    assert ("title" in record) is parsed


async def test_a_server_that_forbids_to_guess_is_obeyed() -> None:
    bench = Bench(response(URL, headers=[("x-content-type-options", "NoSniff")], body=b"<p>"))
    await bench.record(request(URL))
    assert bench.parser.given == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(Outcome.OK, "parse_error"), (Outcome.HTTP_ERROR, "http_error"), (Outcome.TOO_LARGE, "too_large")],
)
async def test_a_page_that_cannot_be_parsed_keeps_the_rest_of_its_record(
    outcome: Outcome, expected: str
) -> None:
    error = PageError("nested too deep")
    error.__cause__ = RecursionError()
    bench = Bench(page(), decision=Done(outcome=outcome), error=error)
    record = await bench.record(request(URL))
    assert (record["outcome"], record["status"], record["size"]) == (expected, 200, 3)
    if outcome is Outcome.OK:
        assert record["error"] == {"type": "RecursionError", "message": "nested too deep", "phase": "parse"}


async def test_a_bug_of_a_stage_is_no_record() -> None:
    with pytest.raises(ZeroDivisionError):
        await Bench(ZeroDivisionError("a bug")).visit(request(URL))


async def test_what_the_host_lets_feel_is_told_beside_what_came_of_the_line() -> None:
    bench = Bench(page(status=503), decision=Done(outcome=Outcome.HTTP_ERROR))
    await bench.visit(request(URL))
    assert bench.impression == Impression(Sign.OVERLOADED, 0.25, trouble="status 503")
    bench = Bench(fetch_error(Outcome.TIMEOUT), decision=Done(outcome=Outcome.TIMEOUT))
    await bench.visit(request(URL))
    assert bench.impression == Impression(Sign.SILENT, trouble="timeout: it failed", is_late=True)


# --- credentials --------------------------------------------------------------------------------

HOP = Redirect(url=URL, status=302, location="", elapsed_s=0.0)


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        ({}, True),
        ({"is_trusted": False}, False),
        ({"redirects": (HOP,), "to": "https://a.example/2"}, True),
        ({"redirects": (HOP,), "to": "https://b.example/"}, False),
        ({"redirects": (HOP,), "to": "http://a.example/"}, False),
        ({"redirects": (HOP,), "to": "https://a.example:8443/"}, False),
        ({"redirects": (HOP,), "to": URL, "is_trusted": False}, False),
    ],
)
async def test_credentials_go_to_the_origin_of_a_trusted_line_and_nowhere_else(
    fields: dict[str, Any], *, may: bool
) -> None:
    bench = Bench(page())
    await bench.visit(request(fields.pop("to", URL), **fields))
    assert [call.credentials for call in bench.fetcher.calls] == [may]


@pytest.mark.parametrize("is_last", [False, True])
async def test_the_fetcher_is_told_whether_a_connection_is_wanted_again(*, is_last: bool) -> None:
    bench = Bench(page())
    await bench.visit(request(URL, is_last=is_last))
    assert [(call.is_last, call.cap_bytes) for call in bench.fetcher.calls] == [(is_last, None)]


# --- robots.txt ---------------------------------------------------------------------------------

ROBOTS = "https://a.example/robots.txt"
SMALL = b"User-agent: *\nDisallow: /private\n"


@pytest.mark.parametrize("body", [SMALL, SMALL + b"# " + b"x" * 40_000], ids=["inline", "in a thread"])
async def test_a_robots_txt_is_read_for_its_origin(body: bytes) -> None:
    bench = Bench(response(ROBOTS, body=body))
    verdict = await bench.visit(robots_request())
    assert isinstance(verdict, RobotsRead)
    assert verdict.access.file.origin == "https://a.example"
    assert verdict.access.judge("https://a.example/private/x").allowed is False
    assert verdict.access.judge("https://a.example/").allowed is True
    assert bench.impression == Impression(Sign.GOOD, 0.25)
    assert bench.departures == 1
    (call,) = bench.fetcher.calls
    assert call == Call(ROBOTS, credentials=False, is_last=False, cap_bytes=MAX_BYTES + 1)


async def test_a_robots_txt_that_leads_elsewhere_is_followed_for_its_own_origin() -> None:
    bench = Bench(response(ROBOTS, status=301, headers=[("location", "http://b.example/r.txt")]))
    verdict = await bench.visit(robots_request())
    assert isinstance(verdict, Hop)
    assert (verdict.errand.target, verdict.errand.host) == ("http://b.example/r.txt", "b.example")
    assert getattr(verdict.errand, "origin", None) == "https://a.example"


async def test_a_robots_txt_that_cannot_be_had_is_tried_again_and_then_told() -> None:
    bench = Bench(fetch_error(Outcome.TIMEOUT))
    again = await bench.visit(robots_request())
    assert isinstance(again, Again)
    verdict = await bench.visit(again.errand)
    assert isinstance(verdict, RobotsRead)
    assert isinstance(verdict.access.file, RobotsFile)
    assert verdict.access.file.standing is Standing.UNREACHABLE
    assert bench.impression == Impression(Sign.SILENT, trouble="timeout: it failed", is_late=True)


# --- further lines ------------------------------------------------------------------------------


async def test_links_are_found_when_they_are_followed() -> None:
    bench = Bench(page(), follow=FollowSettings(depth=2))
    verdict = await bench.visit(request(URL, depth=1))
    assert isinstance(verdict, Finished)
    assert verdict.found == (
        Found("https://a.example/2", "https://a.example/2", 2, is_trusted=True),
        Found("https://b.example/", "https://b.example/", 2, is_trusted=False),
    )
    verdict = await bench.visit(request(URL, depth=2))
    assert isinstance(verdict, Finished)
    assert verdict.found == (), "deep enough"


@pytest.mark.parametrize(
    ("refresh", "target"),
    [
        (None, None),
        (Refresh(delay=0.0, url=None), None),
        (Refresh(delay=0.0, url="https://b.example/x"), "https://b.example/x"),
        (Refresh(delay=6.0, url="https://b.example/x"), None),
        (Refresh(delay=0.0, url=URL), None),
    ],
)
async def test_a_page_that_sends_its_readers_on_is_followed(
    refresh: Refresh | None, target: str | None
) -> None:
    bench = Bench(page(), refresh=refresh)
    verdict = await bench.visit(request(URL))
    if target is None:
        assert isinstance(verdict, Finished)
    else:
        assert isinstance(verdict, Hop)
        assert verdict.errand.target == target


SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>https://a.example/1</loc></url><url><loc>https://[/</loc></url></urlset>"""


async def test_a_sitemap_gives_lines_and_a_record_of_its_own_and_is_not_parsed() -> None:
    bench = Bench(response(f"{URL}sitemap.xml", headers=[("content-type", "text/html")], body=SITEMAP))
    verdict = await bench.visit(request(f"{URL}sitemap.xml", is_sitemap=True))
    assert isinstance(verdict, Finished)
    assert (verdict.outcome, verdict.size_bytes) == (Outcome.OK, len(SITEMAP))
    assert [(found.input, found.url, found.depth) for found in verdict.found] == [
        ("https://a.example/1", "https://a.example/1", 0),
        ("https://[/", None, 0),
    ]
    assert verdict.found[1].why
    assert bench.parser.given == []
    assert [call.cap_bytes for call in bench.fetcher.calls] == [CAP_BYTES]


async def test_a_sitemap_that_is_none_is_told_so() -> None:
    bench = Bench(response(f"{URL}sitemap.xml", body=b"<html>"))
    record = await bench.record(request(f"{URL}sitemap.xml", is_sitemap=True))
    assert (record["outcome"], record["error"]["type"]) == ("parse_error", "SitemapError")


async def test_robots_txt_without_sitemaps_leads_to_the_usual_place() -> None:
    bench = Bench(response(ROBOTS, status=404), decision=Done(outcome=Outcome.HTTP_ERROR))
    verdict = await bench.visit(request(ROBOTS, is_sitemap=True))
    assert isinstance(verdict, Finished)
    usual = "https://a.example/sitemap.xml"
    assert verdict.found == (Found(f"sitemap:{usual}", usual, 1, is_sitemap=True, is_trusted=True),)
