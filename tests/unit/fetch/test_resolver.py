from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import RunError
from scraper.fetch import resolver as resolver_module
from scraper.fetch import system_error
from scraper.fetch.known_names import FOUND_S, NO_NAME_S, Failure, KnownNames
from scraper.fetch.lookup_threads import DaemonThreads
from scraper.fetch.resolver import SystemResolver
from scraper.record import Outcome
from scraper.verdict.retries import is_transient
from tests.support.fakes import FakeClock, fetch_error
from tests.support.fetching import fetch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

LONG_S = 20.0
SHORT_S = 0.05


def found(*addresses: str) -> list[Any]:
    """Return what ``getaddrinfo`` says of addresses."""
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, 0, 0, 0))
        if ":" in text
        else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 0))
        for text in addresses
    ]


class NameServer:
    """Stands in for ``getaddrinfo``. A name that starts with ``hung`` says nothing until it is let go."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any] | BaseException] = {}
        self.asked: Counter[str] = Counter()
        self._begun: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.let_go = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def begun(self, host: str) -> threading.Event:
        """Return what is set when the name is asked for."""
        with self._lock:
            return self._begun[host]

    def __call__(self, host: str, *_: object) -> list[Any]:
        with self._lock:
            self.asked[host] += 1
            self._begun[host].set()
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if host.startswith("hung"):
                self.let_go.wait(LONG_S)
            answer = self.answers.get(host, found("192.0.2.1"))
            if isinstance(answer, BaseException):
                raise answer
            return answer
        finally:
            with self._lock:
                self._at_once -= 1


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server)
    yield server
    server.let_go.set()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@contextlib.asynccontextmanager
async def resolving(clock: FakeClock, *, timeout_s: float = LONG_S) -> AsyncIterator[SystemResolver]:
    resolver = SystemResolver(timeout_s=timeout_s, clock=clock)
    try:
        yield resolver
    finally:
        await resolver.close()


async def addresses(resolver: SystemResolver, host: str, port: int = 80) -> list[str]:
    return [one["host"] for one in await resolver.resolve(host, port)]


def refused(name: str) -> socket.gaierror:
    return socket.gaierror(getattr(socket, name), name)


async def test_the_systems_order_and_the_callers_port_are_kept(names: NameServer, clock: FakeClock) -> None:
    names.answers["two.example"] = found("2001:db8::1", "192.0.2.1", "2001:db8::2")
    async with resolving(clock) as resolver:
        got = await resolver.resolve("two.example", 8080)
        again = await resolver.resolve("two.example", 443)
    assert [(one["host"], one["family"], one["port"], one["hostname"]) for one in got] == [
        ("2001:db8::1", socket.AF_INET6, 8080, "two.example"),
        ("192.0.2.1", socket.AF_INET, 8080, "two.example"),
        ("2001:db8::2", socket.AF_INET6, 8080, "two.example"),
    ]
    assert [one["port"] for one in again] == [443] * 3
    assert names.asked == {"two.example": 1}  # two ports are one name


async def test_of_a_thousand_addresses_some_of_each_family_are_kept(
    names: NameServer, clock: FakeClock
) -> None:
    sixes = [f"2001:db8::{number:x}" for number in range(1, 1000)]
    names.answers["many.example"] = [*found(*sixes, "192.0.2.1"), (socket.AF_UNIX, 1, 0, "", "/x")]
    async with resolving(clock) as resolver:
        assert await addresses(resolver, "many.example") == [*sixes[:16], "192.0.2.1"]


@pytest.mark.parametrize(
    "name", ["under_score.example", "dot.example.", "printer.local", "xn--bcher-kva.example"]
)
async def test_odd_names_are_asked_for_as_they_are(names: NameServer, clock: FakeClock, name: str) -> None:
    async with resolving(clock) as resolver:
        assert await addresses(resolver, name) == ["192.0.2.1"]
    assert names.asked == {name: 1}


@pytest.mark.parametrize(
    "name", ["a..example", ".example", "x" * 64 + ".example", "nul\0.example", "x." * 400]
)
async def test_what_can_be_no_name_has_no_address(clock: FakeClock, name: str) -> None:
    """The system itself is asked; it answers these without the network."""
    async with resolving(clock) as resolver:
        with pytest.raises(socket.gaierror) as caught:
            await resolver.resolve(name)
    assert system_error.name_of(caught.value) in {"EAI_NONAME", "EAI_AGAIN", "EAI_FAIL"}


async def test_a_name_is_kept_for_a_while(names: NameServer, clock: FakeClock) -> None:
    async with resolving(clock) as resolver:
        await resolver.resolve("kept.example")
        clock.move(FOUND_S - 1)
        await resolver.resolve("kept.example")
        assert names.asked["kept.example"] == 1
        clock.move(1)
        await resolver.resolve("kept.example")
    assert names.asked["kept.example"] == 2


@pytest.mark.parametrize("kind", ["EAI_NONAME", "EAI_NODATA", "EAI_FAIL"])
async def test_a_name_that_does_not_exist_is_kept_shortly(
    names: NameServer, clock: FakeClock, kind: str
) -> None:
    names.answers["no.example"] = refused(kind)
    async with resolving(clock) as resolver:
        for asked in (1, 1, 2):
            with pytest.raises(socket.gaierror) as caught:
                await resolver.resolve("no.example")
            assert system_error.name_of(caught.value) == kind
            assert not is_transient(fetch_error(Outcome.DNS_ERROR, kind=kind))
            assert names.asked["no.example"] == asked
            clock.move(NO_NAME_S / 2)
    assert caught.value is not names.answers["no.example"]  # each has one of his own, without a history


@pytest.mark.parametrize("kind", ["EAI_AGAIN", "EAI_MEMORY"])
async def test_a_failure_that_may_pass_is_asked_for_again(
    names: NameServer, clock: FakeClock, kind: str
) -> None:
    names.answers["ill.example"] = refused(kind)
    async with resolving(clock) as resolver:
        with pytest.raises(socket.gaierror) as caught:
            await resolver.resolve("ill.example")
        assert system_error.name_of(caught.value) == kind
        names.answers["ill.example"] = found("192.0.2.7")
        assert await addresses(resolver, "ill.example") == ["192.0.2.7"]


async def test_a_name_without_an_address_is_no_name(names: NameServer, clock: FakeClock) -> None:
    names.answers["none.example"] = []
    async with resolving(clock) as resolver:
        with pytest.raises(socket.gaierror) as caught:
            await resolver.resolve("none.example")
    assert system_error.name_of(caught.value) == "EAI_NONAME"


def test_the_name_that_was_not_wanted_for_longest_makes_room(clock: FakeClock) -> None:
    known = KnownNames(clock, most=2)
    failures = {key: Failure(socket.gaierror, socket.EAI_NONAME, key) for key in "abc"}
    known.note("a", failures["a"])
    known.note("b", failures["b"])
    assert known.get("a") == failures["a"]
    known.note("c", failures["c"])
    assert [known.get(key) for key in "abc"] == [failures["a"], None, failures["c"]]


async def test_who_asks_at_the_same_time_is_told_the_same(names: NameServer, clock: FakeClock) -> None:
    async with resolving(clock) as resolver, asyncio.TaskGroup() as group:
        asking = [group.create_task(addresses(resolver, "hung.example", port)) for port in (80, 80, 443)]
        await begun(names, "hung.example")
        names.let_go.set()
    assert [task.result() for task in asking] == [["192.0.2.1"]] * 3
    assert names.asked == {"hung.example": 1}


async def begun(names: NameServer, *hosts: str) -> None:
    """Return when ``getaddrinfo`` is at all of these."""
    async with asyncio.timeout(LONG_S):
        for host in hosts:
            await asyncio.to_thread(names.begun(host).wait, LONG_S)


@pytest.mark.parametrize("who", ["first", "second"])
async def test_a_task_that_is_cancelled_takes_the_answer_from_nobody_else(
    names: NameServer, clock: FakeClock, who: str
) -> None:
    async with resolving(clock) as resolver:
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(addresses(resolver, "hung.example")) for _ in range(2)]
            await begun(names, "hung.example")
            cancelled, other = asking if who == "first" else reversed(asking)
            cancelled.cancel()
            await asyncio.wait([cancelled])
            assert not other.done()
            names.let_go.set()
        assert cancelled.cancelled()
        assert other.result() == ["192.0.2.1"]
    assert names.asked == {"hung.example": 1}


async def test_a_look_up_that_everyone_gave_up_still_serves_the_next(
    names: NameServer, clock: FakeClock
) -> None:
    async with resolving(clock, timeout_s=SHORT_S) as resolver:
        with pytest.raises(TimeoutError) as caught:
            await resolver.resolve("hung.example")
        assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(TimeoutError):  # the name is not asked for twice at the same time
            await resolver.resolve("hung.example")
        assert names.asked == {"hung.example": 1}
        late = resolver._lookups[("hung.example", 0)].answer
        names.let_go.set()
        await late
        assert await addresses(resolver, "hung.example") == ["192.0.2.1"]
    assert names.asked == {"hung.example": 1}


async def test_only_so_many_are_asked_for_at_once(names: NameServer, clock: FakeClock) -> None:
    hosts = [f"hung{number}.example" for number in range(40)]
    async with resolving(clock) as resolver, asyncio.TaskGroup() as group:
        for host in hosts:
            group.create_task(resolver.resolve(host))
        await begun(names, *hosts[:32])
        assert len(resolver._queue) == 8
        names.let_go.set()
    assert names.most_at_once == 32
    assert all(names.asked[host] == 1 for host in hosts)


async def test_names_that_hang_hold_up_the_others_for_a_moment_only(
    names: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "_SLOW_S", 0.01)
    hung = [f"hung{number}.example" for number in range(32 + 32 + 1)]
    async with resolving(clock) as resolver, asyncio.TaskGroup() as group:
        for host in hung:
            group.create_task(resolver.resolve(host))
        assert await addresses(resolver, "well.example") == ["192.0.2.1"]
        assert not names.let_go.is_set()
        names.let_go.set()


async def test_what_never_came_to_a_thread_is_not_said_to_have_failed_for_good(
    names: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "_FRESH", 1)
    async with resolving(clock, timeout_s=SHORT_S) as resolver:
        with pytest.raises(TimeoutError):
            await resolver.resolve("hung.example")
        with pytest.raises(socket.gaierror, match="hangs on other names") as caught:
            await resolver.resolve("well.example")
        kind = system_error.name_of(caught.value)
        assert is_transient(fetch_error(Outcome.DNS_ERROR, kind=kind))
        assert (resolver._queue, names.asked["well.example"]) == ({}, 0)
        late = resolver._lookups[("hung.example", 0)].answer
        names.let_go.set()
        await late
        assert await addresses(resolver, "well.example") == ["192.0.2.1"]


async def test_threads_that_hang_are_bounded_too(
    names: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "_THREADS", 3)
    monkeypatch.setattr(resolver_module, "_SLOW_S", 0.001)
    hosts = [f"hung{number}.example" for number in range(6)]
    async with resolving(clock, timeout_s=SHORT_S) as resolver:
        failed = await asyncio.gather(*(resolver.resolve(host) for host in hosts), return_exceptions=True)
        assert [type(error) for error in failed] == [TimeoutError] * 3 + [socket.gaierror] * 3
        assert names.most_at_once == 3
        late = [lookup.answer for lookup in resolver._lookups.values()]
        names.let_go.set()
        await asyncio.wait(late)
        assert await addresses(resolver, "well.example") == ["192.0.2.1"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_no_open_files_left_is_told_by_its_number(
    names: NameServer, clock: FakeClock, number: int
) -> None:
    names.answers["any.example"] = OSError(number, os.strerror(number))
    async with resolving(clock) as resolver:
        for _ in range(2):
            with pytest.raises(OSError, match="open files") as caught:
                await resolver.resolve("any.example")
            assert (type(caught.value), caught.value.errno) == (OSError, number)
    assert names.asked["any.example"] == 2


async def test_no_open_files_left_for_a_look_up_ends_the_run(names: NameServer) -> None:
    names.answers["any.example"] = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    with pytest.raises(RunError, match="ulimit -n"):
        await fetch("http://any.example/")


async def test_no_open_files_left_is_not_blamed_on_the_name(
    names: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    names.answers["any.example"] = refused("EAI_AGAIN")
    async with resolving(clock) as resolver:
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", none_left)
            with pytest.raises(OSError, match="open files") as caught:
                await resolver.resolve("any.example")
    assert caught.value.errno == errno.EMFILE


async def test_no_thread_to_be_had_is_the_runs_error(
    names: NameServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with resolving(clock) as resolver:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", none_left)
            with pytest.raises(RunError, match="ulimit -u"):
                await resolver.resolve("any.example")
        assert await addresses(resolver, "any.example") == ["192.0.2.1"]


def test_calls_wait_for_a_thread_when_the_system_gives_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = DaemonThreads(most=2, name="test")
    held, ran = threading.Event(), threading.Event()

    def hold() -> None:
        held.wait(LONG_S)

    threads.run(hold)

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none_left)
        threads.run(ran.set)
    assert not threads.has_room
    held.set()
    assert ran.wait(LONG_S)
    threads.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_bug_in_a_thread_is_a_bug(names: NameServer, clock: FakeClock) -> None:
    names.answers["bug.example"] = KeyError("nobody expects it")
    async with resolving(clock) as resolver:
        with pytest.raises(RuntimeError, match="without an answer"):
            await resolver.resolve("bug.example")
    for thread in threading.enumerate():  # its traceback belongs to this test
        if thread.name.startswith("dns-"):
            thread.join(LONG_S)


_HANGING = """
import asyncio, socket, threading
from scraper.clock import SystemClock
from scraper.fetch.resolver import SystemResolver
from scraper.record import Outcome

socket.getaddrinfo = lambda *_: threading.Event().wait()

async def main():
    resolver = SystemResolver(timeout_s=0.05, clock=SystemClock())
    try:
        await resolver.resolve("hung.example")
    except TimeoutError:
        print("given up")
    await resolver.close()

asyncio.run(main())
"""


def test_a_look_up_that_hangs_does_not_hold_up_the_exit() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _HANGING], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "given up\n", "")
