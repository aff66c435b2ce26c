"""A proxy on loopback: forwards absolute-form requests, opens tunnels, and misbehaves when told to.

It is a conversation for ``tests.support.wire.serving``, over TLS if that is told so. Names of hosts mean
what its own table says: what is not in it is not known, as of a proxy whose resolver has no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tests.support.wire import read_head

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.wire import Talk

_HOP_BY_HOP = {"proxy-authorization", "proxy-connection", "connection", "keep-alive"}
_PIECE_BYTES = 1 << 16


class Asked(NamedTuple):
    """A request as the proxy got it."""

    method: str
    target: str
    headers: dict[str, str]
    """By lower-case name."""


class Proxy:
    """A proxy for any number of connections. ``asked`` is its log."""

    def __init__(
        self,
        ports: Mapping[str, int] | None = None,
        *,
        credentials: str | None = None,
        misbehave: Talk | None = None,
    ) -> None:
        """Prepare one.

        Args:
            ports: Ports on 127.0.0.1 by ``host:port``, for every host that it knows.
            credentials: ``user:password`` that it wants; without them it answers 407.
            misbehave: What follows a request's head in place of all that it would do.
        """
        self.ports = dict(ports or {})
        self.asked: list[Asked] = []
        self.misbehave = misbehave
        self._wanted = f"Basic {b64encode(credentials.encode()).decode()}" if credentials else None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            lines = (await read_head(reader)).decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ")
            pairs = [line.partition(":") for line in lines[1:] if line]
            asked = Asked(method, target, {name.lower(): value.strip() for name, _, value in pairs})
            self.asked.append(asked)
            if self.misbehave is not None:
                await self.misbehave(reader, writer)
                return
            if self._wanted and asked.headers.get("proxy-authorization") != self._wanted:
                writer.write(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="here"\r\nContent-Length: 6\r\n\r\nno way'
                )
                await writer.drain()
                continue
            if method == "CONNECT":
                await self._tunnel(asked, reader, writer)
                return
            await self._forward(asked, writer)

    async def _forward(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Pass a request on and its answer back, until the host closes; the client's connection is kept."""
        url = urlsplit(asked.target)
        origin = await self._connected(f"{url.hostname}:{url.port or 80}")
        if origin is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nalas!")
            await writer.drain()
            return
        reader, onward = origin
        path = asked.target.split(url.netloc, 1)[1] or "/"
        fields = {name: text for name, text in asked.headers.items() if name not in _HOP_BY_HOP}
        fields["connection"] = "close"
        head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
        try:
            onward.write(f"{asked.method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
            await _pump(reader, writer)
        finally:
            await _close(onward)

    async def _tunnel(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        origin = await self._connected(asked.target)
        if origin is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nalas!")
            return
        from_origin, onward = origin
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def up() -> None:
            await _pump(reader, onward)
            await _close(onward)

        async def down() -> None:
            await _pump(from_origin, writer)
            await _close(writer)

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(up(), name="up")
                group.create_task(down(), name="down")
        finally:
            await _close(onward)

    async def _connected(self, host_port: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        if host_port not in self.ports:
            return None
        try:
            return await asyncio.open_connection("127.0.0.1", self.ports[host_port])
        except ConnectionError:
            return None


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):  # either end may hang up
        while piece := await source.read(_PIECE_BYTES):
            sink.write(piece)
            await sink.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, OSError):
        await writer.wait_closed()
