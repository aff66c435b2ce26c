"""A raw server for all of 127.0.0.0/8 that says any bytes at any pace, by a script for each path.

``python -m tests.support.raw_server --port 8600`` serves the scenarios of ``hostile_wire`` under
``/NAME``, each on a host of its own, and honest pages under ``/honest/N`` on every host;
``/-/stats`` tells how many connections are open. ``--list`` prints the URLs with what is expected
of them. It binds 0.0.0.0, since a range can't be bound, and hangs up on whoever did not come to 127.x.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import ssl
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trustme

from tests.support.wire import reset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_HEAD_BYTES = 1 << 20
_REQUESTS_KEPT = 10_000
NAMED = "trusted.invalid"
"""The name in the certificate that is for another host."""


class Step(Protocol):
    """One thing that a server does."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do it; whoever is asked may have hung up."""
        ...


@dataclass(frozen=True)
class Send:
    """Send bytes, and wait until the system has taken them."""

    data: bytes

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        writer.write(self.data)
        await writer.drain()


@dataclass(frozen=True)
class Drip:
    """Send bytes one at a time."""

    data: bytes
    interval_s: float = 0.05

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        for byte in self.data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(self.interval_s)


@dataclass(frozen=True)
class Endless:
    """Send the same bytes until the client hangs up."""

    piece: bytes
    interval_s: float = 0.0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        while not writer.is_closing():
            writer.write(self.piece)
            await writer.drain()
            await asyncio.sleep(self.interval_s)


class ReadHead:
    """Read a request's head."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        await reader.readuntil(b"\r\n\r\n")


class Silence:
    """Say nothing until the client hangs up, and read what it sends."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        while await reader.read(1 << 16):
            pass


class HalfClose:
    """Say that nothing more comes, and go on listening."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        await Silence()(reader, writer)


class Reset:
    """End the connection by a reset, which may overtake what was sent before it."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        reset(writer)


@dataclass(frozen=True)
class StartTls:
    """Be the server's side of TLS, with a certificate of this kind."""

    kind: str

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
        with contextlib.suppress(ssl.SSLError):  # the client does not like it: that is the test
            await writer.start_tls(_context(self.kind, writer.get_extra_info("sockname")[0]))


def _context(kind: str, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    if kind == "wrong host":
        certificate = authority.issue_cert(NAMED)
    elif kind == "expired":
        from datetime import UTC, datetime  # noqa: PLC0415 - one of its kinds

        certificate = authority.issue_cert(host, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    else:
        certificate = authority.issue_cert(host)
    certificate.configure_cert(context)
    return context


@dataclass(frozen=True)
class Script:
    """What is done on a connection; at its end the connection is closed."""

    steps: tuple[Step, ...]
    is_by_host: bool = False
    """It begins before any request is read: the whole host does nothing else."""


class RawServer:
    """A server under way; ``raw_server`` makes it and closes it."""

    def __init__(self, scripts: Mapping[str, Script], hosts: Mapping[str, str]) -> None:
        """Take scripts by their name, which is their path, and the host of each name."""
        self._scripts = scripts
        self._by_host = {hosts[name]: script for name, script in scripts.items() if script.is_by_host}
        self._running: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []
        self.port = 0
        self.connections = 0
        """How many connections were accepted."""
        self.requests: collections.deque[str] = collections.deque(maxlen=_REQUESTS_KEPT)
        """The targets of the last requests, with their hosts."""

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._running)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin a connection; ``asyncio.start_server`` calls it."""
        self.connections += 1
        task = asyncio.create_task(self._converse(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._failed.append(error)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                if script := self._by_host.get(host):
                    for step in script.steps:
                        await step(reader, writer)
                elif host.startswith("127."):
                    while await self._answer(host, reader, writer):
                        pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def _answer(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection goes on."""
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode("latin-1")
        self.requests.append(host + target)
        if script := self._scripts.get(target.partition("?")[0].removeprefix("/")):
            for step in script.steps:
                await step(reader, writer)
            return False
        if target == "/-/stats":
            stats = {"open": self.open, "connections": self.connections, "tasks": len(asyncio.all_tasks())}
            writer.write(_whole(b"200 OK", b"application/json", json.dumps(stats).encode()))
        elif target.startswith("/honest/"):
            page = f"<!doctype html><title>Honest {target[8:]}</title><p>Nothing odd here.".encode()
            writer.write(_whole(b"200 OK", b"text/html; charset=utf-8", page))
        else:
            writer.write(_whole(b"404 Not Found", b"text/plain", b""))
        await writer.drain()
        return True

    async def hang_up(self) -> None:
        """End what is still going on.

        Raises:
            BaseException: What a connection broke with that was not the client's doing.
        """
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        if self._failed:
            raise self._failed[0]


def _whole(status: bytes, media_type: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (status, media_type, len(body)) + body


@contextlib.asynccontextmanager
async def raw_server(
    scripts: Mapping[str, Script], hosts: Mapping[str, str], *, port: int = 0
) -> AsyncIterator[RawServer]:
    """Serve on every host of 127.0.0.0/8, on a free port unless one is given."""
    raw = RawServer(scripts, hosts)
    server = await asyncio.start_server(raw.accept, "0.0.0.0", port, limit=_HEAD_BYTES, backlog=1024)  # noqa: S104
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        await raw.hang_up()
        await server.wait_closed()


async def _serve(port: int) -> None:
    from tests.support.hostile_wire import HOSTS, SCRIPTS  # noqa: PLC0415 - it is made of the steps above

    async with raw_server(SCRIPTS, HOSTS, port=port) as raw:
        print(raw.port, flush=True)  # noqa: T201
        await asyncio.Event().wait()


def main(arguments: Sequence[str]) -> None:
    """Serve until it is interrupted, or list what is served."""
    from tests.support.hostile_wire import SCENARIOS, url_of  # noqa: PLC0415 - it is made of the steps above

    parser = argparse.ArgumentParser(prog="raw_server")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; it is printed")
    parser.add_argument("--list", action="store_true", help="print URL and expected outcome, and end")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        for scenario in SCENARIOS:
            print(url_of(scenario, chosen.port), scenario.outcome, sep="\t")  # noqa: T201
        return
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(chosen.port))


if __name__ == "__main__":
    # By its full name, so that the steps of the scenarios and those here are the same classes.
    main(sys.argv[1:])
