"""The only HTTP client: one request for one URL, by aiohttp.

No redirect is followed here and nothing is tried again: both are decided elsewhere, so that every
request goes past politeness. All of aiohttp's errors are translated at this door.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Self

import aiohttp
from yarl import URL

from scraper.errors import FetchError, RunError
from scraper.exchange import Truncation
from scraper.fetch import system_error
from scraper.fetch.body import ACCEPTED, BadEncoding, Body, cut_in_words
from scraper.fetch.capture import capture, given_away, truncation_of
from scraper.fetch.connection import Answer, Connector, Trip, current_trip
from scraper.fetch.content_coding import codings_of
from scraper.fetch.guard import Guard
from scraper.fetch.head import MAX_HEAD_BYTES, header_text
from scraper.fetch.patience import Pace, Patience
from scraper.fetch.proxy import TO_PROXY, TUNNEL, ProxyRoute
from scraper.fetch.resolver import SystemResolver
from scraper.fetch.room import Room
from scraper.messages import Response
from scraper.record import Outcome
from scraper.settings.headers import is_private, merged_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from scraper.clock import Clock
    from scraper.exchange import Keep
    from scraper.messages import Validators
    from scraper.settings.model import FetchSettings

_LARGE_BYTES = 1 << 20
"""A body beyond this waits for room; few pages are as large."""
_ROOM_BYTES = 40 << 20
"""For all large bodies together. With it, and with what the parser takes for the largest page, 64 workers at
bodies without end stay below 256 MiB."""
_LATE_BYTES = 32 << 10
"""A body whose host has kept us waiting needs a place in a room of its own from here on: such bodies come on
top of those that workers have, and may be many times as many."""
_HEADERS = 4096
"""Browsers count only the bytes of a head; curl takes 5000 headers."""


_quoted = re.compile(r"""[:\s]+b?['"].*""", re.DOTALL)
"""The server's own bytes in an error of the parser, to its end: a password or a cookie may be in them."""


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
        self._route = ProxyRoute.of(settings.proxy)
        self._room, self._late_room = Room(_ROOM_BYTES), Room(_ROOM_BYTES)
        self._pace = Pace(most_s=settings.patience_s)
        self._trips: dict[str, Trip] = {}
        """By the name of the task that fetches."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: FetchSettings, *, clock: Clock) -> AsyncIterator[Self]:
        """Open a client with a connection pool of its own."""
        resolver = SystemResolver(timeout_s=settings.dns_s, clock=clock)
        connector = Connector(
            Guard(settings.private),
            limit=0,  # the frontier decides; a wait in the pool would count against the deadlines
            resolver=resolver,
            use_dns_cache=False,  # the resolver keeps names, and does it by name, not by name and port
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
                # Real sites send headers far longer than aiohttp's 8 KiB; browsers bound their sum.
                max_line_size=MAX_HEAD_BYTES,
                max_field_size=MAX_HEAD_BYTES,
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
        is_listed: bool = False,
        cap_bytes: int | None = None,
        validators: Validators | None = None,
        keep: Keep | None = None,
        waits: Callable[[bool], None] | None = None,
        is_doubtful: bool = False,
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
            is_listed: The host stands in the user's own list: it may have a private address then, unless
                the settings say otherwise.
            cap_bytes: The most bytes of a body, on the wire and unpacked, in place of the settings'.
            validators: What a 304 is asked for by; they are sent as they are.
            keep: Takes what was on the wire, also of an answer that broke off, before this returns. No
                deadline counts meanwhile.
            waits: Called with ``True`` when the host has brought next to nothing for much longer than others
                usually take, and with ``False`` when it goes on, or at the end.
            is_doubtful: Nothing is likely to come of it: ``waits`` is called at once.

        Raises:
            FetchError: There was no whole response: its ``outcome`` says why.
            RunError: The run can't go on; ``keep`` may raise it too.
        """
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        patience = Patience(waits, pace=self._pace)
        trip = Trip(departs, patience=patience, is_last=is_last, is_listed=is_listed)
        self._trips[name] = trip
        current_trip.set(trip)
        try:
            async with trip.holding:
                patience.begin(is_doubtful=is_doubtful)
                try:
                    with _translated(trip, self._route):
                        async with asyncio.timeout(self._settings.total_s) as deadline:
                            trip.deadline = deadline
                            headers = self._headers(url, credentials=credentials, is_last=is_last)
                            if validators is not None:
                                headers = merged_headers(headers or {}, _conditions(validators))
                            response = await self._exchange(
                                url, trip, headers, cap_bytes, keeps=keep is not None
                            )
                except FetchError as error:
                    patience.end()
                    await given_away(trip, keep, truncation_of(error, trip))
                    raise
                patience.end()
                await given_away(trip, keep, Truncation.LENGTH if response.truncated else None)
                return response
        finally:
            patience.end()
            trip.depart()  # it never came to be sent
            trip.partial = trip.exchange = None  # they hold the body, and a worker its last trip
            self._trips.pop(name, None)  # two tasks may have been given the same name

    def phase_of(self, task: str) -> str | None:
        """Return what the task of this name waits for here, ``None`` when it is not here."""
        trip = self._trips.get(task)
        return trip.phase if trip else None

    def _headers(self, url: str, *, credentials: bool, is_last: bool) -> dict[str, str] | None:
        """Return the headers of this request alone."""
        proxy = self._route.request_headers(url) if self._route else {}
        if not is_last and not proxy:
            return self._credentials if credentials and self._credentials else None
        own = self._credentials if credentials else {}
        last = {"Connection": "close"} if is_last else {}
        return {**own, **last, **proxy}

    async def _exchange(
        self, url: str, trip: Trip, headers: dict[str, str] | None, cap_bytes: int | None, *, keeps: bool
    ) -> Response:
        # ``encoded``: the URL goes out as it is, aiohttp re-quotes nothing.
        async with self._session.get(
            URL(url, encoded=True),
            allow_redirects=False,
            headers=headers,
            proxy=self._route.url if self._route else None,
            proxy_headers=self._route.tunnel_headers(url) if self._route else None,
        ) as answer:
            if self._route:
                self._route.note_answer(url, status=answer.status)
            trip.phase = "body"
            began_s = monotonic()
            fetched_at = self._clock.utc()
            sent_at_s = trip.sent_at_s
            ip = None if self._route else getattr(answer, "peer", None)  # the proxy's is not the host's
            make_body = partial(
                Body,
                max_wire_bytes=self._settings.max_wire_bytes if cap_bytes is None else cap_bytes,
                max_body_bytes=self._settings.max_body_bytes if cap_bytes is None else cap_bytes,
                max_ratio=self._settings.max_ratio,
                keeps_wire=keeps,
            )
            body = make_body("")  # until it is known that its coding can be undone

            def answered(whole: bytes | None = None) -> Response:
                ended_s = monotonic()
                version = answer.version
                return Response(
                    url=url,
                    status=answer.status,
                    reason=header_text(answer.reason),
                    http_version=f"{version.major}.{version.minor}" if version else "",
                    headers=tuple(
                        (name.lower().rstrip(), header_text(value)) for name, value in answer.headers.items()
                    ),
                    body=whole or b"",
                    wire_bytes=body.wire_bytes,
                    truncated=body.is_full,
                    cut_by=cut_in_words(body.cut_by, self._settings, cap_bytes),
                    ip=ip,
                    fetched_at=fetched_at,
                    elapsed_s=ended_s - sent_at_s,
                    dns_s=trip.dns_s,
                    connect_s=trip.connect_s,
                    first_byte_s=began_s - sent_at_s,
                    download_s=ended_s - began_s,
                )

            trip.partial = answered
            if keeps:
                trip.exchange = capture(answer, b"", url=url, at=fetched_at, ip=ip)
            body = make_body(",".join(codings_of(answer.headers.items())))
            if keeps:
                trip.exchange = capture(answer, body, url=url, at=fetched_at, ip=ip)
            await self._read(answer, body, trip)
            trip.is_read = True
            return answered(body.finish())

    async def _read(self, answer: aiohttp.ClientResponse, body: Body, trip: Trip) -> None:
        """Read a body to its end or its cap.

        Left before its end, the connection is closed: aiohttp keeps none with a rest to be read.
        """
        has_room = has_late_room = False
        while not body.is_full and (chunk := await answer.content.readany()):
            for _ in body.feeding(chunk):
                await asyncio.sleep(0)  # nobody waits for it to be unpacked
            is_late = trip.patience.was_ever_lost and body.kept_bytes > _LATE_BYTES
            # Always before the other room, or two could wait for each other.
            if is_late and not (has_late_room or has_room):
                has_late_room = True
                await self._room_found(self._late_room, _LARGE_BYTES, trip)
            if not has_room and body.kept_bytes > _LARGE_BYTES:
                has_room = True
                await self._room_found(self._room, body.most_bytes, trip)

    async def _room_found(self, room: Room, size_bytes: int, trip: Trip) -> None:
        """Wait for room, which is held for as long as the trip holds anything."""
        with trip.deadline_held():
            await trip.holding.enter_async_context(room.of(size_bytes))


def _conditions(validators: Validators) -> dict[str, str]:
    """Return the conditions; who knows tags passes over the date (RFC 9110 13.2.2)."""
    named = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in named.items() if value}


