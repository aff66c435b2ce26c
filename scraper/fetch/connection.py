"""Connections, as aiohttp makes and keeps them, and what is noted of the requests that go over them."""

from __future__ import annotations

import functools
import ipaddress
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aiohttp.abc import ResolveResult
    from aiohttp.connector import Connection


class Trip:
    """How far one request has come, and how long the phases of its connection took."""

    __slots__ = ("connect_s", "departs", "dns_s", "is_heard", "is_kept", "is_last", "phase", "sent_at_s")

    def __init__(self, departs: Callable[[], None], *, is_last: bool) -> None:
        self.departs: Callable[[], None] | None = departs
        """To be told that the request is on its way; ``None`` once it was told."""
        self.phase = "connect"
        self.sent_at_s = monotonic()
        self.dns_s = 0.0
        self.connect_s = 0.0
        self.is_last = is_last
        """The connection is not to be kept, whatever the server says."""
        self.is_kept = False
        """It goes on a connection that has carried a request before."""
        self.is_heard = False
        """Bytes of the answer have come, if only the first."""

    def depart(self) -> None:
        """Tell, once, that the request is on its way."""
        if self.departs is not None:
            departs, self.departs = self.departs, None
            departs()


current_trip: ContextVar[Trip] = ContextVar("trip")
"""The request that the running task is at."""


class Protocol(ResponseHandler):
    """A connection that notes on the trip whether it was kept, and whether bytes of an answer came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._trip: Trip | None = None

    def set_response_params(self, **options: Any) -> None:
        """Begin with a request: aiohttp calls it for each one, before it is sent."""
        trip = current_trip.get()
        trip.is_kept = self._trip is not None
        self._trip = trip
        if trip.is_last:
            self.force_close()  # "Connection: close" is a wish, and aiohttp keeps what the server keeps
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        if self._trip is not None:
            self._trip.is_heard = True
        super().data_received(data)

    def is_connected(self) -> bool:
        """Return whether it can carry a further request.

        An answer that nobody asked for must not be taken for the next request's (RFC 9112 section
        9.2): aiohttp 3.14.5 looks for one when it puts a connection by, and not when it takes it up.
        """
        return super().is_connected() and not self.should_close


class Connector(aiohttp.TCPConnector):
    """Notes on the trip what a new connection takes; a connection in use again costs nothing.

    aiohttp's tracing tells the same by a public way, but runs some ten hooks for every request and
    builds its URL anew for two of them: 70 of the 260 µs that a small page took.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = functools.partial(Protocol, loop=self._loop)  # type: ignore[assignment]

    async def _create_connection(self, *arguments: Any, **options: Any) -> ResponseHandler:
        trip = current_trip.get()
        trip.phase = "connect"
        began_s = monotonic()
        protocol = await super()._create_connection(*arguments, **options)
        trip.sent_at_s = monotonic()
        trip.connect_s = trip.sent_at_s - began_s - trip.dns_s
        return protocol

    async def _resolve_host(self, host: str, *arguments: Any, **options: Any) -> list[ResolveResult]:
        trip = current_trip.get()
        if _is_address(host):
            return await super()._resolve_host(host, *arguments, **options)
        trip.phase = "dns"
        began_s = monotonic()
        found = await super()._resolve_host(host, *arguments, **options)
        trip.dns_s = monotonic() - began_s
        trip.phase = "connect"
        return found


class Answer(aiohttp.ClientResponse):
    """A response that knows whom it came from, and that notices when it breaks off."""

    peer: str | None = None
    """aiohttp forgets the address with the connection."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the head of the answer; the request has just been sent."""
        if connection.transport is not None:
            address = connection.transport.get_extra_info("peername")
            self.peer = address[0] if isinstance(address, tuple) else None
        protocol = connection.protocol
        trip = current_trip.get()
        trip.phase = "headers"  # the request is sent
        trip.depart()
        await super().start(connection)
        if protocol is not None and not self.content.is_eof():
            self._watch(protocol)
        return self

    def _watch(self, protocol: ResponseHandler) -> None:
        """Let the body fail when its connection ends within it.

        Without this a body whose chunks turn out broken in a later packet is waited for until
        ``total_s``: aiohttp 3.14.5 then closes the connection and tells nobody who reads.
        """
        closed, content = protocol.closed, self.content

        def fail(lost: asyncio.Future[None] | None) -> None:
            if lost is not None and not lost.cancelled():
                lost.exception()  # retrieved, or asyncio complains of it
            if not content.is_eof() and content.exception() is None:
                why = getattr(protocol.exception(), "message", "") or "the connection ended"
                content.set_exception(aiohttp.ClientResponseError(self.request_info, (), message=why))

        if closed is None:  # it was lost before we came to look
            fail(None)
            return
        closed.add_done_callback(fail)

        def forget() -> None:
            closed.remove_done_callback(fail)

        content.on_eof(forget)  # a connection in use again must not gather the bodies it has carried


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
