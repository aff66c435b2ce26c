"""What to do after one attempt at a line: it is done, it is tried again, or it leads on to another URL.

The order of the rules is the order of the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import replace

from scraper import urls
from scraper.clock import rfc3339
from scraper.errors import FetchError
from scraper.messages import Again, Hop, Request, Response, Settled
from scraper.record import Failure, Outcome, Redirect, Try
from scraper.verdict.conditions import is_confirmed, is_verdict, unconditional
from scraper.verdict.holdoff import retry_after_s
from scraper.verdict.redirects import STATUSES, Astray, RedirectRules, aimed
from scraper.verdict.retries import anew, is_transient

if TYPE_CHECKING:
    from datetime import datetime

    from scraper.messages import Errand
    from scraper.record import Refresh
    from scraper.verdict.retries import Retries

_HTTPS_REFUSED = frozenset(
    {Outcome.CONNECT_ERROR, Outcome.TLS_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED, Outcome.PROTOCOL_ERROR}
)
"""What a host without https answers to a guess that it has it."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The line is finished, well or not."""

    outcome: Outcome
    failure: Failure | None = None
    cause: Outcome | None = None
    """The outcome behind it; see ``Settled``."""
    retryable: bool = False
    last: Try | None = None
    """The attempt that it ended with; ``None`` when nobody was asked, or all went well at once."""
    repeated: Redirect | None = None
    """The hop that closed a circle of redirects."""


Decision: TypeAlias = Done | Again | Hop


class Decider:
    """The rules with their settings."""

    def __init__(
        self, *, retries: Retries, redirects: RedirectRules, refresh_within_s: float | None = None
    ) -> None:
        """Take the rules; with ``refresh_within_s`` a page that sends its readers on is followed."""
        self._retries = retries
        self._redirects = redirects
        self._refresh_within_s = refresh_within_s

    def settle(self, request: Request, settled: Settled, *, at: datetime) -> Decision:
        """Return what follows for a line that nobody is asked for."""
        if request.guessed_scheme and not request.redirects and settled.cause in _HTTPS_REFUSED:
            return Again(_over_http(request, Try(at=rfc3339(at), error=settled.outcome)), 0.0)
        return Done(
            outcome=settled.outcome,
            failure=settled.failure,
            cause=settled.cause,
            retryable=settled.retryable,
        )

    def decide(self, request: Request, result: Response | FetchError, *, at: datetime) -> Decision:
        """Return what follows from an attempt that began at ``at``, a time with a zone."""
        self._retries.note_request()
        if not isinstance(result, FetchError) and 200 <= result.status < 300:  # noqa: PLR2004 RFC 9110 15.3
            # Told only when there were others: writing the time down costs more than the rest here.
            last = _tried(request, result, at=at) if request.tries else None
            if not result.truncated:
                return Done(outcome=Outcome.OK, last=last)
            message = f"more than {result.cut_by or 'it may have'}"
            failure = Failure(type="TooLarge", message=message, phase="body")
            return Done(outcome=Outcome.TOO_LARGE, failure=failure, last=last)
        if request.known and not isinstance(result, FetchError) and is_verdict(request, result):
            return _confirmed(request, result, at=at)
        tried = _tried(request, result, at=at)
        if isinstance(result, FetchError):
            return anew(request, result) or self._failed(request, result, tried)
        return self._answered(request, result, tried)

    def _answered(self, request: Request, result: Response, tried: Try) -> Decision:
        if result.status in STATUSES:
            return self._redirected(self._redirects.onward(request, result), tried)
        if not is_transient(result):
            return Done(outcome=Outcome.HTTP_ERROR, last=tried)
        again = self._retries.again(request, tried, start=_start(request))
        return again or Done(outcome=Outcome.HTTP_ERROR, retryable=True, last=tried)

    def refreshed(self, request: Request, response: Response, refresh: Refresh | None) -> Hop | None:
        """Return where a page sends its readers on to, if that is followed and leads anywhere.

        A page that reloads itself, or leads in a circle, is a page like any other.
        """
        if refresh is None or refresh.url is None or self._refresh_within_s is None:
            return None
        if refresh.delay > self._refresh_within_s or urls.drop_fragment(refresh.url) == response.url:
            return None
        onward = self._redirects.toward(request, response, refresh.url)
        return None if isinstance(onward, Astray) else Hop(onward)

    def _failed(self, request: Request, error: FetchError, tried: Try) -> Decision:
        outcome = Outcome(error.outcome)
        failure = Failure(type=error.kind, message=str(error), phase=error.phase)
        if request.guessed_scheme and not request.redirects and outcome in _HTTPS_REFUSED:
            return Again(_over_http(request, tried), 0.0)
        transient = is_transient(error)
        if transient and (again := self._retries.again(request, tried, start=_start(request))):
            return again
        return Done(outcome=outcome, failure=failure, retryable=transient, last=tried)

    def _redirected(self, onward: Errand | Astray, tried: Try) -> Decision:
        if not isinstance(onward, Astray):
            return Hop(onward)
        failure = Failure(type=onward.kind, message=onward.message, phase="redirect")
        return Done(outcome=Outcome.REDIRECT_ERROR, failure=failure, last=tried, repeated=onward.repeated)


def _confirmed(request: Request, response: Response, *, at: datetime) -> Decision:
    """Return what follows from an answer to a condition; one that is of another page has to be asked for."""
    if not is_confirmed(request, response):
        return Again(unconditional(request), 0.0)
    return Done(
        outcome=Outcome.NOT_MODIFIED, last=_tried(request, response, at=at) if request.tries else None
    )


def _tried(request: Request, result: Response | FetchError, *, at: datetime) -> Try:
    """Return the attempt as the record tells of it, should it be one of several."""
    if isinstance(result, FetchError):
        status = result.partial.status if isinstance(result.partial, Response) else None
        return Try(at=rfc3339(at), status=status, error=result.outcome, waited_s=request.waited_s)
    good = 200 <= result.status < 300 or (request.known is not None and is_verdict(request, result))  # noqa: PLR2004
    return Try(
        at=rfc3339(at),
        status=result.status,
        error=None if good else Outcome.HTTP_ERROR,
        waited_s=request.waited_s,
        retry_after_s=None if good else retry_after_s(result),
    )


def _start(request: Request) -> Errand:
    """Return the request from its beginning.

    A redirect may lead elsewhere by now, and the hops of the last try are the record's.
    """
    if not request.redirects:
        return request
    return aimed(request, request.redirects[0].url)


def _over_http(request: Request, tried: Try) -> Request:
    """Return the request with the other guess at the scheme its line did not have.

    The user's private headers stay behind: whoever can block https on the way could else have them sent in
    the clear. Who wants them sent over http writes ``http://``.
    """
    guess = request.target or request.url or ""
    target = urls.http_variant(guess)
    tries = tuple(replace(one, url=guess) for one in (*request.tries, tried))
    return replace(
        request,
        url=target,
        target=target,
        host=urls.host_key(target),
        redirects=(),
        tries=tries,
        free_tries=request.free_tries + 1,
        guessed_scheme=False,
        is_trusted=False,
        settled=None,
        robots=None,
    )
