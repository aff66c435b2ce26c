"""From what is known at the end of a visit to the record, as one line of JSON."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from scraper.clock import rfc3339
from scraper.messages import Finished
from scraper.parse.indexability import indexability
from scraper.record import SCHEMA_VERSION, Outcome, Record, Timing
from scraper.redaction import shown_header, without_user_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import Found, OwnFields, Request, Response
    from scraper.parse.indexability import Indexability
    from scraper.record import Page
    from scraper.verdict.page import Done

_encode = msgspec.json.Encoder().encode


def record_of(
    request: Request,
    done: Done,
    response: Response | None = None,
    page: Page | None = None,
    *,
    run: str,
    directives: Sequence[str] = (),
    started_s: float = 0.0,
    parse_s: float = 0.0,
    is_whole: bool = True,
) -> Record:
    """Put the record together.

    ``directives`` are those for crawlers that hold for the page, from its headers and its document.
    ``started_s`` (monotonic) is when the visit began; ``parse_s`` is how long the parsing took. Of a response
    that is not ``is_whole`` nothing is said of the body but what came of it on the wire.
    """
    tries = [*request.tries, *([done.last] if done.last else [])] if request.tries else []
    parts: dict[str, Any] = {}
    if page is not None:
        parts = msgspec.structs.asdict(page)
    if response is not None:
        parts.update(_http(response))
        if not is_whole:
            del parts["size"], parts["body_sha256"]
        if response.is_timed:
            parts["elapsed"] = round(response.elapsed_s, 6)
            parts["timing"] = timing_of(request, response, started_s=started_s, parse_s=parse_s)
    judged = _judged(request, done, response, page, directives)
    return Record(
        schema=SCHEMA_VERSION,
        run=run,
        seq=request.seq,
        input=without_user_info(request.input),
        extra=request.extra or {},
        url=request.url,
        final_url=response.url if response else None,
        key=request.key,
        duplicate_of=request.duplicate_of,
        depth=request.depth,
        parent=request.parent,
        outcome=done.outcome,
        error=done.failure,
        retryable=done.retryable,
        attempts=attempts_of(request),
        tries=tries,
        redirects=[*request.redirects, *([done.repeated] if done.repeated else [])],
        robots=request.robots,
        indexable=judged.indexable,
        indexable_reason=judged.reason,
        **parts,
    )


def finished(
    request: Request,
    done: Done,
    record: Record,
    *,
    took_s: float = 0.0,
    found: tuple[Found, ...] = (),
    own: OwnFields | None = None,
) -> Finished:
    """Encode a line's record.

    ``took_s`` is how long the visit took; ``found`` are the further lines that it gave; ``own`` is what
    came of the user's fields.
    """
    return Finished(
        home=request.home,
        place=request.place,
        seq=request.seq,
        url=request.url or request.input,
        host=request.host,
        outcome=done.outcome,
        cause=done.cause,
        status=record.status,
        line=_encode(record) + b"\n",
        wire_bytes=record.wire_size or 0,
        size_bytes=0 if record.outcome is Outcome.NOT_MODIFIED else record.size or 0,
        elapsed_s=record.elapsed or 0.0,
        took_s=request.took_s + took_s,
        attempts=record.attempts,
        retryable=done.retryable,
        found=found,
        own=own,
    )


def attempts_of(request: Request) -> int:
    """Return how many times a line was tried."""
    asked = request.settled is None
    return len(request.tries) + asked


def _judged(
    request: Request,
    done: Done,
    response: Response | None,
    page: Page | None,
    directives: Sequence[str],
) -> Indexability:
    allowed = request.robots.allowed if request.robots else None
    if response is None:
        return indexability(outcome=done.outcome, robots_allowed=allowed)
    return indexability(
        outcome=done.outcome,
        status=response.status,
        final_url=response.url,
        directives=directives,
        now=response.fetched_at,
        canonical=page.canonical if page else None,
        canonical_header=page.canonical_header if page else None,
        refresh=page.refresh if page else None,
        robots_allowed=allowed,
    )


def _http(response: Response) -> dict[str, Any]:
    """Return the fields of the HTTP and time groups, and the body's hash."""
    headers: dict[str, list[str]] = {}
    for name, value in response.headers:
        headers.setdefault(name, []).append(shown_header(name, value))
    return {
        "status": response.status,
        "reason": response.reason or None,
        "http_version": response.http_version,
        "headers": headers,
        "content_type": response.media_type,
        "content_encoding": response.header("content-encoding"),
        "size": len(response.body),
        "wire_size": response.wire_bytes,
        "truncated": response.truncated,
        "etag": response.header("etag"),
        "last_modified": response.header("last-modified"),
        "ip": response.ip,
        "x_robots_tag": headers.get("x-robots-tag", []),
        "fetched_at": rfc3339(response.fetched_at),
        "body_sha256": hashlib.sha256(response.body).hexdigest(),
    }


def timing_of(request: Request, response: Response, *, started_s: float, parse_s: float) -> Timing:
    """Return where the time went."""
    return Timing(
        queued=round(max(0.0, started_s - request.released_at_s), 6),
        polite=round(max(0.0, request.released_at_s - request.known_at_s), 6),
        dns=round(response.dns_s, 6),
        connect=round(response.connect_s, 6),
        first_byte=round(response.first_byte_s, 6),
        download=round(response.download_s, 6),
        parse=round(parse_s, 6),
    )
