"""The proxy as a setting: its URL taken apart, checked, and shown without its credentials.

This module does no I/O.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from scraper.errors import InvalidUrl
from scraper.redaction import MASK
from scraper.urls import parse_input

_EXAMPLE = "such as http://127.0.0.1:3128"
_MAX_PORT = 65_535

_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://").match
_host_and_port = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):([0-9]*)").fullmatch
_odd = re.compile(r"[^\x21-\x7e]|\\").search
_stray_percent = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_control = re.compile(rb"[\x00-\x1f\x7f]").search  # RFC 7617 section 2: neither part may have one
# Nothing that could be half of a user's name and password: a colon stands before a number or nothing.
_holds_no_secret = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])?(?::[0-9]{0,5})?/?"
).fullmatch
_before_path = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}/", re.IGNORECASE).match


class Proxy(NamedTuple):
    """A proxy that requests go through. Its ``repr`` has no secret."""

    url: str
    """``http://host:port`` or ``https://host:port``, without credentials."""
    authorization: str | None
    """The value of ``Proxy-Authorization`` (RFC 9110 section 11.7.2), for nobody but the proxy."""

    @property
    def address(self) -> str:
        """``host:port``, for messages."""
        return self.url.partition("//")[2]

    def __repr__(self) -> str:
        return f"<Proxy {self}>"

    def __str__(self) -> str:
        """Return its URL for people: the credentials masked, the rest as it is used."""
        scheme, _, address = self.url.partition("//")
        return f"{scheme}//{MASK}@{address}" if self.authorization else self.url


def parse_proxy(text: str) -> Proxy | None:
    """Take a proxy's URL apart; the empty text is none.

    User name and password are percent-decoded and sent as Basic credentials in UTF-8 (RFC 7617).

    Raises:
        ValueError: It is no ``http://`` or ``https://`` URL of a host and a port, or has more than
            these and credentials. The message is one line with the remedy and repeats none of them.
    """
    if not text:
        return None
    found = _scheme(text)
    if not found:
        raise ValueError(f"expected a URL with a scheme, {_EXAMPLE}")
    scheme = found[1].lower()
    if scheme.startswith("socks"):
        raise ValueError("SOCKS proxies are not supported; name an HTTP proxy, http:// or https://")
    if scheme not in {"http", "https"}:
        raise ValueError("the proxy's scheme must be http or https")
    if _odd(text):
        raise ValueError("write spaces, backslashes and letters beyond ASCII as %XX")
    authority, _, rest = text[found.end() :].partition("/")
    if rest or set(authority) & set("?#"):
        if "@" in rest or "@" in authority.rpartition("?")[2].rpartition("#")[2]:
            raise ValueError("write / ? and # in its user name or password as %2F %3F %23")
        raise ValueError(f"a proxy has no path: nothing may follow the port, {_EXAMPLE}")
    credentials, at, host_port = authority.rpartition("@")
    return Proxy(f"{scheme}://{_host_port(host_port)}", _basic(credentials) if at else None)


def shown_proxy(text: str) -> str:
    """Return what is given as a proxy as it may be printed, also when it is no proxy's URL at all."""
    try:
        return str(parse_proxy(text) or "")
    except ValueError:
        if _holds_no_secret(text):
            return text
        found = _before_path(text)
        return f"{found[0]}{MASK}" if found and "@" not in text else MASK


def _host_port(text: str) -> str:
    """Return ``host:port`` as it is asked for."""
    found = _host_and_port(text)
    if not found or not found[2]:
        raise ValueError(f"name the proxy's port too, {_EXAMPLE}")
    host, port = found[1], int(found[2][:9])
    if not 0 < port <= _MAX_PORT:
        raise ValueError(f"the proxy's port must be from 1 to {_MAX_PORT}")
    try:
        parsed = parse_input(f"http://{host}/")
    except InvalidUrl:
        raise ValueError("the proxy has no valid host") from None
    return f"{parsed.host}:{port}"


def _basic(credentials: str) -> str:
    """Return Basic credentials of a URL's user info."""
    if _stray_percent(credentials):
        raise ValueError("write % in its user name or password as %25")
    user, _, password = (unquote_to_bytes(part) for part in credentials.partition(":"))
    if b":" in user:
        raise ValueError("the proxy's user name can't have a colon (RFC 7617)")
    if _control(user + password):
        raise ValueError("the proxy's user name and password can't have control characters")
    return f"Basic {b64encode(user + b':' + password).decode('ascii')}"
