"""What to do after one attempt: it is done, it is tried again, or it leads on to another URL.

Pure: no I/O, no clock; chance is passed in. The order of the rules is the order of the code.
"""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from scraper import urls
from scraper.clock import rfc3339
from scraper.errors import FetchError
from scraper.messages import Again, Hop, Request, Response
from scraper.record import Failure, Outcome, Redirect, Try

if TYPE_CHECKING:
    from random import Random

    from scraper.settings.model import RetrySettings

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The Fetch Standard's redirect statuses. All are asked for by GET, so that their differences in
method do not matter."""

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
"""Statuses that say "not now" rather than "no"; 520 to 524 are those of a large proxy network."""

TRANSIENT_OUTCOMES = frozenset({Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED})
"""Failures without an answer that may pass. A name that does not resolve is transient only when the
resolver says so (``EAI_AGAIN``); a certificate does not get better by asking again."""

_HTTPS_REFUSED = frozenset(
    {Outcome.CONNECT_ERROR, Outcome.TLS_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED, Outcome.PROTOCOL_ERROR}
)
"""What a host without https answers to a guess that it has it."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The line is finished, well or not."""

    outcome: Outcome
    failure: Failure | None = None
    retryable: bool = False


Decision: TypeAlias = Done | Again | Hop


class Decider:
    """The rules with their settings."""

    def __init__(self, retry: RetrySettings, *, max_redirects: int, chance: Random) -> None:
        self._retry = retry
        self._max_redirects = max_redirects
        self._chance = chance

    def decide(self, request: Request, result: Response | FetchError, *, at: datetime) -> Decision:
        """Return what follows from an attempt that began at ``at``, a time with a zone."""
        if isinstance(result, FetchError):
            return self._failed(request, result, at)
        if result.status in REDIRECTS:
            return self._redirected(request, result)
        if 200 <= result.status < 300:  # noqa: PLR2004 RFC 9110 section 15.3
            return Done(outcome=Outcome.TOO_LARGE if result.truncated else Outcome.OK)
        return self._refused(request, result, at)

    def _failed(self, request: Request, error: FetchError, at: datetime) -> Decision:
        outcome = Outcome(error.outcome)
        failure = Failure(type=error.kind, message=str(error), phase=error.phase)
        tried = Try(at=rfc3339(at), error=outcome, waited_s=request.waited_s)
        if request.guessed_scheme and not request.redirects and outcome in _HTTPS_REFUSED:
            return Again(_over_http(request, tried), 0.0)
        if outcome in TRANSIENT_OUTCOMES or error.kind == "EAI_AGAIN":
            return self._again(request, tried) or Done(outcome=outcome, failure=failure, retryable=True)
        return Done(outcome=outcome, failure=failure)

    def _refused(self, request: Request, response: Response, at: datetime) -> Decision:
        if response.status not in TRANSIENT_STATUSES:
            return Done(outcome=Outcome.HTTP_ERROR)
        tried = Try(
            at=rfc3339(at),
            status=response.status,
            error=Outcome.HTTP_ERROR,
            waited_s=request.waited_s,
            retry_after_s=retry_after(response),
        )
        return self._again(request, tried) or Done(outcome=Outcome.HTTP_ERROR, retryable=True)

    def _again(self, request: Request, tried: Try) -> Again | None:
        """Return the next try after a random wait, ``None`` when there is to be none.

        Full jitter: up to twice as long each time, drawn from zero, so that what failed together
        does not come back together. A server's own wish is the least; above the cap it is better
        not asked again in this run.
        """
        failed = len(request.tries)
        asked_s = tried.retry_after_s or 0.0
        if failed >= self._retry.retries or asked_s > self._retry.cap_s:
            return None
        most_s = min(self._retry.cap_s, self._retry.base_s * 2**failed)
        wait_s = max(asked_s, self._chance.uniform(0.0, most_s))
        # From the start: a redirect may lead elsewhere by now, and its hops are the record's.
        start = request.redirects[0].url if request.redirects else request.target
        return Again(_aimed(request, start, redirects=(), tries=(*request.tries, tried)), wait_s)

    def _redirected(self, request: Request, response: Response) -> Decision:
        location = response.header("location")
        if location is None:
            return _astray("NoLocation", "a redirect without a target")
        target = urls.resolve(response.url, location)
        if target is None:
            return _astray("BadLocation", "a redirect to what is no http or https URL")
        target = urls.drop_fragment(target)
        hop = Redirect(
            url=response.url,
            status=response.status,
            location=urls.shown_location(location),
            elapsed_s=round(response.first_byte_s, 6),
        )
        redirects = (*request.redirects, hop)
        if any(target == earlier.url for earlier in redirects):
            return _astray("RedirectLoop", "the redirects lead back to where they have been")
        if len(redirects) > self._max_redirects:
            return _astray("TooManyRedirects", f"more than {self._max_redirects} redirects")
        return Hop(_aimed(request, target, redirects=redirects, tries=request.tries))


def retry_after(response: Response) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks to wait, ``None`` without a valid one.

    RFC 9110 section 10.2.3: whole seconds or a date. A date is taken relative to the server's own
    ``Date``, which cancels a clock that is wrong, and lies 0 seconds ahead when it has passed.
    """
    value = (response.header("retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    then = _http_date(value)
    if then is None:
        return None
    now = _http_date(response.header("date") or "") or response.fetched_at
    return max(0.0, (then - now).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _astray(kind: str, message: str) -> Done:
    failure = Failure(type=kind, message=message, phase="redirect")
    return Done(outcome=Outcome.REDIRECT_ERROR, failure=failure)


def _aimed(
    request: Request, target: str, *, redirects: tuple[Redirect, ...], tries: tuple[Try, ...]
) -> Request:
    """Return the request on its way to another URL."""
    return msgspec.structs.replace(
        request, target=target, host=urls.host_key(target), redirects=redirects, tries=tries
    )


def _over_http(request: Request, tried: Try) -> Request:
    """Return the request with the other guess at the scheme its line did not have."""
    target = urls.http_variant(request.target)
    aimed = _aimed(request, target, redirects=(), tries=(*request.tries, tried))
    return msgspec.structs.replace(aimed, url=target, guessed_scheme=False)
