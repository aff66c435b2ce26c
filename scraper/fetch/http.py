"""The only HTTP client: one request for one URL, by aiohttp.

No redirect is followed here and nothing is tried again: both are decided elsewhere, so that every
request goes past politeness. All of aiohttp's errors are translated at this door.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import ipaddress
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from scraper.errors import FetchError, RunError
from scraper.fetch import system_error
from scraper.fetch.body import ACCEPTED, BadEncoding, Body
from scraper.fetch.resolver import SystemResolver
from scraper.messages import Response
from scraper.record import Outcome
from scraper.settings.headers import merged_headers
from scraper.settings.values import is_credential

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiohttp.abc import ResolveResult
    from aiohttp.connector import Connection

    from scraper.clock import Clock
    from scraper.settings.model import FetchSettings

_HEADER_BYTES = 64 * 1024
"""Browsers take headers far longer than aiohttp's 8 KiB; real sites send them."""
_HEADERS = 512


class _Trip:
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


_trip: ContextVar[_Trip] = ContextVar("trip")
"""The request that the running task is at."""


class _Protocol(ResponseHandler):
    """A connection that notes on the trip whether it was kept, and whether bytes of an answer came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._trip: _Trip | None = None

    def set_response_params(self, **options: Any) -> None:
        """Begin with a request: aiohttp calls it for each one, before it is sent."""
        trip = _trip.get()
        trip.is_kept = self._trip is not None
        self._trip = trip
        if trip.is_last:
            self.force_close()  # "Connection: close" is a wish, and aiohttp keeps what the server keeps
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        if self._trip is not None:
            self._trip.is_heard = True
        super().data_received(data)

    def is_connected(self) -> bool:
        """Return whether it can carry a further request.

        An answer that nobody asked for must not be taken for the next request's (RFC 9112 section
        9.2): aiohttp 3.14.5 looks for one when it puts a connection by, and not when it takes it up.
        """
        return super().is_connected() and not self.should_close


class _Connector(aiohttp.TCPConnector):
    """Notes on the trip what a new connection takes; a connection in use again costs nothing.

    aiohttp's tracing tells the same by a public way, but runs some ten hooks for every request and
    builds its URL anew for two of them: 70 of the 260 µs that a small page took.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = functools.partial(_Protocol, loop=self._loop)  # type: ignore[assignment]

    async def _create_connection(self, *arguments: Any, **options: Any) -> ResponseHandler:
        trip = _trip.get()
        trip.phase = "connect"
        began_s = monotonic()
        protocol = await super()._create_connection(*arguments, **options)
        trip.sent_at_s = monotonic()
        trip.connect_s = trip.sent_at_s - began_s - trip.dns_s
        return protocol

    async def _resolve_host(self, host: str, *arguments: Any, **options: Any) -> list[ResolveResult]:
        trip = _trip.get()
        if _is_address(host):
            return await super()._resolve_host(host, *arguments, **options)
        trip.phase = "dns"
        began_s = monotonic()
        found = await super()._resolve_host(host, *arguments, **options)
        trip.dns_s = monotonic() - began_s
        trip.phase = "connect"
        return found