@contextlib.contextmanager
def _translated(trip: Trip, route: ProxyRoute | None) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, ValueError, BadEncoding) as error:
        # What aiohttp's connector raises holds the system's own error, which says it better.
        cause = getattr(error, "os_error", error)
        if isinstance(cause, OSError) and cause.errno in {errno.EMFILE, errno.ENFILE}:
            raise RunError(
                "no more files may be open: raise the limit (ulimit -n) or lower --workers"
            ) from error
        told = cause if isinstance(cause, TimeoutError) else error
        outcome = next(outcome for kinds, outcome in _OUTCOMES if isinstance(told, kinds))
        phase = "decode" if isinstance(error, BadEncoding) else trip.phase
        message = f"no answer in time ({phase})" if outcome is Outcome.TIMEOUT else _message(cause)
        if route and phase in {TO_PROXY, TUNNEL}:
            status = 0
            if isinstance(error, aiohttp.ClientHttpProxyError):
                status, message = error.status, header_text(error.message)
            kind = system_error.name_of(cause)
            raise route.failure(phase, outcome=outcome, kind=kind, status=status, message=message) from error
        raise FetchError(
            message,
            outcome=outcome,
            kind=system_error.name_of(cause),
            phase=phase,
            is_stale=trip.is_kept and not trip.patience.heard_bytes and outcome is Outcome.DISCONNECTED,
            partial=trip.partial() if trip.partial else None,
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
    """Return one line for people; aiohttp's own texts are long, hold object addresses and quote what came."""
    text = system_error.describe(cause) if isinstance(cause, OSError) else ""
    if not text and isinstance(cause, aiohttp.ServerDisconnectedError | ConnectionError):
        text = "the server closed the connection"
    elif isinstance(cause, aiohttp.ClientPayloadError):
        text = "the connection ended before the body was whole"
    elif isinstance(cause, aiohttp.ClientResponseError):
        text = _quoted.sub("", cause.message)
    return header_text(" ".join((text or str(cause)).split()))[:300] or type(cause).__name__
