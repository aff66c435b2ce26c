"""Kept connections: used again, dead when they are, and closed when nothing more is wanted."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme

from scraper.fetch import connection
from scraper.fetch.guard import Guard
from scraper.fetch.patience import Pace, Patience
from scraper.record import Outcome
from tests.support.fetching import failed_fetch, failed_fetch_by, fetch_by, fetching
from tests.support.wire import Recorded, read_head, reset, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.client_proto import ResponseHandler

    from scraper.fetch.http import HttpFetcher

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WAIT_S = 20.0
"""How long a test waits for what must come."""
OPEN_FILES = Path("/proc/self/fd")


class Dying(Recorded):
    """Answers one request a connection, and ends the next as it is told."""

    def __init__(
        self, sent: bytes = b"", *, end: Callable[[asyncio.StreamWriter], None] | None = None
    ) -> None:
        super().__init__(OK)
        self._sent = sent
        self._end = end

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await read_head(reader))
        writer.write(OK)
        self.heads.append(await read_head(reader))
        writer.write(self._sent)
        await writer.drain()
        if self._end is not None:
            self._end(writer)


def pool(fetcher: HttpFetcher) -> list[ResponseHandler]:
    """Return the connections that wait to be used again."""
    connector = fetcher._session.connector
    assert connector is not None
    return [protocol for kept in connector._conns.values() for protocol, _ in kept]


async def noticed(protocol: ResponseHandler) -> None:
    """Wait until the client knows that a connection is over."""
    if protocol.closed is not None:
        await asyncio.wait_for(asyncio.wait([protocol.closed]), WAIT_S)
        protocol.closed.exception()  # retrieved, or asyncio complains of it


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize(
    "answer",
    [OK, CHUNKED + b"2\r\nhi\r\n0\r\n\r\n", b"HTTP/1.1 204 None\r\n\r\n", b"HTTP/1.1 304 Same\r\n\r\n"],
)
async def test_a_connection_is_used_again(answer: bytes) -> None:
    talk = Recorded(answer)
    async with serving(talk) as wire, fetching() as fetcher:
        first, second = [await fetch_by(fetcher, wire.url()) for _ in range(2)]
    assert (wire.connections, len(talk.heads)) == (1, 2)
    assert first.connect_s > 0
    assert (second.connect_s, second.dns_s, second.ip) == (0, 0, "127.0.0.1")


@pytest.mark.parametrize("end", [None, reset])
async def test_a_kept_connection_that_dies_before_the_answer_is_stale_and_nothing_is_sent_again(
    end: Callable[[asyncio.StreamWriter], None] | None,
) -> None:
    """It fails as soon as aiohttp sends a request a second time by itself: that goes past politeness."""
    talk = Dying(end=end)
    async with serving(talk) as wire, fetching() as fetcher:
        for died in (1, 2):
            await fetch_by(fetcher, wire.url())
            error = await failed_fetch_by(fetcher, wire.url())
            assert (error.outcome, error.phase, error.is_stale) == (Outcome.DISCONNECTED, "headers", True)
            assert (wire.connections, len(talk.heads)) == (died, 2 * died)
            assert pool(fetcher) == []


async def test_a_kept_connection_closed_before_the_request_is_sent_is_stale() -> None:
    talk = Recorded(OK)
    writers: list[asyncio.StreamWriter] = []

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await talk(reader, writer)

    async with serving(noted) as wire, fetching() as fetcher:
        await fetch_by(fetcher, wire.url())
        # At once and behind the loop's back: the client can't know of it when it sends.
        with socket.socket(fileno=os.dup(writers[0].get_extra_info("socket").fileno())) as same:
            same.shutdown(socket.SHUT_WR)
        error = await failed_fetch_by(fetcher, wire.url())
        assert (error.outcome, error.is_stale) == (Outcome.DISCONNECTED, True)
        assert (wire.connections, len(pool(fetcher))) == (1, 0)


@pytest.mark.parametrize("end", [asyncio.StreamWriter.close, reset])
async def test_a_kept_connection_known_to_be_closed_is_not_used(
    end: Callable[[asyncio.StreamWriter], None],
) -> None:
    heads: list[bytes] = []
    go_on = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(OK)
        await go_on.wait()
        end(writer)

    async with serving(talk) as wire, fetching() as fetcher:
        await fetch_by(fetcher, wire.url())
        (kept,) = pool(fetcher)
        go_on.set()
        await noticed(kept)
        assert (await fetch_by(fetcher, wire.url())).connect_s > 0
        assert (wire.connections, len(heads)) == (2, 2)


BEGUN = {
    "one byte": (b"H", "headers"),
    "a status line": (b"HTTP/1.1 200 OK\r\n", "headers"),
    "half a head": (b"HTTP/1.1 200 OK\r\nX: y", "headers"),
    "an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", "headers"),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "headers"),
    "a head": (SIZED, "body"),
    "some of a body": (SIZED + b"he", "body"),
    "some of a chunk": (CHUNKED + b"5\r\nhe", "body"),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", "body"),
}


@pytest.mark.parametrize("sent", BEGUN)
async def test_an_answer_that_has_begun_is_not_stale(sent: str) -> None:
    """The server has seen the request: to send it again is a further try."""
    answer, phase = BEGUN[sent]
    talk = Dying(answer)
    async with serving(talk) as wire, fetching() as fetcher:
        await fetch_by(fetcher, wire.url())
        error = await failed_fetch_by(fetcher, wire.url())
        assert (error.outcome, error.phase, error.is_stale) == (Outcome.DISCONNECTED, phase, False)
        assert (wire.connections, len(talk.heads)) == (1, 2)


@pytest.mark.parametrize("answer", [b"", b"H", SIZED])
async def test_silence_on_a_kept_connection_is_not_stale(answer: bytes) -> None:
    """The server may well be at work on it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK)
        await read_head(reader)
        writer.write(answer)
        await reader.read()

    async with serving(talk) as wire, fetching(read_s=0.1) as fetcher:
        await fetch_by(fetcher, wire.url())
        error = await failed_fetch_by(fetcher, wire.url())
        assert (error.outcome, error.is_stale) == (Outcome.TIMEOUT, False)


