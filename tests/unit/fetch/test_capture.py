"""What an archive is given of an answer: what was on the wire, however the answer ends."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from typing import TYPE_CHECKING, Any

import pytest

from scraper.errors import FetchError, SinkError
from scraper.exchange import Exchange, Truncation
from scraper.fetch.connection import current_trip
from tests.support.fetching import fetch_by, fetching
from tests.support.wire import answering, answering_then_silent, serving

if TYPE_CHECKING:
    from tests.support.wire import Talk

HTML = b"<title>A page</title>" * 40
PACKED = gzip.compress(HTML, mtime=0)  # the same in all processes that collect the tests
OK = b"HTTP/1.1 200 OK\r\n"


async def captured(
    talk: Talk, target: str = "/", *, cap_bytes: int | None = None, **changes: Any
) -> Exchange:
    """Fetch once, and return what was given away; fails unless it was precisely one, before the end."""
    found = list[Exchange]()

    async def keep(exchange: Exchange) -> None:
        await asyncio.sleep(0)
        found.append(exchange)

    async with serving(talk) as wire, fetching(**changes) as fetcher:
        with contextlib.suppress(FetchError):
            await fetch_by(fetcher, wire.url(target), keep=keep, cap_bytes=cap_bytes)
        (exchange,) = found
        assert exchange.url == wire.url(target)
        assert ("Host", f"127.0.0.1:{wire.port}") in exchange.request_headers
    return exchange


def length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body)


async def test_a_head_is_as_it_was_written() -> None:
    head = b"HTTP/1.0 404 Nicht gefunden\r\nX-A: 1\r\nx-a: \xfc\r\nSet-Cookie: a=b\r\n"
    exchange = await captured(answering(head, length(HTML), HTML), "/a?b=%C3%BC")
    assert (exchange.status, exchange.reason, exchange.http_version) == (404, "Nicht gefunden", "1.0")
    assert exchange.headers == (
        (b"X-A", b"1"),
        (b"x-a", b"\xfc"),
        (b"Set-Cookie", b"a=b"),
        (b"Content-Length", b"%d" % len(HTML)),
    )
    assert (exchange.target, exchange.ip) == ("/a?b=%C3%BC", "127.0.0.1")
    assert exchange.at.tzinfo is not None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ((OK, length(HTML), HTML), HTML),
        ((OK, b"\r\n", HTML), HTML),
        ((OK, b"Content-Encoding: gzip\r\n", length(PACKED), PACKED), PACKED),
        ((OK, b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n"), b"abcd"),
        ((OK, b"Content-Length: 0\r\n\r\n"), b""),
        ((b"HTTP/1.1 302 Found\r\nLocation: /b\r\n", length(HTML), HTML), HTML),
        # Broken, but all that there was has come.
        ((OK, b"Content-Encoding: gzip\r\n", length(PACKED[:-9]), PACKED[:-9]), PACKED[:-9]),
    ],
    ids=["whole", "to the end", "coded", "chunked", "empty", "a redirect", "broken"],
)
async def test_a_body_is_as_it_came(sent: tuple[bytes, ...], kept: bytes) -> None:
    exchange = await captured(answering(*sent))
    assert (exchange.body, exchange.truncation) == (kept, None)


@pytest.mark.parametrize(
    ("sent", "kept", "reason"),
    [
        ((OK, b"Content-Length: 9999\r\n\r\n", HTML), HTML, Truncation.DISCONNECT),
        (
            (OK, b"Content-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n", PACKED[:-4]),
            PACKED[:-4],
            Truncation.DISCONNECT,
        ),
        ((OK, b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"x\r\n"), b"abc", Truncation.UNSPECIFIED),
        ((OK, b"Content-Encoding: gzip\r\n", length(HTML), HTML), HTML, Truncation.UNSPECIFIED),
        (
            (OK, b"Content-Encoding: " + b"gzip, " * 40 + b"br\r\n", length(HTML), HTML),
            b"",
            Truncation.UNSPECIFIED,
        ),
    ],
    ids=["short", "coded and short", "broken chunks", "no gzip", "too many codings"],
)
async def test_of_a_body_that_breaks_off_there_is_what_came(
    sent: tuple[bytes, ...], kept: bytes, reason: Truncation
) -> None:
    exchange = await captured(answering(*sent))
    assert (exchange.body, exchange.truncation) == (kept, reason)


async def test_a_body_that_comes_too_late() -> None:
    talk = answering_then_silent(OK, b"Content-Length: 9999\r\n\r\n", HTML)
    exchange = await captured(talk, read_s=0.2)
    assert (exchange.body, exchange.truncation) == (HTML, Truncation.TIME)


async def test_a_body_over_a_cap_is_kept_up_to_it() -> None:
    exchange = await captured(answering(OK, length(HTML), HTML), cap_bytes=100)
    assert (exchange.body, exchange.truncation) == (HTML[:100], Truncation.LENGTH)
    packed = gzip.compress(b"a" * 5000)
    sent = (OK, b"Content-Encoding: gzip\r\n", length(packed), packed)
    exchange = await captured(answering(*sent), max_body_bytes=1000)
    assert (exchange.body, exchange.truncation) == (packed, Truncation.LENGTH)


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0\r\n\r\n"])
async def test_without_a_head_there_is_nothing_to_keep(sent: bytes) -> None:
    found = list[Exchange]()

    async def keep(exchange: Exchange) -> None:
        found.append(exchange)

    async with serving(answering(sent)) as wire, fetching() as fetcher:
        with pytest.raises(FetchError):
            await fetch_by(fetcher, wire.url(), keep=keep)
    assert not found


async def test_no_deadline_counts_while_it_is_kept() -> None:
    trips = []

    async def keep(_: Exchange) -> None:
        trips.append(current_trip.get())
        assert fetcher.phase_of("test") == "archive"

    async with serving(answering(OK, length(HTML), HTML)) as wire, fetching() as fetcher:
        await asyncio.create_task(fetch_by(fetcher, wire.url(), keep=keep), name="test")
    (trip,) = trips
    assert trip.deadline is not None
    assert not trip.deadline.expired()
    with pytest.raises(RuntimeError):  # it was left before
        trip.deadline.reschedule(None)


async def test_an_archive_that_is_full_is_no_fault_of_the_pages() -> None:
    async def keep(_: Exchange) -> None:
        raise SinkError("the disk is full")

    async with serving(answering(OK, length(HTML), HTML)) as wire, fetching() as fetcher:
        with pytest.raises(SinkError):
            await fetch_by(fetcher, wire.url(), keep=keep)


async def test_large_bodies_wait_for_each_other_until_they_are_kept() -> None:
    """Or each worker could hold one: the room is theirs until the archive has them."""
    large = b"a" * (3 << 20)
    now = most = 0

    async def keep(exchange: Exchange) -> None:
        nonlocal now, most
        assert len(exchange.body) == len(large)
        now += 1
        most = max(most, now)
        for _ in range(20):
            await asyncio.sleep(0)
        now -= 1

    sent = (OK, length(large), large)
    async with (
        serving(answering(*sent)) as wire,
        fetching(max_wire_bytes=20 << 20) as fetcher,
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(6):
            tasks.create_task(fetch_by(fetcher, wire.url(f"/{number}"), keep=keep), name=f"{number}")
    assert 1 <= most <= 2, "40 MiB have room for two of 20 MiB"
