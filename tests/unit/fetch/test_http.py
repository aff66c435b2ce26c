"""What came back, over a real connection."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import pytest

from scraper.clock import SystemClock
from scraper.fetch.http import HttpFetcher
from tests.support.fetching import fetch, fetch_by, fetch_settings, fetching
from tests.support.wire import Recorded, answering, answering_then_silent, read_head, serving

if TYPE_CHECKING:
    from scraper.messages import Response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", b""])


async def test_a_page_with_everything_said_of_it() -> None:
    answer = head(b"Content-Type: text/html; charset=utf-8", b"Content-Length: 5") + b"hello"
    async with serving(answering(answer)) as wire:
        url = wire.url("/page")
        got = await fetch(url)
    assert (got.url, got.status, got.reason, got.http_version) == (url, 200, "OK", "1.1")
    assert (got.body, got.wire_bytes, got.truncated) == (b"hello", 5, False)
    assert got.ip == "127.0.0.1"
    assert (got.media_type, got.charset) == ("text/html", "utf-8")
    assert got.connect_s > 0
    assert got.first_byte_s > 0
    assert got.elapsed_s == pytest.approx(got.first_byte_s + got.download_s)
    assert got.fetched_at.utcoffset() is not None


async def test_a_name_is_looked_up_and_an_address_is_not() -> None:
    async with serving(answering(OK)) as wire:
        assert (await fetch(wire.url())).dns_s == 0
        named = await fetch(wire.url(host="localhost"))
    assert named.dns_s > 0
    assert named.ip == "127.0.0.1"


async def test_header_names_are_lower_case_in_order_and_repeated() -> None:
    answer = head(b"X-B: 1", b"x-a: 2", b"X-B:   3  ", b"Content-Length: 0", b"SET-COOKIE: a=b")
    async with serving(answering(answer)) as wire:
        got = await fetch(wire.url())
    assert got.headers == (
        ("x-b", "1"),
        ("x-a", "2"),
        ("x-b", "3"),
        ("content-length", "0"),
        ("set-cookie", "a=b"),
    )


@pytest.mark.parametrize(
    ("sent", "read"),
    [("é→".encode(), "é→"), ("é".encode("latin-1"), "é"), (b"a\xffb", "aÿb"), (b"\xe2\x82", "â\x82")],
)
async def test_header_bytes_beyond_ascii_can_be_written_as_utf_8(sent: bytes, read: str) -> None:
    answer = head(b"X: " + sent, b"Content-Length: 0", status=b"200 " + sent)
    async with serving(answering(answer)) as wire:
        got = await fetch(wire.url())
    assert got.header("x") == read
    assert got.reason == read
    "".join(value for _, value in got.headers).encode()


async def test_a_header_line_of_nearly_64_kib_is_taken() -> None:
    value = b"v" * 65_000
    async with serving(answering(head(b"X: " + value, b"Content-Length: 0"))) as wire:
        assert (await fetch(wire.url())).header("x") == value.decode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer(status: int) -> None:
    talk = Recorded(head(b"Location: /next", b"Content-Length: 0", status=b"%d Elsewhere" % status))
    async with serving(talk) as wire:
        got = await fetch(wire.url())
    assert (got.status, got.header("location")) == (status, "/next")
    assert len(talk.heads) == 1


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("header", [b"X: y", b"Content-Length: 5", b"Content-Encoding: gzip"])
async def test_an_answer_without_a_body_does_not_wait_for_one(status: int, header: bytes) -> None:
    async with serving(answering_then_silent(head(header, status=b"%d None" % status))) as wire:
        got = await fetch(wire.url())
    assert (got.status, got.body, got.truncated) == (status, b"", False)


@pytest.mark.parametrize(
    ("answer", "status", "version", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "1.0", b"until the end"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "1.1", b""),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 999, "1.1", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, "1.1", b"hi"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 200, "1.1", b"hi"),
        (head(b"Transfer-Encoding: chunked") + b"2\r\nhi\r\n3;x=y\r\n ho\r\n0\r\n\r\n", 200, "1.1", b"hi ho"),
    ],
)
async def test_forms_of_an_answer(answer: bytes, status: int, version: str, body: bytes) -> None:
    async with serving(answering(answer)) as wire:
        got = await fetch(wire.url())
    assert (got.status, got.http_version, got.body) == (status, version, body)


async def test_own_headers_are_sent() -> None:
    talk = Recorded(OK)
    async with serving(talk) as wire:
        await fetch(wire.url(), user_agent="tester/1 (+https://x.example)", headers={"Accept-Language": "fr"})
    lines = talk.heads[0].split(b"\r\n")
    assert b"User-Agent: tester/1 (+https://x.example)" in lines
    assert b"Accept-Language: fr" in lines
    assert b"Accept-Encoding: gzip, deflate, br, zstd" in lines
    assert b"Host: 127.0.0.1:%d" % wire.port in lines


CREDENTIALS = [
    "Authorization",
    "COOKIE",
    "x-api-key",
    "X-Auth-Token",
    "proxy-authorization",
    "X-JWT",
    "x-pass",
]


@pytest.mark.parametrize("name", CREDENTIALS)
async def test_credentials_go_only_where_they_are_said_to_go(name: str) -> None:
    talk = Recorded(OK)
    line = name.encode() + b": mine"
    headers = {name: "mine", "Accept-Language": "fr"}
    async with serving(talk) as wire, fetching(headers=headers) as fetcher:
        for options in ({}, {"credentials": True}, {"credentials": False}):
            for is_last in (False, True):
                await fetch_by(fetcher, wire.url(), **options, is_last=is_last)
    sent = [head.split(b"\r\n") for head in talk.heads]
    assert [lines.count(line) for lines in sent] == [0, 0, 1, 1, 0, 0]
    assert [sum(b"mine" in part for part in lines) for lines in sent] == [0, 0, 1, 1, 0, 0]
    assert all(b"Accept-Language: fr" in lines for lines in sent)


async def test_where_the_user_has_no_credentials_none_are_sent() -> None:
    talk = Recorded(OK)
    async with serving(talk) as wire, fetching(headers={"Accept-Language": "fr"}) as fetcher:
        for credentials in (False, True):
            await fetch_by(fetcher, wire.url(), credentials=credentials)
    assert talk.heads[0] == talk.heads[1]


async def test_a_header_of_the_users_replaces_ours_whatever_its_case() -> None:
    talk = Recorded(OK)
    async with serving(talk) as wire:
        await fetch(wire.url(), headers={"accept": "text/plain", "ACCEPT-encoding": "identity"})
    lines = [line for line in talk.heads[0].split(b"\r\n") if line.lower().startswith(b"accept")]
    assert lines == [b"accept: text/plain", b"ACCEPT-encoding: identity"]


async def test_no_cookie_is_kept_or_sent() -> None:
    talk = Recorded(head(b"Set-Cookie: id=1; Path=/", b"Content-Length: 0"))
    async with (
        serving(talk) as wire,
        HttpFetcher.open(fetch_settings(), clock=SystemClock()) as fetcher,
    ):
        for _ in range(2):
            got = await fetcher.fetch(wire.url(), departs=lambda: None)
            assert got.header("set-cookie") == "id=1; Path=/"
    assert len(talk.heads) == 2
    assert not [sent for sent in talk.heads if b"cookie" in sent.lower()]


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/a%2fb%2F%zz%E4%/%7e", b"/a%2fb%2F%zz%E4%/%7e"),
        ("/a/../b//c/./d", b"/a/../b//c/./d"),
        ("/?q=%20+&x=[]|^`{}&&=;?/", b"/?q=%20+&x=[]|^`{}&&=;?/"),
        ("/?a=%26%3D%2B&a=%C3%A9&a=%e9", b"/?a=%26%3D%2B&a=%C3%A9&a=%e9"),
        ("/a?", b"/a"),  # yarl keeps no empty query
        ("/a#part", b"/a"),
        ("", b"/"),
        ("?x", b"/?x"),
    ],
)
async def test_the_target_goes_out_as_it_is(target: str, sent: bytes) -> None:
    talk = Recorded(OK)
    async with serving(talk) as wire:
        await fetch(wire.url(target))
    assert talk.heads[0].split(b"\r\n")[0] == b"GET " + sent + b" HTTP/1.1"


@pytest.mark.parametrize(
    ("coding", "body", "caps", "kept"),
    [
        (b"identity", b"x" * 5000, {"max_wire_bytes": 1000}, b"x" * 1000),
        (b"identity", b"x" * 5000, {"max_body_bytes": 1000}, b"x" * 1000),
        (b"gzip", gzip.compress(bytes(1_000_000), mtime=0), {"max_body_bytes": 70_000}, bytes(70_000)),
    ],
)
async def test_over_a_cap_the_beginning_is_kept_and_the_connection_closed(
    coding: bytes, body: bytes, caps: dict[str, int], kept: bytes
) -> None:
    hung_up = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(head(b"Content-Encoding: " + coding, b"Content-Length: 100000000") + body)
        await reader.read()
        hung_up.set()

    async with (
        serving(talk) as wire,
        HttpFetcher.open(fetch_settings(**caps), clock=SystemClock()) as fetcher,
    ):
        got = await fetcher.fetch(wire.url(), departs=lambda: None)
        await asyncio.wait_for(hung_up.wait(), 20)
    assert (got.body, got.truncated) == (kept, True)
    assert got.wire_bytes <= caps.get("max_wire_bytes", len(body))


BOMB = gzip.compress(bytes(1_000_000), mtime=0)


@pytest.mark.parametrize(
    "of_settings", [{}, {"max_wire_bytes": 600}, {"max_body_bytes": 600}, {"max_body_bytes": 90}]
)
@pytest.mark.parametrize(
    ("coding", "sent", "cap_bytes", "expected"),
    [
        (b"identity", b"x" * 1000, 1001, (b"x" * 1000, False)),
        (b"identity", b"x" * 1000, 1000, (b"x" * 1000, False)),
        (b"identity", b"x" * 1000, 999, (b"x" * 999, True)),
        (b"identity", b"x" * 1000, 100, (b"x" * 100, True)),
        (b"identity", b"x" * 1000, 0, (b"", True)),
        (b"gzip", BOMB, 70_000, (bytes(70_000), True)),
        (b"gzip", BOMB, 1_000_000, (bytes(1_000_000), False)),
        (b"gzip", BOMB, 1, (b"", True)),  # one byte of what is packed gives nothing yet
    ],
)
async def test_the_cap_of_one_fetch_takes_the_place_of_the_settings(
    of_settings: dict[str, int], coding: bytes, sent: bytes, cap_bytes: int, expected: tuple[bytes, bool]
) -> None:
    answer = head(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(sent)) + sent
    async with serving(answering_then_silent(answer)) as wire, fetching(**of_settings) as fetcher:
        got = await fetch_by(fetcher, wire.url(), cap_bytes=cap_bytes)
    assert (got.body, got.truncated) == expected
    assert got.wire_bytes == min(len(sent), cap_bytes)


@pytest.mark.parametrize(
    ("coding", "sent", "caps", "cut_by"),
    [
        (b"identity", bytes(100), {"max_wire_bytes": 100}, None),
        (b"identity", bytes(2048), {"max_wire_bytes": 2047}, "fetch.max_wire_bytes (2.0 KiB)"),
        (b"identity", bytes(2048), {"max_body_bytes": 512}, "fetch.max_body_bytes (512 B)"),
        (b"identity", bytes(9), {"max_wire_bytes": 7, "max_body_bytes": 8}, "fetch.max_wire_bytes (7 B)"),
        (b"identity", bytes(9), {"max_wire_bytes": 8, "max_body_bytes": 7}, "fetch.max_body_bytes (7 B)"),
        (b"identity", bytes(9), {"cap_bytes": 8}, "the 8 B that are read of it"),
        (b"gzip", BOMB, {"max_wire_bytes": 600}, "fetch.max_wire_bytes (600 B)"),
        (b"gzip", BOMB, {"max_body_bytes": 999_999}, "fetch.max_body_bytes (976.6 KiB)"),
        (b"gzip", BOMB, {"cap_bytes": 999_999}, "the 976.6 KiB that are read of it"),
        (b"gzip", BOMB + BOMB, {"max_ratio": 20}, "fetch.max_ratio (20 to 1)"),
        (b"gzip", BOMB + BOMB, {"max_ratio": 20, "max_body_bytes": 9000}, "fetch.max_body_bytes (8.8 KiB)"),
        (
            b"gzip, gzip",
            gzip.compress(BOMB, mtime=0),
            {"max_body_bytes": 900},
            "fetch.max_body_bytes (900 B)",
        ),
    ],
)
async def test_the_cap_that_cut_a_body_is_named(
    coding: bytes, sent: bytes, caps: dict[str, int], cut_by: str | None
) -> None:
    cap_bytes = caps.get("cap_bytes")
    of_settings = {name: cap for name, cap in caps.items() if name != "cap_bytes"}
    answer = head(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(sent)) + sent
    async with serving(answering_then_silent(answer)) as wire, fetching(**of_settings) as fetcher:
        got = await fetch_by(fetcher, wire.url(), cap_bytes=cap_bytes)
    assert (got.cut_by, got.truncated) == (cut_by, cut_by is not None)


async def test_the_cap_of_one_fetch_is_not_that_of_the_next() -> None:
    async with serving(Recorded(OK)) as wire, fetching(max_body_bytes=1) as fetcher:
        caps = (2, None, 2)
        got = [await fetch_by(fetcher, wire.url(), cap_bytes=cap_bytes) for cap_bytes in caps]
    assert [(one.body, one.truncated) for one in got] == [(b"hi", False), (b"h", True), (b"hi", False)]


async def test_departs_once_and_when_the_connection_is_there() -> None:
    """A delay counts from there: a slow look-up must not bring two requests together."""
    talk = Recorded(OK)
    seen: list[int] = []
    async with (
        serving(talk) as wire,
        HttpFetcher.open(fetch_settings(), clock=SystemClock()) as fetcher,
    ):
        await fetcher.fetch(wire.url(), departs=lambda: seen.append(wire.connections))
    assert seen == [1]


async def test_it_departs_before_the_answer_comes() -> None:
    departed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await read_head(reader)
            await departed.wait()
            departed.clear()
            writer.write(OK)

    async with serving(talk) as wire, fetching() as fetcher:
        for _ in range(2):  # on a new connection and on a kept one
            await fetcher.fetch(wire.url(), departs=departed.set)
    assert wire.connections == 1


async def test_the_phase_of_a_task_is_told_while_it_waits() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        asked.set()
        await go_on.wait()
        writer.write(OK)

    async with (
        serving(talk) as wire,
        HttpFetcher.open(fetch_settings(), clock=SystemClock()) as fetcher,
    ):
        task = asyncio.create_task(fetcher.fetch(wire.url(), departs=lambda: None), name="worker 1")
        await asyncio.wait_for(asked.wait(), 20)
        assert fetcher.phase_of("worker 1") == "headers"
        assert fetcher.phase_of("worker 2") is None
        go_on.set()
        await task
        assert fetcher.phase_of("worker 1") is None


async def test_tasks_of_one_name_do_not_trip_over_each_other() -> None:
    async with (
        serving(answering(OK)) as wire,
        HttpFetcher.open(fetch_settings(), clock=SystemClock()) as fetcher,
    ):

        def fetched() -> asyncio.Task[Response]:
            return asyncio.create_task(fetcher.fetch(wire.url(), departs=lambda: None), name="same")

        await asyncio.gather(fetched(), fetched(), fetched())
