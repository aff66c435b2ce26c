"""What an attempt tells of its host, for politeness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scraper.errors import FetchError
from scraper.messages import NO_IMPRESSION, Impression, Sign
from scraper.record import Outcome
from scraper.verdict.holdoff import asked_wait_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.messages import Response
    from scraper.record_values import Try

_OVERLOADED = frozenset({429, 503})
_SILENT = frozenset({Outcome.CONNECT_ERROR, Outcome.DNS_ERROR, Outcome.TIMEOUT, Outcome.DISCONNECTED})
_ANSWERING = frozenset({"body", "decode"})
_NO_NAME = frozenset({"EAI_NONAME", "EAI_NODATA"})


def impression_of(result: Response | FetchError, *, tries: Sequence[Try] = ()) -> Impression:
    """Return what a result says of its host's health; ``tries`` are those of the same line before it.

    A name that does not exist is no host that is down: each of its lines is better told so.
    """
    if isinstance(result, FetchError):
        is_late = Outcome(result.outcome) is Outcome.TIMEOUT
        silent = Outcome(result.outcome) in _SILENT and result.phase not in _ANSWERING
        if silent and not result.is_stale and result.kind not in _NO_NAME:
            return Impression(Sign.SILENT, trouble=f"{result.outcome}: {result}", is_late=is_late)
        return Impression(Sign.UNKNOWN, is_late=True) if is_late else NO_IMPRESSION
    if result.status in _OVERLOADED:
        asked_s = asked_wait_s(result)
        trouble = f"status {result.status}" + (f", to be asked again in {asked_s:.0f} s" if asked_s else "")
        is_repeated = bool(tries) and tries[-1].status in _OVERLOADED
        return Impression(Sign.OVERLOADED, result.first_byte_s, asked_s, trouble, is_repeated)
    sign = Sign.GOOD if 200 <= result.status < 400 else Sign.ERROR  # noqa: PLR2004 RFC 9110 15.3 and 15.4
    return Impression(sign, result.first_byte_s, asked_wait_s(result))
