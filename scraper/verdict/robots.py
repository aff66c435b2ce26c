"""What an answer to robots.txt means (RFC 9309 section 2.3.1), and how long it is believed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from scraper.clock import rfc3339
from scraper.errors import FetchError
from scraper.messages import Again, Errand, Hop, Response, RobotsRequest
from scraper.record import Failure, Outcome, Try
from scraper.robots.access import FORBIDDEN_STATUSES, RobotsFile, Standing, robots_url
from scraper.robots.reading import MAX_BYTES
from scraper.verdict.holdoff import retry_after_s
from scraper.verdict.redirects import STATUSES, Astray, RedirectRules, aimed
from scraper.verdict.retries import anew, is_transient

if TYPE_CHECKING:
    from datetime import datetime

    from scraper.settings.model import RobotsSettings
    from scraper.verdict.retries import Retries

_MOST_REDIRECTS = 5
"""RFC 9309 section 2.3.1.2: at least five are followed, also to other hosts; with more there may be
taken to be none."""

_UNREACHABLE_4XX = frozenset({408, 425, 429})
"""By their number they are the client's fault and would allow all; they say "not now"."""

_LEAST_AGE_S = 300.0
"""A shorter ``max-age`` would have it fetched more often than some pages."""

_max_age = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE).search

RobotsDecision: TypeAlias = RobotsFile | Again | Hop


class RobotsDecider:
    """The rules with their settings."""

    def __init__(self, settings: RobotsSettings, *, retries: Retries) -> None:
        self._settings = settings
        self._retries = retries
        self._redirects = RedirectRules(_MOST_REDIRECTS)

    def decide(self, errand: RobotsRequest, result: Response | FetchError, *, at: datetime) -> RobotsDecision:
        """Return what follows from asking for a robots.txt at ``at``, a time with a zone."""
        self._retries.note_request()
        if isinstance(result, FetchError):
            return anew(errand, result) or self._failed(errand, result, at)
        if result.status in STATUSES:
            onward = self._redirects.onward(errand, result)
            if isinstance(onward, Astray):  # as Google does: there is none
                return self._file(errand, Standing.UNAVAILABLE, at, response=result)
            return Hop(onward)
        if 200 <= result.status < 300:  # noqa: PLR2004 RFC 9110 section 15.3
            return self._file(errand, Standing.RULES, at, response=result)
        if result.status >= 500 or result.status in _UNREACHABLE_4XX:  # noqa: PLR2004
            return self._refused(errand, result, at)
        deny = self._settings.forbidden == "deny" and result.status in FORBIDDEN_STATUSES
        return self._file(errand, Standing.FORBIDDEN if deny else Standing.UNAVAILABLE, at, response=result)

    def _failed(self, errand: RobotsRequest, error: FetchError, at: datetime) -> RobotsDecision:
        tried = Try(at=rfc3339(at), error=error.outcome, waited_s=errand.waited_s)
        if is_transient(error) and (again := self._retries.again(errand, tried, start=_start(errand))):
            return again
        if error.outcome == Outcome.BLOCKED_ADDRESS and not errand.redirects:  # so is every page beside it
            own = Failure(type=error.kind, message=str(error), phase=error.phase)
            return self._file(errand, Standing.BLOCKED, at, failure=own, cause=Outcome.BLOCKED_ADDRESS)
        failure = Failure(type=error.kind, message=f"robots.txt: {error}", phase="robots")
        return self._file(errand, Standing.UNREACHABLE, at, failure=failure, cause=Outcome(error.outcome))

    def _refused(self, errand: RobotsRequest, response: Response, at: datetime) -> RobotsDecision:
        tried = Try(
            at=rfc3339(at),
            status=response.status,
            error=Outcome.HTTP_ERROR,
            waited_s=errand.waited_s,
            retry_after_s=retry_after_s(response),
        )
        if is_transient(response) and (again := self._retries.again(errand, tried, start=_start(errand))):
            return again
        message = f"robots.txt: answered with {response.status}"
        return self._file(
            errand,
            Standing.UNREACHABLE,
            at,
            response=response,
            failure=Failure(type="RobotsStatus", message=message, phase="robots"),
            cause=Outcome.HTTP_ERROR,
        )

    def _file(
        self,
        errand: RobotsRequest,
        standing: Standing,
        at: datetime,
        *,
        response: Response | None = None,
        failure: Failure | None = None,
        cause: Outcome | None = None,
    ) -> RobotsFile:
        age_s = self._settings.max_age_s
        if standing in {Standing.UNREACHABLE, Standing.BLOCKED}:
            age_s = min(age_s, self._settings.error_age_s)
        elif response and (found := _max_age(response.header("cache-control") or "")):
            age_s = min(age_s, max(float(found[1]), _LEAST_AGE_S))
        body = response.body if response and standing is Standing.RULES else b""
        return RobotsFile(
            origin=errand.origin,
            standing=standing,
            status=response.status if response else None,
            read_at_s=at.timestamp(),
            expires_at_s=at.timestamp() + age_s,
            body=body[: MAX_BYTES + 1].decode("latin-1"),
            failure=failure,
            cause=cause,
        )


def _start(errand: RobotsRequest) -> Errand:
    """Return the errand from its beginning: a redirect may lead elsewhere by now."""
    return aimed(errand, robots_url(errand.origin))
