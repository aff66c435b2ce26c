"""The flow of a run, with a fake network and a journal in memory, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import pytest

from scraper.errors import PageError, SinkError
from scraper.frontier.frontier import Frontier
from scraper.frontier.gatekeeper import Gatekeeper
from scraper.frontier.scope import Scope
from scraper.observe.events import Admitted, LinksTaken, Redirected, RobotsKnown, Sealed, TriedAgain, Written
from scraper.parse.links import Target
from scraper.parse.page import Parsed
from scraper.pipeline import Crawl
from scraper.record import Outcome, Page
from scraper.robots.access import Standing
from scraper.settings.model import (
    FollowSettings,
    FrontierSettings,
    OutputSettings,
    PolitenessSettings,
    RetrySettings,
    RobotsSettings,
)
from scraper.verdict.page import Decider
from scraper.verdict.redirects import RedirectRules
from scraper.verdict.retries import Retries, RunBudget
from scraper.verdict.robots import RobotsDecider
from scraper.visit.following import Follower
from scraper.visit.reading import Reader
from scraper.visit.visit import Visitor
from tests.support.fakes import (
    Answer,
    Blocked,
    CollectingObserver,
    FakeClock,
    FakeFetcher,
    FakeState,
    MemoryJournal,
    Slow,
    batch,
    fetch_error,
    pass_s,
    play,
    response,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from random import Random

    from scraper.messages import Batch, Errand, Response, Visited


class NoChance:
    """Draws the least, so that virtual time stays exact."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


class EmptyPages:
    """Finds in a page its text, and links where the text is some."""

    def parse(
        self,
        *,
        body: bytes,
        url: str,
        content_type_charset: str | None,
        headers: Sequence[tuple[str, str]] = (),  # noqa: ARG002
        links: bool = False,
    ) -> Parsed:
        assert url.startswith("http")
        assert content_type_charset is None
        if body == b"broken":
            raise PageError("not to be parsed")
        found = [one for one in body.decode().split() if "://" in one] if links else []
        return Parsed(Page(title=body.decode()), "", [Target(one, nofollow=False) for one in found])


def ok(url: str) -> Response:
    return response(url, headers=[("content-type", "text/html")], body=b"hello")


