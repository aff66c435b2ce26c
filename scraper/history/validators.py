"""What may be sent to a server again, to ask whether a page has changed: RFC 9110 8.8, 12.5.5, 13.1. Pure."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from scraper.settings.headers import is_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scraper.settings.model import FetchSettings

_MAX_TAG = 1024
_MAX_DATE = 64
_MAX_NAMES = 32
_MAX_NAME = 64
_MAX_VALUE = 2048
_is_visible = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*").fullmatch
"""ASCII alone: of other bytes it is not known which they were, and a tag is compared byte by byte."""


def sendable_etag(tag: str | None) -> str | None:
    """Return a tag that may be sent as it is, ``None`` for one that may not.

    Quotes may be missing: servers that forget them compare what they sent. A star would match any page.
    """
    if tag is None or len(tag) > _MAX_TAG or not _is_visible(tag) or "*" in {tag, tag.removeprefix("W/")}:
        return None
    return tag


def sendable_date(last_modified: str | None, *, date: str | None) -> str | None:
    """Return a ``Last-Modified`` that may be sent as it is.

    Not one that is no date, nor one of the very second in which the page was sent, by the server's own clock
    (``date``): it may have changed again within it (RFC 9110 8.8.2.2).
    """
    modified = _moment(last_modified)
    if modified is None:
        return None
    sent = _moment(date)
    return last_modified if sent is None or modified + timedelta(seconds=1) <= sent else None


@lru_cache(4096)  # pages of one moment, or of one release, have one date
def _moment(text: str | None) -> datetime | None:
    if text is None or len(text) > _MAX_DATE or not _is_visible(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, IndexError):
        return None


class Variance(NamedTuple):
    """What an answer depends on beside its URL."""

    names: list[str]
    """Request headers, lower case, sorted."""
    is_unknown: bool
    """It says that it depends on more than headers (``*``), or on too many: it can't be asked for again."""


def variance(values: Sequence[str]) -> Variance:
    """Read the values of ``Vary``."""
    names: set[str] = set()
    for value in values[:_MAX_NAMES]:
        names |= {name.strip().lower() for name in value[:_MAX_VALUE].split(",", _MAX_NAMES)}
    names.discard("")
    known = sorted(name for name in names if len(name) <= _MAX_NAME)
    is_unknown = "*" in names or len(known) < len(names) or len(known) > _MAX_NAMES
    return Variance(known[:_MAX_NAMES], is_unknown)


class Asking:
    """How a run asks, as far as answers may depend on it."""

    def __init__(self, fetch: FetchSettings, *, salt: bytes) -> None:
        """Take the settings; ``salt`` keeps what is kept of them from being compared with a guess."""
        self._headers = {name.lower(): value for name, value in fetch.headers.items()}
        self._private = sorted(name for name in self._headers if is_private(name))
        self._user_agent = fetch.user_agent
        self._salt = salt
        self._known: dict[tuple[str, ...], str] = {}

    def variant(self, names: Sequence[str]) -> str:
        """Return what tells whether two runs ask in the same way for an answer that depends on these headers.

        Servers whose answers depend on who asks often do not say so: what the client calls itself counts
        always, and so do headers that may be credentials (RFC 9111 3.5).
        """
        key = tuple(names)
        known = self._known.get(key)
        if known is None:
            counted = {*self._private, *(name for name in names if name in self._headers)}
            said = [self._user_agent, *(f"{name}:{self._headers[name]}" for name in sorted(counted))]
            text = "\n".join(said).encode("utf-8", "surrogatepass")
            known = hashlib.blake2b(text, key=self._salt, digest_size=8).hexdigest()
            if len(self._known) < _MAX_KNOWN:
                self._known[key] = known
        return known


_MAX_KNOWN = 1000


def values_of(headers: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a header of a record, none when it has none or is no record's."""
    values = headers.get(name)
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
