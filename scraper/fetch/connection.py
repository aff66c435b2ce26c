"""Connections, as aiohttp makes and keeps them, and what is noted of the requests that go over them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError

from scraper.fetch.answer_parser import AnswerParser
from scraper.fetch.guard import is_address
from scraper.fetch.proxy import TO_PROXY, TUNNEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiohttp.abc import ResolveResult
    from aiohttp.client import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import AddrInfoType, Connection
    from aiohttp.tracing import Trace

    from scraper.exchange import Exchange, Truncation
    from scraper.fetch.guard import Guard
    from scraper.fetch.patience import Patience
    from scraper.messages import Response


class Trip:
    """How far one request has come, and how long the phases of its connection took."""

    __slots__ = (
        "connect_s",
        "deadline",
        "departs",
        "dns_s",
        "exchange",
        "holding",
        "is_kept",
        "is_last",
        "is_listed",
        "is_read",
        "partial",
        "patience",
        "phase",
        "sent_at_s",
        "sockets",
        "tunnel_deadline",
    )

    def __init__(
        self, departs: Callable[[], None], *, patience: Patience, is_last: bool, is_listed: bool = False
    ) -> None:
        self.departs: Callable[[], None] | None = departs
        """To be told that the request is on its way; ``None`` once it was told."""
        self.patience = patience
        """Is told what comes of the answer."""
        self.phase = "connect"
        self.sent_at_s = monotonic()
        self.dns_s = 0.0
        self.connect_s = 0.0
        self.tunnel_deadline: asyncio.Timeout | None = None
        """When a tunnel through the proxy must be there; ``None`` without one."""
        self.is_last = is_last
        """The connection is not to be kept, whatever the server says."""
        self.is_listed = is_listed
        """The host stands in the user's own list."""
        self.is_kept = False
        """It goes on a connection that has carried a request before."""
        self.is_read = False
        """All of the answer that is wanted has come."""
        self.sockets: list[socket.socket] = []
        """Made for its connection, which is not there yet."""
        self.deadline: asyncio.Timeout | None = None
        """When all of it must be over."""
        self.partial: Callable[[], Response] | None = None
        """Gives the answer as far as it has come; ``None`` before its head is there."""
        self.exchange: Callable[[Truncation | None], Exchange] | None = None
        """Gives what an archive keeps of it, likewise; also ``None`` when there is none."""
        self.holding = contextlib.AsyncExitStack()
        """What it holds until all is done with its body."""

    def depart(self) -> None:
        """Tell, once, that the request is on its way."""
        if self.departs is not None:
            departs, self.departs = self.departs, None
            departs()

    @contextlib.contextmanager
    def deadline_held(self) -> Iterator[None]:
        """Put the deadline off by as long as the block lasts: that wait is no fault of the server's."""
        when_s = self.deadline.when() if self.deadline else None
        if self.deadline is None or when_s is None:
            yield
            return
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self.deadline.reschedule(None)
        try:
            yield
        finally:
            self.deadline.reschedule(when_s + loop.time() - began_s)


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

        def make() -> Any:
            ours = self._parser
            ResponseHandler.set_response_params(self, **options)
            made, self._parser = self._parser, ours
            return made

        # What came before anything was asked for is for our parser, too, not for the one that is made.
        early, self._tail = self._tail, b""
        self._parser: Any = AnswerParser(make, refusal=BadHttpMessage)
        self._tail = early
        self._drain_tail()

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        if self._trip is not None:
            self._trip.patience.hear(len(data))
        super().data_received(data)
        if self._parser is not None and self._parser.refused and not self.is_eof():
            # The head is passed on by now; what came with it ends the connection.
            super().data_received(b"")

    def connection_lost(self, exc: BaseException | None) -> None:
        """Take in that the connection has ended."""
        # A head that was not to the parser's liking and never came to its end: not a mere break.
        if self._parser is not None and self._parser.complaint and not self.is_eof():
            self.set_exception(HttpProcessingError(message=self._parser.complaint.message))
        super().connection_lost(exc)

    def is_connected(self) -> bool:
        """Return whether it can carry a further request.

        An answer that nobody asked for must not be taken for the next request's (RFC 9112 section
        9.2): aiohttp 3.14.5 looks for one when it puts a connection by, and not when it takes it up.
        """
        return super().is_connected() and not self.should_close


