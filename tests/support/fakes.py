"""Stand-ins for the clock, the network, the state's thread, the journal and the observers."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import sqlite3
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeAlias, TypeVar

from msgspec.structs import replace

from scraper import urls
from scraper.errors import FetchError, StateError
from scraper.exchange import Exchange
from scraper.fetch.patience import Pace, Patience
from scraper.frontier.rows import host_id
from scraper.frontier.state_thread import StateThread
from scraper.frontier.store import Store
from scraper.messages import Batch, Finished, Request, Response, RobotsRequest, Seed
from scraper.record import Outcome
from scraper.robots.access import Access, RobotsFile, Standing, robots_url

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from scraper.exchange import Keep
    from scraper.messages import Found, Validators
    from scraper.observe.events import Event

P = ParamSpec("P")
T = TypeVar("T")

EPOCH = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ZERO_S = 1024.0
"""What the clock's monotonic time is at ``EPOCH``."""
EVENT_LOOP_TURNS = 100_000
"""More turns than this without the clock moving are a loop that spins."""


class FakeClock:
    """Stands still until it is moved, by a test or by a ``VirtualTimeLoop``.

    Times that are multiples of a power of two stay exact in it; others may miss by a rounding.
    """

    def __init__(self, *, now_s: float = ZERO_S) -> None:
        self.now_s = now_s

    def monotonic(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now_s - ZERO_S)

    def move(self, seconds: float) -> None:
        self.now_s += seconds


class _Jump(selectors.SelectSelector):
    """Where a loop would sleep, moves the clock instead."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        self._turns += 1
        assert self._turns < EVENT_LOOP_TURNS, "the loop spins"
        if not events and timeout != 0:
            assert timeout is not None, "everybody waits, and nothing is to come"
            self._clock.move(timeout)
            self._turns = 0
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time, and waiting for ever is an error.

    Nothing outside of it is waited for: no sockets, no threads.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        super().__init__(_Jump(clock))

    def time(self) -> float:
        return self.clock.now_s


def play(act: Callable[[FakeClock], Coroutine[Any, Any, T]], *, now_s: float = ZERO_S) -> T:
    """Run a test's coroutine in virtual time from a moment on; no task may be left when it ends."""
    clock = FakeClock(now_s=now_s)

    async def watched() -> T:
        result = await act(clock)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left over: {left}"
        return result

    with asyncio.Runner(loop_factory=partial(VirtualTimeLoop, clock)) as runner:
        return runner.run(watched())


async def pass_s(seconds: float) -> None:
    """Wait in virtual time; refuses to run where that would take real time."""
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    await asyncio.sleep(seconds)


async def settle(*, turns: int = 200) -> None:
    """Let the other tasks go on until, without the clock moving, they all wait."""
    for _ in range(turns):
        await asyncio.sleep(0)