class Bench:
    """A crawl with fakes around it."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        answer: Callable[[str], Answer] = ok,
        journal: MemoryJournal | None = None,
        seeds: AsyncIterator[Batch] | None = None,
        lookahead: int = 1000,
        workers: int = 4,
        waiting: int = 0,
        batch_records: int = 256,
        policy: Literal["obey", "ignore"] = "ignore",
        depth: int = 0,
    ) -> None:
        follow, robots = FollowSettings(depth=depth), RobotsSettings(policy=policy)
        self.state = FakeState()
        self.state.store.prepare(follow=follow, robots=robots, token="scraper", clock=clock)  # noqa: S106
        self.journal = journal or MemoryJournal()
        self.fetcher = FakeFetcher(answer)
        self.observer = CollectingObserver()
        chance: Random = NoChance()  # type: ignore[assignment]
        tries = RetrySettings(retries=2)
        retries = Retries(tries, budget=RunBudget(tries), longest_wait_s=120.0, chance=chance)
        decider = Decider(retries=retries, redirects=RedirectRules(3))
        self.crawl = Crawl(
            seeds=seeds if seeds is not None else listed("http://a.example/"),
            frontier=Frontier(
                state=self.state,
                settings=FrontierSettings(lookahead=lookahead),
                politeness=PolitenessSettings(delay_s=0.0, adaptive=False),
                gatekeeper=Gatekeeper(robots, clock=clock),
                clock=clock,
                progress=self.state.store.progress(),
            ),
            visitor=Visitor(
                fetcher=self.fetcher,
                decider=decider,
                robots=RobotsDecider(robots, retries=retries),
                reader=Reader(
                    parser=EmptyPages(),
                    decider=decider,
                    follower=Follower(follow, Scope(follow)),
                    token="scraper",  # noqa: S106
                ),
                token="scraper",  # noqa: S106
                run="r1",
                clock=clock,
            ),
            journal=self.journal,
            observer=self.observer,
            workers=workers,
            waiting=waiting,
            output=OutputSettings(batch_records=batch_records),
        )

    @property
    def records(self) -> list[dict[str, Any]]:
        return sorted((json.loads(line) for line in self.journal.lines), key=lambda record: record["seq"])

    def agree(self) -> bool:
        """Whether the state and the journal say the same."""
        progress = self.state.store.progress()
        return (progress.done, progress.output_bytes) == (
            len(self.journal.lines),
            sum(map(len, self.journal.lines)),
        )


async def listed(*lines: str, each: int = 7) -> AsyncIterator[Batch]:
    for first in range(0, len(lines), each):
        yield batch(*lines[first : first + each], consumed=min(len(lines), first + each))


def test_every_line_gives_a_record() -> None:
    lines = [f"http://h{n % 9}.example/{n}" for n in range(100)] + ["no URL", "", "http://h1.example/1"]

    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, seeds=listed(*lines), batch_records=10)
        await bench.crawl.run()
        return bench

    bench = play(act)
    assert [record["input"] for record in bench.records] == lines
    assert [record["seq"] for record in bench.records] == list(range(103))
    assert [record["outcome"] for record in bench.records[98:]] == ["ok"] * 2 + ["invalid_url"] * 2 + [
        "duplicate"
    ]
    assert bench.records[0]["title"] == "hello"
    assert bench.crawl.frontier.is_over
    assert bench.agree()
    assert sum(event.lines for event in bench.observer.of(Admitted)) == 103
    assert [event.lines for event in bench.observer.of(Sealed)] == [103]
    assert sum(len(event.records) for event in bench.observer.of(Written)) == 103
    assert max(len(event.records) for event in bench.observer.of(Written)) <= 10
    assert bench.crawl.under_way == {}


def test_an_empty_list_gives_an_empty_journal() -> None:
    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, seeds=listed())
        await bench.crawl.run()
        return bench

    bench = play(act)
    assert bench.journal.lines == []
    assert bench.crawl.frontier.is_over


def test_redirects_and_retries_come_back_and_end_in_one_record() -> None:
    answers: dict[str, list[Answer]] = {
        "http://a.example/": [fetch_error(Outcome.TIMEOUT), response("http://a.example/", status=503)],
        "http://b.example/": [
            response("http://b.example/", status=301, headers=[("location", "http://a.example/new")])
        ],
    }

    def answer(url: str) -> Answer:
        return answers[url].pop(0) if answers.get(url) else ok(url)

    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, answer=answer, seeds=listed("http://a.example/", "http://b.example/"))
        await bench.crawl.run()
        return bench

    bench = play(act)
    first, second = bench.records
    assert (first["outcome"], first["attempts"]) == ("ok", 3)
    assert [(one["status"], one["error"]) for one in first["tries"]] == [
        (None, "timeout"),
        (503, "http_error"),
        (200, None),
    ]
    assert second["final_url"] == "http://a.example/new"
    assert [hop["url"] for hop in second["redirects"]] == ["http://b.example/"]
    assert len(bench.observer.of(TriedAgain)) == 2
    assert len(bench.observer.of(Redirected)) == 1


WEB = {
    "http://a.example/robots.txt": b"User-agent: *\nDisallow: /private\n",
    "http://a.example/": b"http://a.example/private/x http://b.example/ http://a.example/1 http://a.example/1",
    "http://b.example/": b"http://a.example/ http://c.example/deep",
    "http://c.example/deep": b"http://d.example/",
}


def web(url: str) -> Answer:
    if url == "http://b.example/robots.txt":
        return response(url, status=302, headers=[("location", "http://c.example/robots-of-b.txt")])
    if url not in WEB:
        return response(url, status=404)
    return response(url, headers=[("content-type", "text/html")], body=WEB[url])


def test_links_are_followed_as_robots_txt_allows_and_give_a_record_each() -> None:
    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, answer=web, policy="obey", depth=2)
        await bench.crawl.run()
        return bench

    bench = play(act)
    assert {record["url"]: (record["outcome"], record["depth"]) for record in bench.records} == {
        "http://a.example/": ("ok", 0),
        "http://a.example/private/x": ("robots_denied", 1),
        "http://b.example/": ("ok", 1),
        "http://a.example/1": ("http_error", 1),
        "http://c.example/deep": ("ok", 2),
    }
    parents = {record["url"]: record.get("parent") for record in bench.records}
    seqs = {record["url"]: record["seq"] for record in bench.records}
    assert parents["http://a.example/"] is None
    assert parents["http://b.example/"] == seqs["http://a.example/"]
    assert parents["http://c.example/deep"] == seqs["http://b.example/"]
    assert "http://a.example/private/x" not in bench.fetcher.asked
    assert bench.fetcher.asked[0] == "http://a.example/robots.txt"
    assert Counter(bench.fetcher.asked).most_common(1)[0][1] == 1
    assert sum(event.lines for event in bench.observer.of(LinksTaken)) == 4
    known = {event.file.origin: event.file.standing for event in bench.observer.of(RobotsKnown)}
    assert known == {
        "http://a.example": Standing.RULES,
        "http://b.example": Standing.UNAVAILABLE,
        "http://c.example": Standing.UNAVAILABLE,
    }
    assert bench.crawl.frontier.is_over
    assert bench.agree()


def test_a_robots_txt_that_cannot_be_had_is_tried_again_and_then_forbids_all() -> None:
    def answer(url: str) -> Answer:
        return fetch_error(Outcome.TIMEOUT) if url.endswith("/robots.txt") else ok(url)

    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, answer=answer, policy="obey")
        await bench.crawl.run()
        return bench

    bench = play(act)
    (record,) = bench.records
    assert (record["outcome"], record["attempts"], record["retryable"]) == ("robots_unreachable", 0, True)
    assert record["error"]["phase"] == "robots"
    assert bench.fetcher.asked == ["http://a.example/robots.txt"] * 3
    assert len(bench.observer.of(TriedAgain)) == 2


def test_a_page_that_cannot_be_parsed_costs_only_itself() -> None:
    def answer(url: str) -> Answer:
        return response(url, headers=[("content-type", "text/html")], body=b"broken")

    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, answer=answer)
        await bench.crawl.run()
        return bench

    (record,) = play(act).records
    assert (record["outcome"], record["error"]["phase"], record["status"]) == ("parse_error", "parse", 200)


def broken(**parts: Any) -> tuple[Bench, BaseExceptionGroup[BaseException]]:
    """Run a crawl that breaks; return it with what it raised."""

    async def act(clock: FakeClock) -> tuple[Bench, BaseExceptionGroup[BaseException]]:
        bench = Bench(clock, seeds=listed(*(f"http://a.example/{n}" for n in range(50))), **parts)
        with pytest.raises(BaseExceptionGroup) as raised:
            await bench.crawl.run()
        return bench, raised.value

    return play(act)


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in leaves(one)]
    return [error]


@pytest.mark.parametrize("fails_after", [0, 20])
def test_a_journal_that_fails_ends_the_run_and_what_was_written_counts(fails_after: int) -> None:
    full = SinkError("disk full")
    _, error = broken(journal=MemoryJournal(error=full, fails_after=fails_after), batch_records=5)
    assert leaves(error) == [full]


def test_a_failed_run_has_noted_what_it_has_written() -> None:
    bench, _ = broken(journal=MemoryJournal(error=SinkError("disk full"), fails_after=20), batch_records=5)
    assert bench.agree()
    assert not bench.crawl.frontier.is_over


def test_a_bug_in_a_visit_ends_the_run() -> None:
    bug = ZeroDivisionError("a bug")

    def answer(url: str) -> Answer:
        return bug if url.endswith("/17") else ok(url)

    bench, error = broken(answer=answer)
    assert leaves(error) == [bug]
    assert bench.agree()


def test_a_source_that_breaks_ends_the_run() -> None:
    async def seeds() -> AsyncIterator[Batch]:
        yield batch("http://a.example/")
        raise PageError("gone")

    async def act(clock: FakeClock) -> None:
        with pytest.raises(BaseExceptionGroup) as raised:
            await Bench(clock, seeds=seeds()).crawl.run()
        assert [str(leaf) for leaf in leaves(raised.value)] == ["gone"]

    play(act)


async def endless(read: list[int], *, each: int = 5) -> AsyncIterator[Batch]:
    while True:
        first = len(read)
        read.extend(range(first, first + each))
        await pass_s(1 / 64)
        yield batch(
            *(f"http://h{n % 20}.example/{n}" for n in range(first, first + each)), consumed=len(read)
        )


def test_a_drain_writes_what_is_under_way_and_starts_nothing_new() -> None:
    async def act(clock: FakeClock) -> Bench:
        gate = asyncio.Event()
        lines = [f"http://h{n}.example/" for n in range(40)]
        bench = Bench(clock, answer=lambda url: Blocked(gate, ok(url)), seeds=listed(*lines))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(1.0)
            assert len(bench.crawl.under_way) == 4
            bench.crawl.drain()
            await pass_s(1.0)
            gate.set()
        return bench

    bench = play(act)
    assert len(bench.fetcher.asked) == len(bench.records) == 4
    assert bench.agree()
    assert not bench.crawl.frontier.is_over
    assert bench.state.store.progress().lines == 40, "the others wait for the run to go on"


def silent_among(lines: int, *, gate: asyncio.Event, clock: FakeClock, **parts: Any) -> Bench:
    """Return a crawl of lines of a host each, of which the first twelve answer when the gate is open."""

    def answer(url: str) -> Answer:
        return Blocked(gate, ok(url)) if int(url.rpartition("/")[2]) < 12 else ok(url)

    seeds = listed(*(f"http://h{n}.example/{n}" for n in range(lines)))
    return Bench(clock, answer=answer, seeds=seeds, **parts)


def test_hosts_that_say_nothing_keep_no_worker_from_the_others() -> None:
    async def act(clock: FakeClock) -> Bench:
        gate = asyncio.Event()
        bench = silent_among(300, gate=gate, clock=clock, waiting=12)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            assert {record["seq"] for record in bench.records} == set(range(12, 300))
            assert len(bench.crawl.under_way) == 12, "and all of them are still waited for"
            gate.set()
        return bench

    bench = play(act)
    assert len(bench.records) == len(bench.fetcher.asked) == 300
    assert bench.crawl.under_way == {}
    assert bench.crawl.frontier.is_over
    assert bench.agree()


def test_only_so_many_are_waited_for_besides() -> None:
    async def act(clock: FakeClock) -> Bench:
        gate = asyncio.Event()
        bench = silent_among(300, gate=gate, clock=clock, waiting=5)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            assert len(bench.crawl.under_way) == 4 + 5
            assert len(bench.fetcher.asked) == len(bench.crawl.under_way), "no worker is left for the others"
            gate.set()
        return bench

    assert len(play(act).records) == 300


def test_when_many_are_heard_at_once_nothing_new_is_begun_before_they_are_done() -> None:
    async def act(clock: FakeClock) -> None:
        first, second = asyncio.Event(), asyncio.Event()
        bench = Bench(
            clock,
            answer=lambda url: Blocked(first if int(url.rpartition("/")[2]) < 6 else second, ok(url)),
            seeds=listed(*(f"http://h{n}.example/{n}" for n in range(40))),
            workers=2,
            waiting=4,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            assert len(bench.crawl.under_way) == 6
            first.set()
            await settle()
            assert len(bench.fetcher.asked) == 6 + 2, "the others have nobody's slot"
            second.set()

    play(act)


def test_a_visit_that_ends_while_it_was_waited_for_takes_its_slot_along() -> None:
    """A child process that dies says no more that its visits are not kept waiting."""

    async def act(clock: FakeClock) -> None:
        gate = asyncio.Event()
        bench = Bench(
            clock,
            answer=lambda url: ok(url) if int(url.rpartition("/")[2]) < 6 else Blocked(gate, ok(url)),
            seeds=listed(*(f"http://h{n}.example/{n}" for n in range(40))),
            workers=1,
            waiting=1,
        )
        visit = bench.crawl.visitor.visit

        class Unfinished:
            async def visit(self, errand: Errand, *, departs: Any, waits: Any = None) -> Visited:
                if int(errand.target.rpartition("/")[2]) < 6:
                    waits(True)
                return await visit(errand, departs=departs)

        bench.crawl.visitor = Unfinished()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            assert len(bench.crawl.under_way) == 1, "nobody stands aside any more"
            gate.set()

    play(act)


def test_after_a_silence_a_host_is_waited_for_aside_from_the_beginning() -> None:
    answers: list[Answer] = [fetch_error(Outcome.TIMEOUT), fetch_error(Outcome.TIMEOUT)]

    async def act(clock: FakeClock) -> Bench:
        bench = Bench(
            clock,
            answer=lambda url: answers.pop(0) if answers else ok(url),
            seeds=listed("http://a.example/1", "http://a.example/2", each=1),
            workers=1,
        )
        await bench.crawl.run()
        return bench

    calls = [(call.url[-1], call.is_doubtful) for call in play(act).fetcher.calls]
    # The second line was let go before it was known of the first.
    assert calls == [("1", False), ("2", False), ("1", True), ("2", False)]


def test_a_drain_finishes_also_what_is_waited_for_aside() -> None:
    async def act(clock: FakeClock) -> Bench:
        gate = asyncio.Event()
        bench = silent_among(40, gate=gate, clock=clock, waiting=5)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            bench.crawl.drain()
            await pass_s(1.0)
            gate.set()
        return bench

    bench = play(act)
    assert len(bench.fetcher.asked) == len(bench.records) == 4 + 5
    assert bench.agree()
    assert bench.state.store.progress().lines == 40


def test_an_abort_gives_up_what_is_waited_for_aside() -> None:
    async def act(clock: FakeClock) -> Bench:
        bench = silent_among(40, gate=asyncio.Event(), clock=clock, waiting=12)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            bench.crawl.abort()
        return bench

    bench = play(act)
    assert {record["seq"] for record in bench.records} == set(range(12, 40))
    assert bench.agree()
    assert not bench.crawl.frontier.is_over


def test_a_bug_ends_the_run_also_while_some_are_waited_for_aside() -> None:
    async def act(clock: FakeClock) -> None:
        gate = asyncio.Event()
        bug = ZeroDivisionError("a bug")

        def answer(url: str) -> Answer:
            return Slow(10.0, bug) if url.endswith("/7") else Blocked(gate, ok(url))

        seeds = listed(*(f"http://h{n}.example/{n}" for n in range(40)))
        bench = Bench(clock, answer=answer, seeds=seeds, waiting=8)
        with pytest.raises(BaseExceptionGroup) as raised:
            await bench.crawl.run()
        assert leaves(raised.value) == [bug]
        assert bench.agree()

    play(act)


def test_a_drain_ends_a_run_over_an_endless_source() -> None:
    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, seeds=endless([]), answer=lambda url: Slow(0.25, ok(url)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(10.0)
            bench.crawl.drain()
        return bench

    bench = play(act)
    assert len(bench.records) == len(bench.fetcher.asked) > 4
    assert bench.agree()


def test_a_drain_before_anything_was_read_ends_the_run() -> None:
    async def act(clock: FakeClock) -> Bench:
        bench = Bench(clock, seeds=endless([]))
        bench.crawl.drain()
        await bench.crawl.run()
        return bench

    assert play(act).records == []


def test_an_abort_gives_up_what_is_under_way_and_writes_what_is_fetched() -> None:
    async def act(clock: FakeClock) -> Bench:
        never = asyncio.Event()
        lines = [f"http://h{n}.example/{n}" for n in range(40)]

        def answer(url: str) -> Answer:
            return ok(url) if int(url.rpartition("/")[2]) < 10 else Blocked(never, ok(url))

        bench = Bench(clock, answer=answer, seeds=listed(*lines))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await settle()  # the first ten are fetched, and their batch is not full yet
            bench.crawl.abort()
        return bench

    bench = play(act)
    assert {record["seq"] for record in bench.records} == set(range(10))
    assert bench.agree()
    assert not bench.crawl.frontier.is_over


def test_a_second_abort_changes_nothing() -> None:
    async def act(clock: FakeClock) -> None:
        never = asyncio.Event()
        bench = Bench(clock, answer=lambda url: Blocked(never, ok(url)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await settle()
            bench.crawl.abort()
            bench.crawl.abort()

    play(act)


def test_a_blocked_journal_stops_the_reading_of_the_source() -> None:
    """Through every queue back to the list: what is read is the look-ahead and a batch or two."""

    async def act(clock: FakeClock) -> None:
        read: list[int] = []
        journal = MemoryJournal()
        journal.open.clear()
        bench = Bench(clock, seeds=endless(read, each=5), journal=journal, lookahead=50, workers=4)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(100.0)
            assert 50 <= len(read) <= 50 + 2 * 5
            stuck = len(read)
            await pass_s(100.0)
            assert len(read) == stuck
            journal.open.set()
            await pass_s(1.0)
            assert len(read) > stuck, "and it goes on when the journal does"
            bench.crawl.drain()
        assert bench.agree()

    play(act)


def test_a_worker_waits_for_a_writer_that_is_behind() -> None:
    """With room for everything in the look-ahead, what is fetched and not written stays bounded."""

    async def act(clock: FakeClock) -> None:
        journal = MemoryJournal()
        journal.open.clear()
        lines = [f"http://h{n}.example/" for n in range(200)]
        bench = Bench(clock, seeds=listed(*lines), journal=journal, workers=4, batch_records=8)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bench.crawl.run())
            await pass_s(1000.0)
            assert len(bench.fetcher.asked) <= 8 + 4 + 4  # a batch, the channel, one for each worker
            journal.open.set()
        assert len(bench.records) == 200

    play(act)
