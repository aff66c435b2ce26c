from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from scraper.clock import SystemClock
from scraper.errors import UsageError
from scraper.notify import outbox as outbox_module
from scraper.notify.delivery import NotDelivered
from scraper.notify.notice import FailureNotice, FieldChange, Kind, Notice, PageChange, SilenceNotice
from scraper.notify.outbox import Outbox, Tries
from scraper.notify.table import NotifyTable
from scraper.notify.targets import Delivery, send_test
from scraper.record import ChangeStatus
from tests.support.fakes import ZERO_S, FakeClock, pass_s, play, settle
from tests.support.hook_server import HookServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scraper.notify.message import Message

AT = datetime(2026, 11, 29, tzinfo=UTC)


def failure(number: int = 1, job: str = "shop") -> Notice:
    return FailureNotice(job=job, at=AT, run=f"r{number}", state="failed", in_a_row=number)


SILENCE = SilenceNotice(job="shop", at=AT, since=AT)


class Receiver:
    """Takes messages, or fails as it is told to."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.shown = name
        self.clock = clock
        self.took: list[tuple[float, Message]] = []
        self.tried_s: list[float] = []
        self.fails: list[NotDelivered] = []
        self.takes_s = 0.0

    async def deliver(self, message: Message) -> None:
        self.tried_s.append(self.clock.now_s - ZERO_S)
        if self.takes_s:
            await pass_s(self.takes_s)
        if self.fails:
            raise self.fails.pop(0)
        self.took.append((self.clock.now_s - ZERO_S, message))

    def titles(self) -> list[tuple[float, str]]:
        return [(at_s, message.title.partition(": ")[2]) for at_s, message in self.took]


class Stage:
    """An outbox in virtual time whose targets are receivers, by the first word of their command."""

    def __init__(self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = clock
        self.log: list[str] = []
        self.receivers: dict[str, Receiver] = {}
        monkeypatch.setattr(outbox_module, "target_of", self._target)
        monkeypatch.setattr("random.uniform", lambda _low, high: high)

    def _target(self, table: NotifyTable, _: Mapping[str, str], **__: Any) -> Receiver:
        if table.webhook:
            raise UsageError("webhook: no good")
        name = table.command[0]
        return self.receivers.setdefault(name, Receiver(name, self.clock))

    def open(self, *tables: NotifyTable, **options: Any) -> AbstractAsyncContextManager[Outbox]:
        for table in tables:
            self.receivers.setdefault(table.command[0], Receiver(table.command[0], self.clock))
        return Outbox.open({"shop": tables}, environment={}, clock=self.clock, log=self.log.append, **options)


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeClock], Stage]:
    return lambda clock: Stage(clock, monkeypatch)


def table(name: str = "one", **more: Any) -> NotifyTable:
    return NotifyTable(command=(name,), **more)


def test_a_target_is_told_what_it_wants_to_know(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table("one"), table("two", on=(Kind.SILENCE,))) as outbox:
            outbox.offer(failure())
            outbox.offer(failure(job="other"))
            await settle()
            assert stage.receivers["one"].titles() == [(0, "run failed")]
            assert stage.receivers["two"].titles() == []
            outbox.offer(SILENCE)
            await pass_s(61)
            assert len(stage.receivers["one"].took) == 2
            assert len(stage.receivers["two"].took) == 1
        assert stage.log == []

    play(act)


def test_within_the_interval_the_latest_waits_and_names_the_others(
    staged: Callable[[FakeClock], Stage],
) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table(interval_s=64)) as outbox:
            for number in range(1, 6):
                outbox.offer(failure(number))
                await pass_s(1)
            await pass_s(1000)
            outbox.offer(failure(6))
        one = stage.receivers["one"]
        assert one.titles() == [
            (0, "run failed"),
            (64, "run failed, 5 times in a row"),
            (1005, "run failed, 6 times in a row"),
        ]
        second = json.loads(one.took[1][1].body)
        assert [earlier["title"] for earlier in second["earlier"]] == [
            f"shop: run failed, {number} times in a row" for number in (2, 3, 4)
        ]

    play(act)


def test_a_failure_is_tried_again_with_growing_pauses(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table()) as outbox:
            one = stage.receivers["one"]
            one.fails = [NotDelivered("no"), NotDelivered("no"), NotDelivered("busy", retry_after_s=32)]
            outbox.offer(failure())
            await pass_s(4)
            (state,) = outbox.states()
            assert (state.job, state.target, state.waiting, state.delivered) == ("shop", "one", 1, 0)
            assert state.error == "no"
            await pass_s(1000)
            assert one.tried_s == [0, 2, 6, 38]
            (state,) = outbox.states()
            assert (state.waiting, state.delivered, state.given_up, state.error) == (0, 1, 0, None)
        assert stage.log == []

    play(act)


@pytest.mark.parametrize(
    ("fails", "tries", "tried_s", "told"),
    [
        ([NotDelivered("gone", is_final=True)], Tries(), [0], "not delivered: gone"),
        ([NotDelivered("no")] * 9, Tries(most=3), [0, 2, 6], "not delivered after 3 attempts: no"),
        (
            [NotDelivered("no")] * 9,
            Tries(most=9, total_s=20, longest_s=4),
            [0, 2, 6, 10, 14, 18],
            "not delivered after 6 attempts: no",
        ),
        ([NotDelivered("busy", retry_after_s=9999)], Tries(), [0], "not delivered: busy"),
    ],
)
def test_what_is_given_up_is_logged_and_named_in_the_next(
    staged: Callable[[FakeClock], Stage],
    fails: list[NotDelivered],
    tries: Tries,
    tried_s: list[float],
    told: str,
) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table(), tries=tries) as outbox:
            one = stage.receivers["one"]
            one.fails = list(fails)
            outbox.offer(failure())
            await pass_s(1024)
            assert one.tried_s == tried_s
            assert stage.log == [f"notify: shop: one: 'shop: run failed' {told}"]
            assert one.took == []
            one.fails = []
            outbox.offer(SILENCE)
            await settle()
            assert "shop: run failed" in one.took[0][1].text
            assert outbox.states()[0].given_up == 1

    play(act)


def test_a_target_that_hangs_holds_up_no_other(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table("slow"), table("one")) as outbox:
            stage.receivers["slow"].takes_s = 256
            outbox.offer(failure())
            await settle()
            assert len(stage.receivers["one"].took) == 1
            await pass_s(256)
            assert len(stage.receivers["slow"].took) == 1

    play(act)


def test_the_end_delivers_what_waits_without_its_pause(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table(interval_s=3600), table("two"), drain_s=64) as outbox:
            stage.receivers["two"].fails = [NotDelivered("no")] * 3
            outbox.offer(failure(1))
            await settle()
            outbox.offer(failure(2))
        assert [at_s for at_s, _ in stage.receivers["one"].took] == [0, 0]
        # The pause that had begun was cut short, those after it are made.
        assert stage.receivers["two"].tried_s == [0, 0, 4, 12, 12]
        assert stage.log == []

    play(act)


def test_what_can_t_be_delivered_by_the_end_is_dropped_with_a_line(
    staged: Callable[[FakeClock], Stage],
) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table(), table("two"), drain_s=8) as outbox:
            stage.receivers["one"].takes_s = 4096
            outbox.offer(failure(1))
            await settle()
            outbox.offer(failure(2))
            outbox.offer(failure(3))
        assert clock.now_s - ZERO_S == 8
        assert stage.log == ["notify: shop: one: 3 notices not delivered before the end"]
        assert len(stage.receivers["two"].took) == 2

    play(act)


def test_a_daemon_that_breaks_waits_for_nobody(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="a bug")):
            async with stage.open(table(interval_s=3600)) as outbox:
                outbox.offer(failure(1))
                await settle()
                outbox.offer(failure(2))
                raise RuntimeError("a bug")
        assert clock.now_s == ZERO_S
        assert stage.log == ["notify: shop: one: 1 notice not delivered before the end"]

    play(act)


def test_other_tables_take_over_and_the_same_go_on(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        same, old, new = table(interval_s=64), table("old", interval_s=64), table("new")
        async with stage.open(same, old) as outbox:
            outbox.offer(failure(1))
            await settle()
            outbox.offer(failure(2))
            with pytest.raises(UsageError, match="no good"):
                outbox.set_jobs({"shop": [new, NotifyTable(webhook="x")]})
            assert [state.target for state in outbox.states()] == ["one", "old"]
            outbox.set_jobs({"shop": [new, same]})
            await settle()
            assert [state.target for state in outbox.states()] == ["new", "one"]
            # The old one delivers what it has; the same one still keeps its pause.
            assert len(stage.receivers["old"].took) == 2
            assert len(stage.receivers["one"].took) == 1
            outbox.offer(failure(3))
            await pass_s(65)
            assert len(stage.receivers["one"].took) == 2
            assert len(stage.receivers["new"].took) == 1
            assert len(stage.receivers["old"].took) == 2

    play(act)


def test_of_two_tables_that_are_the_same_each_goes_on(staged: Callable[[FakeClock], Stage]) -> None:
    async def act(clock: FakeClock) -> None:
        stage = staged(clock)
        async with stage.open(table(), table()) as outbox:
            outbox.offer(failure())
            await settle()
            outbox.set_jobs({"shop": [table(), table()]})
            assert [state.delivered for state in outbox.states()] == [1, 1]

    play(act)


CHANGES = [
    PageChange(
        url="https://example.com/p/7",
        status=ChangeStatus.CHANGED,
        fields=(FieldChange(name="fields.price", old=100, new=95),),
    ),
    PageChange(url="https://example.com/p/8", status=ChangeStatus.GONE),
]


async def test_a_run_s_changes_reach_programs_and_webhooks_each_through_its_filter(tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with HookServer.open() as server:
        tables = [
            NotifyTable(webhook=f"{server.url}/hook", webhook_secret="env:KEY", changes=(ChangeStatus.GONE,)),  # noqa: S106
            NotifyTable(command=("sh", "-c", 'cat > "$0"', str(told)), fields=("fields.price",)),
            NotifyTable(command=("false",), url="/news/"),
            NotifyTable(command=("false",), on=(Kind.FAILURE,)),
        ]
        log: list[str] = []
        environment = {**os.environ, "KEY": "0123456789abcdef"}
        async with Outbox.open(
            {"shop": tables, "quiet": tables[3:]},
            environment=environment,
            clock=SystemClock(),
            log=log.append,
            drain_s=60,
        ) as outbox:
            assert outbox.wants_changes("shop")
            assert not outbox.wants_changes("quiet")
            assert not outbox.wants_changes("unknown")
            await outbox.offer_changes(iter(CHANGES), job="shop", run="r1", at=AT)
            await outbox.offer_changes(iter(CHANGES), job="quiet", run="r1", at=AT)
    assert log == []
    (received,) = server.received
    assert received.headers["webhook-signature"].startswith("v1,")
    assert json.loads(received.body)["title"] == "shop: 1 page: 1 gone"
    assert json.loads(told.read_bytes())["notice"]["statuses"] == {"changed": 1, "gone": 1}


async def test_a_test_message_goes_to_every_target_once(tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with HookServer.open() as server:
        server.answers.append((500, {}))
        tables = [
            NotifyTable(webhook=server.url, on=(Kind.CHANGE,)),
            NotifyTable(command=("sh", "-c", 'cat > "$0"', str(told))),
        ]
        results = await send_test("shop", tables, environment=os.environ, clock=SystemClock())
        assert len(server.received) == 1
    host = server.url.removeprefix("http://")
    assert results == [Delivery(f"webhook {host}", "it answered 500"), Delivery("command sh", None)]
    assert json.loads(told.read_bytes())["notice"]["kind"] == "test"
    with pytest.raises(UsageError, match="no program"):
        await send_test("shop", [NotifyTable(command=("no-such",))], environment={}, clock=SystemClock())
