"""The only HTTP client: one request for one URL, by aiohttp.

No redirect is followed here and nothing is tried again: both are decided elsewhere, so that every
request goes past politeness. All of aiohttp's errors are translated at this door.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from yarl import URL

from scraper.errors import FetchError
from scraper.fetch.body import ACCEPTED, BadEncoding, Body
from scraper.fetch.resolver import SystemResolver
from scraper.messages import Response
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aiohttp.connector import Connection

    from scraper.clock import Clock
    from scraper.settings.model import FetchSettings

_HEADER_BYTES = 64 * 1024
"""Browsers take headers far longer than aiohttp's 8 KiB; real sites send them."""
_HEADERS = 512


class _Trip:
    """When the phases of one request began, filled in by aiohttp's tracing."""

    __slots__ = ("connect_s", "dns_s", "phase", "sent_at_s", "since_s")

    def __init__(self) -> None:
        self.phase = "connect"
        self.since_s = monotonic()
        self.dns_s = 0.0
        self.connect_s = 0.0
        self.sent_at_s = 0.0


class _Answer(aiohttp.ClientResponse):
    """A response that remembers whom it came from: aiohttp forgets with the connection."""

    peer: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            address = connection.transport.get_extra_info("peername")
            self.peer = address[0] if isinstance(address, tuple) else None
        return await super().start(connection)


class HttpFetcher:
    """Fetches by aiohttp. ``open`` gives one and closes it with its connections.

    Any number of tasks may fetch at the same time: how many do, and at whom, is not decided here.
    """

    def __init__(self, session: aiohttp.ClientSession, settings: FetchSettings, clock: Clock) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock
        self._trips: dict[str, _Trip] = {}
        """By the name of the task that fetches."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: FetchSettings, *, clock: Clock) -> AsyncIterator[Self]:
        """Open a client with a connection pool of its own."""
        resolver = SystemResolver(timeout_s=settings.dns_s)
        connector = aiohttp.TCPConnector(
            limit=0,  # the frontier decides; a wait in the pool would count against the deadlines
            resolver=resolver,
            ttl_dns_cache=300,
            dns_cache_max_size=10_000,
            ssl=not settings.insecure,
        )
        try:
            async with aiohttp.ClientSession(
                connector=connector,
                response_class=_Answer,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "User-Agent": settings.user_agent,
                    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
                    "Accept-Encoding": ACCEPTED,
                    **settings.headers,
                },
                timeout=aiohttp.ClientTimeout(
                    total=None,  # ours is around everything, see ``fetch``
                    sock_connect=settings.connect_s,
                    sock_read=settings.read_s,
                ),
                auto_decompress=False,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                max_headers=_HEADERS,
                trace_configs=[_tracing()],
            ) as session:
                yield cls(session, settings, clock)
        finally:
            await resolver.close()

    async def fetch(self, url: str, *, departs: Callable[[], None]) -> Response:
        """Return what the URL answers, whatever its status; a redirect is an answer too.

        ``departs`` is called once, before anything goes on the wire. A body over a cap gives a
        response that is ``truncated``, not an error.

        Raises:
            FetchError: There was no whole response: its ``outcome`` says why.
        """
        departs()
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        trip = self._trips[name] = _Trip()
        try:
            with _translated(trip):
                async with asyncio.timeout(self._settings.total_s):
                    return await self._exchange(url, trip)
        finally:
            del self._trips[name]

    def phase_of(self, task: str) -> str | None:
        """Return what the task of this name waits for here, ``None`` when it is not here."""
        trip = self._trips.get(task)
        return trip.phase if trip else None

    async def _exchange(self, url: str, trip: _Trip) -> Response:
        # ``encoded``: the URL goes out as it is, aiohttp re-quotes nothing.
        async with self._session.get(
            URL(url, encoded=True), allow_redirects=False, trace_request_ctx=trip
        ) as answer:
            trip.phase = "body"
            began_s = monotonic()
            fetched_at = self._clock.utc()
            sent_at_s = trip.sent_at_s or trip.since_s
            body = Body(
                ",".join(answer.headers.getall("Content-Encoding", ())),
                max_wire_bytes=self._settings.max_wire_bytes,
                max_body_bytes=self._settings.max_body_bytes,
            )
            while not body.is_full and (chunk := await answer.content.readany()):
                body.feed(chunk)
            if body.is_full:
                answer.close()  # the rest would have to be read before the connection is of use again
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
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, BadEncoding) as error:
        outcome = _outcome(error, trip.phase)
        raise FetchError(
            _message(error, outcome, trip.phase),
            outcome=outcome,
            kind=_kind(error),
            phase="decode" if outcome == Outcome.DECODE_ERROR else trip.phase,
        ) from error


_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    # The first that fits counts, so what is more special stands first.
    (BadEncoding, Outcome.DECODE_ERROR),
    (TimeoutError, Outcome.TIMEOUT),
    (aiohttp.ClientConnectorDNSError, Outcome.DNS_ERROR),
    (aiohttp.ClientConnectorCertificateError, Outcome.TLS_ERROR),
    (aiohttp.ClientSSLError, Outcome.TLS_ERROR),
    (aiohttp.ClientConnectorError, Outcome.CONNECT_ERROR),
    (aiohttp.ClientPayloadError, Outcome.DISCONNECTED),
    (aiohttp.ServerDisconnectedError, Outcome.DISCONNECTED),
    (aiohttp.ClientResponseError, Outcome.PROTOCOL_ERROR),
    (aiohttp.InvalidURL, Outcome.INVALID_URL),
    (aiohttp.ClientConnectionError, Outcome.DISCONNECTED),
    (OSError, Outcome.DISCONNECTED),
    (ValueError, Outcome.PROTOCOL_ERROR),
)


def _outcome(error: Exception, phase: str) -> Outcome:
    if isinstance(error, aiohttp.ClientConnectorDNSError) and isinstance(error.__cause__, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, OSError) and phase in {"dns", "connect"} and not isinstance(error, aiohttp.ClientError):
        return Outcome.TIMEOUT if isinstance(error, TimeoutError) else Outcome.CONNECT_ERROR
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), Outcome.PROTOCOL_ERROR)


def _kind(error: Exception) -> str:
    """Return what to call an error: the system's own name for it where it has one."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, socket.gaierror):
        return _RESOLVER_ERRORS.get(cause.errno or 0, "gaierror")
    if isinstance(cause, OSError) and cause.errno in errno.errorcode:
        return errno.errorcode[cause.errno]
    return type(error).__name__