@pytest.mark.parametrize("end", [asyncio.StreamWriter.close, reset])
@pytest.mark.parametrize("answer", [b"", b"H", SIZED])
async def test_a_new_connection_that_dies_is_not_stale(
    answer: bytes, end: Callable[[asyncio.StreamWriter], None]
) -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(answer)
        end(writer)

    async with serving(talk) as wire:
        error = await failed_fetch(wire.url())
    assert (error.outcome, error.is_stale) == (Outcome.DISCONNECTED, False)
    assert (wire.connections, len(heads)) == (1, 1)


async def test_a_new_connection_beside_a_kept_one_is_not_stale() -> None:
    """What counts is the connection it went on, not that the host has one."""
    (begun, go_on), heads = (asyncio.Event(), asyncio.Event()), list[bytes]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await read_head(reader))
            if b"GET /dies" in heads[-1]:
                return
            begun.set()
            if b"GET /slow" in heads[-1]:
                await go_on.wait()
            writer.write(OK)

    async with serving(talk) as wire, fetching() as fetcher:
        slow = asyncio.create_task(fetch_by(fetcher, wire.url("/slow")))
        await asyncio.wait_for(begun.wait(), WAIT_S)
        error = await failed_fetch_by(fetcher, wire.url("/dies"))
        go_on.set()
        await slow
        assert (error.outcome, error.is_stale) == (Outcome.DISCONNECTED, False)
        assert (await failed_fetch_by(fetcher, wire.url("/dies"))).is_stale
        assert (wire.connections, len(heads)) == (2, 3)


async def test_an_answer_that_nobody_asked_for_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    came = asyncio.Event()
    take = connection.Protocol.data_received

    def noted(protocol: connection.Protocol, data: bytes) -> None:
        take(protocol, data)
        if b"408" in data:
            came.set()

    monkeypatch.setattr(connection.Protocol, "data_received", noted)
    go_on = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK)
        await go_on.wait()
        writer.write(b"HTTP/1.1 408 You Are Slow\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with serving(talk) as wire, fetching() as fetcher:
        await fetch_by(fetcher, wire.url())
        go_on.set()
        await asyncio.wait_for(came.wait(), WAIT_S)
        assert (await fetch_by(fetcher, wire.url())).status == 200
        assert wire.connections == 2


def open_files() -> int:
    return sum(1 for _ in OPEN_FILES.iterdir())


def connection_lines(head: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n") if line.lower().startswith(b"connection:")]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("keeping", [b"", b"Connection: keep-alive\r\n", b"Connection: close\r\n"])
@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize("before", [0, 1])
async def test_after_the_last_request_the_connection_is_closed_whatever_the_server_says(
    tls: ssl.SSLContext, scheme: str, keeping: bytes, body: bytes, before: int
) -> None:
    talk = Recorded(b"HTTP/1.1 200 OK\r\n" + keeping + body)
    async with (
        serving(talk, tls=tls if scheme == "https" else None) as wire,
        fetching(insecure=True) as fetcher,
    ):
        for _ in range(before):
            await fetch_by(fetcher, wire.url(scheme=scheme))
        assert (await fetch_by(fetcher, wire.url(scheme=scheme), is_last=True)).status == 200
        assert pool(fetcher) == []
        await asyncio.wait_for(wire.at_rest(), WAIT_S)  # the server sees it closed
        assert wire.connections == (2 if before and b"close" in keeping else 1)
    assert [connection_lines(head) for head in talk.heads] == [*[[]] * before, [b"Connection: close"]]


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="the system does not list the open files")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("options", "left"), [({"is_last": True}, 0), ({}, 2)])
async def test_the_last_request_leaves_no_file_open(
    tls: ssl.SSLContext, scheme: str, options: dict[str, bool], left: int
) -> None:
    async with (
        serving(Recorded(OK), tls=tls if scheme == "https" else None) as wire,
        fetching(insecure=True) as fetcher,
    ):
        before = open_files()
        for _ in range(3):
            await fetch_by(fetcher, wire.url(scheme=scheme), **options)
        if not left:
            await asyncio.wait_for(wire.at_rest(), WAIT_S)
        assert open_files() - before == left  # both ends are in this process


