"""The only HTTP client: one request for one URL, by aiohttp.

No redirect is followed here and nothing is tried again: both are decided elsewhere, so that every
request goes past politeness. All of aiohttp's errors are translated at this door.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from time import monotonic
from typing import TYPE_CHECKING, Self

import aiohttp
from yarl import URL

from scraper.errors import FetchError, RunError
from scraper.fetch import system_error
from scraper.fetch.body import ACCEPTED, BadEncoding, Body
from scraper.fetch.connection import Answer, Connector, Trip, current_trip
from scraper.fetch.resolver import SystemResolver
from scraper.messages import Response
from scraper.record import Outcome
from scraper.settings.headers import is_private, merged_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from scraper.clock import Clock
    from scraper.settings.model import FetchSettings

_HEADER_BYTES = 64 * 1024
"""Browsers take headers far longer than aiohttp's 8 KiB; real sites send them."""
_HEADERS = 512


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
        self._trips: dict[str, Trip] = {}
        """By the name of the task that fetches."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: FetchSettings, *, clock: Clock) -> AsyncIterator[Self]:
        """Open a client with a connection pool of its own."""
        resolver = SystemResolver(timeout_s=settings.dns_s)
        connector = Connector(
            limit=0,  # the frontier decides; a wait in the pool would count against the deadlines
            resolver=resolver,
            ttl_dns_cache=300,
            dns_cache_max_size=10_000,
            ssl=not settings.insecure,
        )
        credentials = {name: text for name, text in settings.headers.items() if is_private(name)}
        try:
            async with aiohttp.ClientSession(
                connector=connector,
                response_class=Answer,
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
            credentials: Send the user's private headers too; the harmless ones are always sent.
            is_last: Keep the connection no longer and tell the server so: nothing more is wanted of it.
            cap_bytes: The most bytes of a body, on the wire and unpacked, in place of the settings'.

        Raises:
            FetchError: There was no whole response: its ``outcome`` says why.
        """
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        trip = self._trips[name] = Trip(departs, is_last=is_last)
        current_trip.set(trip)
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
        self, url: str, trip: Trip, headers: dict[str, str] | None, cap_bytes: int | None
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


def _text(value: str | None) -> str:
    """Return a header's text as UTF-8 can write it: aiohttp passes odd bytes on as surrogates.

    Bytes that are no UTF-8 are taken as Latin-1, as HTTP once had it (RFC 9110 section 5.5).
    """
    if not value or value.isascii():
        return value or ""
    return "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in value)


@contextlib.contextmanager
def _translated(trip: Trip) -> Iterator[None]:
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