_RESOLVER_ERRORS = {
    getattr(socket, name): name for name in ("EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_NONAME") if hasattr(socket, name)
}


def _message(error: Exception, outcome: Outcome, phase: str) -> str:
    """Return one line for people; aiohttp's own texts are long and hold object addresses."""
    if outcome is Outcome.TIMEOUT:
        return f"no answer in time ({phase})"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _one_line(str(error.certificate_error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return _one_line(error.os_error.strerror or str(error.os_error))
    if isinstance(error, aiohttp.ClientResponseError):
        return _one_line(error.message)
    return _one_line(str(error)) or type(error).__name__


def _one_line(text: str) -> str:
    return _text(" ".join(text.split()))[:300]


def _tracing() -> aiohttp.TraceConfig:
    """Return the hooks that fill in a request's ``_Trip``."""
    tracing = aiohttp.TraceConfig()

    def begins(phase: str) -> Any:
        async def hook(_session: object, context: Any, _parameters: object) -> None:
            trip: _Trip = context.trace_request_ctx
            trip.phase = phase
            trip.since_s = monotonic()

        return hook

    async def resolved(_session: object, context: Any, _parameters: object) -> None:
        trip: _Trip = context.trace_request_ctx
        trip.dns_s = monotonic() - trip.since_s
        trip.phase = "connect"

    async def connected(_session: object, context: Any, _parameters: object) -> None:
        trip: _Trip = context.trace_request_ctx
        trip.connect_s = monotonic() - trip.since_s - trip.dns_s
        trip.phase = "send"

    async def sent(_session: object, context: Any, _parameters: object) -> None:
        trip: _Trip = context.trace_request_ctx
        trip.sent_at_s = monotonic()
        trip.phase = "headers"

    tracing.on_connection_create_start.append(begins("connect"))
    tracing.on_dns_resolvehost_start.append(begins("dns"))
    tracing.on_dns_resolvehost_end.append(resolved)
    tracing.on_connection_create_end.append(connected)
    tracing.on_connection_reuseconn.append(begins("send"))
    tracing.on_request_headers_sent.append(sent)
    return tracing
