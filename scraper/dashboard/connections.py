"""How many connections there may be, and how long each may wait before it has asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

HEAD_S = 15.0
"""So long a client may take until its request's head is there, also the next one on a connection."""
MOST_CONNECTIONS = 256


class Connections:
    """Makes the protocols of a server's connections; one too many is closed at once.

    Args:
        server: What makes them otherwise. It ends those that do not ask (``keepalive_timeout``) and takes any
            number of them.
        most: How many there may be.
    """

    def __init__(self, server: web.Server, *, most: int = MOST_CONNECTIONS) -> None:
        self._server = server
        self._most = most

    def __call__(self) -> asyncio.BaseProtocol:
        """Return the protocol for a new connection."""
        return _Refused() if len(self._server.connections) >= self._most else self._server()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()