class FakeState(StateThread):
    """A store in memory whose calls take virtual time, one after the other in the order made.

    As in the real thread, a call whose caller is cancelled is carried out all the same.
    """

    def __init__(self, *, takes_s: float = 0.0, path: Path = Path(":memory:")) -> None:
        store = Store(path)
        super().__init__(ThreadPoolExecutor(max_workers=1), store)  # starts no thread
        # Nobody has to close a fake, and from Python 3.13 on a database that nobody has closed is a warning.
        weakref.finalize(self, _let_go, store)
        self.takes_s = takes_s
        self.calls: list[str] = []
        """The names of the methods called."""
        self._free_at_s = 0.0

    async def call(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        self.calls.append(getattr(method, "__name__", ""))
        result = method(*args, **kwargs)
        answered = loop.create_future()
        if self.takes_s:
            self._free_at_s = max(self._free_at_s, loop.time()) + self.takes_s
            loop.call_at(self._free_at_s, _resolve, answered)
        else:
            loop.call_soon(_resolve, answered)
        await answered
        return result


def _let_go(store: Store) -> None:
    # The collector may come by in another thread, where SQLite lets nobody close what this one has opened.
    with contextlib.suppress(StateError, sqlite3.ProgrammingError):
        store.close(remove=False)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Blocked(NamedTuple):
    """An answer that does not come before an event."""

    until: asyncio.Event
    then: Response | Exception


class Slow(NamedTuple):
    """An answer that takes virtual time."""

    takes_s: float
    then: Response | Exception


Answer: TypeAlias = Response | Exception | Blocked | Slow


class Call(NamedTuple):
    """How a fetcher was asked."""

    url: str
    credentials: bool
    is_last: bool
    cap_bytes: int | None
    is_listed: bool = False
    validators: Validators | None = None
    is_doubtful: bool = False


def exchange_of(answer: Response) -> Exchange:
    """Return what an answer could have been on the wire."""
    return Exchange(
        url=answer.url,
        target="/",
        request_headers=(("Host", "a.example"),),
        http_version=answer.http_version,
        status=answer.status,
        reason=answer.reason,
        headers=tuple((name.encode(), value.encode()) for name, value in answer.headers),
        body=answer.body,
        truncation=None,
        at=answer.fetched_at,
        ip=answer.ip,
    )


class FakeFetcher:
    """Answers by a function of the URL; an exception is raised. What takes a second keeps it waiting."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self._answer = answer
        self.asked: list[str] = []
        self.calls: list[Call] = []

    async def fetch(
        self,
        url: str,
        *,
        departs: Callable[[], None],
        credentials: bool = False,
        is_last: bool = False,
        is_listed: bool = False,
        cap_bytes: int | None = None,
        validators: Validators | None = None,
        keep: Keep | None = None,
        waits: Callable[[bool], None] | None = None,
        is_doubtful: bool = False,
    ) -> Response:
        departs()
        self.asked.append(url)
        self.calls.append(Call(url, credentials, is_last, cap_bytes, is_listed, validators, is_doubtful))
        answer = self._answer(url)
        if isinstance(answer, Blocked | Slow):
            patience = Patience(waits, pace=Pace(most_s=1.0))
            patience.begin(is_doubtful=is_doubtful)
            try:
                await (answer.until.wait() if isinstance(answer, Blocked) else pass_s(answer.takes_s))
            finally:
                patience.end()
            answer = answer.then
        if isinstance(answer, Exception):
            raise answer
        if keep:
            await keep(exchange_of(answer))
        return answer


class CollectingObserver:
    """Keeps the events it is told of."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notice(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[T]) -> list[T]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class MemoryJournal:
    """Keeps the lines; may be made to fail or to wait."""

    def __init__(self, *, error: Exception | None = None, fails_after: int = 0) -> None:
        self.lines: list[bytes] = []
        self.records = 0
        self.open = asyncio.Event()
        """Cleared, appends wait."""
        self.open.set()
        self._error = error
        self._fails_after = fails_after

    async def append(self, lines: Sequence[bytes]) -> int:
        await self.open.wait()
        if self._error is not None and self.records + len(lines) > self._fails_after:
            raise self._error
        self.lines += lines
        self.records += len(lines)
        return sum(map(len, self.lines))

    async def close(self) -> None:
        pass


def response(
    url: str = "https://a.example/",
    *,
    status: int = 200,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    truncated: bool = False,
    fetched_at: datetime = EPOCH,
) -> Response:
    """Return an answer; ``headers`` have lower-case names."""
    return Response(
        url=url,
        status=status,
        reason="",
        http_version="1.1",
        headers=tuple(headers),
        body=body,
        wire_bytes=len(body),
        truncated=truncated,
        ip="192.0.2.1",
        fetched_at=fetched_at,
        elapsed_s=0.5,
        dns_s=0.0625,
        connect_s=0.125,
        first_byte_s=0.25,
        download_s=0.0625,
    )


def fetch_error(
    outcome: Outcome, *, kind: str = "", phase: str = "connect", is_stale: bool = False
) -> FetchError:
    return FetchError(
        "it failed", outcome=outcome.value, kind=kind or outcome.name, phase=phase, is_stale=is_stale
    )


def request(target: str = "https://a.example/", *, seq: int = 0, **fields: Any) -> Request:
    """Return the request of a line; its first redirect, if any, was answered by the line's own URL."""
    host = urls.host_key(target)
    redirects = tuple(fields.pop("redirects", ()))
    fields["tries"] = tuple(fields.get("tries", ()))
    line = Request(
        seq=seq,
        input=target,
        url=redirects[0].url if redirects else target,
        key=urls.dedup_key(target),
        target=target,
        host=host,
        home=host_id(host),
        place=seq,
        redirects=redirects,
    )
    return replace(line, **fields)


def robots_request(origin: str = "https://a.example", **fields: Any) -> RobotsRequest:
    """Return what asks for an origin's robots.txt."""
    errand = RobotsRequest(
        target=robots_url(origin), host=urls.host_key(f"{origin}/"), origin=origin, released_at_s=ZERO_S
    )
    return replace(errand, **fields)


def access(
    origin: str,
    *,
    body: str = "",
    standing: Standing = Standing.RULES,
    read_at_s: float = EPOCH.timestamp(),
    age_s: float = 3600.0,
    **fields: Any,
) -> Access:
    """Return what is known of an origin's robots.txt; ``body`` allows all."""
    file = RobotsFile(
        origin=origin,
        standing=standing,
        status=200 if standing is Standing.RULES else None,
        read_at_s=read_at_s,
        expires_at_s=read_at_s + age_s,
        body=body,
    )
    return Access.of(replace(file, **fields), token="scraper")  # noqa: S106 a name, no secret


def finished(
    request: Request,
    *,
    outcome: Outcome = Outcome.OK,
    line: bytes = b"{}\n",
    found: Sequence[Found] = (),
) -> Finished:
    """Return the record of a request, as far as the state needs it."""
    return Finished(
        home=request.home,
        place=request.place,
        seq=request.seq,
        url=request.url or request.input,
        host=request.host,
        outcome=outcome,
        status=None,
        line=line,
        wire_bytes=0,
        size_bytes=0,
        elapsed_s=0.0,
        took_s=0.0,
        attempts=1,
        retryable=False,
        found=tuple(found),
    )


def batch(*lines: str | Seed, source: int = 0, consumed: int = 0, ended: bool = False) -> Batch:
    seeds = tuple(Seed(line) if isinstance(line, str) else line for line in lines)
    return Batch(seeds=seeds, source=source, consumed=consumed or len(seeds), ended=ended, waits=True)
