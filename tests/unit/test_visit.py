from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import PageError
from scraper.messages import Again, Finished, Hop, Request, Response, Verdict
from scraper.record import Failure, Outcome, Page, Try
from scraper.verdict import Decision, Done
from scraper.visit import Visitor
from tests.support.fakes import EPOCH, FakeClock, FakeFetcher, fetch_error, request, response

if TYPE_CHECKING:
    from datetime import datetime

    from scraper.errors import FetchError

URL = "https://a.example/"


class FixedDecider:
    """Always decides the same, and keeps what it was asked."""

    def __init__(self, decision: Decision) -> None:
        self._decision = decision
        self.asked: list[tuple[Request, Response | FetchError, datetime]] = []

    def decide(self, request: Request, result: Response | FetchError, *, at: datetime) -> Decision:
        self.asked.append((request, result, at))
        return self._decision


class Reader:
    """A parser that keeps what it was given."""

    def __init__(self, *, error: PageError | None = None) -> None:
        self.given: list[tuple[bytes, str, str | None]] = []
        self._error = error

    def parse(self, *, body: bytes, url: str, content_type_charset: str | None) -> Page:
        self.given.append((body, url, content_type_charset))
        if self._error:
            raise self._error
        return Page(title="T")


class Bench:
    """A visitor with fakes around it."""

    def __init__(
        self,
        answer: Response | Exception,
        *,
        decision: Decision | None = None,
        error: PageError | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.decider = FixedDecider(decision or Done(outcome=Outcome.OK))
        self.reader = Reader(error=error)
        self.departures = 0
        self.visitor = Visitor(
            fetcher=FakeFetcher(lambda _: answer),
            decider=self.decider,
            parser=self.reader,
            run="r1",
            clock=self.clock,
        )

    async def visit(self, request: Request) -> Verdict:
        return await self.visitor.visit(request, departs=self._depart)

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
    assert bench.reader.given == [(b"<p>", URL, "koi8-r")]
    assert [at for _, _, at in bench.decider.asked] == [EPOCH]
    assert bench.departures == 1


@pytest.mark.parametrize(
    ("settled", "why", "error"),
    [
        (Outcome.DUPLICATE, None, None),
        (Outcome.INVALID_URL, "no host", Failure(type="InvalidUrl", message="no host", phase="url")),
    ],
)
async def test_a_line_that_is_settled_asks_nobody_and_departs_all_the_same(
    settled: Outcome, why: str | None, error: Failure | None
) -> None:
    bench = Bench(ZeroDivisionError("asked"))
    line = Request(
        seq=1,
        input="x",
        url=None,
        target="",
        host="",
        home=0,
        settled=settled,
        settled_why=why,
        duplicate_of=0,
    )
    record = await bench.record(line)
    assert (record["outcome"], record["attempts"], record["final_url"]) == (settled, 0, None)
    assert record["error"] == (
        None if error is None else {"type": "InvalidUrl", "message": why, "phase": "url"}
    )
    assert bench.departures == 1
    assert bench.decider.asked == []


@pytest.mark.parametrize("decision", [Again(request(URL), 2.0), Hop(request("https://b.example/"))])
async def test_what_is_not_done_is_passed_on_and_not_parsed(decision: Decision) -> None:
    bench = Bench(page(status=503), decision=decision)
    assert await bench.visit(request(URL)) == decision
    assert bench.reader.given == []


async def test_a_failed_fetch_is_decided_on_and_becomes_a_record() -> None:
    failed = fetch_error(Outcome.TIMEOUT)
    failure = Failure(type="TIMEOUT", message="it failed", phase="connect")
    bench = Bench(failed, decision=Done(outcome=Outcome.TIMEOUT, failure=failure, retryable=True))
    record = await bench.record(request(URL))
    assert bench.decider.asked[0][1] is failed
    assert (record["outcome"], record["retryable"], record["attempts"]) == ("timeout", True, 1)
    assert record["error"] == {"type": "TIMEOUT", "message": "it failed", "phase": "connect"}
    assert "status" not in record


@pytest.mark.parametrize("answer", [page(), fetch_error(Outcome.TIMEOUT)])
async def test_the_last_of_several_tries_tells_when_it_began(answer: Response | Exception) -> None:
    bench = Bench(answer)
    bench.clock.move(60.0)
    first = Try(at="2026-01-31T09:30:00.000Z", error=Outcome.TIMEOUT)
    record = await bench.record(request(URL, tries=[first], waited_s=1.25))
    assert [one["at"] for one in record["tries"]] == [first.at, "2026-01-31T09:31:00.000Z"]
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
    assert bool(bench.reader.given) is parsed
    assert ("title" in record) is parsed


async def test_a_server_that_forbids_to_guess_is_obeyed() -> None:
    bench = Bench(response(URL, headers=[("x-content-type-options", "NoSniff")], body=b"<p>"))
    await bench.record(request(URL))
    assert bench.reader.given == []


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
