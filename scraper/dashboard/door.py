"""Who may come in: what stands before every page and answer.

The ``Host`` header has to be one of ours (DNS rebinding), the token or a session is shown where there is a
token, and what changes something proves that it comes from a page of ours: ``Origin``, ``Sec-Fetch-Site``,
and a proof in the form. Other sites may lead people here by a link, and load nothing.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from scraper.dashboard.places import (
    BY_TOKEN,
    IS_IN,
    MOST_BODY_BYTES,
    PROOF,
    PROOF_HEADER,
    SESSION,
    SIGN_IN,
    is_public,
    wants_json,
)
from scraper.dashboard.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scraper.dashboard.access import Access
    from scraper.dashboard.places import Handler
    from scraper.dashboard.sessions import Sessions, Tries

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})
_FORM = "application/x-www-form-urlencoded"
_COOKIE = "scraper-session"
_SECURE_COOKIE = "__Host-scraper-session"


class Door:
    """Decides who may come in; the inner middleware.

    Args:
        access: Who may.
        sessions: Those that are open.
        tries: How often wrong tokens were shown.
    """

    def __init__(self, access: Access, sessions: Sessions, tries: Tries) -> None:
        self._access = access
        self._sessions = sessions
        self._tries = tries

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may come in.

        Raises:
            Refusal: Whoever may not.
        """
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._access.may_be_called(hosts[0]):
            raise Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The dashboard is not known by this name. Start it with --web-name to make it known.",
            )
        if (request.content_length or 0) > MOST_BODY_BYTES:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        _check_loading(request)
        self._recognise(request)
        if not request[IS_IN] and not is_public(request.path):
            if wants_json(request) or request.method not in _READING:
                raise Refusal(HTTPStatus.UNAUTHORIZED, "Show the token: Authorization: Bearer TOKEN.")
            raise web.HTTPSeeOther(URL(SIGN_IN).with_query(next=request.path_qs))
        if request.method not in _READING:
            await self._check_origin(request, hosts[0])
        return await handler(request)

    def _recognise(self, request: web.Request) -> None:
        request[SESSION] = ""
        request[BY_TOKEN] = False
        request[IS_IN] = not self._sessions.are_needed
        if request[IS_IN]:
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and given:
            self.show_token(request, given.strip())
            request[IS_IN] = request[BY_TOKEN] = True
            return
        session = request.cookies.get(_SECURE_COOKIE) or request.cookies.get(_COOKIE, "")
        if session and self._sessions.hold(session):
            request[SESSION] = session
            request[IS_IN] = True

    def show_token(self, request: web.Request, given: str) -> None:
        """Compare a token.

        Raises:
            Refusal: It is another, or there were too many tries.
        """
        client = _client(request)
        if wait_s := self._tries.wait_s(client):
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "There were too many tries. Wait a minute.",
                retry_after_s=int(wait_s) + 1,
            )
        if not self._sessions.opens(given):
            self._tries.failed(client)
            raise Refusal(HTTPStatus.UNAUTHORIZED, "This is not the token.")

    async def _check_origin(self, request: web.Request, host: str) -> None:
        """Check that what changes something was asked for by a page of ours.

        Raises:
            Refusal: It was not.
        """
        origin = request.headers.get("Origin")
        if origin is not None and not _is_origin_of(origin, host):
            raise Refusal(HTTPStatus.FORBIDDEN, "The request comes from another site.")
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in _OURS:
            raise Refusal(HTTPStatus.FORBIDDEN, "The request comes from another site.")
        if request[BY_TOKEN]:
            return
        given = request.headers.get(PROOF_HEADER)
        if given is None:
            given = (await form_of(request)).get(PROOF, "")
        if not self._sessions.prove(request[SESSION], given):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "The page that this comes from is too old. Load it again, and try again.",
            )

    def let_in(self, request: web.Request, response: web.Response) -> None:
        """Begin a session and give it to the browser."""
        is_secure = _is_secure(request)
        response.set_cookie(
            _SECURE_COOKIE if is_secure else _COOKIE,
            self._sessions.begin(),
            httponly=True,
            samesite="Strict",
            secure=is_secure,
            path="/",
        )

    def let_out(self, request: web.Request, response: web.Response) -> None:
        """End the session."""
        self._sessions.end(request[SESSION])
        for name in (_COOKIE, _SECURE_COOKIE):
            response.del_cookie(
                name, path="/", secure=name == _SECURE_COOKIE, httponly=True, samesite="Strict"
            )

    def is_still_in(self, request: web.Request) -> bool:
        """Whether who asked may still see what comes, long after the request."""
        return not self._sessions.are_needed or request[BY_TOKEN] or self._sessions.hold(request[SESSION])

    def proof(self, request: web.Request) -> str:
        """Return what the forms of a page carry."""
        return self._sessions.proof(request.get(SESSION, ""))


def _check_loading(request: web.Request) -> None:
    """Check that no page of another site loads what is here as a part of itself.

    It could not read it, but a few streams of events that it opens would leave none for our own pages.
    Browsers that send no ``Sec-Fetch-Site``, and programs, are not held to it (W3C Fetch Metadata).

    Raises:
        Refusal: One does. A link that is followed is none.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") in _OURS:
        return
    if (
        request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    ):
        return
    raise Refusal(HTTPStatus.FORBIDDEN, "The request comes from another site.")


async def form_of(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a form; empty when the body is none.

    Raises:
        Refusal: It is a form of another kind, or none at all.
    """
    if not request.body_exists:
        return {}
    if request.content_type != _FORM:
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send {_FORM}.")
    try:
        fields = await request.post()
    except (ValueError, LookupError) as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "The form can't be read.") from error
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _is_origin_of(origin: str, host: str) -> bool:
    scheme, _, netloc = origin.partition("://")
    return scheme in {"http", "https"} and netloc.lower() == host.lower()


def _is_secure(request: web.Request) -> bool:
    """Whether the browser came by https. Whoever lies here only loses the own cookie."""
    return request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower() == "https"


def _client(request: web.Request) -> str:
    """Return what stands for a client where tries are counted: an address, of IPv6 its network."""
    try:
        address = ipaddress.ip_address(request.remote or "")
    except ValueError:
        return ""
    if address.version == 6:  # noqa: PLR2004 the version
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
