"""How the dashboard answers: safely, within a time, and with every refusal told in one form.

Its headers let a browser load nothing from elsewhere and run no script but our files (Content Security Policy
Level 3).
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from scraper.dashboard.places import LIMIT, wants_json
from scraper.dashboard.problems import MEDIA_TYPE, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from scraper.dashboard.places import Handler

ANSWER_S = 30.0
"""An answer is made within this time ..."""
SENDING_S = 60.0
"""... and taken by the client within this."""
_LOG = logging.getLogger("scraper.dashboard")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';"
    " trusted-types regions"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Nothing is told to any other origin. "no-referrer" would make browsers send "Origin: null" with our own
    # forms (Fetch Standard, "append a request Origin header"), which then could not be checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Server": "scraper",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Set what every answer carries, where it does not say otherwise. For ``on_response_prepare``."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = _HEADERS["Server"]


class Answering:
    """The outer middleware.

    Args:
        told: Makes the page that tells a person of a refusal.
        answer_s: How long an answer may take to be made.
    """

    def __init__(
        self, told: Callable[[web.Request, Refusal], web.Response], *, answer_s: float = ANSWER_S
    ) -> None:
        self._told = told
        self._answer_s = answer_s

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer within a time and in one form, and let the client take it within a time."""
        response = await self._answer(request, handler)
        try:
            async with asyncio.timeout(SENDING_S):
                await response.prepare(request)
                await response.write_eof()
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with asyncio.timeout(self._answer_s) as limit:
                request[LIMIT] = limit
                return await handler(request)
        except Refusal as refusal:
            return self._refused(request, refusal)
        except web.HTTPException as error:
            return self._translated(request, error)
        except TimeoutError:
            busy = Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "It took too long. Try again later.", retry_after_s=30
            )
            return self._refused(request, busy)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 see below
            # A bug. It must not end the daemon that the jobs run in, so it is told here and nowhere else.
            _LOG.exception("the dashboard could not answer %r", request.path)
            return self._refused(
                request, Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong in the dashboard.")
            )

    def _translated(self, request: web.Request, error: web.HTTPException) -> web.StreamResponse:
        status = HTTPStatus(error.status)
        if status < HTTPStatus.BAD_REQUEST:
            return error  # a redirect is an answer too
        details = {
            HTTPStatus.NOT_FOUND: "There is nothing here.",
            HTTPStatus.METHOD_NOT_ALLOWED: "That can't be done here.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is too large.",
        }
        response = self._refused(request, Refusal(status, details.get(status, status.description)))
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response

    def _refused(self, request: web.Request, refusal: Refusal) -> web.Response:
        if wants_json(request):
            return web.Response(
                status=refusal.status,
                headers=refusal.headers,
                body=msgspec.json.encode(refusal.problem),
                content_type=MEDIA_TYPE,
            )
        return self._told(request, refusal)
