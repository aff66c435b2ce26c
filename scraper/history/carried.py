"""The record of a page that is as it was: what an earlier run found, with what this one has learnt of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from scraper.clock import rfc3339
from scraper.parse.directives import combined, said_in_headers
from scraper.parse.indexability import indexability
from scraper.parse.metadata import announced
from scraper.record import Outcome
from scraper.record_line import attempts_of, timing_of
from scraper.redaction import shown_header, without_user_info

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from scraper.messages import Request, Response
    from scraper.parse.indexability import Indexability
    from scraper.record import Record
    from scraper.verdict.page import Done

_OF_THE_MESSAGE = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that tell of the answer itself or of how its body is to be read: those of a 304 say nothing of the
page that is kept (RFC 9111 3.1 and 3.2)."""


def carried_record(
    request: Request,
    done: Done,
    response: Response | None,
    stored: Record,
    *,
    run: str,
    token: str,
    now: datetime,
    started_s: float = 0.0,
) -> Record:
    """Put the record of a page together that has not changed.

    Args:
        request: The line under way.
        done: Its end, ``not_modified``.
        response: What the server said, a 304; ``None`` when nobody was asked.
        stored: The page's record, whole, as an earlier run wrote it.
        run: This run's name.
        token: What directives for crawlers may call us by.
        now: When it is judged whether the page may still be listed.
        started_s: Monotonic: when the visit began.
    """
    record = replace(
        stored,
        run=run,
        seq=request.seq,
        input=without_user_info(request.input),
        extra=request.extra or {},
        url=request.url,
        key=request.key,
        duplicate_of=request.duplicate_of,
        depth=request.depth,
        parent=request.parent,
        outcome=done.outcome,
        error=None,
        retryable=False,
        attempts=attempts_of(request),
        tries=[*request.tries, *([done.last] if done.last else [])] if request.tries else [],
        robots=request.robots,
        change=None,
        **(_of_nobody() if response is None else _of_answer(request, response, stored, started_s=started_s)),
    )
    judged = _judged(record, token=token, now=now)
    return replace(record, indexable=judged.indexable, indexable_reason=judged.reason)


def _of_nobody() -> dict[str, Any]:
    """Return what a record says of an answer where nobody was asked."""
    return {"status": None, "reason": None, "wire_size": None, "ip": None, "elapsed": None, "timing": None}


def _of_answer(request: Request, response: Response, stored: Record, *, started_s: float) -> dict[str, Any]:
    """Return what a record says of a 304: what is the answer's own, and what it brings anew of the page."""
    headers = updated_headers(stored.headers, response.headers)
    said: dict[str, Any] = {}
    if response.header("link") is not None:
        said["canonical_header"] = announced(response.headers, url=response.url).canonical_header
    return {
        **said,
        "status": response.status,
        "reason": response.reason or None,
        "http_version": response.http_version,
        "headers": headers,
        "x_robots_tag": headers.get("x-robots-tag", []),
        "redirects": [*request.redirects],
        "wire_size": response.wire_bytes,
        "etag": response.header("etag") or stored.etag,
        "last_modified": response.header("last-modified") or stored.last_modified,
        "ip": response.ip,
        "validated_at": rfc3339(response.fetched_at),
        "elapsed": round(response.elapsed_s, 6),
        "timing": timing_of(request, response, started_s=started_s, parse_s=0.0),
    }


def updated_headers(stored: Mapping[str, list[str]], said: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the headers of a stored answer with those that a 304 brings anew, as a record shows them."""
    new: dict[str, list[str]] = {}
    for name, value in said:
        if name not in _OF_THE_MESSAGE:
            new.setdefault(name, []).append(shown_header(name, value))
    return {**stored, **new}


def _judged(record: Record, *, token: str, now: datetime) -> Indexability:
    """Judge anew: robots.txt and headers may say something else by now, and a date may have come."""
    said = said_in_headers(token, headers=record.x_robots_tag) if record.x_robots_tag else ()
    return indexability(
        outcome=Outcome.OK,
        status=200,
        final_url=record.final_url,
        directives=combined([*record.meta_robots, *said]),
        now=now,
        canonical=record.canonical,
        canonical_header=record.canonical_header,
        refresh=record.refresh,
        robots_allowed=record.robots.allowed if record.robots else None,
    )
