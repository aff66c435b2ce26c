from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trustme
from yarl import URL

from scraper import __version__
from scraper.clock import SystemClock
from scraper.notify.delivery import NotDelivered
from scraper.notify.message import compose
from scraper.notify.notice import TestNotice
from scraper.notify.signature import signed_headers, signing_keys
from scraper.notify.webhook import WebhookTarget
from tests.support.fakes import EPOCH, FakeClock
from tests.support.hook_server import HookServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MESSAGE = compose(TestNotice(job="shop", at=datetime(2026, 11, 29, tzinfo=UTC)))
KEYS = signing_keys("0123456789abcdef")


def target(url: str, *, keys: tuple[bytes, ...] = (), timeout_s: float = 30) -> WebhookTarget:
    return WebhookTarget(URL(url), keys=keys, timeout_s=timeout_s, clock=SystemClock())


async def failure(one: WebhookTarget) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await one.deliver(MESSAGE)
    assert "secret" not in str(caught.value)
    return caught.value


async def test_the_message_is_posted_and_signed_for_the_time_of_the_attempt() -> None:
    async with HookServer.open() as server:
        clock = FakeClock()
        one = WebhookTarget(URL(f"{server.url}/a%2Fb?c=d+e"), keys=KEYS, timeout_s=30, clock=clock)
        await one.deliver(MESSAGE)
        clock.move(60)
        await one.deliver(MESSAGE)
    first, second = server.received
    assert first.path == "/a%2Fb?c=d+e"
    assert first.body == MESSAGE.body
    assert json.loads(first.body)["id"] == first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["User-Agent"] == f"scraper/{__version__}"
    now = int(EPOCH.timestamp())
    for received, at in ((first, now), (second, now + 60)):
        expected = signed_headers(KEYS, message_id=MESSAGE.id, timestamp=at, body=received.body)
        assert expected.items() <= received.headers.items()


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_any_success_is_one(status: int) -> None:
    async with HookServer.open() as server:
        server.answers.append((status, {}))
        await target(server.url).deliver(MESSAGE)


@pytest.mark.parametrize(
    ("status", "headers", "is_final", "after_s"),
    [
        (301, {"Location": "/secret"}, True, 0),
        (400, {}, True, 0),
        (404, {"Retry-After": "5"}, True, 5),
        (410, {}, True, 0),
        (408, {}, False, 0),
        (425, {}, False, 0),
        (429, {"Retry-After": "30"}, False, 30),
        (429, {"Retry-After": "-1"}, False, 0),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, False, 0),
        (429, {"Retry-After": "99999999999"}, False, 0),
        (500, {}, False, 0),
        (503, {"Retry-After": "7"}, False, 7),
    ],
)
async def test_what_other_answers_mean(
    status: int, headers: dict[str, str], *, is_final: bool, after_s: float
) -> None:
    async with HookServer.open() as server:
        server.answers.append((status, headers))
        told = await failure(target(f"{server.url}/secret"))
        assert len(server.received) == 1  # no redirect is followed
    assert str(status) in str(told)
    assert told.is_final == is_final
    assert told.retry_after_s == after_s


async def test_a_server_that_is_not_there() -> None:
    async with HookServer.open() as server:
        url = server.url
    told = await failure(target(f"{url}/secret"))
    assert "ECONNREFUSED" in str(told)
    assert not told.is_final


@contextlib.asynccontextmanager
async def listening(reply: bytes, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says the same to everyone and then, unless it said nothing, hangs up."""
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()
            if not reply:
                await hung_up.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        hung_up.set()
        server.close()


@pytest.mark.parametrize("reply", [b"secret\r\n\r\n", b"HTTP/1.1 2x0 secret\r\n\r\n", b"\0" * 100])
async def test_a_server_that_talks_something_else(reply: bytes) -> None:
    async with listening(reply) as port:
        told = await failure(target(f"http://127.0.0.1:{port}/secret"))
    assert not told.is_final
    assert "127.0.0.1" not in str(told)


async def test_a_server_that_is_silent() -> None:
    async with listening(b"") as port:
        told = await failure(target(f"http://127.0.0.1:{port}/", timeout_s=0.05))
    assert str(told) == "no answer within 0.05 s"


async def test_a_body_without_end_is_not_read() -> None:
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n") as port:
        await target(f"http://127.0.0.1:{port}/").deliver(MESSAGE)


async def test_a_certificate_of_nobody_we_know() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with listening(b"HTTP/1.1 204 No Content\r\n\r\n", tls=tls) as port:
        told = await failure(target(f"https://127.0.0.1:{port}/"))
    assert str(told).startswith("its certificate is not good:")