@pytest.mark.parametrize("options", [{}, {"is_last": True}, {"is_last": True, "cap_bytes": 1}])
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 20", SIZED, b"SSH-2.0-x\r\n\r\n"])
async def test_a_failure_leaves_no_connection(sent: bytes, options: dict[str, Any]) -> None:
    async with serving(Dying(sent)) as wire, fetching() as fetcher:
        await fetch_by(fetcher, wire.url())
        await failed_fetch_by(fetcher, wire.url(), **options)
        assert pool(fetcher) == []
        await asyncio.wait_for(wire.at_rest(), WAIT_S)


async def test_a_body_until_the_close_needs_no_closing_message_of_tls(tls: ssl.SSLContext) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhi")
        await writer.drain()
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as under:
            under.shutdown(socket.SHUT_WR)
        await reader.read()

    async with serving(talk, tls=tls) as wire, fetching(insecure=True) as fetcher:
        assert (await fetch_by(fetcher, wire.url(scheme="https"))).body == b"hi"


@pytest.mark.parametrize("head", [b"HTTP/1.1 101 Switching\r\n\r\n", OK + b"rubbish", OK + OK])
async def test_what_has_said_too_much_is_not_used_again(head: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(head)
        await reader.read()

    async with serving(talk) as wire, fetching() as fetcher:
        for _ in range(2):
            await fetch_by(fetcher, wire.url())
        assert (wire.connections, pool(fetcher)) == (2, [])
        await asyncio.wait_for(wire.at_rest(), WAIT_S)


async def test_another_host_of_the_same_fetcher_keeps_its_connection() -> None:
    async with serving(Recorded(OK)) as done, serving(Recorded(OK)) as more, fetching() as fetcher:
        await fetch_by(fetcher, more.url())
        await fetch_by(fetcher, done.url(), is_last=True)
        await fetch_by(fetcher, more.url())
        await asyncio.wait_for(done.at_rest(), WAIT_S)
        assert (done.connections, more.connections, len(pool(fetcher))) == (1, 1, 1)


@pytest.mark.parametrize("early", [OK, b"http/1.1 200 fine\nContent-Length: 2\n\nhi", b"HTTP/1.1 2"])
async def test_an_answer_that_comes_before_its_request_is_read_as_any_other(early: bytes) -> None:
    """As uvloop may have it: its connections read before aiohttp has said what is to be read."""
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    protocol = connection.Protocol(loop)
    transport, _ = await loop.create_unix_connection(lambda: protocol, sock=ours)
    protocol.data_received(early)
    connection.current_trip.set(
        connection.Trip(lambda: None, patience=Patience(None, pace=Pace(most_s=1.0)), is_last=False)
    )
    protocol.set_response_params(read_until_eof=True)
    if early is not OK and early.endswith(b"2"):
        protocol.data_received(OK[len(early) :])
    async with asyncio.timeout(WAIT_S):
        message, payload = await protocol.read()
        assert (message.code, await payload.read()) == (200, b"hi")
    transport.close()
    theirs.close()
    await asyncio.sleep(0)  # for the connection to be told that it is lost


@pytest.mark.parametrize("is_uvloop", [True, False])
def test_a_socket_that_uvloop_has_closed_is_not_closed_again(
    *, is_uvloop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    uvloop = pytest.importorskip("uvloop")
    made: list[socket.socket] = []

    async def broken_off(*_: object, **__: object) -> None:
        made.append(connection._noted_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("", 0))))
        raise ConnectionResetError

    async def connect() -> None:
        connector = connection.Connector(Guard("allow"))
        connection.current_trip.set(
            connection.Trip(lambda: None, patience=Patience(None, pace=Pace(most_s=1.0)), is_last=False)
        )
        with pytest.raises(ConnectionResetError):
            await connector._create_direct_connection(*[None] * 3)  # type: ignore[arg-type]
        await connector.close()

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_direct_connection", broken_off)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if is_uvloop else None) as runner:
        runner.run(connect())
    number = made[0].fileno()
    assert (number < 0) is is_uvloop
    made[0].close()
