"""Each way in which no whole answer came, over a real connection, and what it is called."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from scraper.clock import SystemClock
from scraper.errors import FetchError, RunError
from scraper.fetch.http import HttpFetcher
from scraper.messages import Response
from scraper.record import Outcome
from tests.support.fetching import failed_fetch, fetch, fetch_settings
from tests.support.wire import (
    answering,
    answering_then_silent,
    read_head,
    refused_port,
    reset,
    serving,
    unanswered_port,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT_S = 0.1
"""A deadline that the test waits for."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def told(error: FetchError) -> tuple[str, str, str]:
    message = str(error)
    assert message
    assert "\n" not in message
    assert "object at 0x" not in message
    assert "RawResponseMessage" not in message
    assert len(message) <= 300
    return error.outcome, error.kind, error.phase


@pytest.fixture
def certificate() -> ssl.SSLContext:
    """A server's side of TLS whose certificate nobody has reason to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("sent", "phase"),
    [(b"", "headers"), (b"HTTP/1.1 200 O", "headers"), (SIZED, "body"), (SIZED + b"h", "body")],
)
async def test_silence_ends_at_read_s(sent: bytes, phase: str) -> None:
    async with serving(answering_then_silent(sent)) as wire:
        error = await failed_fetch(wire.url(), read_s=SHORT_S)
    assert told(error) == (Outcome.TIMEOUT, "SocketTimeoutError", phase)
    assert str(error) == f"no answer in time ({phase})"


@pytest.mark.parametrize(
    ("sent", "wire_bytes"),
    [(b"", None), (b"HTTP/1.1 200 O", None), (SIZED, 0), (SIZED + b"h", 1), (CHUNKED + b"2\r\nhi\r\n", 2)],
)
async def test_of_an_answer_that_ends_early_the_head_is_kept(sent: bytes, wire_bytes: int | None) -> None:
    async with serving(answering(sent)) as wire:
        error = await failed_fetch(wire.url())
    assert error.outcome == Outcome.DISCONNECTED
    partial = error.partial
    if wire_bytes is None:
        assert partial is None
    else:
        assert isinstance(partial, Response)
        assert (partial.status, partial.body, partial.wire_bytes) == (200, b"", wire_bytes)
        assert (partial.url, partial.ip, len(partial.headers)) == (wire.url(), "127.0.0.1", 1)
        assert partial.elapsed_s >= partial.first_byte_s >= 0


async def test_a_drip_ends_at_total_s() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(talk) as wire:
        error = await failed_fetch(wire.url(), total_s=SHORT_S)
    assert told(error) == (Outcome.TIMEOUT, "TimeoutError", "body")


async def test_a_connection_that_does_not_come_about_ends_at_connect_s() -> None:
    with unanswered_port() as port:
        error = await failed_fetch(f"http://127.0.0.1:{port}/", connect_s=SHORT_S)
    assert told(error) == (Outcome.TIMEOUT, "ConnectionTimeoutError", "connect")


async def test_a_tls_handshake_that_is_not_answered_ends_at_connect_s() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(talk) as wire:
        error = await failed_fetch(wire.url(scheme="https"), connect_s=SHORT_S)
    assert told(error) == (Outcome.TIMEOUT, "ConnectionTimeoutError", "connect")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_refused_connection(scheme: str, host: str) -> None:
    with refused_port() as port:
        error = await failed_fetch(f"{scheme}://{host}:{port}/")
    assert told(error) == (Outcome.CONNECT_ERROR, "ECONNREFUSED", "connect")
    assert str(error) == "Connection refused"


@pytest.mark.parametrize(
    ("sent", "phase"),
    [
        (b"", "headers"),
        (b"HTTP/1.1 20", "headers"),
        (b"HTTP/1.1 200 OK\r\nX: y", "headers"),
        (SIZED, "body"),
        (SIZED + b"hi", "body"),
        (CHUNKED + b"5\r\nhi", "body"),
        (CHUNKED + b"5\r\nhello\r\n", "body"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", "body"),
    ],
)
async def test_closed_before_the_answer_was_whole(sent: bytes, phase: str) -> None:
    async with serving(answering(sent)) as wire:
        outcome, _, where = told(await failed_fetch(wire.url()))
    assert (outcome, where) == (Outcome.DISCONNECTED, phase)


@pytest.mark.parametrize(("sent", "phase"), [(b"", "headers"), (SIZED + b"hi", "body")])
async def test_reset_before_the_answer_was_whole(sent: bytes, phase: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(sent)
        reset(writer)

    async with serving(talk) as wire:
        outcome, _, where = told(await failed_fetch(wire.url()))
    assert outcome == Outcome.DISCONNECTED
    assert where in {phase, "headers"}


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"v" * 270_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"v" * 60_000 + b"\r\n") * 5 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    ],
)
async def test_what_is_not_http(sent: bytes) -> None:
    async with serving(answering_then_silent(sent)) as wire:
        outcome, _, where = told(await failed_fetch(wire.url()))
    assert (outcome, where) == (Outcome.PROTOCOL_ERROR, "headers")


async def test_a_chunk_that_is_broken_in_the_packet_of_the_head_is_the_bodys_fault() -> None:
    async with serving(answering_then_silent(CHUNKED + b"zz\r\nhi")) as wire:
        outcome, _, where = told(await failed_fetch(wire.url()))
    assert (outcome, where) == (Outcome.PROTOCOL_ERROR, "body")


class _TimesTheSecondPart:
    """A clock that says when a fetcher has the head of its answer and begins with the body."""

    def __init__(self) -> None:
        self.at_body = asyncio.Event()
        self.monotonic = SystemClock().monotonic

    def utc(self) -> Any:
        self.at_body.set()
        return SystemClock().utc()


async def test_a_chunk_that_is_broken_in_a_later_packet_is_not_waited_for() -> None:
    clock = _TimesTheSecondPart()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(CHUNKED + b"5\r\nhello\r\n")
        await clock.at_body.wait()
        writer.write(b"zz\r\nhi")
        await reader.read()

    async with serving(talk) as wire, HttpFetcher.open(fetch_settings(), clock=clock) as fetcher:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(wire.url(), departs=lambda: None)
    assert told(caught.value) == (Outcome.PROTOCOL_ERROR, "ClientResponseError", "body")
    assert str(caught.value) == "Invalid character in chunk size"


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd", b"compress"])
async def test_a_body_that_is_not_what_its_coding_says(coding: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: 5\r\n\r\nplain" % coding
    async with serving(answering_then_silent(answer)) as wire:
        error = await failed_fetch(wire.url())
    assert told(error) == (Outcome.DECODE_ERROR, "BadEncoding", "decode")
    assert isinstance(error.partial, Response)
    assert (error.partial.status, error.partial.header("content-encoding")) == (200, coding.decode())


async def test_tls_against_a_plain_port() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with serving(talk) as wire:
        error = await failed_fetch(wire.url(scheme="https"))
    assert told(error) == (Outcome.TLS_ERROR, "WRONG_VERSION_NUMBER", "connect")


async def test_closed_in_the_tls_handshake() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)

    async with serving(talk) as wire:
        error = await failed_fetch(wire.url(scheme="https"))
    assert told(error) == (Outcome.CONNECT_ERROR, "ConnectionResetError", "connect")


async def test_a_certificate_that_does_not_verify(certificate: ssl.SSLContext) -> None:
    async with serving(answering(OK), tls=certificate) as wire:
        error = await failed_fetch(wire.url(scheme="https"))
    assert told(error) == (Outcome.TLS_ERROR, "CERTIFICATE_VERIFY_FAILED", "connect")
    assert str(error).endswith("issuer certificate (--insecure takes it)")


async def test_insecure_takes_a_certificate_that_does_not_verify(certificate: ssl.SSLContext) -> None:
    async with serving(answering(OK), tls=certificate) as wire:
        got = await fetch(wire.url(scheme="https"), insecure=True)
    assert (got.status, got.body, got.ip) == (200, b"hi", "127.0.0.1")


def resolver_answers(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], list[Any]]) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: answer())


@pytest.mark.parametrize("kind", ["EAI_NONAME", "EAI_AGAIN", "EAI_FAIL"])
async def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def answer() -> list[Any]:
        raise socket.gaierror(getattr(socket, kind), "said by the resolver")

    resolver_answers(monkeypatch, answer)
    error = await failed_fetch("http://nobody.invalid/")
    assert told(error) == (Outcome.DNS_ERROR, kind, "dns")
    assert str(error) == "said by the resolver"


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver_answers(monkeypatch, list)
    assert told(await failed_fetch("http://nobody.invalid/")) == (Outcome.DNS_ERROR, "EAI_NONAME", "dns")


@pytest.mark.parametrize("host", ["a..invalid", "x" * 64 + ".invalid"])
async def test_a_name_that_can_not_be_looked_up(host: str) -> None:
    assert told(await failed_fetch(f"http://{host}/")) == (Outcome.DNS_ERROR, "EAI_NONAME", "dns")


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that says nothing until the test is over."""
    over = threading.Event()

    def answer() -> list[Any]:
        over.wait(20)
        return []

    resolver_answers(monkeypatch, answer)
    yield
    over.set()