class _Answer(aiohttp.ClientResponse):
    """A response that knows whom it came from, and that notices when it breaks off."""

    peer: str | None = None
    """aiohttp forgets the address with the connection."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            address = connection.transport.get_extra_info("peername")
            self.peer = address[0] if isinstance(address, tuple) else None
        protocol = connection.protocol
        trip = _trip.get()
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


class HttpFetcher:
    """Fetches by aiohttp. ``open`` gives one and closes it with its connections.

    Any number of tasks may fetch at the same time: how many do, and at whom, is not decided here.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: FetchSettings,
        credentials: dict[str, str],
        clock: Clock,
    ) -> None:
        self._session = session
        self._settings = settings
        self._credentials = credentials
        self._clock = clock
        self._trips: dict[str, _Trip] = {}
        """By the name of the task that fetches."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: FetchSettings, *, clock: Clock) -> AsyncIterator[Self]:
        """Open a client with a connection pool of its own."""
        resolver = SystemResolver(timeout_s=settings.dns_s)
        connector = _Connector(
            limit=0,  # the frontier decides; a wait in the pool would count against the deadlines
            resolver=resolver,
            ttl_dns_cache=300,
            dns_cache_max_size=10_000,
            ssl=not settings.insecure,
        )
        credentials = {name: text for name, text in settings.headers.items() if is_credential(name)}
        try:
            async with aiohttp.ClientSession(
                connector=connector,
                response_class=_Answer,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=merged_headers(
                    {
                        "User-Agent": settings.user_agent,
                        "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
                        "Accept-Encoding": ACCEPTED,
                    },
                    {name: text for name, text in settings.headers.items() if name not in credentials},
                ),
                timeout=aiohttp.ClientTimeout(
                    total=None,  # ours is around everything, see ``fetch``
                    sock_connect=settings.connect_s,
                    sock_read=settings.read_s,
                ),
                auto_decompress=False,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                max_headers=_HEADERS,
            ) as session:
                # A request that is sent again must go past politeness first: see ``FetchError.is_stale``.
                session._retry_connection = False  # noqa: SLF001 - there is no public way
                yield cls(session, settings, credentials, clock)
        finally:
            await resolver.close()

    async def fetch(
        self,
        url: str,
        *,
        departs: Callable[[], None],
        credentials: bool = False,
        is_last: bool = False,
        cap_bytes: int | None = None,
    ) -> Response:
        """Return what the URL answers, whatever its status; a redirect is an answer too.

        A body over a cap gives a response that is ``truncated``, not an error.

        Args:
            url: What to ask for; it is sent as it is.
            departs: Called once, when the request is sent, or when it turns out that it can't be:
                a delay between two requests counts from there, and a name or a connection may take
                long.
            credentials: Send the user's headers that authenticate; the others are always sent.
            is_last: Keep the connection no longer and tell the server so: nothing more is wanted of it.
            cap_bytes: The most bytes of a body, on the wire and unpacked, in place of the settings'.

        Raises:
            FetchError: There was no whole response: its ``outcome`` says why.
        """
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        trip = self._trips[name] = _Trip(departs, is_last=is_last)
        _trip.set(trip)
        try:
            with _translated(trip):
                async with asyncio.timeout(self._settings.total_s):
                    return await self._exchange(
                        url, trip, self._headers(credentials=credentials, is_last=is_last), cap_bytes
                    )
        finally:
            trip.depart()  # it never came to be sent
            self._trips.pop(name, None)  # two tasks may have been given the same name

    def phase_of(self, task: str) -> str | None:
        """Return what the task of this name waits for here, ``None`` when it is not here."""
        trip = self._trips.get(task)
        return trip.phase if trip else None

    def _headers(self, *, credentials: bool, is_last: bool) -> dict[str, str] | None:
        """Return the headers of this request alone."""
        if not is_last:
            return self._credentials if credentials and self._credentials else None
        own = self._credentials if credentials else {}
        return {**own, "Connection": "close"}

    async def _exchange(
        self, url: str, trip: _Trip, headers: dict[str, str] | None, cap_bytes: int | None
    ) -> Response:
        # ``encoded``: the URL goes out as it is, aiohttp re-quotes nothing.
        async with self._session.get(
            URL(url, encoded=True), allow_redirects=False, headers=headers
        ) as answer:
            trip.phase = "body"
            began_s = monotonic()
            fetched_at = self._clock.utc()
            sent_at_s = trip.sent_at_s
            body = Body(
                ",".join(answer.headers.getall("Content-Encoding", ())),
                max_wire_bytes=self._settings.max_wire_bytes if cap_bytes is None else cap_bytes,
                max_body_bytes=self._settings.max_body_bytes if cap_bytes is None else cap_bytes,
            )
            # Left before its end, the connection is closed: aiohttp keeps none with a rest to be read.
            while not body.is_full and (chunk := await answer.content.readany()):
                body.feed(chunk)
            ended_s = monotonic()
            version = answer.version
            return Response(
                url=url,
                status=answer.status,
                reason=_text(answer.reason),
                http_version=f"{version.major}.{version.minor}" if version else "",
                headers=tuple((name.lower(), _text(value)) for name, value in answer.headers.items()),
                body=body.finish(),
                wire_bytes=body.wire_bytes,
                truncated=body.is_full,
                ip=getattr(answer, "peer", None),
                fetched_at=fetched_at,
                elapsed_s=ended_s - sent_at_s,
                dns_s=trip.dns_s,
                connect_s=trip.connect_s,
                first_byte_s=began_s - sent_at_s,
                download_s=ended_s - began_s,
            )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _text(value: str | None) -> str:
    """Return a header's text as UTF-8 can write it: aiohttp passes odd bytes on as surrogates.

    Bytes that are no UTF-8 are taken as Latin-1, as HTTP once had it (RFC 9110 section 5.5).
    """
    if not value or value.isascii():
        return value or ""
    return "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in value)


@contextlib.contextmanager
def _translated(trip: _Trip) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError, BadEncoding) as error:
        # What aiohttp's connector raises holds the system's own error, which says it better.
        cause = getattr(error, "os_error", error)
        if isinstance(cause, OSError) and cause.errno in {errno.EMFILE, errno.ENFILE}:
            raise RunError(
                "no more files may be open: raise the limit (ulimit -n) or lower --workers, then --resume"
            ) from error
        told = cause if isinstance(cause, TimeoutError) else error
        outcome = next(outcome for kinds, outcome in _OUTCOMES if isinstance(told, kinds))
        phase = "decode" if isinstance(error, BadEncoding) else trip.phase
        message = f"no answer in time ({phase})" if outcome is Outcome.TIMEOUT else _message(cause)
        raise FetchError(
            message,
            outcome=outcome,
            kind=system_error.name_of(cause),
            phase=phase,
            is_stale=trip.is_kept and not trip.is_heard and outcome is Outcome.DISCONNECTED,
        ) from error


_OUTCOMES: tuple[tuple[tuple[type[Exception], ...], Outcome], ...] = (
    # The first that fits counts, so what is more special stands first.
    ((BadEncoding,), Outcome.DECODE_ERROR),
    ((TimeoutError,), Outcome.TIMEOUT),
    ((aiohttp.ClientConnectorDNSError,), Outcome.DNS_ERROR),
    ((aiohttp.ClientSSLError,), Outcome.TLS_ERROR),
    ((aiohttp.ClientConnectorError,), Outcome.CONNECT_ERROR),
    ((aiohttp.ClientResponseError,), Outcome.PROTOCOL_ERROR),
    ((ValueError,), Outcome.INVALID_URL),  # yarl's, and aiohttp's own InvalidURL
    ((aiohttp.ClientError, OSError), Outcome.DISCONNECTED),
)


def _message(cause: Exception) -> str:
    """Return one line for people; aiohttp's own texts are long and hold object addresses."""
    text = system_error.describe(cause) if isinstance(cause, OSError) else ""
    if not text and isinstance(cause, aiohttp.ServerDisconnectedError | ConnectionError):
        text = "the server closed the connection"
    elif isinstance(cause, aiohttp.ClientPayloadError):
        text = "the connection ended before the body was whole"
    elif isinstance(cause, aiohttp.ClientResponseError):
        text = cause.message.rstrip(" \n^")  # the parser points at the place, below the line
    return _text(" ".join((text or str(cause)).split()))[:300] or type(cause).__name__
