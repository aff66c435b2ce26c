"""What the dashboard does not do, and how it says so: RFC 9457 to programs, a page to people."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is none, by RFC 9457."""

    title: str
    """What is the matter, the same for all of its status."""
    status: int
    detail: str | None = None
    """What is the matter here, and what to do."""
    type: str = "about:blank"
    """By RFC 9457 4.2.1: the status says it all."""


class Refusal(Exception):
    """A request is not done. Raised where that is found out, and answered in one place.

    ``detail`` is for people, and holds nothing that is secret.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def problem(self) -> Problem:
        """What is said to a program."""
        return Problem(title=self.status.phrase, status=self.status.value, detail=self.detail)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="scraper"'
        return headers


def not_there(what: str) -> Refusal:
    """Return the refusal for what is not there."""
    return Refusal(HTTPStatus.NOT_FOUND, what)