async def test_a_silent_resolver_ends_at_dns_s(silent_resolver: None) -> None:
    error = await failed_fetch("http://slow.invalid/", dns_s=SHORT_S)
    assert told(error) == (Outcome.TIMEOUT, "ETIMEDOUT", "dns")


async def test_who_waits_for_another_tasks_look_up_is_told_the_same(silent_resolver: None) -> None:
    async with HttpFetcher.open(fetch_settings(dns_s=SHORT_S), clock=SystemClock()) as fetcher:
        failed = await asyncio.gather(
            *(fetcher.fetch(f"http://slow.invalid/{path}", departs=lambda: None) for path in "ab"),
            return_exceptions=True,
        )
    for error in failed:
        assert isinstance(error, FetchError)
        assert told(error) == (Outcome.TIMEOUT, "ETIMEDOUT", "dns")


@pytest.mark.parametrize("url", ["http://127.1/", "http://h:99999/", "http://h:port/", "http://[::1/"])
async def test_what_the_client_does_not_take_for_a_url(url: str) -> None:
    assert told(await failed_fetch(url))[0] == Outcome.INVALID_URL


@pytest.mark.parametrize("code", ["EMFILE", "ENFILE"])
async def test_no_open_files_left_is_the_runs_error_and_not_a_pages(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    def no_more(*_: object, **__: object) -> socket.socket:
        raise OSError(getattr(errno, code), "said by the system")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", no_more)
        with pytest.raises(RunError, match=r"ulimit -n.*--workers\Z") as caught:
            await fetch("http://127.0.0.1:1/")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == getattr(errno, code)


class Steps:
    """What happened, in its order; ``getaddrinfo`` takes part and leads to this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[str] = []

        def look_up(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            self.taken.append("looked up")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    def depart(self) -> None:
        self.taken.append("departed")


async def fetched_by_steps(url: str, steps: Steps, **changes: Any) -> str:
    """Return how it went: the outcome of a failure, ``ok`` without one."""
    async with HttpFetcher.open(fetch_settings(**changes), clock=SystemClock()) as fetcher:
        try:
            await fetcher.fetch(url, departs=steps.depart)
        except FetchError as error:
            return error.outcome
    return "ok"


async def test_it_departs_once_and_after_the_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(OK)) as wire:
        steps = Steps(monkeypatch)
        assert await fetched_by_steps(wire.url(host="named.invalid"), steps) == "ok"
    assert steps.taken == ["looked up", "departed"]


async def test_it_departs_once_also_when_the_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch)
    with refused_port() as port:
        outcome = await fetched_by_steps(f"http://named.invalid:{port}/", steps)
    assert outcome == Outcome.CONNECT_ERROR
    assert steps.taken == ["looked up", "departed"]


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0-x\r\n\r\n", SIZED])
async def test_it_departs_once_also_when_the_answer_is_broken(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    async with serving(answering(sent)) as wire:
        steps = Steps(monkeypatch)
        assert await fetched_by_steps(wire.url(host="named.invalid"), steps) != "ok"
    assert steps.taken == ["looked up", "departed"]


async def test_it_departs_once_also_when_the_resolver_is_silent(silent_resolver: None) -> None:
    departed: list[int] = []
    async with HttpFetcher.open(fetch_settings(dns_s=SHORT_S), clock=SystemClock()) as fetcher:
        with pytest.raises(FetchError):
            await fetcher.fetch("http://slow.invalid/", departs=lambda: departed.append(1))
    assert departed == [1]
