"""Whether a server is asked for a page only if it has changed, and what its answer to that means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from scraper.messages import Validators

if TYPE_CHECKING:
    from scraper.messages import Request, Response

_FAILED_FROM = 400
NOT_MODIFIED = 304
"""RFC 9110 15.4.5."""
_VERDICTS = frozenset({NOT_MODIFIED, 412})
"""412 is for requests that change something (RFC 9110 13.2.2); some servers answer it to all."""


def conditions_of(request: Request) -> Validators | None:
    """Return what to send with a request, ``None`` to ask for the page as it is.

    Validators belong to the URL that has answered with them, so on the way there nothing is sent. Nor is
    anything after an error of the server's in this run: what it says of a page then had better be the page.
    """
    known = request.known
    if known is None or not (known.etag or known.last_modified) or known.final_url != request.target:
        return None
    if any(one.status is not None and one.status >= _FAILED_FROM for one in request.tries):
        return None
    return Validators(known.etag, known.last_modified)


def is_verdict(request: Request, response: Response) -> bool:
    """Return whether an answer is one to the condition, and not to the request: 304, wrongly also 412.

    A 304 that nobody has asked for is none.
    """
    return response.status in _VERDICTS and conditions_of(request) is not None


def is_confirmed(request: Request, response: Response) -> bool:
    """Return whether an answer to a condition says that the page is what is known of it.

    One that names another tag than was sent is of another page. Tags are compared weakly, since a 304 may
    well weaken the one of the page (RFC 9110 8.8.3.2 and 13.1.2).
    """
    sent = request.known.etag if request.known else None
    tag = response.header("etag")
    return response.status == NOT_MODIFIED and (tag is None or sent is None or _opaque(tag) == _opaque(sent))


def unconditional(request: Request) -> Request:
    """Return a request that asks for the page whether it has changed or not."""
    if request.known is None:
        return request
    return replace(request, settled=None, known=replace(request.known, etag=None, last_modified=None))


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")
