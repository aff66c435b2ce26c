"""Connections that are bounded: how many there are, and how long each may wait before it has asked.

aiohttp's server ends a connection that is silent between two requests, but waits for ever for the rest of a
request's head. So each connection has a timer that runs whenever no request of it is being answered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

HEAD_S = 15.0
"""So long a client may take until its request's head is there, also the next one on a connection."""
MOST_CONNECTIONS = 256


class Connections:
    """Makes the protocols of a server's connections.

    Args:
        server: What makes them otherwise.
        head_s: How long one may be without a request.
        most: How many there may be; one more is closed at once.
    """

    def __init__(self, server: web.Server, *, head_s: float = HEAD_S, most: int = MOST_CONNECTIONS) -> None:
        self._server = server
        self._head_s = head_s
        self._most = most
        # A connection that has gone is forgotten when its timer rings.
        self._timers: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.BaseProtocol:
        """Return the protocol for a new connection."""
        if len(self._server.connections) >= self._most:
            return _Refused()
        protocol = self._server()
        self.ended(protocol)
        return protocol

    def begun(self, protocol: web.RequestHandler) -> None:
        """A request's head has come."""
        if timer := self._timers.pop(protocol, None):
            timer.cancel()

    def ended(self, protocol: web.RequestHandler) -> None:
        """It has been answered, and the next one is waited for."""
        self.begun(protocol)
        self._timers[protocol] = asyncio.get_running_loop().call_later(self._head_s, self._cut, protocol)

    def close(self) -> None:
        """Stop all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _cut(self, protocol: web.RequestHandler) -> None:
        del self._timers[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()
