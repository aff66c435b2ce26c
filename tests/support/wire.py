"""A raw server on loopback: each connection is a conversation that the test writes itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Talk: TypeAlias = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]"

_HEAD_BYTES = 1 << 20


class Wire:
    """A server under way. Bytes in and out are the test's own; nothing here knows HTTP."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._running: set[asyncio.Task[None]] = set()
        self._ended: list[asyncio.Task[None]] = []
        self.port = 0
        self.connections = 0
        """How many connections were accepted."""

    def url(self, target: str = "/", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Return a URL on this server; ``target`` is put in as it is."""
        return f"{scheme}://{host}:{self.port}{target}"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin a conversation; ``asyncio.start_server`` calls it."""
        self.connections += 1
        task = asyncio.create_task(self._converse(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._ended.append(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # The client may hang up whenever it likes; that is often what is tested.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def at_rest(self) -> None:
        """Wait until no conversation is going on: each has ended and its socket is closed."""
        while self._running:
            await asyncio.wait(self._running)

    async def hang_up(self) -> None:
        """End the conversations still going on.

        Raises:
            Exception: What a conversation raised, so that a broken one can't make a test pass.
        """
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for task in (*self._ended, *running):
            if not task.cancelled() and (error := task.exception()):
                raise error


@contextlib.asynccontextmanager
async def serving(
    talk: Talk, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[Wire]:
    """Serve on an address with a free port, every connection by ``talk``; close all of it on leaving."""
    wire = Wire(talk)
    server = await asyncio.start_server(wire.accept, address, 0, limit=_HEAD_BYTES, ssl=tls)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.hang_up()
        await server.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Return a request's head with its empty line.

    Raises:
        asyncio.IncompleteReadError: The client closed before one was whole.
    """
    return await reader.readuntil(b"\r\n\r\n")


def answering(*pieces: bytes) -> Talk:
    """Return a conversation: read one request, send the pieces, close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


class Recorded:
    """A conversation of many exchanges that keeps what was asked."""

    def __init__(self, answer: bytes) -> None:
        self.heads: list[bytes] = []
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.heads.append(await read_head(reader))
            writer.write(self._answer)


def answering_then_silent(*pieces: bytes) -> Talk:
    """Return a conversation: read one request, send the pieces, and wait until the client closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for piece in pieces:
            writer.write(piece)
        await reader.read()

    return talk


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset. It may overtake what was sent before it."""
    on_close = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, on_close)
    writer.transport.abort()


@contextlib.contextmanager
def refused_port() -> Iterator[int]:
    """A port that refuses: it is bound, so that nobody else gets it, and does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def unanswered_port() -> Iterator[int]:
    """A port whose connections never come about: its queue is full and nobody accepts.

    Linux then drops the opening segment instead of refusing it.
    """
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
