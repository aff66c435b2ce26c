"""What an archive keeps of an answer, taken down as it came from the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.exchange import Exchange, Truncation
from scraper.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aiohttp import ClientResponse

    from scraper.errors import FetchError
    from scraper.exchange import Keep
    from scraper.fetch.body import Body
    from scraper.fetch.connection import Trip


def capture(
    answer: ClientResponse, body: Body | bytes, *, url: str, at: datetime, ip: str | None
) -> Callable[[Truncation | None], Exchange]:
    """Return what gives an answer with its request, as far as the body has come when it is called."""
    sent, version = answer.request_info, answer.version

    def exchange(truncation: Truncation | None) -> Exchange:
        return Exchange(
            url=url,
            target=sent.url.raw_path_qs,
            request_headers=tuple(sent.headers.items()),
            http_version=f"{version.major}.{version.minor}" if version else "1.0",
            status=answer.status,
            reason=answer.reason or "",
            headers=answer.raw_headers,
            body=body if isinstance(body, bytes) else body.wire,
            truncation=truncation,
            at=at,
            ip=ip,
        )

    return exchange


def truncation_of(error: FetchError, trip: Trip) -> Truncation | None:
    """Return why the body of an answer that has come to an error is not whole; ``None`` if it is."""
    if trip.is_read:
        return None
    match error.outcome:
        case Outcome.TIMEOUT:
            return Truncation.TIME
        case Outcome.DISCONNECTED:
            return Truncation.DISCONNECT
    return Truncation.UNSPECIFIED


async def given_away(trip: Trip, keep: Keep | None, truncation: Truncation | None) -> None:
    """Give what was on the wire to whom it is wanted by, once, if an answer has begun."""
    if keep is not None and trip.exchange is not None:
        trip.phase = "archive"
        exchange, trip.exchange = trip.exchange(truncation), None
        await keep(exchange)
