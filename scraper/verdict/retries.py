"""Which failures are tried again, when, and how often over the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from scraper.errors import FetchError
from scraper.messages import Again, Errand
from scraper.record import Outcome

if TYPE_CHECKING:
    from random import Random

    from scraper.messages import Response
    from scraper.record import Try
    from scraper.settings.model import RetrySettings

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
"""Statuses that say "not now" rather than "no"; 520 to 524 are those of a large proxy network."""

TRANSIENT_OUTCOMES = frozenset({Outcome.CONNECT_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED})
"""Failures that may pass. A name that does not exist, a certificate that does not verify and what is no
HTTP stay so."""

_TRANSIENT_KINDS = frozenset({"EAI_AGAIN", "ECONNRESET"})
"""Errors that may pass whatever their outcome: a resolver out of reach, a handshake broken off."""

_LASTING_KINDS = frozenset({"ProxyAuthenticationRequired", "BlockedAddress"})
"""Errors that stay so whatever their outcome."""


def is_transient(result: Response | FetchError) -> bool:
    """Return whether asking again may well bring something else."""
    if isinstance(result, FetchError):
        may_pass = Outcome(result.outcome) in TRANSIENT_OUTCOMES or result.kind in _TRANSIENT_KINDS
        return may_pass and result.kind not in _LASTING_KINDS
    return result.status in TRANSIENT_STATUSES


class Budget(Protocol):
    """Says whether the run may have one more further try."""

    def note_request(self) -> None:
        """Count one request, of whatever kind and end."""
        ...

    def take(self) -> bool:
        """Take one further try; return whether there was one to be had."""
        ...


class RunBudget:
    """Keeps an outage from multiplying the load.

    No more of all requests than a share may be further tries, beyond a floor that lets short lists have
    theirs.
    """

    def __init__(self, settings: RetrySettings) -> None:
        self._share = settings.budget_share
        self._floor = settings.budget_floor
        self._requests = 0
        self._taken = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a further try to be had."""
        return self._taken < self._floor + self._share * self._requests

    def note_request(self) -> None:
        """Count one request, of whatever kind and end."""
        self._requests += 1

    def take(self) -> bool:
        """Take one further try; return whether there was one to be had."""
        is_open = self.is_open
        self._taken += is_open
        return is_open


class Retries:
    """Grants further tries, as far as the budget goes."""

    def __init__(
        self, settings: RetrySettings, *, budget: Budget, longest_wait_s: float, chance: Random
    ) -> None:
        """Take the longest wait that a server may ask for and still be asked again."""
        self._settings = settings
        self._budget = budget
        self._longest_wait_s = longest_wait_s
        self._chance = chance

    def note_request(self) -> None:
        """Count one request, of whatever kind and end."""
        self._budget.note_request()

    def again(self, errand: Errand, tried: Try, *, start: Errand) -> Again | None:
        """Return the next try of an errand, ``None`` when there is to be none.

        Full jitter: up to twice as long each time, drawn from zero, so that what failed together does
        not come back together. A server's own wish is the least; what asks for too long is better not
        asked again in this run. ``start`` is the errand as it goes again.
        """
        failed = len(errand.tries) - errand.free_tries
        asked_s = tried.retry_after_s or 0.0
        if failed >= self._settings.retries or asked_s > self._longest_wait_s:
            return None
        if not self._budget.take():
            return None
        most_s = min(self._settings.cap_s, self._settings.base_s * 2**failed)
        wait_s = max(asked_s, self._chance.uniform(0.0, most_s))
        return Again(replace(start, tries=(*errand.tries, tried), is_anew=False), wait_s)


def anew(errand: Errand, error: FetchError) -> Again | None:
    """Return the errand at once when the connection it was sent on had died, ``None`` otherwise.

    A server may close a kept connection at the very moment that we use it (RFC 9112 section 9.3.1), so
    that it never saw the request. That is no failure and no try; but it is done only once.
    """
    if error.is_stale and not errand.is_anew:
        return Again(replace(errand, is_anew=True), 0.0)
    return None
