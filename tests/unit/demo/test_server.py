from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import os
import signal
import socket
import sys
import zlib
from typing import TYPE_CHECKING

import pytest

from scraper.demo.bulk import bulk_page
from scraper.demo.oddities import LAST_MODIFIED
from scraper.demo.server import LOG_PATH, SampleServer
from scraper.demo.site import build_site
from scraper.demo.truth import Behaviour

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SMALL = build_site(1, 40, hosts=3)


@contextlib.asynccontextmanager
async def connected(
    port: int, *, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that is closed for good afterwards, also when the server has cut it."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(server: SampleServer, sent: bytes, *, host: str = "127.0.0.1") -> bytes:
    """Send bytes, and read until the server closes."""
    async with connected(server.port, host=host) as (reader, writer):
        writer.write(sent)
        return await reader.read()


def get(path: str, *more: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *more, "", ""]).encode()


async def body(server: SampleServer, path: str, *, host: str = "127.0.0.1") -> bytes:
    return (await exchange(server, get(path), host=host)).partition(b"\r\n\r\n")[2]


def outward_address() -> str | None:
    """This machine's address towards others; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


def at(name: str) -> tuple[str, str]:
    place = next(place for place in SMALL.places if place.path == name)
    return place.host, place.encoded


async def test_it_serves_everything_the_site_has() -> None:
    async with SampleServer(SMALL) as server:
        for place in SMALL.places:
            answer = SMALL.answer(place.host, place.encoded, port=server.port, dead_port=server.dead_port)
            if answer.behaviour is not Behaviour.NORMAL or answer.delay_s or answer.fails_first:
                continue
            got = await exchange(server, get(place.encoded), host=place.host)
            head, _, received = got.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % answer.status), place
            assert received == answer.body, place
            for name, value in answer.headers:
                assert f"{name}: {value}".encode() in head


async def test_a_list_goes_with_the_ports() -> None:
    async with SampleServer(SMALL) as server:
        assert server.list_text() == SMALL.list_text(server.port, dead_port=server.dead_port)
        assert server.urls() == SMALL.urls(server.port)
        assert server.expectations() == SMALL.expectations(server.port, dead_port=server.dead_port)
        assert server.url("/x") == f"http://127.0.0.1:{server.port}/x"


async def test_slow_answers_do_not_hold_up_others() -> None:
    async with SampleServer(SMALL) as server, connected(server.port) as (_, writer):
        writer.write(get("/bulk/1?delay=500"))
        await writer.drain()
        assert b"<title>Bulk 2</title>" in await body(server, "/bulk/2")
        assert [entry.path for entry in server.requests_log] == ["/bulk/1?delay=500", "/bulk/2"]
        assert server.peak_per_host["127.0.0.1"] == 2


async def test_stopping_cuts_slow_answers_and_leaves_nothing() -> None:
    server = SampleServer(SMALL)
    async with asyncio.timeout(20), contextlib.AsyncExitStack() as clients:
        async with server:
            reader, writer = await clients.enter_async_context(connected(server.port))
            writer.write(get("/bulk/1?delay=500"))
            await body(server, "/bulk/2")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_pipelined_requests_are_answered_in_order() -> None:
    paths = ["/bulk/1", "/bulk/2?delay=0.01", "/bulk/3", "/no/such", "/bulk/4?delay=0.01", "/bulk/5"]
    sent = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths) + get("/bulk/6")
    async with SampleServer(SMALL) as server:
        for cut in (1, 30, 45, len(sent)):  # also when a request comes in two parts
            async with connected(server.port) as (reader, writer):
                writer.write(sent[:cut])
                await writer.drain()
                writer.write(sent[cut:])
                received = await reader.read()
            titles = [part.partition(b"</title>")[0] for part in received.split(b"<title>")[1:]]
            assert titles == [b"Bulk 1", b"Bulk 2", b"Bulk 3", b"Not found", b"Bulk 4", b"Bulk 5", b"Bulk 6"]


async def test_the_log_tells_who_asked_for_what() -> None:
    async with SampleServer(SMALL) as server:
        await exchange(server, get("/a?b=c", "User-Agent: sample/1"), host="127.0.0.2")
        await exchange(server, get("/bulk/7"))
        (first, second) = server.requests_log
        assert first[1:] == ("127.0.0.2", "/a?b=c", "sample/1")
        assert second[1:] == ("127.0.0.1", "/bulk/7", None)
        assert first.at <= second.at
        assert server.peak_per_host == {"127.0.0.1": 1, "127.0.0.2": 1}
        lines = (await body(server, LOG_PATH)).splitlines()
        assert [json.loads(line)["path"] for line in lines] == ["/a?b=c", "/bulk/7"]


@pytest.mark.parametrize(
    "path", ["/transfer/truncated", "/transfer/truncated-chunked", "/transfer/disconnect"]
)
async def test_cut_answers_are_cut(path: str) -> None:
    async with SampleServer(SMALL) as server:
        host, encoded = at(path)
        got = await exchange(server, get(encoded), host=host)
        head, _, received = got.partition(b"\r\n\r\n")
        if path.endswith("disconnect"):
            assert got == b""
        elif path.endswith("chunked"):
            assert not received.endswith(b"0\r\n\r\n")
        else:
            length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            assert len(received) == length // 2


async def test_whole_answers_of_every_behaviour_are_whole() -> None:
    async with SampleServer(SMALL) as server:
        for name in ("drip", "chunked", "until-close"):
            host, encoded = at(f"/transfer/{name}")
            got = await exchange(server, get(encoded), host=host)
            assert got.count(b"<p>padding</p>") >= 37  # a chunk's edge may fall within one
            assert f"<title>Transfer {name}</title>".encode() in got


def test_the_broken_codings_are_broken() -> None:
    for name in ("/coded/not-gzip", "/coded/broken-gzip"):
        host, encoded = at(name)
        squeezed = SMALL.answer(host, encoded, port=1, dead_port=2).body
        with pytest.raises(zlib.error):
            zlib.decompressobj(wbits=31).decompress(squeezed)


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/cached/etag", 'If-None-Match: "v1-sample"', 304),
        ("/cached/etag", 'If-None-Match: "other", W/"v1-sample"', 304),
        ("/cached/etag", "If-None-Match: *", 304),
        ("/cached/etag", 'If-None-Match: "v0"', 200),
        ("/cached/etag", f"If-Modified-Since: {LAST_MODIFIED}", 200),
        ("/cached/weak-etag", 'If-None-Match: W/"v2-sample"', 304),
        ("/cached/last-modified", f"If-Modified-Since: {LAST_MODIFIED}", 304),
        ("/cached/last-modified", f"If-Modified-Since: {email.utils.formatdate(0, usegmt=True)}", 200),
        ("/cached/last-modified", "If-Modified-Since: yesterday", 200),
    ],
)
async def test_conditional_requests(path: str, header: str, status: int) -> None:
    async with SampleServer(SMALL) as server:
        host, encoded = at(path)
        got = await exchange(server, get(encoded, header), host=host)
        assert got.startswith(b"HTTP/1.1 %d " % status)
        assert got.endswith(b"\r\n\r\n") == (status == 304)


async def test_a_page_recovers() -> None:
    async with SampleServer(SMALL) as server:
        host, encoded = at("/status/recovers")
        first, second = [await exchange(server, get(encoded), host=host) for _ in range(2)]
        assert first.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 0" in first
        assert second.startswith(b"HTTP/1.1 200 ")


async def test_a_page_is_rationed() -> None:
    async with SampleServer(SMALL) as server:
        host, encoded = at("/status/rationed")
        first, second = [await exchange(server, get(encoded), host=host) for _ in range(2)]
        assert first.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After: 1\r\n" in first
        assert second.startswith(b"HTTP/1.1 200 ")


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is loopback as a whole on Linux only")
@pytest.mark.parametrize("log", [True, False])
async def test_hosts_of_bulk_pages_alone_have_no_robots_txt(*, log: bool) -> None:
    async with SampleServer(SMALL, any_host=True, log=log) as server:
        async with asyncio.timeout(20), connected(server.port, host="127.200.3.4") as (reader, writer):
            writer.write(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n" + get("/bulk/1"))
            none, _, page = (await reader.read()).partition(b"HTTP/1.1 200 ")
        assert none.startswith(b"HTTP/1.1 404 ")
        assert b"<title>Bulk 1</title>" in page
        own = await body(server, "/robots.txt")
        assert own.startswith(b"User-agent: *\nDisallow: /private/\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413),
        (b"HEAD / HTTP/1.1\r\n\r\n", 405),
        (b"GET /bulk/x HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 400),
    ],
)
async def test_what_is_no_request_is_refused_at_once(sent: bytes, status: int) -> None:
    async with SampleServer(SMALL) as server:
        assert (await exchange(server, sent)).startswith(b"HTTP/1.1 %d " % status)


async def test_the_dead_port_refuses() -> None:
    async with SampleServer(SMALL) as server:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.dead_port)


async def test_a_taken_port_is_one_clear_line() -> None:
    async with SampleServer(SMALL) as server:
        with pytest.raises(OSError, match=f"cannot listen at 127.0.0.1:{server.port}"):
            async with SampleServer(SMALL, port=server.port):
                pass


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is loopback as a whole on Linux only")
@pytest.mark.parametrize("log", [True, False])
async def test_any_loopback_address_has_bulk_pages(*, log: bool) -> None:
    async with SampleServer(SMALL, any_host=True, log=log, extra_delay_s=0.001) as server:
        page = bulk_page(b"/bulk/12?size=2000")
        assert page is not None
        for host in ("127.0.0.1", "127.0.1.1", "127.200.3.4"):
            assert await exchange(server, get("/bulk/12?size=2000"), host=host) == page.payload
        assert (await body(server, "/", host="127.0.0.2")).startswith(b"<!doctype html>")
        assert len(server.requests_log) == (4 if log else 0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's table of addresses")
async def test_other_addresses_of_the_machine_are_cut() -> None:
    outside = outward_address()
    if outside is None:
        pytest.skip("this machine has loopback only")
    async with SampleServer(SMALL, any_host=True) as server:
        try:
            answer = await exchange(server, get("/bulk/1"), host=outside)
        except ConnectionError:
            answer = b""
        assert answer == b""
        assert server.requests_log == []


async def test_as_a_program_it_prints_its_ports_and_ends_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "scraper.demo.server", "--pages", "5", "--hosts", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    ports = dict(part.split("=") for part in line.split())
    assert ports.keys() == {"port", "dead_port"}
    async with connected(int(ports["port"])) as (_, writer):
        writer.write(get("/bulk/1?delay=500"))
        await writer.drain()
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")