def _noted_socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    current_trip.get().sockets.append(made)
    return made


class Connector(aiohttp.TCPConnector):
    """Notes on the trip what a new connection takes; a connection in use again costs nothing.

    aiohttp's tracing tells the same by a public way, but runs some ten hooks for every request and
    builds its URL anew for two of them: 70 of the 260 µs that a small page took.
    """

    def __init__(self, guard: Guard, **options: Any) -> None:
        """Take what says which addresses may be connected to; the rest is aiohttp's."""
        super().__init__(socket_factory=_noted_socket, **options)
        self._guard = guard
        self._factory = functools.partial(Protocol, loop=self._loop)  # type: ignore[assignment]

    async def _create_connection(self, *arguments: Any, **options: Any) -> ResponseHandler:
        trip = current_trip.get()
        trip.phase = "connect"
        began_s = monotonic()
        protocol = await super()._create_connection(*arguments, **options)
        trip.sent_at_s = monotonic()
        trip.connect_s = trip.sent_at_s - began_s - trip.dns_s
        trip.phase = "connect"  # it may have been the proxy's
        return protocol

    async def _create_proxy_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> tuple[asyncio.BaseTransport, ResponseHandler]:
        """Connect to the proxy, and for https through it to the host, whose name the proxy looks up."""
        trip = current_trip.get()
        self._guard.check_unresolved(req.url.raw_host or "", is_listed=trip.is_listed, phase=trip.phase)
        trip.phase = TO_PROXY
        async with asyncio.timeout(None) as trip.tunnel_deadline:
            return await super()._create_proxy_connection(req, traces, timeout)

    async def _create_direct_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
        **options: Any,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        trip = current_trip.get()
        try:
            made = await super()._create_direct_connection(req, traces, timeout, **options)
        except BaseException:
            self._let_go(trip.sockets)
            raise
        trip.sockets.clear()
        if trip.tunnel_deadline is not None:
            # aiohttp 3.14.5 has no limit of its own for the answer to CONNECT.
            trip.phase = TUNNEL
            if timeout.sock_connect is not None:
                trip.tunnel_deadline.reschedule(self._loop.time() + timeout.sock_connect)
        return made

    def _let_go(self, sockets: list[socket.socket]) -> None:
        """Leave it to uvloop to close what a connection that failed was to be made of.

        When one ends in the very moment that it is taken over (a reset, a deadline), uvloop 0.22 closes the
        file and leaves the socket object open. That closes the number again when it is collected, and by
        then the number may be another connection's, which so dies, or worse, is taken for this one.
        """
        if type(self._loop).__module__.partition(".")[0] == "uvloop":
            for one in sockets:
                one.detach()
        sockets.clear()

    async def _start_tls_connection(
        self, *arguments: Any, **options: Any
    ) -> tuple[asyncio.BaseTransport, ResponseHandler]:
        current_trip.get().phase = "connect"  # the tunnel is there: what follows is the host's
        return await super()._start_tls_connection(*arguments, **options)

    async def _resolve_host(self, host: str, *arguments: Any, **options: Any) -> list[ResolveResult]:
        """Return the addresses that this very connection may be made to; aiohttp tries no others.

        What it keeps of earlier look-ups comes through here as well, and so do addresses in URLs, for
        which it asks no resolver.
        """
        trip = current_trip.get()
        if trip.phase == TO_PROXY:  # the user's own word, wherever it is
            return await super()._resolve_host(host, *arguments, **options)
        is_name = not is_address(host)
        if is_name:
            trip.phase = "dns"
        began_s = monotonic()
        found = await super()._resolve_host(host, *arguments, **options)
        if is_name:
            trip.dns_s = monotonic() - began_s
        addresses = [one["host"] for one in found]
        admitted = self._guard.admitted(host, addresses, is_listed=trip.is_listed, phase=trip.phase)
        trip.phase = "connect"
        return [one for one in found if one["host"] in admitted]


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
